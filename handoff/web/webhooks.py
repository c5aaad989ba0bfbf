"""Where providers knock: verify, parse, store, 200. No dialogue work happens in a request (DESIGN §5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from handoff.core.channel import BadSignature, Channel, RawRequest
from handoff.core.ports import Door
from handoff.services.meters import Meters

log = structlog.get_logger(__name__)
MAX_BODY = 3_500_000
PREFIX = "/webhooks/"


class Webhooks:
    """The webhooks of all channels, in front of an application that answers everything else.

    GET (handshake) and POST (messages) at /webhooks/{channel}, POST (delivery states) at its /status. One class for
    every provider: what differs is in `channels/`. Plain ASGI, because the way through a framework's layers costs as
    much as reading and verifying a webhook, of which each message brings three or four.
    """

    def __init__(
        self, channels: Mapping[str, Channel], door: Door, meters: Meters, public_base_url: str, otherwise: ASGIApp
    ) -> None:
        self._channels = channels
        self._door = door
        self._meters = meters
        self._base = public_base_url.rstrip("/")
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a webhook; leave all else to the application behind."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._otherwise(scope, receive, send)
            return
        try:
            response = await self._answer(scope, receive)
        except HTTPException as refusal:
            response = PlainTextResponse(refusal.detail, refusal.status_code)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
        channel = self._channels.get(name)
        if channel is None or rest not in ("", "status"):
            raise HTTPException(404)
        if scope["method"] == "POST":
            return await self._take(channel, await self._raw(scope, receive), status=rest == "status")
        if scope["method"] == "GET" and not rest:
            return _handshake(channel, scope)
        raise HTTPException(405)

    async def _take(self, channel: Channel, raw: RawRequest, *, status: bool) -> Response:
        """A provider brings messages (Meta and Telegram: also delivery states and blocks), or reports on ours."""
        try:
            events = channel.receive_status(raw) if status else channel.receive(raw)
        except BadSignature:
            # Loud: either somebody forges, or our secret or public address is wrong and every message is being refused.
            log.error("webhook_forged", channel=channel.name, status=status)
            self._meters.webhook(channel.name, "forged")
            return PlainTextResponse("refused", 403)
        await self._door.receive(events)
        self._meters.webhook(channel.name, "taken" if events else "ignored")
        return Response(channel.acknowledgement.body, media_type=channel.acknowledgement.media_type)

    async def _raw(self, scope: Scope, receive: Receive) -> RawRequest:
        """The request as it was signed: over the configured public address, never over Host or X-Forwarded headers."""
        # Reversed, so that the first of two headers with one name is the one that counts.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        body = await _read(headers.get("content-length", ""), receive)
        query = scope["query_string"].decode("latin-1")
        url = f"{self._base}{scope['path']}" + (f"?{query}" if query else "")
        return RawRequest(scope["method"], url, headers, body)


def _handshake(channel: Channel, scope: Scope) -> Response:
    """Meta's challenge; 403 for everybody else."""
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    challenge = channel.handshake(query)
    return PlainTextResponse(challenge) if challenge is not None else PlainTextResponse("refused", 403)


async def _read(length: str, receive: Receive) -> bytes:
    """The body. Anybody can post here, and need not say beforehand how much: 413 as soon as it is too much."""
    if length.isdigit() and int(length) > MAX_BODY:
        raise HTTPException(413)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise HTTPException(413)
        if not message.get("more_body", False):
            return bytes(body)
