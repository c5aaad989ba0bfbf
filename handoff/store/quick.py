"""Single statements on psycopg itself, each one its own transaction: those that every message takes.

SQLAlchemy's statement and result layers cost more than these statements themselves (docs/adr/0006). It still keeps the
pool and drops broken connections; everything that needs a transaction of several statements goes through it whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn


class Quick:
    """Runs a statement written for psycopg (`%(name)s`) and returns its rows, as named tuples."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows. Raises psycopg.Error, whose text must not be logged (it can hold values)."""
        async with self._connection() as connection:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        pooled = await self._engine.raw_connection()
        connection: psycopg.AsyncConnection[Any] = pooled.driver_connection  # type: ignore[assignment]
        try:
            yield connection
        finally:
            if connection.closed:
                # The server went away, so the others are dead too: one error in all, not one for each of them.
                await greenlet_spawn(pooled.invalidate)
                await self._engine.dispose()
            elif connection.pgconn.transaction_status:
                await greenlet_spawn(pooled.invalidate)
            else:
                await greenlet_spawn(pooled.close)

    async def aclose(self) -> None:
        """Close the pool."""
        await self._engine.dispose()


# Planning these statements anew for each run costs as much as running them. One plan, kept: each of them looks up a few
# rows by their keys, so it must be the same on a small table and on a large one, also when it was made on an empty one.
LOOKUPS = ("plan_cache_mode=force_generic_plan", "enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off")
QUICK_OPTIONS = {
    "autocommit": True,
    "row_factory": namedtuple_row,
    "options": " ".join(f"-c {setting}" for setting in LOOKUPS),
}
