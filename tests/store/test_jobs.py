"""Periodic jobs run; one that fails stops no other, and its words are in no log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store import jobs as module
from handoff.store.jobs import Job, run_jobs
from tests.simulator.running import until

EVERY_SECOND = "* * * * * */1"


@contextlib.asynccontextmanager
async def running(dsn: str, jobs: dict[str, Job]) -> AsyncIterator[None]:
    """The jobs, for the length of the block."""
    task = asyncio.create_task(run_jobs(dsn, jobs))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_jobs_run_again_and_again_and_one_that_fails_stops_no_other(
    database: str, engine: AsyncEngine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.1)
    ran: list[str] = []

    async def good() -> None:
        ran.append("good")

    async def bad() -> None:
        ran.append("bad")
        raise RuntimeError("velvet canary")

    async with running(database, {"good": Job(EVERY_SECOND, good), "bad": Job(EVERY_SECOND, bad)}):
        await until(lambda: ran.count("good") >= 2 and "bad" in ran, 25)
        async with engine.begin() as connection:
            throw_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'amana'"
            await connection.execute(text(f"{throw_out} AND datname = current_database() AND pid <> pg_backend_pid()"))
        seen = ran.count("good")
        await until(lambda: ran.count("good") > seen, 25)
    out, err = capfd.readouterr()
    assert "job_failed" in out
    assert "canary" not in out + err


async def test_a_job_whose_worker_was_killed_runs_again(database: str, engine: AsyncEngine) -> None:
    ran: list[str] = []

    async def good() -> None:
        ran.append("good")

    async with engine.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status)
                VALUES ('default', 'good', 'good', 'good', '{}', 'doing')
            """)
        )
    async with running(database, {"good": Job(EVERY_SECOND, good)}):
        await until(lambda: bool(ran), 25)
