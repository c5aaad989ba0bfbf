"""Return codes and tries at them, in the database."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.services.return_code import Limits, ReturnCodes
from handoff.settings import Settings
from handoff.store.return_codes import PostgresCodes, keep_code
from handoff.store.vault import Vault
from tests.console.world import World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def test_a_new_code_takes_the_place_of_the_one_before(world: World) -> None:
    await world.case("ABC234")
    person = await world.one("SELECT id FROM persons")
    codes = ReturnCodes(PostgresCodes(world.engine, world.vault), "pepper")
    drawn = []
    for _ in range(2):
        code, code_hash = await codes.draw()
        drawn.append(code)
        async with world.engine.begin() as connection:
            await keep_code(connection, person, code.selector, code_hash)
    assert await codes.verify(drawn[0].written(), sender="one") is None
    assert await codes.verify(drawn[1].written(), sender="one") == person
    assert drawn[1].secret not in str(await world.one("SELECT to_jsonb(r) FROM return_codes r"))


async def test_tries_are_counted_under_keyed_names(world: World) -> None:
    codes = ReturnCodes(PostgresCodes(world.engine, world.vault), "pepper", Limits(sender=1))
    code, _ = await codes.draw()
    for _ in range(3):
        assert await codes.verify(code.written(), sender="one") is None
    assert await world.one("SELECT count(*) FROM tries") == 3
    assert await world.one("SELECT max(count) FROM tries") == 3
