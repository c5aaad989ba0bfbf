"""Cases in the database."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from handoff.store.cases import Cases
from handoff.store.vault import Vault
from tests.console.world import World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def test_a_claim_is_won_by_one_and_grows_the_fence(world: World) -> None:
    mina, omar = await world.staff("mina"), await world.staff("omar")
    case_id = await world.case("ABC234")
    cases, now = Cases(world.vault), world.clock()
    until = now + timedelta(minutes=30)
    async with world.engine.begin() as connection:
        assert await cases.take(connection, case_id, mina.id, now=now, until=until)
        assert not await cases.take(connection, case_id, omar.id, now=now, until=until)
        assert await cases.take(connection, case_id, omar.id, now=until + timedelta(seconds=1), until=until)
    assert await world.one("SELECT claim_fence FROM cases") == 2


async def test_an_old_fence_gives_nothing_back(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    cases, now = Cases(world.vault), world.clock()
    async with world.engine.begin() as connection:
        await cases.take(connection, case_id, mina.id, now=now, until=now)
        assert not await cases.give_back(connection, case_id, fence=0)
        assert await cases.give_back(connection, case_id, fence=1)


async def test_renewing_never_shortens(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    cases, now = Cases(world.vault), world.clock()
    until = now + timedelta(minutes=30)
    async with world.engine.begin() as connection:
        await cases.take(connection, case_id, mina.id, now=now, until=until)
        await cases.renew(connection, case_id, mina.id, until=now)
    assert await world.one("SELECT claimed_until FROM cases") == until


async def test_lines_of_a_destroyed_key_have_no_text(world: World) -> None:
    case_id = await world.case("ABC234")
    await world.says(case_id, "my words")
    await world.run("ALTER TABLE persons DROP CONSTRAINT fk_persons_key_id")
    await world.run("ALTER TABLE addresses DROP CONSTRAINT fk_addresses_key_id")
    await world.run("DELETE FROM vault.data_keys")
    async with world.engine.connect() as connection:
        [line] = await Cases(world.vault).lines(connection, case_id)
    assert line.text is None


async def test_the_view_survives_the_loss_of_the_conversation(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    await world.run("DELETE FROM conversations")
    async with world.engine.connect() as connection:
        case = await Cases(world.vault).visible_case(connection, mina.id, case_id, lock=False)
    assert case is not None
    assert (case.conversation_id, case.channel, case.contact.last_inbound_at) == (None, "sms-twilio", None)


async def test_a_stranger_sees_nothing_even_with_a_lock(world: World) -> None:
    case_id = await world.case("ABC234")
    async with world.engine.begin() as connection:
        assert await Cases(world.vault).visible_case(connection, uuid.uuid4(), case_id, lock=True) is None


async def test_the_desk_is_told_when_the_transaction_commits(world: World) -> None:
    case_id = await world.case("ABC234")
    async with world.engine.connect() as listening:
        raw = (await listening.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.set_autocommit(True)
        await raw.execute("LISTEN amana_desk")
        async with world.engine.begin() as connection:
            await Cases(world.vault).tell_desk(connection, case_id)
        heard = [notice.payload async for notice in raw.notifies(timeout=5, stop_after=1)]
        await raw.execute("UNLISTEN *")
        await raw.set_autocommit(False)
    assert heard == [str(case_id)]
