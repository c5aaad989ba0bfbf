"""When a message of ours may leave (SAFETY §4): one function, asked at the moment of sending, also for retries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from handoff.core.plan import inside

REPLY_FOR = timedelta(minutes=10)
# After so long a silence nobody knows who holds the phone: we knock before we say anything.
KNOCK_AFTER = timedelta(minutes=60)
# After so long, also in danger.
KNOCK_ALWAYS_AFTER = timedelta(days=45)
KNOCK = "knock."


class Verdict(StrEnum):
    """SEND now; HOLD until the person writes again; DROP for good; KNOCK first, and hold it until that is answered."""

    SEND = "send"
    HOLD = "hold"
    DROP = "drop"
    KNOCK = "knock"


@dataclass(frozen=True, slots=True)
class Contact:
    """What the gate looks at. `plan` is the person's choice: "any", "hours" (then `hours` names the windows) or "self"
    (they write first), None if not asked.

    `last_inbound_at` is None from "leave" to the next message: nothing proactive goes out (SAFETY §3). `locked`: three
    wrong words were said. `aside`: somebody else converses on that phone now. `urgent`: a live P0. `knock_only`: the
    channel lets us do no more. `knocked`: we have knocked since they last wrote.
    """

    last_inbound_at: datetime | None
    stopped: bool = False
    consent_live: bool = False
    plan: str | None = None
    hours: tuple[str, ...] = ()
    timezone: str = "UTC"
    locked: bool = False
    aside: bool = False
    urgent: bool = False
    knock_only: bool = False
    knocked: bool = False


def kind_of_reply(last_inbound_at: datetime | None, now: datetime) -> str:
    """A message within ten minutes of the person's own is a reply; any later one is proactive."""
    return "reply" if last_inbound_at is not None and now - last_inbound_at <= REPLY_FOR else "proactive"


def gate(
    kind: str, speaker: str, contact: Contact, *, now: datetime, window: timedelta | None, key: str = ""
) -> tuple[Verdict, str]:
    """May this message leave now? Returns the verdict and, unless it is SEND, a code that says why.

    A reply that has become late is proactive. What the assistant says late is dropped (it would be out of place); what
    a human wrote is held and shown when the person writes again. `window` is how long after an inbound message the
    provider lets us write (None: always). `key` names the text: a knock need not be knocked for.
    """
    if kind == "system":
        return Verdict.SEND, ""
    if contact.stopped:
        return Verdict.DROP, "stopped"
    if kind_of_reply(contact.last_inbound_at, now) == "reply" and not contact.aside:
        return Verdict.SEND, ""
    too_late = Verdict.DROP if speaker == "assistant" else Verdict.HOLD
    why = _forbidden(contact, now, window)
    if why:
        return too_late, why
    if key.startswith(KNOCK) or not _must_knock(contact, now):
        return Verdict.SEND, ""
    if speaker == "assistant":
        return Verdict.DROP, "set_aside"
    return (Verdict.HOLD if contact.knocked else Verdict.KNOCK), "knock"


def _forbidden(contact: Contact, now: datetime, window: timedelta | None) -> str:
    """Why nothing proactive may be sent now, not even a knock; "" if it may."""
    if contact.last_inbound_at is None:
        return "left"
    if not contact.consent_live:
        return "no_consent"
    if contact.locked:
        return "locked"
    if window and now - contact.last_inbound_at > window:
        return "window_closed"
    if contact.plan == "hours":
        return "" if inside(contact.hours, contact.timezone, now) else "outside_hours"
    return "" if contact.plan == "any" else "person_writes_first"


def _must_knock(contact: Contact, now: datetime) -> bool:
    silent = now - contact.last_inbound_at if contact.last_inbound_at else KNOCK_ALWAYS_AFTER
    if contact.aside or silent > KNOCK_ALWAYS_AFTER:
        return True
    return not contact.urgent and (contact.knock_only or silent > KNOCK_AFTER)
