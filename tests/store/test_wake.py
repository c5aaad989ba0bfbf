"""Listening goes on when the database comes back, and says that there was a gap."""

from __future__ import annotations

import asyncio
import contextlib

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.wake import listen
from tests.simulator.running import until

THROW_OUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
)


async def do(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def test_what_is_notified_is_heard_also_after_a_gap(database: str, engine: AsyncEngine) -> None:
    heard: list[str] = []
    gaps: list[int] = []
    task = asyncio.create_task(listen(database, "amana_desk", heard.append, gap=lambda: gaps.append(len(heard))))
    await until(lambda: heard == [""])
    await do(engine, "SELECT pg_notify('amana_desk', 'one'), pg_notify('amana_due', 'not for us')")
    await until(lambda: heard == ["", "one"])
    assert gaps == []
    await do(engine, THROW_OUT)
    await until(lambda: heard == ["", "one", ""])
    assert gaps == [2]
    await do(engine, "SELECT pg_notify('amana_desk', 'two')")
    await until(lambda: heard[-1] == "two")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
