"""The worker's periodic jobs, each as the worker runs it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.app import build_house, build_worker, now, worker_jobs
from handoff.services.catch_up import CatchUp
from handoff.settings import Settings
from handoff.store.audit import verify
from handoff.store.vault import Vault
from tests.console.world import World


async def test_every_job_runs_and_the_clocks_and_the_record_are_among_them(
    engine: AsyncEngine, vault: Vault, settings: Settings, database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    world = World(engine, vault, settings, database)
    hour, start = timedelta(hours=1), world.clock()
    case_id = await world.case("ABC234", waited=hour, due_at=start + 0.5 * hour)
    house = build_house(settings)
    _, budget = build_worker(house)
    jobs = worker_jobs(house, CatchUp(house.channels, house.door, house.upkeep, now), budget)
    try:
        for job in jobs.values():
            await job.run()
    finally:
        await house.aclose()
    assert {"escalate", "publish_audit"} <= set(jobs)
    async with engine.connect() as connection:
        query = text("SELECT detail->>'told' FROM audit WHERE object_id = :id AND action = 'case.escalate'")
        assert (await connection.execute(query, {"id": str(case_id)})).scalars().all() == ["worker"]
        assert (await verify(connection, start.date(), start.date()))[0] == []
    assert "job_failed" not in "".join(capfd.readouterr())
