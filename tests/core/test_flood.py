"""Limits of one sender."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Owner
from handoff.core.flood import Flood

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SOMEBODY = Conversation(uuid.UUID(int=1), "telegram", "bot", "telegram", Owner.ASSISTANT, None, Contact(NOW))


def answers(flood: Flood, *after_s: float) -> str:
    """One letter a message: a(nswered), f(irst over the limit), q(uiet)."""
    conversation, told = SOMEBODY, ""
    for seconds in after_s:
        changes: dict[str, Any] = {}
        first, over = flood.count(conversation, NOW + timedelta(seconds=seconds), changes)
        conversation = replace(conversation, **changes)
        told += "f" if first else "q" if over else "a"
    return told


def test_up_to_the_limit_of_a_minute_then_one_line_then_quiet_then_again() -> None:
    assert answers(Flood(3, 100), 0, 1, 2, 3, 4, 59, 60, 61) == "aaafqqaa"


def test_the_limit_of_a_day_holds_however_slow_they_write() -> None:
    hours = [hour * 3600.0 for hour in (0, 2, 4, 6, 8, 24, 26)]
    assert answers(Flood(20, 3), *hours) == "aaafqaa"
