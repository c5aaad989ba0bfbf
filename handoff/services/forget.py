"""Deleting messages at their providers: soon after their end where the phone keeps its own copy, and for who erases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from handoff.core.channel import Channel, Copy, Forgetful, SendError

log = structlog.get_logger(__name__)


class Held(Protocol):
    """A copy that is to go, as the store notes it."""

    @property
    def channel(self) -> str:
        """The channel that it went over."""

    @property
    def account(self) -> str:
        """The sender that it belongs to."""

    @property
    def copy(self) -> Copy:
        """What its provider knows it by."""


class Copies[H: Held](Protocol):
    """Where what is to go is noted."""

    async def due(self, routine: Sequence[str]) -> Sequence[H]:
        """Copies of erased chats whose time has come, then those of ended messages on the `routine` channels."""

    async def done(self, gone: Sequence[H], later: Sequence[H]) -> int:
        """Write down what became of them. Returns how many were given up."""


@dataclass(slots=True)
class Forget[H: Held]:
    """One instance a worker. Safe to run twice: what is gone already counts as gone."""

    copies: Copies[H]
    channels: Mapping[str, Channel]

    async def erased(self) -> None:
        """Delete what belonged to erased chats."""
        await self._run([])

    async def run(self) -> None:
        """Delete all that is due."""
        await self._run(self._routine())

    async def _run(self, routine: Sequence[str]) -> None:
        """Channel by channel; a provider that is away costs only its own."""
        held: dict[tuple[str, str], list[H]] = defaultdict(list)
        for item in await self.copies.due(routine):
            held[item.channel, item.account].append(item)
        for (name, account), items in held.items():
            gone = await self._forget(self.channels.get(name), account, items)
            later = [item for item in items if item not in gone]
            given_up = await self.copies.done(gone, later)
            if given_up:
                log.error("provider_copies_left", channel=name, messages=given_up)

    def _routine(self) -> list[str]:
        channels = self.channels.items()
        return [name for name, channel in channels if isinstance(channel, Forgetful) and channel.forgets_routinely]

    async def _forget(self, channel: Channel | None, account: str, items: Sequence[H]) -> Sequence[H]:
        if channel is None:
            return []
        if not isinstance(channel, Forgetful) or channel.account != account:
            # Meta has no way to delete, and a sender that is not ours any more has none for us.
            return items
        try:
            done = set(map(id, await channel.forget([item.copy for item in items])))
        except SendError as error:
            log.warning("forget_failed", channel=channel.name, kind=type(error).__name__, code=error.code)
            return []
        return [item for item in items if id(item.copy) in done]
