"""The conformance harness: one matrix, run over every channel's table.

A table holds rows of what comes in (a recorded payload → events) and of what goes out (a message → requests, or an
error), and the few things that differ between providers: how they sign, what they answer, what their payloads are
called. `test_conformance.py` runs the matrix. A new channel is one adapter file, one payload folder, one table and one
line in `tables/__init__.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus

from channels import CHANNELS
from handoff.core.channel import Channel, RawRequest, SendError
from handoff.core.message import Event, Outgoing
from handoff.settings import Settings
from tests.channels.fake_server import Answer

PAYLOADS = Path(__file__).parent / "payloads"
PUBLIC = "https://amana.example.org"
TIMEOUT_S = 0.4

TWILIO_ACCOUNT = "AC" + "0" * 31 + "1"
TWILIO_TOKEN = "fictional-twilio-token-8f1c"
META_SECRET = "fictional-meta-app-secret-2b7d"
META_VERIFY = "fictional-meta-verify-9a3e"
META_TOKEN = "fictional-meta-access-4c6f"
TELEGRAM_TOKEN = "7000000001:fictional-telegram-token-5d2b"
TELEGRAM_SECRET = "fictional-telegram-secret-1e9c"
SECRETS = (
    TWILIO_TOKEN,
    META_SECRET,
    META_VERIFY,
    META_TOKEN,
    TELEGRAM_TOKEN.partition(":")[2],
    TELEGRAM_SECRET,
)

SMS_NUMBER = "+15550000001"
WHATSAPP_NUMBER = "+15550000002"
PHONE_NUMBER_ID = "100000000000001"
PERSON = "+15550001111"

# What must never come out of parsing, nor into a log: put into every payload that has room for it.
CANARY_NAME = "Canarina Namesdottir"
CANARY_PLACE = "Canaryville"
CANARY_LATITUDE = "47.110815"
CANARY_TEXT = "canary-words-nobody-may-log"


@dataclass(frozen=True)
class Receiving:
    """A recorded payload and the events that it means. `headers` are added to the provider's own."""

    label: str
    payload: str
    expect: Sequence[Event]
    headers: Mapping[str, str] = field(default_factory=dict)
    status: bool = False


@dataclass(frozen=True)
class Sending:
    """A message, what the provider answers, and what it must have been asked; or the error that comes of it.

    `expect_requests` are (method, path, fields), the fields being exactly those sent.
    """

    label: str
    message: Outgoing
    answers: Sequence[Answer]
    expect_requests: Sequence[tuple[str, str, Mapping[str, Any]]] = ()
    expect_error: SendError | None = None
    expect_id: str = ""


@dataclass(frozen=True)
class Table:
    """Everything that the matrix needs to know of one channel."""

    channel: str
    sign: Callable[[bytes, str], Mapping[str, str]]
    valid: str
    unknown_event: str
    poison: bytes
    canary: str
    message: Outgoing
    taken: Answer
    throttled: Answer
    throttled_for_s: float
    failing: Answer
    opted_out: Answer
    opted_out_error: SendError
    incoming: Sequence[Receiving]
    outgoing: Sequence[Sending]
    statuses_out_of_order: Sequence[str] = ()

    def request(self, body: bytes, *, status: bool = False, headers: Mapping[str, str] | None = None) -> RawRequest:
        """A genuine webhook with this body."""
        url = f"{PUBLIC}/webhooks/{self.channel}" + ("/status" if status else "")
        return RawRequest("POST", url, {**self.sign(body, url), **(headers or {})}, body)

    def body(self, payload: str) -> bytes:
        """The bytes of a recorded payload, as they are on the wire."""
        return read_payload(PAYLOADS / self.channel / payload)


def read_payload(path: Path) -> bytes:
    """JSON goes as it is; a `.form` has one `Name=value` a line and is encoded; `.raw` is already encoded."""
    content = path.read_bytes()
    if path.suffix != ".form":
        return content.strip() if path.suffix == ".raw" else content
    pairs = [line.partition("=") for line in content.decode().splitlines() if line]
    return "&".join(f"{quote_plus(name)}={quote_plus(_unescaped(value))}" for name, _, value in pairs).encode()


def _unescaped(value: str) -> str:
    return value.replace("\\n", "\n").replace("\\x20", " ")


def settings_for(api_url: str, **changes: Any) -> Settings:
    """Settings of a deployment with every channel, all providers standing at one address."""
    values: dict[str, Any] = {
        "environment": "development",
        "public_base_url": PUBLIC,
        "channels": tuple(CHANNELS),
        "twilio_account_sid": TWILIO_ACCOUNT,
        "twilio_auth_token": TWILIO_TOKEN,
        "twilio_api_url": api_url,
        "twilio_sms_from": SMS_NUMBER,
        "twilio_whatsapp_from": WHATSAPP_NUMBER,
        "meta_api_url": api_url,
        "meta_phone_number_id": PHONE_NUMBER_ID,
        "meta_access_token": META_TOKEN,
        "meta_app_secret": META_SECRET,
        "meta_verify_token": META_VERIFY,
        "telegram_api_url": api_url,
        "telegram_token": TELEGRAM_TOKEN,
        "telegram_secret": TELEGRAM_SECRET,
    }
    return Settings(_env_file=None, **(values | changes))


def make_channel(name: str, api_url: str = "http://127.0.0.1:9", **changes: Any) -> Channel:
    """The real adapter, impatient, pointed at a loopback provider (port 9: nobody there)."""
    factory: Any = CHANNELS[name]
    channel: Channel = factory(settings_for(api_url, **changes), timeout_s=TIMEOUT_S)
    return channel


def read(channel: Channel, request: RawRequest) -> Sequence[Event]:
    """What the web layer does: the status URL and the message URL have a reader each."""
    return channel.receive_status(request) if request.url.endswith("/status") else channel.receive(request)


def twilio_signature(body: bytes, url: str, token: str = TWILIO_TOKEN) -> Mapping[str, str]:
    """Written from Twilio's description, not with its library, so that both sides are checked."""
    pairs = set(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    signed = url + "".join(name + value for name, value in sorted(pairs))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return {"x-twilio-signature": base64.b64encode(digest).decode()}


def meta_signature(body: bytes, url: str) -> Mapping[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(META_SECRET.encode(), body, hashlib.sha256).hexdigest()}


def telegram_signature(body: bytes, url: str) -> Mapping[str, str]:
    return {"x-telegram-bot-api-secret-token": TELEGRAM_SECRET}


def traces(text: str, *needles: str) -> list[str]:
    """Which of these are in the text: plain, URL-encoded, base64 at any offset, or as digits only."""
    digits = re.sub(r"\D", "", text)
    return [needle for needle in needles if any(form in text for form in _forms(needle)) or _number_in(needle, digits)]


def _forms(needle: str) -> set[str]:
    raw = needle.encode()
    shifted = (
        base64.b64encode(b"x" * shift + raw).decode().rstrip("=")[2 * (shift > 0) + 2 : -2] for shift in range(3)
    )
    return {needle, quote(needle, safe=""), quote_plus(needle), *shifted}


def _number_in(needle: str, digits: str) -> bool:
    number = re.sub(r"\D", "", needle)
    return len(number) >= 9 and number == needle.lstrip("+") and number in digits
