"""Segments are counted together and alarm once; nothing is ever cut off."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.services.budget import Budget
from handoff.services.meters import Meters
from handoff.store.upkeep import Upkeep


async def test_the_alarm_is_raised_once_for_all_workers(engine: AsyncEngine) -> None:
    meters = [Meters(), Meters()]
    budgets = [Budget(Upkeep(engine), each, 10) for each in meters]
    for _ in range(4):
        for budget in budgets:
            budget.add("sms-twilio", 3)
            await budget.flush()
    raised = [generate_latest(each.registry).decode().count('segment_budget_passed"} 1.0') for each in meters]
    assert sum(raised) == 1


async def test_each_channel_has_its_own_budget(engine: AsyncEngine) -> None:
    upkeep = Upkeep(engine)
    assert await upkeep.spend("sms-twilio", 11, 10) is True
    assert await upkeep.spend("sms-twilio", 11, 10) is False
    assert await upkeep.spend("whatsapp-twilio", 10, 10) is False


class Away:
    """A database that is away the first time."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.here = False

    async def spend(self, channel: str, segments: int, budget: int) -> bool:
        if not self.here:
            self.here = True
            raise OSError
        self.written.append(segments)
        return False


async def test_what_could_not_be_written_is_written_the_next_time() -> None:
    ledger = Away()
    budget = Budget(ledger, Meters(), 10)
    budget.add("sms-twilio", 3)
    with pytest.raises(OSError):  # noqa: PT011 (it has no words)
        await budget.flush()
    budget.add("sms-twilio", 2)
    await budget.flush()
    await budget.flush()
    assert ledger.written == [5]
