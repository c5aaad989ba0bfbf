"""Single statements over a pool that outlives the server."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.quick import Quick

END_ALL = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
""")


async def test_a_server_that_went_away_costs_one_error_however_many_connections_were_open(
    engine: AsyncEngine, quick: Quick
) -> None:
    await asyncio.gather(*(quick.run("SELECT pg_sleep(0.1)", {}) for _ in range(6)))
    async with engine.begin() as connection:
        await connection.execute(END_ALL)
    with pytest.raises(psycopg.OperationalError):
        await quick.run("SELECT 1", {})
    for _ in range(6):
        assert (await quick.run("SELECT 1 AS one", {}))[0].one == 1
