"""Signing in, and adding staff."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.staff import TRIES
from handoff.services.sign_in import SignedIn, add_staff, session_of, sign_in
from handoff.settings import Settings
from handoff.store.staff import StaffBook
from handoff.store.vault import Vault
from tests.console.world import HOME, NAMES, PASSWORD, World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def enter(world: World, login: str, password: str) -> SignedIn | None:
    """Try to sign in, in a transaction of its own."""
    async with world.engine.begin() as connection:
        return await sign_in(StaffBook(), connection, login, password, now=world.clock())


async def test_a_session_says_who_and_where(world: World) -> None:
    mina = await world.staff("mina", role="supervisor")
    entered = await enter(world, " Mina ", PASSWORD)
    assert entered is not None
    async with world.engine.begin() as connection:
        session = await session_of(StaffBook(), connection, entered.token, now=world.clock(), touch=True)
    assert session is not None
    assert session.user == mina
    assert session.user.supervises(await world.organisation_id(HOME))
    assert entered.token not in repr(entered)
    assert session.csrf not in repr(session)


async def test_many_tries_at_once_are_counted_one_by_one(world: World) -> None:
    await world.staff("mina")
    await asyncio.gather(*(enter(world, "mina", "wrong") for _ in range(TRIES)))
    assert await enter(world, "mina", PASSWORD) is None


async def test_a_good_sign_in_forgives_the_tries_before(world: World) -> None:
    await world.staff("mina")
    for _ in range(2):
        for _ in range(TRIES - 1):
            assert await enter(world, "mina", "wrong") is None
        assert await enter(world, "mina", PASSWORD) is not None


async def test_an_unknown_login_takes_as_long_as_a_wrong_password(world: World) -> None:
    await world.staff("mina")

    async def best(login: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            await enter(world, login, "wrong")
            times.append(time.perf_counter() - start)
        return min(times)

    known, unknown = await best("mina"), await best("nobody")
    assert unknown > known / 3


async def test_adding_somebody_twice_changes_them_and_ends_their_sessions(world: World) -> None:
    first = await world.staff("mina")
    entered = await enter(world, "mina", PASSWORD)
    assert entered is not None
    again = await world.staff("mina", role="admin")
    async with world.engine.begin() as connection:
        assert await session_of(StaffBook(), connection, entered.token, now=world.clock(), touch=True) is None
    assert first.id == again.id
    assert await world.one("SELECT string_agg(role, ' ') FROM memberships") == "admin"


@pytest.mark.parametrize(("role", "password"), [("boss", PASSWORD), ("admin", "short")])
async def test_bad_staff_is_refused_with_a_sentence(world: World, role: str, password: str) -> None:
    async with world.engine.begin() as connection:
        with pytest.raises(ValueError, match=r"role must be|at least 12"):
            await add_staff(
                StaffBook(),
                connection,
                login="mina",
                name="Mina",
                password=password,
                role=role,
                organisation=HOME,
                organisation_name=NAMES[HOME],
            )


async def test_passwords_are_kept_as_argon2id(world: World) -> None:
    await world.staff("mina")
    assert (await world.one("SELECT password_hash FROM staff")).startswith("$argon2id$")
