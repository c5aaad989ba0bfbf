"""The whole service as real processes on free ports, kept running as the demo keeps it; any of them can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from handoff.demo import Demo
from handoff.demo_secrets import demo_environment
from handoff.settings import Settings
from handoff.store.database import libpq_dsn
from handoff.store.embedded import EmbeddedPostgres, answers
from handoff.store.vault import Vault
from handoff.supervisor import Child, Program, wait_until_ready
from tests.ports import free_port
from tests.rasa_server import ensure_model

CONCURRENCY = 6
WORKERS = ("worker 1", "worker 2")
# What can be under way to a provider at any moment: one message a lease, so many leases a worker.
IN_FLIGHT = CONCURRENCY * len(WORKERS)
# The promise, on a machine of its own: these tests run by themselves.
BACK_S = 5.0


def fleet_settings(folder: Path) -> Settings:
    """Ports of our own, and no limit a sender: few phones stand for many."""
    return Settings(
        _env_file=None,
        environment="development",
        data_dir=str(folder),
        port=free_port(),
        internal_port=free_port(),
        worker_metrics_port=free_port(),
        simulator_port=free_port(),
        rasa_url=f"http://127.0.0.1:{free_port()}",
    )


def fleet_environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The demo's own environment for these ports. Compiled modules are kept, as on any machine but a build machine."""
    env = demo_environment(settings, folder)
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env | {
        "AMANA_PORT": str(settings.port),
        "AMANA_INTERNAL_PORT": str(settings.internal_port),
        "AMANA_SIMULATOR_PORT": str(settings.simulator_port),
        "AMANA_RASA_URL": settings.rasa_url,
        "AMANA_WORKER_CONCURRENCY": str(CONCURRENCY),
        "AMANA_SENDER_PER_MINUTE": "1000000",
        "AMANA_SENDER_PER_DAY": "1000000",
    }


@dataclass
class Fleet:
    """The running service. `kill` is `kill -9`; who comes back, and how fast, is what the tests look at."""

    demo: Demo
    env: dict[str, str]
    database: EmbeddedPostgres
    http: httpx.AsyncClient
    children: dict[str, Child] = field(default_factory=dict)
    kills: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def dsn(self) -> str:
        """Of the database."""
        return self.env["AMANA_DATABASE_URL"]

    @property
    def vault(self) -> Vault:
        """The vault with the keys of this run."""
        keys = Settings(_env_file=None, master_keys=self.env["AMANA_MASTER_KEYS"])
        return Vault(keys.master_key_list(), self.env["AMANA_INDEX_KEY"].encode())

    async def start(self) -> None:
        """Start what the demo starts, and a second worker. Raises CannotRun with the last lines of what does not."""
        self._keep("assistant", self.demo.assistant(self.env))
        self._keep("phones", self.demo.phones(self.env))
        self.env["AMANA_DATABASE_URL"] = await self.database.start()
        self._tasks.append(asyncio.create_task(self.database.watch()))
        await self.demo.prepare(self.env)
        self._keep("gateway", self.demo.gateway(self.env))
        for name in WORKERS:
            self._keep(name, self._worker(name))
        await wait_until_ready(list(self.children.values()), lambda line: None)

    def _worker(self, name: str) -> Program:
        port = free_port()
        env = self.env | {"AMANA_WORKER_METRICS_PORT": str(port)}
        return self.demo.program(name, list(self.demo.worker(env).command), env, f"http://127.0.0.1:{port}/healthz")

    def _keep(self, name: str, program: Program) -> None:
        self.children[name] = Child(program, lambda line: None)
        self._tasks.append(asyncio.create_task(self.children[name].keep()))

    async def stop(self) -> None:
        """Stop everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in self.children.values()))
        await self.database.stop()

    def kill(self, name: str) -> int:
        """`kill -9` a program or "postgres". Returns the process id that it had."""
        pid = self.database.pid if name == "postgres" else self.children[name].pid
        assert pid, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        return pid

    async def back(self, name: str, former: int) -> float:
        """Wait until it answers again under another process id; returns the seconds that took."""
        began = time.monotonic()
        async with asyncio.timeout(BACK_S):
            while not await self._answers(name, former):  # noqa: ASYNC110 (only looking tells)
                await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def _answers(self, name: str, former: int) -> bool:
        if name == "postgres":
            return self.database.pid not in (former, None) and await answers(self.dsn)
        child = self.children[name]
        if child.pid in (former, None):
            return False
        try:
            return (await self.http.get(child.program.health)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the simulator (GET), or tell it (POST)."""
        url = f"{self.demo.phones_url}/control/{path}"
        answer = await (self.http.get(url) if body is None else self.http.post(url, json=body))
        return answer.raise_for_status().json()

    async def rows(self, query: str) -> list[Any]:
        """Rows of the database, as named tuples."""
        factory = psycopg.rows.namedtuple_row
        async with await psycopg.AsyncConnection.connect(libpq_dsn(self.dsn), row_factory=factory) as there:
            return await (await there.execute(query)).fetchall()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Fleet]:
    """Start everything, wait until it answers, stop it at the end."""
    ensure_model()
    settings = fleet_settings(folder)
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        env = fleet_environment(settings, folder)
        fleet = Fleet(Demo(settings, lambda line: None), env, EmbeddedPostgres(folder), http)
        try:
            await fleet.start()
            yield fleet
        finally:
            await fleet.stop()
