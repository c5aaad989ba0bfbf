"""The port that every provider's adapter fills; `channels/__init__.py` is the table of adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from handoff.core.message import Event, Incoming, Outgoing, Receipt


class BadSignature(Exception):
    """The request does not carry the provider's proof. Answered 403, counted, and never parsed."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A webhook as it arrived. `url` is built from the configured public base, never from Host or X-Forwarded-*.

    Header names are lower case. `body` is the raw bytes.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """What the renderer and the worker must respect on this channel.

    `style` is "sms", "whatsapp" or "telegram"; lengths are in characters unless the name says bytes; `rate` is in
    messages per second for the whole sender, `pair_rate` for one recipient; `stale_after` is the age from which a
    message is never answered as if live; `answer_after` the age from which an answer to a prompt is stale
    (SAFETY §3); `window` is how long after an inbound message the provider lets us write freely (None: always).
    """

    style: str
    max_text: int
    max_buttons: int
    max_button_label: int
    max_rows: int
    max_row_label: int
    rate: float
    pair_rate: float
    stale_after: timedelta
    answer_after: timedelta
    window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The body of the 200 that the provider expects."""

    body: str = ""
    media_type: str = "text/plain"


class SendError(Exception):
    """A send that failed. `code` is the provider's code or ours, never their text (it can hold the number).

    Subclasses say what to do next; `maybe_sent` is True when the request may have reached the provider although no
    answer came back, so that sending again may duplicate (Twilio, Meta and Telegram have no idempotency key).
    """

    def __init__(self, code: str, *, maybe_sent: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.maybe_sent = maybe_sent


class RetryLater(SendError):
    """The provider or the network failed: try again with back-off."""


class Throttled(SendError):
    """Too fast. Not processed by the provider, so trying again is safe after `retry_after_s` seconds."""

    def __init__(self, code: str, retry_after_s: float = 1.0) -> None:
        super().__init__(code)
        self.retry_after_s = retry_after_s


class OptedOut(SendError):
    """This address takes no messages from us any more (STOP at the carrier, blocked by the person)."""


class WindowClosed(SendError):
    """The provider's 24-hour window is over: wait for the person's next message."""


class Rejected(SendError):
    """Will never work for this message or address (unknown number, filtered, too long)."""


class Misconfigured(SendError):
    """Our account, token or sender is wrong: a human must act. The message is kept as a dead letter."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A message that the provider still has. `receipt`: it answers an erasure, and stays on the person's phone."""

    address: str = field(repr=False)
    provider_id: str = field(repr=False)
    receipt: bool = False


@runtime_checkable
class Forgetful(Protocol):
    """What a channel is beside `Channel` where messages can be deleted at the provider. Meta offers nothing like it."""

    forgets_routinely: bool
    """True where deleting takes the provider's copy and not the message on the phone: done soon after its end."""

    async def forget(self, copies: Sequence[Copy]) -> Sequence[Copy]:
        """Delete these; returns those that need nothing more (deleted, unknown, or never to be deleted).

        The others are to be tried again later. Raises SendError when the provider cannot be asked at all.
        """


class Channel(Protocol):
    """One provider, both directions.

    `receive` and `receive_status` are pure and raise only BadSignature: what cannot be read comes back as `Poison`.
    """

    name: str
    network: str
    account: str
    limits: Limits
    acknowledgement: Acknowledgement

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """The text that answers a provider's GET handshake, or None to refuse it."""

    def receive(self, request: RawRequest) -> Sequence[Event]:
        """Verify and parse a webhook. [] means that there is nothing to do (and 200). Raises BadSignature."""

    def receive_status(self, request: RawRequest) -> Sequence[Event]:
        """The same for the provider's separate status URL, where it has one. Raises BadSignature."""

    async def send(self, message: Outgoing) -> Receipt:
        """Send one message. Raises SendError."""

    async def acknowledge(self, incoming: Incoming) -> None:
        """Tell the provider's app that a tap was taken (stop the spinner). Best effort: raises nothing."""

    async def catch_up(self, since: datetime) -> Sequence[Incoming]:
        """Messages that the provider took since then, to close a gap; [] where the provider retries by itself."""

    async def connect(self, public_base_url: str) -> Sequence[str]:
        """Register webhook, secret and update kinds at the provider; returns one line for each thing done."""

    async def aclose(self) -> None:
        """Close connections."""
