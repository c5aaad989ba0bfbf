"""When a message of ours may leave (SAFETY §4): one function, asked at the moment of sending, also for retries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

REPLY_FOR = timedelta(minutes=10)


class Verdict(StrEnum):
    """SEND now; HOLD until the person writes again; DROP for good."""

    SEND = "send"
    HOLD = "hold"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Contact:
    """What the gate looks at. `plan` is the person's choice: "any" or "self" (they write first), None if not asked.

    `last_inbound_at` is None from "leave" to the next message: nothing proactive goes out (SAFETY §3).
    """

    last_inbound_at: datetime | None
    stopped: bool = False
    consent_live: bool = False
    plan: str | None = None


def kind_of_reply(last_inbound_at: datetime | None, now: datetime) -> str:
    """A message within ten minutes of the person's own is a reply; any later one is proactive."""
    return "reply" if last_inbound_at is not None and now - last_inbound_at <= REPLY_FOR else "proactive"


def gate(kind: str, speaker: str, contact: Contact, *, now: datetime, window: timedelta | None) -> tuple[Verdict, str]:
    """May this message leave now? Returns the verdict and, unless it is SEND, a code that says why.

    A reply that has become late is proactive. What the assistant says late is dropped (it would be out of place); what
    a human wrote is held and shown when the person writes again. `window` is how long after an inbound message the
    provider lets us write (None: always).
    """
    if kind == "system":
        return Verdict.SEND, ""
    if contact.stopped:
        return Verdict.DROP, "stopped"
    if kind_of_reply(contact.last_inbound_at, now) == "reply":
        return Verdict.SEND, ""
    too_late = Verdict.DROP if speaker == "assistant" else Verdict.HOLD
    if contact.last_inbound_at is None:
        return too_late, "left"
    if not contact.consent_live:
        return too_late, "no_consent"
    if window and now - contact.last_inbound_at > window:
        return too_late, "window_closed"
    if contact.plan != "any":
        return too_late, "person_writes_first"
    return Verdict.SEND, ""
