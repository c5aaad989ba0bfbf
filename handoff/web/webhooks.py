"""Where providers knock: verify, parse, store, 200. No dialogue work happens in a request (DESIGN §5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from handoff.core.channel import BadSignature, Channel, RawRequest
from handoff.core.ports import Door
from handoff.services.meters import Meters

log = structlog.get_logger(__name__)
MAX_BODY = 3_500_000


class Webhooks:
    """The routes of all channels. One class for every provider: what differs is in `channels/`."""

    def __init__(self, channels: Mapping[str, Channel], door: Door, meters: Meters, public_base_url: str) -> None:
        self._channels = channels
        self._door = door
        self._meters = meters
        self._base = public_base_url.rstrip("/")
        self._prefix = urlsplit(self._base).path

    def routes(self) -> list[Route]:
        """GET (handshake) and POST (messages) at /webhooks/{channel}, and POST at its /status."""
        return [
            Route("/webhooks/{channel}", self.handshake, methods=["GET"]),
            Route("/webhooks/{channel}", self.messages, methods=["POST"]),
            Route("/webhooks/{channel}/status", self.statuses, methods=["POST"]),
        ]

    async def handshake(self, request: Request) -> Response:
        """Meta's challenge; 403 for everybody else."""
        challenge = self._channel(request).handshake(request.query_params)
        return PlainTextResponse(challenge) if challenge is not None else PlainTextResponse("refused", 403)

    async def messages(self, request: Request) -> Response:
        """A provider brings messages (Meta and Telegram: also delivery states and blocks)."""
        return await self._take(request, status=False)

    async def statuses(self, request: Request) -> Response:
        """A provider reports on what we sent."""
        return await self._take(request, status=True)

    async def _take(self, request: Request, *, status: bool) -> Response:
        channel = self._channel(request)
        raw = await self._raw(request)
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

    def _channel(self, request: Request) -> Channel:
        channel = self._channels.get(request.path_params["channel"])
        if channel is None:
            raise HTTPException(404)
        return channel

    async def _raw(self, request: Request) -> RawRequest:
        """The request as it was signed: over the configured public address, never over Host or X-Forwarded headers."""
        body = await _read(request)
        query = request.url.query
        url = f"{self._base}{request.scope['path']}" + (f"?{query}" if query else "")
        return RawRequest(request.method, url, dict(request.headers), body)


async def _read(request: Request) -> bytes:
    """The body. Anybody can post here, and need not say beforehand how much: 413 as soon as it is too much."""
    body = bytearray()
    if int(request.headers.get("content-length") or 0) > MAX_BODY:
        raise HTTPException(413)
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    return bytes(body)
