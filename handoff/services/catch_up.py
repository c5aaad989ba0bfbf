"""Closes gaps: asks a provider that does not retry for what it took while we were away. Rows enter by the same door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from handoff.core.channel import Channel
from handoff.core.ports import Door

log = structlog.get_logger(__name__)
OVERLAP = timedelta(minutes=5)
FIRST_LOOK_BACK = timedelta(hours=24)
# Together shorter than the time until the regular run.
AGAIN_AFTER_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


class Marks(Protocol):
    """Where it is remembered until when each provider was asked."""

    async def caught_up_until(self, channel: str) -> datetime | None:
        """None before the first time."""

    async def set_caught_up(self, channel: str, until: datetime) -> None:
        """Remember it."""


@dataclass(slots=True)
class CatchUp:
    """Runs on start, after each database gap, and every few minutes. Duplicates change nothing."""

    channels: Mapping[str, Channel]
    door: Door
    marks: Marks
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    async def run(self) -> int:
        """Ask every provider; returns how many messages we had missed."""
        return sum([await self._one(channel) or 0 for channel in self.channels.values()])

    async def close_gap(self) -> None:
        """After a gap: ask, and ask again those that failed, since what has just come back may go away once more.

        What fails to the end is left to the regular run.
        """
        failed = list(self.channels.values())
        for pause in AGAIN_AFTER_S:
            failed = [channel for channel in failed if await self._one(channel) is None]
            if not failed:
                return
            await self.sleep(pause)

    async def _one(self, channel: Channel) -> int | None:
        """How many messages were missed; None when the provider or the database failed."""
        now = self.clock()
        try:
            since = (await self.marks.caught_up_until(channel.name) or now - FIRST_LOOK_BACK) - OVERLAP
            missed = await self.door.receive(await channel.catch_up(since))
            await self.marks.set_caught_up(channel.name, now)
        except Exception as error:
            log.warning("catch_up_failed", channel=channel.name, error=type(error).__name__)
            return None
        if missed:
            log.info("caught_up", channel=channel.name, missed=missed)
        return missed
