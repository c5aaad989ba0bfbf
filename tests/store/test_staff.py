"""Staff, sessions and the audit in the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.staff import LOCKED_FOR, SESSION_FOR, TRIES, Deed
from handoff.settings import Settings
from handoff.store.staff import StaffBook
from handoff.store.vault import Vault
from tests.console.world import World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def test_the_last_try_locks_and_the_lock_ends(world: World) -> None:
    await world.staff("mina")
    book, now = StaffBook(), world.clock()
    async with world.engine.begin() as connection:
        tries = [await book.count_try(connection, "mina", now=now) for _ in range(TRIES + 1)]
        assert [attempt is not None for attempt in tries] == [True] * TRIES + [False]
        assert await book.count_try(connection, "mina", now=now + LOCKED_FOR - timedelta(seconds=1)) is None
        assert await book.count_try(connection, "mina", now=now + LOCKED_FOR) is not None


async def test_nobody_without_a_membership_is_at_the_desk(world: World) -> None:
    mina = await world.staff("mina")
    await world.run("DELETE FROM memberships")
    book, now = StaffBook(), world.clock()
    async with world.engine.begin() as connection:
        await book.open_session(connection, mina.id, token_hash=b"hash", csrf="csrf", now=now)
        assert await book.live_session(connection, b"hash", now=now, touch=False) is None


async def test_watching_does_not_keep_a_session_alive(world: World) -> None:
    mina = await world.staff("mina")
    book, now = StaffBook(), world.clock()
    minutes = [now + timedelta(minutes=minute) for minute in (50, 100)]
    async with world.engine.begin() as connection:
        for touch in (False, True):
            name = f"touch {touch}".encode()
            await book.open_session(connection, mina.id, token_hash=name, csrf="csrf", now=now)
            await book.live_session(connection, name, now=minutes[0], touch=touch)
            assert (await book.live_session(connection, name, now=minutes[1], touch=False) is not None) is touch


async def test_ended_sessions_are_cleared_away(world: World) -> None:
    mina = await world.staff("mina")
    book, now = StaffBook(), world.clock()
    async with world.engine.begin() as connection:
        await book.open_session(connection, mina.id, token_hash=b"old", csrf="csrf", now=now)
        later = now + SESSION_FOR + timedelta(seconds=1)
        await book.open_session(connection, mina.id, token_hash=b"new", csrf="csrf", now=later)
    assert await world.one("SELECT count(*) FROM staff_sessions") == 1


async def test_the_audit_cannot_be_changed(world: World) -> None:
    async with world.engine.begin() as connection:
        await StaffBook().record(connection, Deed("someone", "case.read", "case", "id", detail={"code": "x"}))
    for change in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="append-only"):
            await world.run(change)
