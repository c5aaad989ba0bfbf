"""Workers that die at a chosen moment of a turn. Death is real for all that it left: nothing of it runs any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import text

from handoff.app import House, build_worker
from handoff.core.conversation import Turn
from handoff.core.ports import Assistant, Lease, Sent, Unsent
from handoff.services.work import Worker
from handoff.store.inbox import PostgresInbox
from handoff.store.wake import listen

# Never ends by itself in a test; that time has passed is said by `LEASE_ENDS`.
LEASE = timedelta(minutes=10)
LEASE_ENDS = text("UPDATE conversations SET leased_until = now() - interval '1 ms' WHERE leased_until IS NOT NULL")


class Moment(StrEnum):
    """Where in a turn death comes."""

    ANSWERED = "after the assistant's answer, before the commit"
    COMMITTED = "after the commit, before the provider is called"
    SENT = "after the provider was called, before that is written down"
    WRITTEN = "after that is written down, before the address of an erased chat goes"
    TORN_DOWN = "after the address has gone, before its copies at the provider do"


@dataclass
class Death:
    """When to die: at this moment of turn number `turn` (from 1; 0: of every turn, once each)."""

    moment: Moment
    turn: int
    died: set[int] = field(default_factory=set)
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    async def comes(self, moment: Moment, lease: Lease) -> None:
        """Never returns when this is the moment: the worker is about to be dead."""
        message = lease.received
        if message is None or moment is not self.moment or message.id in self.died:
            return
        if self.turn in (0, message.id):
            self.died.add(message.id)
            self.happened.set()
            await asyncio.Event().wait()


class DyingInbox(PostgresInbox):
    """The real inbox, with a death around its writes."""

    death: Death

    async def commit_turn(self, lease: Lease, turn: Turn) -> Sequence[Unsent]:
        await self.death.comes(Moment.ANSWERED, lease)
        written = await super().commit_turn(lease, turn)
        await self.death.comes(Moment.COMMITTED, lease)
        return written

    async def finish(self, lease: Lease, sent: Sequence[Sent], retry_at: datetime | None) -> None:
        await self.death.comes(Moment.SENT, lease)
        await super().finish(lease, sent, retry_at)

    async def finish_erasure(self, lease: Lease, *, at_once: bool) -> None:
        await self.death.comes(Moment.WRITTEN, lease)
        await super().finish_erasure(lease, at_once=at_once)
        await self.death.comes(Moment.TORN_DOWN, lease)


class Shift:
    """One worker after the other: when one dies, the next starts, as a supervisor would see to it."""

    def __init__(self, house: House, death: Death | None, rasa: Assistant) -> None:
        self._house = house
        self._death = death
        self._rasa = rasa
        self._number = 0

    async def run(self) -> None:
        """For ever."""
        while True:
            worker = self._worker()
            running = asyncio.create_task(worker.run())
            hearing = asyncio.create_task(listen(self._house.dsn, "amana_due", partial(_wake, worker)))
            try:
                await self._until_death()
            finally:
                hearing.cancel()
                await _end(running)
            async with self._house.engine.begin() as connection:
                await connection.execute(LEASE_ENDS)

    async def _until_death(self) -> None:
        if self._death is None:
            await asyncio.Event().wait()
        else:
            await self._death.happened.wait()
            self._death.happened.clear()

    def _worker(self) -> Worker:
        self._number += 1
        worker, _ = build_worker(self._house)
        worker.respond.assistant = self._rasa
        worker.inbox = self._inbox()
        return worker

    def _inbox(self) -> PostgresInbox:
        house, who = self._house, f"worker {self._number}"
        values: dict[str, Any] = {
            "holder": who,
            "lease": LEASE,
            "organisation": house.settings.org_slug,
        }
        if self._death is None:
            return PostgresInbox(house.engine, house.quick, house.vault, **values)
        inbox = DyingInbox(house.engine, house.quick, house.vault, **values)
        inbox.death = self._death
        return inbox


def _wake(worker: Worker, _: str) -> None:
    worker.wake.set()


async def _end(running: asyncio.Task[None]) -> None:
    """Everything that the worker had started dies with it: its turns and its heartbeat."""
    names = ("Worker._work_safely", "Worker._heartbeat", "Worker.run")
    mine = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__qualname__", "") in names]
    for task in (running, *mine):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(running, *mine, return_exceptions=True)
