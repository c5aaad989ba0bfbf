"""The gate (SAFETY §4): what may leave at the moment of sending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handoff.core.contact import Contact, Verdict, gate, kind_of_reply

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
SEND, HOLD, DROP, KNOCK = Verdict.SEND, Verdict.HOLD, Verdict.DROP, Verdict.KNOCK


def contact(minutes: float | None, **values: object) -> Contact:
    at = None if minutes is None else NOW - timedelta(minutes=minutes)
    return Contact(at, **values)  # type: ignore[arg-type]


LIVE = {"consent_live": True, "plan": "any"}


@pytest.mark.parametrize(
    ("kind", "speaker", "who", "window", "verdict"),
    [
        # The system's cards and receipts always leave, also to somebody who said stop.
        ("system", "system", contact(None, stopped=True), DAY, (SEND, "")),
        ("system", "system", contact(9999), DAY, (SEND, "")),
        # Stop stops everything else, also a reply and also with a consent.
        ("reply", "assistant", contact(0, stopped=True), None, (DROP, "stopped")),
        ("reply", "human", contact(0, stopped=True, **LIVE), None, (DROP, "stopped")),
        # A reply within ten minutes needs nothing.
        ("reply", "assistant", contact(0), DAY, (SEND, "")),
        ("reply", "human", contact(10), DAY, (SEND, "")),
        ("proactive", "human", contact(10), DAY, (SEND, "")),
        # Later it is proactive: the assistant's is dropped, a human's waits for the person.
        ("reply", "assistant", contact(10.1), None, (DROP, "no_consent")),
        ("reply", "human", contact(10.1), None, (HOLD, "no_consent")),
        # Who left hears nothing until they write again, whatever they agreed to before.
        ("proactive", "human", contact(None), None, (HOLD, "left")),
        ("proactive", "human", contact(None, **LIVE), None, (HOLD, "left")),
        ("reply", "assistant", contact(None, **LIVE), DAY, (DROP, "left")),
        # With a live consent the provider's window, then the person's own plan decide.
        ("proactive", "human", contact(60, **LIVE), None, (SEND, "")),
        ("proactive", "human", contact(60, **LIVE), DAY, (SEND, "")),
        ("proactive", "human", contact(25 * 60, **LIVE), DAY, (HOLD, "window_closed")),
        # After an hour of silence nobody knows who holds the phone: once we knock, then we wait.
        ("proactive", "human", contact(61, **LIVE), None, (KNOCK, "knock")),
        ("proactive", "human", contact(25 * 60, **LIVE), None, (KNOCK, "knock")),
        ("proactive", "system", contact(61, **LIVE), None, (KNOCK, "knock")),
        ("proactive", "human", contact(61, knocked=True, **LIVE), None, (HOLD, "knock")),
        # Somebody else converses there: also what would have been a reply is not for them.
        ("reply", "human", contact(1, aside=True, **LIVE), None, (KNOCK, "knock")),
        ("reply", "system", contact(1, aside=True, **LIVE), None, (KNOCK, "knock")),
        ("reply", "assistant", contact(1, aside=True, **LIVE), None, (DROP, "set_aside")),
        ("reply", "human", contact(1, aside=True, consent_live=True, plan="self"), None, (HOLD, "person_writes_first")),
        # In a live P0 we do not knock, unless it is very long ago; on WhatsApp we do nothing else.
        ("proactive", "human", contact(5 * 60, urgent=True, **LIVE), None, (SEND, "")),
        ("proactive", "human", contact(46 * 24 * 60, urgent=True, **LIVE), None, (KNOCK, "knock")),
        ("proactive", "human", contact(20, knock_only=True, **LIVE), DAY, (KNOCK, "knock")),
        # Three wrong words: nothing leaves, also no knock. A reply does.
        ("proactive", "human", contact(20, locked=True, **LIVE), None, (HOLD, "locked")),
        ("reply", "human", contact(2, locked=True, **LIVE), None, (SEND, "")),
        # The hours that they chose: it is Monday noon.
        ("proactive", "human", contact(20, consent_live=True, plan="hours", hours=("afternoon",)), None, (SEND, "")),
        (
            *("proactive", "human", contact(20, consent_live=True, plan="hours", hours=("evening",)), None),
            (HOLD, "outside_hours"),
        ),
        ("proactive", "human", contact(20, consent_live=True, plan="hours"), None, (HOLD, "outside_hours")),
        ("proactive", "human", contact(60, consent_live=True, plan="self"), None, (HOLD, "person_writes_first")),
        ("proactive", "human", contact(60, consent_live=True), None, (HOLD, "person_writes_first")),
        ("proactive", "assistant", contact(60, consent_live=True, plan="self"), None, (DROP, "person_writes_first")),
        ("proactive", "human", contact(60, plan="any"), None, (HOLD, "no_consent")),
    ],
)
def test_the_gate(
    kind: str, speaker: str, who: Contact, window: timedelta | None, verdict: tuple[Verdict, str]
) -> None:
    assert gate(kind, speaker, who, now=NOW, window=window) == verdict


@pytest.mark.parametrize(("minutes", "kind"), [(0, "reply"), (10, "reply"), (11, "proactive"), (None, "proactive")])
def test_ten_minutes_make_a_reply(minutes: float | None, kind: str) -> None:
    assert kind_of_reply(contact(minutes).last_inbound_at, NOW) == kind


@pytest.mark.parametrize(("key", "verdict"), [("knock.hello", (SEND, "")), ("case.reply", (KNOCK, "knock"))])
def test_a_knock_is_not_knocked_for(key: str, verdict: tuple[Verdict, str]) -> None:
    assert gate("proactive", "system", contact(5 * 60, **LIVE), now=NOW, window=None, key=key) == verdict


def test_a_knock_keeps_to_the_plan() -> None:
    who = contact(5 * 60, consent_live=True, plan="self")
    assert gate("proactive", "system", who, now=NOW, window=None, key="knock.hello") == (HOLD, "person_writes_first")
