"""Limits for one sender: enough for anybody in need, too little for a loop of two robots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handoff.core.conversation import Conversation

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Flood:
    """How many messages of one sender are answered. Beyond: one neutral line, then quiet (danger always passes)."""

    per_minute: int
    per_day: int

    def count(self, conversation: Conversation, now: datetime, changes: dict[str, Any]) -> tuple[bool, bool]:
        """Count this message into `changes`; returns (is the first one over the limit, is over the limit)."""
        minute = _count(conversation.minute_start, conversation.minute_count, now, MINUTE)
        day = _count(conversation.day_start, conversation.day_count, now, DAY)
        changes.update(minute_start=minute[0], minute_count=minute[1], day_start=day[0], day_count=day[1])
        over = minute[1] > self.per_minute or day[1] > self.per_day
        first = minute[1] == self.per_minute + 1 or day[1] == self.per_day + 1
        return over and first, over


def _count(start: datetime | None, count: int, now: datetime, window: timedelta) -> tuple[datetime, int]:
    return (now, 1) if start is None or now - start >= window else (start, count + 1)
