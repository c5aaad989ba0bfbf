"""Meta's Cloud API for WhatsApp: send, mark as read, subscribe. Errors as Meta writes them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handoff.simulator.exchange import Exchange
from handoff.simulator.ledger import Choice
from handoff.simulator.meta import Draft, MetaPhones
from handoff.simulator.meta_limits import Json, Refused, check_interactive, check_text, string
from handoff.simulator.meta_webhooks import ACCOUNT_ID, CHANNEL

VERSION = re.compile(r"v[0-9]+\.[0-9]+")
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
SCOPED = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
TITLES = {
    1: "API Unknown",
    100: "Invalid parameter",
    190: "Invalid OAuth access token",
    2200: "Callback verification failed",
    130429: "Rate limit hit",
    131000: "Something went wrong",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131047: "Re-engagement message",
    131051: "Unsupported message type",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
}


def error(status: int, code: int, details: str = "") -> Response:
    """An error in Meta's form."""
    body: dict[str, object] = {
        "message": f"(#{code}) {TITLES[code]}",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "AFictionalTraceIdOfZeros",
    }
    if details:
        body["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return JSONResponse({"error": body}, status)


def fault(status: int) -> Response:
    """The error of a status that was ordered through the control API."""
    code = {401: 190, 403: 190, 429: 130429, 503: 131016}.get(status, 131000 if status >= 500 else 100)
    return error(status, code)


class MetaApi:
    """The endpoints under /{version}."""

    def __init__(self, exchange: Exchange, phones: MetaPhones) -> None:
        self._exchange = exchange
        self._phones = phones
        self._bearer = b"Bearer " + exchange.settings.meta_access_token.get_secret_value().encode()

    def routes(self) -> list[Route]:
        """Paths and what answers them."""
        return [
            Route("/{version}/{number}/messages", self.messages, methods=["POST"]),
            Route("/{version}/debug_token", self.token, methods=["GET"]),
            Route("/{version}/{account}/subscribed_apps", self.subscribe, methods=["POST"]),
            Route("/{version}/{account}/subscriptions", self.subscribe, methods=["POST"]),
        ]

    async def messages(self, request: Request) -> Response:
        """Send a message, or mark one as read (with or without "typing")."""
        try:
            message = json.loads(await request.body())
        except ValueError:
            message = None

        def work() -> Response:
            try:
                return self._take(message, request.path_params["number"])
            except Refused as refused:
                return error(400, refused.code, refused.details)

        return self._login(request) or await self._answer(request, work)

    async def subscribe(self, request: Request) -> Response:
        """Subscribe to webhooks. A callback address is verified by the handshake before it is taken."""
        denied = self._login(request)
        if denied:
            return denied
        wanted = await _fields(request)
        url = wanted.get("override_callback_uri") or wanted.get("callback_url", "")
        if url and not await self._verified(url, wanted.get("verify_token", "")):
            return error(400, 2200, "The callback did not answer the challenge")
        self._phones.url = url or self._phones.url
        return await self._answer(request, lambda: JSONResponse({"success": True}))

    async def token(self, request: Request) -> Response:
        """What the token may do: message for one fictional account."""
        scopes = [{"scope": "whatsapp_business_management", "target_ids": [ACCOUNT_ID]}]
        data = {"is_valid": True, "type": "SYSTEM_USER", "granular_scopes": scopes}
        return self._login(request) or await self._answer(request, lambda: JSONResponse({"data": data}))

    async def _verified(self, url: str, token: str) -> bool:
        challenge = str(self._exchange.dice.randrange(10**9))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token}
        status, text = await self._exchange.http.get(url, query)
        return status == 200 and text == challenge

    async def _answer(self, request: Request, work: Callable[[], Response]) -> Response:
        return await self._exchange.answer(CHANNEL, request, work, fault)

    def _login(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "").encode()
        if not VERSION.fullmatch(request.path_params["version"]):
            return error(400, 100, "Unknown path components")
        return None if hmac.compare_digest(given, self._bearer) else error(401, 190)

    def _take(self, message: object, number: str) -> Response:
        if number != self._exchange.settings.meta_phone_number_id:
            raise Refused(100, "Object does not exist or cannot be loaded due to missing permissions")
        if not isinstance(message, dict) or message.get("messaging_product") != "whatsapp":
            raise Refused(100, "Parameter 'messaging_product' must be whatsapp")
        if message.get("status") == "read":
            return self._mark_read(message)
        draft = self._draft(message)
        if not self._phones.in_window(draft.address):
            raise Refused(131047, "More than 24 hours have passed since the recipient last replied")
        if self._phones.over_pair_rate(draft.address):
            raise Refused(131056, "Too many messages sent to one recipient in a short time")
        digits = draft.address.removeprefix("+")
        contact = {"input": draft.address, "wa_id": digits}
        answer = {"messaging_product": "whatsapp", "contacts": [contact]}
        return JSONResponse(answer | {"messages": [{"id": self._phones.show(draft)}]})

    def _mark_read(self, message: Json) -> Response:
        wanted = string(message, "message_id", 512)
        found = self._exchange.ledger.by_provider_id(CHANNEL, wanted)
        if found is None or found.direction != "sent":
            raise Refused(131009, "'message_id' is not one that was received")
        if "read" not in found.statuses:
            found.statuses.append("read")
            self._exchange.ledger.changed(found)
        return JSONResponse({"success": True})

    def _draft(self, message: Json) -> Draft:
        address = _recipient(message)
        kind = message.get("type", "text")
        if kind == "text":
            return Draft(address, check_text(message), [], "")
        if kind != "interactive":
            raise Refused(131051, "This stand-in takes text and interactive messages")
        text, options, button = check_interactive(message)
        return Draft(address, text, [Choice(*option) for option in options], button)


def _recipient(message: Json) -> str:
    """`to` wins over `recipient`. Without "+" Meta would put its own country code in front: refused here."""
    to, scoped = message.get("to"), message.get("recipient")
    if isinstance(to, str) and to:
        if not NUMBER.fullmatch(to):
            raise Refused(131009, "'to' must be + and a full international number")
        return to
    if isinstance(scoped, str) and SCOPED.fullmatch(scoped):
        return scoped
    raise Refused(131008, "Parameter 'to' or 'recipient' is missing")


async def _fields(request: Request) -> dict[str, str]:
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            given = {}
        return {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    return dict(request.query_params) | dict(parse_qsl(body.decode("utf-8", "replace")))
