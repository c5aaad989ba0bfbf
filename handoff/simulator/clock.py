"""Time as the simulator sees it. Passed in everywhere, so that a test of seven days of retries takes no time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for what providers write into messages, a steady count of seconds for what is measured."""

    def now(self) -> datetime:
        """The time of day, UTC."""

    def steady(self) -> float:
        """Seconds that never jump. On Linux the same count in every process, so a benchmark may compare."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""


class RealClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
