"""Who holds a case, and what becomes of it when they go."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.staff import User
from handoff.services.claim import NotOpen, Taken, claim, expire_claims, release, renew, see_alarm
from handoff.settings import Settings
from handoff.store.vault import Vault
from tests.console.world import World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def take(world: World, user: User, case_id: object) -> str:
    """Claim in a transaction of its own; who has the case afterwards, by name."""
    try:
        async with world.engine.begin() as connection:
            return (await claim(world.desk(), connection, user, case_id, world.clock())).claimer  # type: ignore[arg-type]
    except Taken as error:
        return f"taken by {error.case.claimer}"


async def expire(world: World) -> int:
    """Run the periodic job once."""
    async with world.engine.begin() as connection:
        return await expire_claims(world.desk(), connection, world.clock())


async def test_of_five_exactly_one_wins(world: World) -> None:
    users = [await world.staff(f"user{number}") for number in range(5)]
    case_id = await world.case("ABC234")
    answers = await asyncio.gather(*(take(world, user, case_id) for user in users))
    winners = [answer for answer in answers if not answer.startswith("taken")]
    assert len(winners) == 1
    assert answers.count(f"taken by {winners[0]}") == 4


async def test_a_claim_that_ran_out_returns_to_people_never_to_menus(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    await take(world, mina, case_id)
    assert await expire(world) == 0
    world.clock.ahead = timedelta(minutes=31)
    assert await expire(world) == 1
    assert await expire(world) == 0
    assert await world.one("SELECT state FROM cases") == "waiting"
    assert await world.one("SELECT owner FROM conversations") == "waiting"
    assert (await world.outbound(case_id))[-1].key == "handoff.returned"
    assert await world.one("SELECT actor FROM audit WHERE action = 'case.claim_expired'") == "system"


async def test_a_sign_of_life_keeps_the_claim(world: World) -> None:
    mina, omar = await world.staff("mina"), await world.staff("omar")
    case_id = await world.case("ABC234")
    await take(world, mina, case_id)
    world.clock.ahead = timedelta(minutes=20)
    async with world.engine.begin() as connection:
        assert await renew(world.desk(), connection, mina, case_id, world.clock())
        assert not await renew(world.desk(), connection, omar, case_id, world.clock())
    world.clock.ahead = timedelta(minutes=45)
    assert await expire(world) == 0


async def test_a_case_whose_consent_ended_is_frozen_and_not_lost(world: World) -> None:
    mina = await world.staff("mina")
    ended, good = await world.case("ENDED2"), await world.case("GOOD22")
    await take(world, mina, ended)
    await take(world, mina, good)
    await world.run(
        "UPDATE consents SET expires_at = now() WHERE id = (SELECT consent_id FROM cases WHERE id = :id)", id=ended
    )
    world.clock.ahead = timedelta(minutes=31)
    assert await expire(world) == 2
    assert await world.one("SELECT state FROM cases WHERE id = :id", id=ended) == "withdrawn"
    assert await world.one("SELECT state FROM cases WHERE id = :id", id=good) == "waiting"


async def test_one_case_that_cannot_be_told_does_not_keep_the_others(world: World) -> None:
    mina = await world.staff("mina")
    broken, good = await world.case("BROKEN"), await world.case("GOOD22")
    await take(world, mina, broken)
    await take(world, mina, good)
    await world.run("UPDATE conversations SET locale = 'en', prompts = '[{}]'::jsonb WHERE case_id = :id", id=broken)
    world.clock.ahead = timedelta(minutes=31)
    assert await expire(world) == 1
    assert await world.one("SELECT state FROM cases WHERE id = :id", id=good) == "waiting"


async def test_a_case_on_a_channel_that_is_gone_can_still_be_claimed(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234", channel="telegram")
    assert await take(world, mina, case_id) == "Mina"
    assert await world.outbound(case_id) == []


async def test_a_late_notice_is_proactive_and_a_soon_one_a_reply(world: World) -> None:
    mina = await world.staff("mina")
    soon, late = await world.case("SOON22"), await world.case("LATE22", wrote=timedelta(hours=3))
    for case_id in (soon, late):
        await take(world, mina, case_id)
    assert [(await world.outbound(case_id))[0].kind for case_id in (soon, late)] == ["reply", "proactive"]


async def test_a_case_that_waits_cannot_be_released(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    async with world.engine.begin() as connection:
        with pytest.raises(Taken):
            await release(world.desk(), connection, mina, case_id, world.clock())


async def test_only_the_holder_ends_an_alarm(world: World) -> None:
    mina, omar = await world.staff("mina"), await world.staff("omar")
    case_id = await world.case("ABC234", level="P0", alarm_at=world.clock())
    await take(world, mina, case_id)
    async with world.engine.begin() as connection:
        with pytest.raises(Taken):
            await see_alarm(world.desk(), connection, omar, case_id)
        await see_alarm(world.desk(), connection, mina, case_id)
    assert await world.one("SELECT alarm_at FROM cases") is None
    assert await world.one("SELECT level FROM cases") == "P0"


async def test_a_closed_case_is_not_open(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234", state="closed")
    async with world.engine.begin() as connection:
        with pytest.raises(NotOpen):
            await claim(world.desk(), connection, mina, case_id, world.clock())
