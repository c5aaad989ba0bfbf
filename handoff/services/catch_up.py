"""Closes gaps: asks a provider that does not retry for what it took while we were away. Rows enter by the same door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from handoff.core.channel import Channel
from handoff.core.ports import Door

log = structlog.get_logger(__name__)
OVERLAP = timedelta(minutes=5)
FIRST_LOOK_BACK = timedelta(hours=24)


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

    async def run(self) -> int:
        """Ask every provider; returns how many messages we had missed."""
        return sum([await self._one(channel) for channel in self.channels.values()])

    async def _one(self, channel: Channel) -> int:
        now = self.clock()
        since = (await self.marks.caught_up_until(channel.name) or now - FIRST_LOOK_BACK) - OVERLAP
        try:
            missed = await self.door.receive(await channel.catch_up(since))
        except Exception as error:
            log.warning("catch_up_failed", channel=channel.name, error=type(error).__name__)
            return 0
        await self.marks.set_caught_up(channel.name, now)
        if missed:
            log.info("caught_up", channel=channel.name, missed=missed)
        return missed
