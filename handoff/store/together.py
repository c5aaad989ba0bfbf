"""One statement for many callers: what is asked for while a statement runs goes into the next one.

A transaction costs the same for one row as for ten, and every message takes four of them. So callers hand in a row and
wait; their rows are written together, and each is told when its own is committed. An idle system waits for nobody.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

import psycopg

from handoff.store.quick import Quick

# From the start of one statement to that of the next. Short beside a turn, long enough for a few to come together.
GAP_S = 0.015
MOST = 64
# How SQLSTATEs begin after which the server has surely written nothing, so that each row may be tried by itself: bad
# data, a broken constraint, a transaction that was rolled back (serialisation, deadlock).
NOTHING_WRITTEN = ("22", "23", "40001", "40P01")

type Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A row that waits to be written, and where its caller waits."""

    key: Hashable
    row: Row
    written: asyncio.Future[list[Any]]


class Together:
    """Runs one statement over `%(rows)s`, a JSON array of rows, each with its number `n`; it returns rows with `n`.

    Two rows with the same key are never in one statement: the later one goes into a later statement.
    """

    def __init__(self, quick: Quick, statement: str) -> None:
        self._quick = quick
        self._statement = statement
        self._waiting: list[Place] = []
        self._writer: asyncio.Task[None] | None = None

    async def run(self, key: Hashable, row: Row) -> list[Any]:
        """What the statement returned for this row, once it is committed. Raises psycopg.Error."""
        place = Place(key, row, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return await place.written

    async def aclose(self) -> None:
        """Write what still waits."""
        if self._writer is not None:
            with suppress(asyncio.CancelledError):
                await self._writer

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                began = monotonic()
                await self._write(self._next())
                await asyncio.sleep(max(0.0, began + GAP_S - monotonic()))
        finally:
            self._writer = None
            for place in self._waiting:
                place.written.cancel()

    def _next(self) -> list[Place]:
        """The places of the next statement: the first of each key, in the order in which they came."""
        chosen: dict[Hashable, Place] = {}
        later: list[Place] = []
        for place in self._waiting:
            if place.key in chosen or len(chosen) == MOST:
                later.append(place)
            else:
                chosen[place.key] = place
        self._waiting = later
        return list(chosen.values())

    async def _write(self, places: Sequence[Place]) -> None:
        """Write these rows; where one spoils the statement, each by itself, so that it spoils no other."""
        try:
            returned = await self._returned([place.row for place in places])
        except psycopg.Error as error:
            if len(places) > 1 and (error.sqlstate or "").startswith(NOTHING_WRITTEN):
                for place in places:
                    await self._write([place])
                return
            for place in places:
                _tell(place, error=error)
        except Exception as error:
            for place in places:
                _tell(place, error=error)
        else:
            for number, place in enumerate(places):
                _tell(place, rows=returned[number])

    async def _returned(self, rows: Sequence[Row]) -> Mapping[int, list[Any]]:
        returned: defaultdict[int, list[Any]] = defaultdict(list)
        for row in await self._quick.run(self._statement, {"rows": rows_as_json(rows)}):
            returned[row.n].append(row)
        return returned


def rows_as_json(rows: Sequence[Row]) -> str:
    """What `%(rows)s` stands for: the rows with their numbers."""
    numbered = [{**row, "n": number} for number, row in enumerate(rows)]
    return json.dumps(numbered, default=_plain, separators=(",", ":"))


def _tell(place: Place, *, rows: list[Any] | None = None, error: Exception | None = None) -> None:
    """A caller that was cancelled meanwhile is told nothing."""
    if place.written.done():
        return
    if error is not None:
        place.written.set_exception(error)
    else:
        place.written.set_result(rows or [])


def _plain(value: object) -> str:
    """Values as PostgreSQL reads them from a JSON string."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(type(value).__name__)
