"""A case that complains of a service is unknown to the staff of the organisation that runs it (SAFETY §7)."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from handoff.store.cases import Cases
from handoff.store.directory_tables import Complaint, DirectoryOrganization
from handoff.store.staff_tables import Membership
from handoff.store.vault import Vault
from tests.console.world import HOME, NAMES, OTHER, World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def complaint(world: World, *organizations: tuple[str, str]) -> uuid.UUID:
    """A case of the home organisation, about services of these (id in the directory, slug at the desk)."""
    case_id = await world.case("ABC234")
    async with world.engine.begin() as connection:
        for number, slug in organizations:
            row = {"id": number, "name": NAMES[slug], "desk_slug": slug}
            await connection.execute(insert(DirectoryOrganization).values(row))
        ids = [number for number, _ in organizations]
        await connection.execute(insert(Complaint).values(case_id=case_id, coi_orgs=ids))
    return case_id


async def test_whoever_also_works_for_that_organisation_finds_no_case_and_cannot_take_it(world: World) -> None:
    mina, omar = await world.staff("mina"), await world.staff("omar")
    async with world.engine.begin() as connection:
        theirs = {"staff_id": omar.id, "organisation_id": await world.organisation_id(OTHER), "role": "caseworker"}
        await connection.execute(insert(Membership).values(theirs))
    case_id = await complaint(world, ("org-2", OTHER))
    cases, now = Cases(world.vault), world.clock()
    async with world.engine.begin() as connection:
        assert [case.id for case in await cases.visible_queue(connection, mina.id)] == [case_id]
        assert await cases.visible_queue(connection, omar.id) == []
        assert await cases.visible_case(connection, omar.id, case_id, lock=False) is None
        assert not await cases.take(connection, case_id, omar.id, now=now, until=now + timedelta(minutes=30))
        assert await cases.take(connection, case_id, mina.id, now=now, until=now + timedelta(minutes=30))


async def test_a_complaint_about_others_hides_nothing_from_the_desk(world: World) -> None:
    mina = await world.staff("mina")
    await complaint(world, ("org-2", OTHER))
    other_case = await world.case("XYZ234")
    async with world.engine.connect() as connection:
        assert len(await Cases(world.vault).visible_queue(connection, mina.id)) == 2
        assert await Cases(world.vault).visible_case(connection, mina.id, other_case, lock=False)


async def test_a_complaint_about_the_desk_itself_is_seen_by_nobody_of_it(world: World) -> None:
    mina = await world.staff("mina")
    await complaint(world, ("org-1", HOME))
    async with world.engine.connect() as connection:
        assert await Cases(world.vault).visible_queue(connection, mina.id) == []
