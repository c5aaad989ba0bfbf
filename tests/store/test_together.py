"""Rows of many callers in one statement: each caller gets its own answer, and only its own trouble."""

from __future__ import annotations

import asyncio
import json
from collections import namedtuple
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.quick import Quick
from handoff.store.together import Together

Returned = namedtuple("Returned", ["n", "name"])
TABLE = "CREATE TABLE things (name text PRIMARY KEY, size int)"
ADD = """
    WITH given AS (SELECT * FROM json_to_recordset(%(rows)s::json) AS row (n int, name text, size int))
    INSERT INTO things SELECT name, size FROM given ORDER BY n
    RETURNING name, (SELECT n FROM given WHERE given.name = things.name) AS n
"""


class Seen(Quick):
    """Remembers the names in each statement; each takes a moment, as a real one does."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.statements: list[list[str]] = []
        self.failure = failure

    async def run(self, statement: str, parameters: Any) -> list[Any]:
        rows = json.loads(parameters["rows"])
        self.statements.append([row["name"] for row in rows])
        await asyncio.sleep(0.01)
        if self.failure:
            raise self.failure
        return [Returned(row["n"], row["name"]) for row in rows if row["name"] != "unknown"]


async def named(together: Together, name: str, key: str = "") -> list[str]:
    return [row.name for row in await together.run(key or name, {"name": name})]


async def test_what_comes_while_one_is_written_goes_together_and_each_gets_its_own() -> None:
    quick = Seen()
    together = Together(quick, ADD)
    got = await asyncio.gather(*(named(together, name) for name in ("a", "b", "unknown", "c")))
    assert got == [["a"], ["b"], [], ["c"]]
    late = asyncio.create_task(named(together, "d"))
    assert await asyncio.gather(named(together, "e"), late) == [["e"], ["d"]]
    assert len(quick.statements) < 4


async def test_one_who_comes_alone_waits_for_nobody() -> None:
    quick = Seen()
    async with asyncio.timeout(0.03):
        assert await named(Together(quick, ADD), "a") == ["a"]


async def test_two_with_one_key_go_one_after_the_other_in_their_order() -> None:
    quick = Seen()
    together = Together(quick, ADD)
    await asyncio.gather(*(named(together, name, key) for name, key in (("a1", "a"), ("b", "b"), ("a2", "a"))))
    assert quick.statements == [["a1", "b"], ["a2"]]


async def test_a_row_that_the_database_refuses_spoils_no_other(engine: AsyncEngine, quick: Quick) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(TABLE))
    together = Together(quick, ADD)
    rows = [{"name": "good", "size": 1}, {"name": None, "size": 2}, {"name": "big", "size": 10**12}, {"name": "last"}]
    results = await asyncio.gather(
        *(together.run(number, row) for number, row in enumerate(rows)), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == [
        "list",
        "NotNullViolation",
        "NumericValueOutOfRange",
        "list",
    ]
    assert [row.name for row in await quick.run("SELECT name FROM things ORDER BY name", {})] == ["good", "last"]


@pytest.mark.parametrize("failure", [psycopg.OperationalError("gone"), RuntimeError("a fault of ours")])
async def test_where_it_may_have_been_written_nothing_is_written_again(failure: Exception) -> None:
    quick = Seen(failure)
    together = Together(quick, ADD)
    results = await asyncio.gather(named(together, "a"), named(together, "b"), return_exceptions=True)
    assert [type(result) for result in results] == [type(failure), type(failure)]
    assert quick.statements == [["a", "b"]]
    quick.failure = None
    assert await named(together, "c") == ["c"]


async def test_who_no_longer_waits_holds_up_nobody() -> None:
    quick = Seen()
    together = Together(quick, ADD)
    leaving, staying = asyncio.create_task(named(together, "a")), asyncio.create_task(named(together, "b"))
    await asyncio.sleep(0.002)
    leaving.cancel()
    assert await staying == ["b"]


async def test_closing_waits_for_what_was_handed_in() -> None:
    quick = Seen()
    together = Together(quick, ADD)
    waiting = asyncio.create_task(named(together, "a"))
    await asyncio.sleep(0)
    await together.aclose()
    assert waiting.done() or await waiting == ["a"]
