"""Everything that is not a message: periodic jobs, kept by procrastinate in the same database (DESIGN §3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import procrastinate
import structlog

from handoff.store.database import libpq_dsn

log = structlog.get_logger(__name__)
PAUSE_S = 2.0
KEPT_HOURS = 24


@dataclass(frozen=True, slots=True)
class Job:
    """`cron` has procrastinate's six fields (the last is seconds). `run` must be safe to run twice."""

    cron: str
    run: Callable[[], Awaitable[object]]


def build(dsn: str, jobs: Mapping[str, Job]) -> procrastinate.App:
    """The job queue with every job registered as periodic; one of a kind waits at a time, over all workers.

    No lock while they run: that of a worker that was killed, or lost the database, would stop the job for ever.
    """
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=libpq_dsn(dsn), min_size=1, max_size=2))
    for name, job in jobs.items():
        _register(app, name, job)
    return app


def _register(app: procrastinate.App, name: str, job: Job) -> None:
    @app.periodic(cron=job.cron)
    @app.task(name=name, queueing_lock=name, pass_context=False)
    async def run(timestamp: int) -> None:
        try:
            await job.run()
        except Exception as error:
            log.error("job_failed", job=name, error=type(error).__name__)
            raise


async def run_jobs(dsn: str, jobs: Mapping[str, Job]) -> None:
    """Work the jobs for ever; a database that goes away costs a pause."""
    while True:
        try:
            app = build(dsn, jobs)
            async with app.open_async():
                await app.run_worker_async(
                    install_signal_handlers=False,
                    listen_notify=False,
                    delete_jobs="always",
                    fetch_job_polling_interval=5,
                )
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.warning("jobs_interrupted", error=type(error).__name__)
        await asyncio.sleep(PAUSE_S)
