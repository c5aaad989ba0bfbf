"""Counts SMS segments against the day's budget of each channel, and raises one alarm when it is passed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from handoff.services.meters import Meters

log = structlog.get_logger(__name__)


class Ledger(Protocol):
    """Where the day's segments are kept for all workers."""

    async def spend(self, channel: str, segments: int, budget: int) -> bool:
        """Add segments; True when this is what first passes the budget."""


@dataclass(slots=True)
class Budget:
    """Collected in memory and written together: one hot row a channel must not slow every message.

    Passing the budget alarms and stops nothing: a person in danger is not cut off to save money.
    """

    ledger: Ledger
    meters: Meters
    daily_segments: int
    _spent: Counter[str] = field(default_factory=Counter)

    def add(self, channel: str, segments: int) -> None:
        """Segments that were just sent."""
        self._spent[channel] += segments

    async def flush(self) -> None:
        """Write what was collected; what cannot be written is kept for the next time."""
        for channel, segments in list(self._spent.items()):
            passed = await self.ledger.spend(channel, segments, self.daily_segments)
            self._spent[channel] -= segments
            if passed:
                log.error("segment_budget_passed", channel=channel, budget=self.daily_segments)
                self.meters.count("segment_budget_passed")
        self._spent = +self._spent
