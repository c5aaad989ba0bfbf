"""What periodic jobs ask: gauges, a sweep that finds what was lost, catch-up marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.app import build_house
from handoff.settings import Settings
from handoff.store.database import create_engine
from handoff.store.upkeep import Upkeep
from tests.conftest import renamed
from tests.store.inbox import sms

THEN = datetime(2026, 1, 5, tzinfo=UTC)


async def do(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def somebody_writes(settings: Settings) -> None:
    house = build_house(settings)
    await house.door.receive([sms()])
    await house.aclose()


async def test_the_gauges_say_how_much_waits_and_for_how_long(engine: AsyncEngine, settings: Settings) -> None:
    upkeep = Upkeep(engine)
    assert await upkeep.gauges() == (0, 0.0, 0)
    await somebody_writes(settings)
    await do(engine, "UPDATE conversations SET due_at = now() - interval '7 s'")
    depth, age, dead = await upkeep.gauges()
    assert (depth, dead) == (1, 0)
    assert 7 <= age < 60


@pytest.mark.parametrize(
    ("lose", "found"),
    [
        ("UPDATE conversations SET due_at = NULL", 0),
        ("UPDATE conversations SET due_at = NULL; UPDATE inbound SET received_at = now() - interval '31 s'", 1),
    ],
)
async def test_the_sweep_wakes_what_has_waited_half_a_minute_without_being_due(
    engine: AsyncEngine, settings: Settings, lose: str, found: int
) -> None:
    await somebody_writes(settings)
    for statement in lose.split(";"):
        await do(engine, statement)
    assert await Upkeep(engine).sweep() == found
    assert (await Upkeep(engine).gauges())[0] == found
    assert await Upkeep(engine).sweep() == 0


async def test_catch_up_marks_only_move_forward(engine: AsyncEngine) -> None:
    upkeep = Upkeep(engine)
    assert await upkeep.caught_up_until("sms-twilio") is None
    for hours in (2, 1):
        await upkeep.set_caught_up("sms-twilio", THEN + timedelta(hours=hours))
    assert await upkeep.caught_up_until("sms-twilio") == THEN + timedelta(hours=2)
    assert await upkeep.caught_up_until("whatsapp-twilio") is None


async def test_ready_means_that_the_schema_is_there(engine: AsyncEngine, server: str) -> None:
    await Upkeep(engine).ready()
    bare = create_engine(renamed(server, "postgres"), 1)
    with pytest.raises(ProgrammingError):
        await Upkeep(bare).ready()
    await bare.dispose()
