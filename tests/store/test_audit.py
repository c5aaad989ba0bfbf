"""The record's chains: whoever changes, takes out, moves or cuts off an entry, even as superuser, is found."""

# ruff: noqa: S608 (a test's own statements)

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.staff import Deed
from handoff.settings import Settings
from handoff.store.audit import publish, verify
from handoff.store.staff import StaffBook
from tests.commands import amana

TODAY = datetime.now(UTC).date()
A, B = uuid.UUID(int=1), uuid.UUID(int=2)


async def record(engine: AsyncEngine, *deeds: tuple[str, uuid.UUID | None]) -> None:
    """These deeds, in one transaction."""
    async with engine.begin() as connection:
        for action, organisation in deeds:
            await StaffBook().record(connection, Deed("someone", action, "case", "x", organisation, {"b": 1, "a": "ü"}))


async def ten(engine: AsyncEngine) -> None:
    """Five entries of each of two organisations, in turn."""
    for number in range(5):
        await record(engine, (f"a{number}", A), (f"b{number}", B))


async def flaws(engine: AsyncEngine) -> list[tuple[str, str, int | None]]:
    """What is found: kind, organisation (A or B), place."""
    async with engine.connect() as connection:
        found, _ = await verify(connection, TODAY - timedelta(days=1), TODAY)
    return [(flaw.what, "B" if flaw.chain.startswith(str(B)) else "A", flaw.place) for flaw in found]


async def tamper(engine: AsyncEngine, *statements: str) -> None:
    """As a superuser who switches the database's own guard off."""
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        for statement in statements:
            await connection.execute(text(statement))
        await connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))


def at(place: int, organisation: uuid.UUID = A) -> str:
    """The condition that finds an entry."""
    return f"organisation_id = '{organisation}' AND place = {place}"


async def test_each_organisation_has_a_chain_a_day_that_counts_from_one(engine: AsyncEngine) -> None:
    await ten(engine)
    await record(engine, ("sign_in", None))
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT chain, place FROM audit ORDER BY chain, place"))).all()
    day = f"{TODAY:%F}"
    wanted = [(f"{org}:{day}", place) for org in (A, B) for place in range(1, 6)] + [(f"deployment:{day}", 1)]
    assert [tuple(row) for row in rows] == sorted(wanted)
    assert await flaws(engine) == []


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ([f"UPDATE audit SET actor = 'nobody' WHERE {at(3)}"], [("changed", "A", 3)]),
        ([f'UPDATE audit SET detail = \'{{"a": "u", "b": 1}}\' WHERE {at(3)}'], [("changed", "A", 3)]),
        ([f"UPDATE audit SET at = at - interval '1 second' WHERE {at(5)}"], [("changed", "A", 5)]),
        ([f"DELETE FROM audit WHERE {at(3)}"], [("missing", "A", 3)]),
        ([f"DELETE FROM audit WHERE {at(1)}"], [("missing", "A", 1)]),
        (
            [
                f"DELETE FROM audit WHERE {at(3)}",
                f"UPDATE audit SET place = 3 WHERE {at(4)}",
                f"UPDATE audit SET place = 4 WHERE {at(5)}",
            ],
            [("changed", "A", 3), ("changed", "A", 4)],
        ),
        (
            [
                f"UPDATE audit SET place = 99 WHERE {at(2)}",
                f"UPDATE audit SET place = 2 WHERE {at(4)}",
                "UPDATE audit SET place = 4 WHERE place = 99",
            ],
            [("changed", "A", 2), ("changed", "A", 3), ("changed", "A", 4), ("changed", "A", 5)],
        ),
        ([f"UPDATE audit SET organisation_id = '{B}' WHERE {at(2)}"], [("changed", "A", 2)]),
        ([f"UPDATE audit SET digest = NULL, place = NULL WHERE {at(5)}"], [("unchained", "A", None)]),
        (
            [f"UPDATE audit SET chain = NULL, digest = NULL, place = NULL WHERE {at(3)}"],
            [("unchained", "A", None), ("missing", "A", 3)],
        ),
    ],
)
async def test_what_somebody_did_to_the_record_is_found(
    engine: AsyncEngine, statements: list[str], found: list[Any]
) -> None:
    await ten(engine)
    assert await flaws(engine) == []
    await tamper(engine, *statements)
    assert sorted(await flaws(engine), key=str) == sorted(found, key=str)


@pytest.mark.parametrize(("kept", "found"), [(3, [4, 5]), (0, [1])])
async def test_an_end_that_was_cut_off_shows_in_the_published_head(
    engine: AsyncEngine, kept: int, found: list[int]
) -> None:
    await ten(engine)
    assert list(await publish(engine, TODAY)) == []
    assert list(await publish(engine, TODAY + timedelta(days=1))) == [f"{TODAY:%F}"]
    assert await publish(engine, TODAY + timedelta(days=1)) == {}
    assert await flaws(engine) == []
    await tamper(engine, f"DELETE FROM audit WHERE organisation_id = '{A}' AND place > {kept}")
    assert await flaws(engine) == [("truncated", "A", place) for place in found]


async def test_an_entry_put_in_after_the_day_was_closed_is_found(engine: AsyncEngine) -> None:
    await ten(engine)
    await publish(engine, TODAY + timedelta(days=1))
    await record(engine, ("late", A))
    assert await flaws(engine) == [("added", "A", 6)]


async def test_whoever_recomputes_chain_and_head_changes_the_digest_of_the_day(engine: AsyncEngine) -> None:
    await ten(engine)
    before = (await publish(engine, TODAY + timedelta(days=1)))[f"{TODAY:%F}"]
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_is_append_only"))
        await connection.execute(text(f"DELETE FROM audit WHERE organisation_id = '{A}' AND place > 2"))
        await connection.execute(text("DELETE FROM audit_heads"))
    await record(engine, ("forged", A))
    assert await flaws(engine) == []
    assert (await publish(engine, TODAY + timedelta(days=1)))[f"{TODAY:%F}"] != before


async def test_the_program_can_neither_change_nor_chain_an_entry_itself(engine: AsyncEngine) -> None:
    await record(engine, ("one", A))
    for statement in (
        "UPDATE audit SET actor = 'nobody'",
        "UPDATE audit SET digest = NULL",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    async with engine.begin() as connection:
        row = "('x', 'y', 'z', 'o', 'elsewhere', 7, '\\x00')"
        columns = "(actor, action, object_kind, object_id, chain, place, digest)"
        await connection.execute(text(f"INSERT INTO audit {columns} VALUES {row}"))
    assert await flaws(engine) == []


async def test_many_at_once_make_one_chain_and_nobody_waits_for_a_transaction_that_is_still_at_work(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as slow:
        await StaffBook().record(slow, Deed("slow", "a", "case", "x", A))
        async with asyncio.timeout(10):
            await asyncio.gather(*(record(engine, (f"n{number}", A), ("m", B)) for number in range(40)))
    async with engine.connect() as connection:
        last = await connection.execute(text("SELECT place FROM audit WHERE actor = 'slow'"))
        assert last.scalar_one() == 41
    assert await flaws(engine) == []


async def test_the_command_says_what_is_wrong_and_where(
    tmp_path: Path, settings: Settings, engine: AsyncEngine
) -> None:
    await ten(engine)
    digest = (await publish(engine, TODAY + timedelta(days=1)))[f"{TODAY:%F}"]
    whole = await asyncio.to_thread(amana, tmp_path, settings, "audit", "verify")
    assert (whole.code, whole.err) == (0, "")
    assert whole.out.splitlines()[0] == f"{TODAY:%F}\t{digest}"
    assert "is whole" in whole.out
    await tamper(engine, f"UPDATE audit SET action = 'nothing' WHERE {at(4)}")
    found = await asyncio.to_thread(amana, tmp_path, settings, "audit", "verify", "--from", f"{TODAY:%F}")
    assert found.code == 1
    assert found.err.startswith(f"changed\t{A}:{TODAY:%F}\tplace 4\tentry ")
    other = await asyncio.to_thread(amana, tmp_path, settings, "audit", "verify", "--to", "2020-01-01")
    assert other.code == 0
    wrong = await asyncio.to_thread(amana, tmp_path, settings, "audit", "verify", "--to", "tomorrow")
    assert (wrong.code, wrong.err) == (1, "'tomorrow' is no day such as 2026-01-31\n")
