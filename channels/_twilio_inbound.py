"""Twilio's webhooks (SMS and WhatsApp): the signature, and what a form means.

Source: twilio.com/docs/messaging/guides/webhook-request, …/usage/security, …/tutorials/advanced-opt-out.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

from channels._address import normalise
from channels._reading import Unreadable, clean
from channels._twilio_errors import STATES, is_opt_out, state_of
from handoff.core.channel import BadSignature, RawRequest
from handoff.core.message import Event, Incoming, Kind, StatusUpdate

# More fields than any Twilio form has; a bound, because they are read before the signature can be checked.
MAX_FIELDS = 300
# A base64 body stands for an SMS of several parts: shorter ones are what a person typed.
SHORTEST_BASE64 = 64

# The words that Twilio takes for itself on SMS, when they are the whole message. YES opts in too, but people answer
# questions with it, so it stays a text: where it was an opt-in, the next message simply gets through again.
STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "end", "quit", "cancel", "revoke", "optout"})
START_WORDS = frozenset({"start", "unstop"})
HELP_WORDS = frozenset({"help", "info"})
OPT_OUT_TYPES = {"STOP": Kind.OPT_OUT, "START": Kind.OPT_IN, "HELP": Kind.CARRIER_HELP}

CONTACT_CARDS = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
# Parts that carry the text or the layout of an MMS, not something that a person attached.
MMS_WRAPPING = frozenset({"text/plain", "application/smil"})


class Form:
    """A posted form: the first value of each name for us, all of them for the signature."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def getall(self, name: str) -> list[str]:
        """All values of a name; the official validator asks for them by this method."""
        return self._values[name]

    def get(self, *names: str) -> str:
        """The first value that is not empty among these names, cleaned; "" when there is none."""
        for name in names:
            value = self._values.get(name)
            if value and value[0]:
                return clean(value[0])
        return ""


def read_form(validator: RequestValidator, request: RawRequest) -> Form:
    """The form of a genuine request. Raises BadSignature.

    A JSON body is signed by its hash in the URL; nothing that we serve is sent so, and it reads as an empty form.
    """
    signature = request.headers.get("x-twilio-signature", "")
    if not signature:
        raise BadSignature
    text = request.body.decode("utf-8", "replace")
    hashed = "bodySHA256=" in urlsplit(request.url).query
    form = Form([] if hashed else _pairs(text))
    genuine = validator.validate(request.url, text if hashed else form, signature)  # type: ignore[no-untyped-call]
    if not genuine:
        raise BadSignature
    return form


def _pairs(text: str) -> Sequence[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        pass
    raise BadSignature


@dataclass(frozen=True, slots=True)
class Sender:
    """Our end of a Twilio channel, as far as reading needs it."""

    channel: str
    account: str
    network: str
    own_numbers: frozenset[str]
    carrier_words: bool
    carrier_replies: bool


def read_inbound(sender: Sender, form: Form) -> Sequence[Event]:
    """The events of a webhook; names, places and coordinates are left behind here. Raises Unreadable."""
    if "MessageStatus" in form and form.get("MessageStatus") in STATES:
        return read_status(sender, form)
    sid = form.get("MessageSid", "SmsMessageSid", "SmsSid")
    if not sid:
        return _without_id(form)
    raw = form.get("From", "ExternalUserId")
    if not raw:
        raise Unreadable("no_sender")
    address = normalise(raw)
    if not address or address in sender.own_numbers:
        return []
    kind, text, payload = _content(form)
    kind, replied = _reserved(sender, form, kind, text)
    return [
        Incoming(
            sender.channel,
            sender.account,
            sender.network,
            address,
            sid,
            kind,
            text=text,
            payload=payload,
            provider_replied=replied,
        )
    ]


def read_status(sender: Sender, form: Form) -> Sequence[Event]:
    """The status in a callback; [] for a status that we do not know. Raises Unreadable."""
    word = form.get("MessageStatus", "SmsStatus")
    sid = form.get("MessageSid", "SmsSid")
    if not word or not sid:
        return _without_id(form)
    code = form.get("ErrorCode")
    code = code if code.isascii() and code.isdigit() else ""
    state = state_of(word, code)
    if state is None:
        return []
    return [StatusUpdate(sender.channel, sender.account, sid, state, code=code, opted_out=is_opt_out(code))]


def _without_id(form: Form) -> Sequence[Event]:
    """A form of some other kind of event is nothing to us; an empty one or a message without its id is broken."""
    if not form:
        raise Unreadable("empty")
    if "Body" in form or "From" in form:
        raise Unreadable("no_id")
    return []


def _content(form: Form) -> tuple[Kind, str, str]:
    """(kind, text, payload). A caption is the text of a photo, never a text of its own."""
    text = unwrap_base64(form.get("Body"))
    payload = form.get("ButtonPayload", "ListId")
    if payload:
        return Kind.TAP, form.get("ButtonText", "ListTitle") or text, payload
    if form.get("Latitude") or form.get("Longitude"):
        return Kind.LOCATION, text, ""
    return _media_kind(form) or (Kind.TEXT if text.strip() else Kind.UNKNOWN), text, ""


def _media_kind(form: Form) -> Kind | None:
    """What was attached; None when there is nothing but text. Videos and documents count as photos: not opened."""
    count = form.get("NumMedia")
    if not (count.isascii() and count.isdigit() and int(count[:4])):
        return None
    names = [f"MediaContentType{index}" for index in range(min(int(count[:4]), 10))]
    types = {form.get(name).partition(";")[0].strip().lower() for name in names}
    attached = types - MMS_WRAPPING
    if not attached:
        return None
    if any(name.startswith("audio/") for name in attached):
        return Kind.VOICE
    if attached <= CONTACT_CARDS:
        return Kind.CONTACT
    # WhatsApp sends stickers, and only stickers, as WebP.
    if attached <= {"image/webp", ""}:
        return Kind.UNKNOWN
    return Kind.PHOTO


def _reserved(sender: Sender, form: Form, kind: Kind, text: str) -> tuple[Kind, bool]:
    """(kind, has Twilio answered already) for the words that Twilio or the carrier keeps for itself.

    With Advanced Opt-Out Twilio says so in `OptOutType`, on SMS and WhatsApp. Without it, plain SMS numbers act on
    whole-message words of a fixed list, and WhatsApp has no such words.
    """
    declared = OPT_OUT_TYPES.get(form.get("OptOutType").upper())
    if declared:
        return declared, True
    if kind is not Kind.TEXT or not sender.carrier_words:
        return kind, False
    word = text.strip().lower()
    if word in STOP_WORDS:
        return Kind.OPT_OUT, sender.carrier_replies
    if word in START_WORDS:
        return Kind.OPT_IN, sender.carrier_replies
    if word in HELP_WORDS:
        return Kind.CARRIER_HELP, sender.carrier_replies
    return kind, False


def unwrap_base64(body: str) -> str:
    """The text inside a body that a gateway turned to base64 (long SMS that became an MMS), else the body."""
    compact = "".join(body.split())
    if len(compact) < SHORTEST_BASE64 or len(compact) % 4 or not compact.isascii():
        return body
    try:
        text = base64.b64decode(compact, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return body
    printable = all(char.isprintable() or char in "\r\n\t\u200c\u200d\u200e\u200f" for char in text)
    return text if printable else body
