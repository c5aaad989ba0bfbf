"""Closing a case."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.case import CLOSE_CODES
from handoff.services.claim import NotOpen, claim
from handoff.services.close import UnknownCode, close
from handoff.settings import Settings
from handoff.store.vault import Vault
from tests.console.world import World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


@pytest.mark.parametrize("code", CLOSE_CODES)
async def test_closing_is_final_on_record_and_ends_alarms(world: World, code: str) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234", alarm_at=world.clock())
    async with world.engine.begin() as connection:
        await claim(world.desk(), connection, mina, case_id, world.clock())
        await close(world.desk(), connection, mina, case_id, code=code, now=world.clock())
        with pytest.raises(NotOpen):
            await close(world.desk(), connection, mina, case_id, code=code, now=world.clock())
    assert await world.one("SELECT alarm_at FROM cases") is None
    assert await world.one("SELECT closed_at IS NOT NULL AND claimed_by IS NULL FROM cases")
    assert await world.one("SELECT detail->>'code' FROM audit WHERE action = 'case.close'") == code


async def test_a_code_that_is_not_ours_changes_nothing(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    async with world.engine.begin() as connection:
        await claim(world.desk(), connection, mina, case_id, world.clock())
        with pytest.raises(UnknownCode):
            await close(world.desk(), connection, mina, case_id, code="solved", now=world.clock())
    assert await world.one("SELECT state FROM cases") == "claimed"
