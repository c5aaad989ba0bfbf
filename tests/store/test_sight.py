"""Roles by concern: who may know of which case (SAFETY §7). Asked of the queue, of the case and of the claim."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.case import FOCAL_ONLY
from handoff.core.staff import User
from handoff.settings import Settings
from handoff.store.cases import Cases
from handoff.store.vault import Vault
from tests.console.world import HOME, OTHER, PSEA, World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def sees(world: World, user: User, case_id: uuid.UUID) -> bool:
    """Whether a user may know of a case; every way of asking must say the same."""
    cases, now = Cases(world.vault), world.clock()
    async with world.engine.connect() as connection:
        listed = case_id in [case.id for case in await cases.visible_queue(connection, user.id)]
        opened = await cases.visible_case(connection, user.id, case_id, lock=False) is not None
        locked = await cases.visible_case(connection, user.id, case_id, lock=True) is not None
        taken = await cases.take(connection, case_id, user.id, now=now, until=now + timedelta(minutes=30))
    assert {listed, opened, locked, taken} in ({True}, {False})
    return listed


@pytest.mark.parametrize("owner", FOCAL_ONLY)
async def test_only_a_focal_point_sees_a_case_of_its_concern_and_no_supervisor_without(
    world: World, owner: str
) -> None:
    focal = await world.staff("fola", focal=(owner,))
    other = next(name for name in FOCAL_ONLY if name != owner)
    others = [await world.staff("mina"), await world.staff("sara", role="supervisor")]
    others += [await world.staff("ada", role="admin"), await world.staff("otto", focal=(other,))]
    case_id = await world.case("ABC234", owner=owner)
    assert await sees(world, focal, case_id)
    assert [await sees(world, user, case_id) for user in others] == [False] * 4


async def test_a_focal_supervisor_sees_it(world: World) -> None:
    await world.staff("fola", focal=("gbv",))
    sara = await world.staff("sara", role="supervisor", focal=("gbv",))
    assert await sees(world, sara, await world.case("ABC234", owner="gbv"))


async def test_where_there_is_no_focal_point_supervisors_stand_in_and_never_nobody(world: World) -> None:
    mina, sara = await world.staff("mina", focal=("cp",)), await world.staff("sara", role="supervisor")
    case_id = await world.case("ABC234", owner="gbv")
    assert (await sees(world, mina, case_id), await sees(world, sara, case_id)) == (False, True)
    async with world.engine.connect() as connection:
        view = await Cases(world.vault).visible_case(connection, sara.id, case_id, lock=False)
    assert view
    assert view.lacks_focal_point


@pytest.mark.parametrize("gone", ["left", "elsewhere", "implicated"])
async def test_a_focal_point_who_cannot_see_it_counts_as_none(world: World, gone: str) -> None:
    sara = await world.staff("sara", role="supervisor")
    fola = await world.staff("fola", focal=("psea",), organisation=OTHER if gone == "elsewhere" else HOME)
    if gone == "left":
        await world.run("UPDATE staff SET active = false WHERE login = 'fola'")
    if gone == "implicated":
        await world.also_works_for(fola, OTHER)
    case_id = await world.case("ABC234", owner="psea", excluded=[OTHER])
    assert (await sees(world, fola, case_id), await sees(world, sara, case_id)) == (gone == "left", True)


async def test_who_is_responsible_together_with_the_owner_sees_it_too(world: World) -> None:
    fola, cora, mina = [
        await world.staff(login, focal=focal) for login, focal in (("fola", ("gbv",)), ("cora", ("cp",)), ("mina", ()))
    ]
    case_id = await world.case("ABC234", owner="cp", joint="gbv")
    assert [await sees(world, user, case_id) for user in (fola, cora, mina)] == [True, True, False]


async def test_the_gap_is_everybodys_until_somebody_is_named_for_it(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234", owner="vot")
    assert await sees(world, mina, case_id)
    tariq = await world.staff("tariq", focal=("vot",))
    assert (await sees(world, mina, case_id), await sees(world, tariq, case_id)) == (False, True)


@pytest.mark.parametrize("owner", ["protection", "health", None])
async def test_other_owners_are_everybodys_in_the_organisation(world: World, owner: str | None) -> None:
    mina, omar = await world.staff("mina"), await world.staff("omar", organisation=OTHER)
    await world.staff("fola", focal=("gbv",))
    case_id = await world.case("ABC234", owner=owner)
    assert (await sees(world, mina, case_id), await sees(world, omar, case_id)) == (True, False)


async def test_an_allegation_is_unknown_to_a_focal_point_who_also_works_for_the_excluded(world: World) -> None:
    nia = await world.staff("nia", organisation=PSEA, focal=("psea",))
    nils = await world.staff("nils", organisation=PSEA, focal=("psea",))
    await world.also_works_for(nils, HOME, role="admin")
    case_id = await world.case("ABC234", organisation=PSEA, owner="psea", excluded=[HOME])
    assert (await sees(world, nia, case_id), await sees(world, nils, case_id)) == (True, False)


async def test_a_role_in_one_organisation_opens_nothing_in_another(world: World) -> None:
    fola = await world.staff("fola", focal=("gbv",))
    await world.also_works_for(fola, OTHER)
    await world.staff("sara", role="supervisor", organisation=OTHER)
    assert not await sees(world, fola, await world.case("ABC234", organisation=OTHER, owner="gbv"))


async def test_a_holder_who_is_no_focal_point_any_more_cannot_keep_the_case(world: World) -> None:
    fola = await world.staff("fola", focal=("gbv",))
    case_id = await world.case("ABC234", owner="gbv")
    cases, now = Cases(world.vault), world.clock()
    async with world.engine.begin() as connection:
        until = now + timedelta(minutes=30)
        assert await cases.take(connection, case_id, fola.id, now=now, until=until)
        assert await cases.renew(connection, case_id, fola.id, until=until)
    await world.run("UPDATE memberships SET focal = '[]'")
    async with world.engine.begin() as connection:
        assert not await cases.renew(connection, case_id, fola.id, until=until + timedelta(hours=1))
