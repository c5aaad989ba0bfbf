"""Twilio's REST API, as far as its official client needs it to send, list, redact and delete messages.

https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handoff.simulator.exchange import Exchange
from handoff.simulator.twilio import TwilioPhones, count_segments
from handoff.simulator.twilio_records import FINAL, Record

LONGEST_BODY = 1600
LONGEST_VALIDITY_S = 36_000
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
WHATSAPP = re.compile(r"whatsapp:(\+[1-9][0-9]{6,14}|[A-Z]{2}\.[A-Za-z0-9]{1,128})")

type Form = Mapping[str, str]

MESSAGES = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20009: "Unable to change the record: message delivery is not complete",
    20001: "Parameter is not valid",
    20500: "An internal server error has occurred",
    21211: "Invalid 'To' Phone Number",
    21266: "'To' and 'From' number cannot be the same",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number.",
    21609: "The 'StatusCallback' URL is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    63007: "Twilio could not find a Channel with the specified From address",
    90007: "Invalid validity period value",
}


def error(status: int, code: int) -> Response:
    """An error in Twilio's form."""
    link = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": MESSAGES[code], "more_info": link, "status": status}
    return JSONResponse(body, status)


def fault(status: int) -> Response:
    """The error of a status that was ordered through the control API."""
    code = {401: 20003, 403: 20003, 404: 20404, 429: 20429}.get(status, 20500 if status >= 500 else 20001)
    return error(status, code)


class TwilioApi:
    """The endpoints under /2010-04-01/Accounts/{sid}."""

    def __init__(self, exchange: Exchange, phones: TwilioPhones) -> None:
        self._exchange = exchange
        self._phones = phones
        settings = exchange.settings
        login = f"{settings.twilio_account_sid}:{settings.twilio_auth_token.get_secret_value()}"
        self._login = b"Basic " + base64.b64encode(login.encode())

    def routes(self) -> list[Route]:
        """Paths and what answers them."""
        root = "/2010-04-01/Accounts/{account}"
        return [
            Route(f"{root}/Messages.json", self.create, methods=["POST"]),
            Route(f"{root}/Messages.json", self.list, methods=["GET"]),
            Route(f"{root}/Messages/{{sid}}.json", self.one, methods=["GET", "POST", "DELETE"]),
            Route(f"{root}/IncomingPhoneNumbers.json", self.numbers, methods=["GET"]),
            Route(f"{root}/IncomingPhoneNumbers/{{sid}}.json", self.number, methods=["GET", "POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Send a message."""
        form = await _form(request)
        whatsapp = form.get("To", "").startswith("whatsapp:")
        return await self._answer(request, lambda: self._send(form), whatsapp=whatsapp)

    async def list(self, request: Request) -> Response:
        """List messages, newest first: how a gap is closed after an outage."""
        query = dict(request.query_params)

        def page() -> Response:
            try:
                return JSONResponse(self._phones.records.page(query, request.url.path))
            except ValueError:
                return error(400, 20001)

        return await self._answer(request, page, whatsapp=query.get("To", "").startswith("whatsapp:"))

    async def one(self, request: Request) -> Response:
        """Show, redact (an empty Body) or delete one message."""
        form = await _form(request)
        record = self._phones.records.get(request.path_params["sid"])
        whatsapp = record is not None and record.to.startswith("whatsapp:")
        return await self._answer(request, lambda: self._change(request.method, record, form), whatsapp=whatsapp)

    async def numbers(self, request: Request) -> Response:
        """The account's phone numbers: one, the configured sender."""
        wanted = request.query_params.get("PhoneNumber", "")
        own = self._phones.number(request.path_params["account"])
        found = [own] if wanted in ("", own["phone_number"]) else []
        body = {"incoming_phone_numbers": found, "page": 0, "page_size": 50, "next_page_uri": None}
        return await self._answer(request, lambda: JSONResponse(body))

    async def number(self, request: Request) -> Response:
        """Show a phone number, or set where its webhooks go (`SmsUrl`, with Twilio's `#…` overrides)."""
        form = await _form(request)

        def change() -> Response:
            own = self._phones.number(request.path_params["account"])
            if request.path_params["sid"] != own["sid"]:
                return error(404, 20404)
            self._phones.sms_url = form.get("SmsUrl", self._phones.sms_url)
            return JSONResponse(own | {"sms_url": self._phones.sms_url})

        return await self._answer(request, change)

    async def _answer(self, request: Request, work: Callable[[], Response], *, whatsapp: bool = False) -> Response:
        given = request.headers.get("authorization", "").encode()
        account = request.path_params["account"]
        if not hmac.compare_digest(given, self._login) or account != self._exchange.settings.twilio_account_sid:
            return error(401, 20003)
        channel = "whatsapp-twilio" if whatsapp else "sms-twilio"
        return await self._exchange.answer(channel, request, work, fault)

    def _send(self, form: Form) -> Response:
        code = self._problem(form)
        if code:
            return error(400, code)
        body = form["Body"]
        sender = form.get("From") or form["MessagingServiceSid"]
        parts = count_segments(body).parts
        record = Record(
            self._exchange.hex_id("SM"),
            self._exchange.settings.twilio_account_sid,
            self._phones.sms_from if sender.startswith("MG") else sender,
            form["To"],
            body,
            inbound=False,
            status="accepted" if sender.startswith("MG") else "queued",
            at=self._exchange.clock.now(),
            parts=parts,
            service=form.get("MessagingServiceSid"),
        )
        answer = JSONResponse(record.describe(), 201)
        self._phones.show(record, form.get("StatusCallback", ""))
        return answer

    def _problem(self, form: Form) -> int:
        """The code of what is wrong with a send; 0 when nothing is."""
        to, body = form.get("To", ""), form.get("Body", "")
        if not to:
            return 21604
        if not (WHATSAPP.fullmatch(to) or NUMBER.fullmatch(to)):
            return 21211
        return (
            self._sender_problem(form, whatsapp=to.startswith("whatsapp:"))
            or (21266 if to == form.get("From") else 0)
            or (0 if body.strip() else 21602)
            or (21617 if len(body) > LONGEST_BODY else 0)
            or (0 if _is_validity(form.get("ValidityPeriod", "1")) else 90007)
            or (0 if _is_callback(form.get("StatusCallback")) else 21609)
            or (21610 if self._phones.opted_out(to) else 0)
        )

    def _sender_problem(self, form: Form, *, whatsapp: bool) -> int:
        sender = form.get("From") or form.get("MessagingServiceSid", "")
        if not sender:
            return 21603
        if whatsapp:
            return 0 if sender == f"whatsapp:{self._phones.whatsapp_from}" else 63007
        return 0 if sender == self._phones.sms_from or re.fullmatch("MG[0-9a-fA-F]{32}", sender) else 21606

    def _change(self, method: str, record: Record | None, form: Form) -> Response:
        if record is None:
            return error(404, 20404)
        if method == "GET":
            return JSONResponse(record.describe())
        if record.status not in FINAL:
            return error(409, 20009)
        if method == "DELETE":
            self._phones.records.delete(record.sid)
            return Response(status_code=204)
        if form.get("Body") != "":
            return error(400, 20001)
        record.body = ""
        return JSONResponse(record.describe())


async def _form(request: Request) -> Form:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _is_validity(text: str) -> bool:
    return text.isdigit() and 1 <= int(text) <= LONGEST_VALIDITY_S


def _is_callback(url: str | None) -> bool:
    """Twilio refuses a host without a name or with an underscore."""
    if url is None:
        return True
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in (parts.hostname or "")
