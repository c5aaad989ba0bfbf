"""The one door to a case."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.services.access import NotFound, access_case, queue
from handoff.settings import Settings
from handoff.store.vault import Vault
from tests.console.world import HOME, OTHER, World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def test_a_member_sees_their_organisations_case(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    async with world.engine.connect() as connection:
        case = await access_case(world.desk(), connection, mina, case_id)
    assert (case.number, case.organisation, case.contact.consent_live) == ("ABC234", "Demo Aid (fictional)", True)
    assert len(case.person) == 4


@pytest.mark.parametrize("role", ["caseworker", "supervisor", "admin"])
async def test_no_role_elsewhere_opens_a_case(world: World, role: str) -> None:
    stranger = await world.staff("ines", role=role, organisation=OTHER)
    case_id = await world.case("ABC234", organisation=HOME)
    async with world.engine.connect() as connection:
        for unknown in (case_id, uuid.uuid4()):
            with pytest.raises(NotFound) as refused:
                await access_case(world.desk(), connection, stranger, unknown)
            assert refused.value.args == ()
        assert list(await queue(world.desk(), connection, stranger)) == []


async def test_a_member_of_two_organisations_sees_both(world: World) -> None:
    await world.staff("mina")
    mina = await world.staff("mina", organisation=OTHER)
    await world.case("HOME22", organisation=HOME)
    await world.case("AWAY22", organisation=OTHER)
    async with world.engine.connect() as connection:
        cases = await queue(world.desk(), connection, mina)
    assert {case.number for case in cases} == {"HOME22", "AWAY22"}


async def test_leaving_an_organisation_closes_its_cases_at_once(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await world.case("ABC234")
    await world.run("DELETE FROM memberships")
    async with world.engine.connect() as connection:
        with pytest.raises(NotFound):
            await access_case(world.desk(), connection, mina, case_id)
