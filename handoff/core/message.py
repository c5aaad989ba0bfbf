"""What comes in from a person and what goes out, after parsing: no provider's words in here.

Addresses, provider ids and texts are in no repr, so that no log and no traceback can hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing a person (or their provider) sent."""

    TEXT = "text"
    TAP = "tap"
    VOICE = "voice"
    PHOTO = "photo"
    LOCATION = "location"
    CONTACT = "contact"
    EDIT = "edit"
    UNKNOWN = "unknown"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    CARRIER_HELP = "carrier_help"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message from one address.

    `network` is what makes an address one address ("sms", "whatsapp", "telegram"): the same WhatsApp number through
    Twilio and through Meta is one address. `address` is normalised by the channel: "+" and digits, a business-scoped
    id ("US.1349…") or a Telegram chat id. `payload` is the token of a tapped option, one that we made
    (`Option.token`). `ack_token` lets the channel answer the tap itself (Telegram's spinner). `provider_replied` is
    True when the provider has already answered a reserved word, so that we must not (SAFETY §3).
    """

    channel: str
    account: str
    network: str
    address: str = field(repr=False)
    provider_id: str = field(repr=False)
    kind: Kind
    text: str = field(default="", repr=False)
    payload: str = field(default="", repr=False)
    sent_at: datetime | None = None
    ack_token: str = field(default="", repr=False)
    provider_replied: bool = False


class SendState(StrEnum):
    """Where an outbound message is. `RANK` orders the states that a provider may report in any order."""

    QUEUED = "queued"
    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


RANK = {
    SendState.QUEUED: 0,
    SendState.HELD: 0,
    SendState.SENDING: 1,
    SendState.SENT: 2,
    SendState.DELIVERED: 3,
    SendState.READ: 4,
    SendState.FAILED: 5,
    SendState.EXPIRED: 5,
    SendState.DEAD: 6,
    SendState.CANCELLED: 6,
}


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What a provider says of a message that we sent: `code` is the provider's error code, "" when there is none.

    `opted_out` is True when the code means that this address takes no more messages (21610, 63033, …).
    """

    channel: str
    account: str
    provider_id: str = field(repr=False)
    state: SendState
    code: str = ""
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Reachability:
    """The person blocked or unblocked us (Telegram's my_chat_member); nobody wrote anything."""

    channel: str
    account: str
    network: str
    address: str = field(repr=False)
    blocked: bool


@dataclass(frozen=True, slots=True)
class Poison:
    """A signed payload (or one item of a batch) that we cannot read. Answered 200 and kept as a dead letter.

    `code` says what was wrong, in our words and without anything of the content ("bad_json", "no_sender", …).
    """

    channel: str
    account: str
    code: str
    body: bytes = field(repr=False)


type Event = Incoming | StatusUpdate | Reachability | Poison


@dataclass(frozen=True, slots=True)
class Option:
    """One choice shown as a button, a list row or a numbered line. `token` comes back as `Incoming.payload`."""

    token: str
    label: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A rendered message, ready for one channel.

    On SMS `options` is empty: the renderer has written them into `text` as numbered lines. `list_button` is the label
    that opens a WhatsApp list (used when there are more options than buttons). `validity_s`: seconds after which the
    provider must not deliver any more, None for the provider's default. `address` may be a business-scoped id.
    """

    account: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    options: tuple[Option, ...] = ()
    list_button: str = ""
    validity_s: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider took the message. `provider_id` is what later status reports will name."""

    provider_id: str = field(repr=False)
