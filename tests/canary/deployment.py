"""A whole deployment as real processes, at DEBUG: database, gateway, worker, assistant. Everything they say is kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn
from pydantic import SecretStr

from handoff.settings import Settings
from handoff.simulator.app import build as build_simulator
from handoff.simulator.simulator import Simulator
from handoff.store.embedded import EmbeddedPostgres, libpq_url
from handoff.store.postgres_home import account_for, binaries
from tests.canary.canaries import SECRETS
from tests.path.whole import CHANNELS
from tests.ports import free_port
from tests.rasa_server import Rasa, start_rasa
from tests.simulator import running as sim

AMANA = str(Path(sys.executable).with_name("amana"))
ODD_WORKER = Path(__file__).with_name("odd_worker.py")
KEPT = ("PATH", "HOME", "LANG")
BUSY = "SELECT count(*) FROM inbound WHERE worked_at IS NULL"


@dataclass
class Deployment:
    """What runs, and what it has said so far."""

    settings: Settings
    folder: Path
    env: Mapping[str, str]
    database: EmbeddedPostgres
    simulator: Simulator
    rasa: Rasa
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)

    @property
    def web(self) -> str:
        """The public address."""
        return self.settings.public_base_url

    @property
    def internal(self) -> str:
        """The gateway's internal address."""
        return f"http://127.0.0.1:{self.settings.internal_port}"

    def start(self, name: str, *command: str) -> None:
        """A process whose output goes to a file of its name."""
        with (self.folder / f"{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(command, env=self.env, stdout=out, stderr=out, cwd=self.folder)

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop a process and wait for it."""
        process = self.processes.pop(name)
        process.send_signal(how)
        process.wait(15)

    def run(self, name: str, *command: str, given: str = "") -> str:
        """A command to its end; its output is kept and returned. Raises when it fails."""
        with (self.folder / f"{name}.log").open("ab") as out:
            done = subprocess.run(
                command, env=self.env, input=given.encode(), stdout=subprocess.PIPE, stderr=out, cwd=self.folder
            )
            out.write(done.stdout)
        assert done.returncode == 0, f"{name} ended with {done.returncode}"
        return done.stdout.decode()

    async def ready(self, name: str, port: int) -> None:
        """Wait for a process to answer."""
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            while True:
                assert self.processes[name].poll() is None, f"{name} has ended: see {self.folder}"
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def start_worker(self, fault: str = "") -> None:
        """The worker; with a fault of `odd_worker` if one is named."""
        command = (sys.executable, str(ODD_WORKER), fault) if fault else (AMANA, "worker")
        self.start(f"worker {fault}".strip(), *command)
        await self.ready(f"worker {fault}".strip(), self.settings.worker_metrics_port)

    def sql(self, statement: str) -> Any:
        """Ask or change the database as its owner could."""
        with psycopg.connect(libpq_url(self.database.home.url()), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    async def until(self, query: str, wanted: Any, timeout_s: float = 20.0) -> None:
        """Wait until the database answers this."""
        async with asyncio.timeout(timeout_s):
            while await asyncio.to_thread(self.sql, query) != wanted:  # noqa: ASYNC110 (only looking tells)
                await asyncio.sleep(0.05)

    async def settle(self) -> None:
        """Wait until every webhook was brought and every message worked."""
        await sim.until(lambda: not self.simulator.courier.pending, 30)
        await self.until(BUSY, 0)

    def said(self, name: str) -> str:
        """What a process has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    async def outputs(self) -> dict[str, str]:
        """Everything that anybody but the person could read: logs, metrics, pages, dead letters, the dump."""
        ports = {"metrics of web": self.settings.internal_port, "metrics of worker": self.settings.worker_metrics_port}
        outputs = {}
        async with httpx.AsyncClient() as client:
            for name, port in ports.items():
                outputs[name] = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        self.run("dead letters", AMANA, "dead-letters", "list")
        outputs["dump"] = self._dump()
        outputs["pages"] = "\n".join(self.pages)
        outputs["postgres"] = self.database.home.log.read_text(errors="replace")
        outputs["assistant"] = self.rasa.output()
        return outputs | {path.stem: path.read_text(errors="replace") for path in self.folder.glob("*.log")}

    def _dump(self) -> str:
        program = binaries(account_for(self.database.home)) / "pg_dump"
        command = [str(program), "--inserts", libpq_url(self.database.home.url())]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def settings_of(folder: Path) -> Settings:
    """Secrets that are canaries, ports that are free."""
    port, internal, metrics, provider = (free_port() for _ in range(4))
    gateway, simulator = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{provider}"
    given = sim.settings_for(gateway).model_dump(exclude_unset=True)
    values: dict[str, Any] = {
        **given,
        **SECRETS,
        "port": port,
        "internal_port": internal,
        "worker_metrics_port": metrics,
        "simulator_port": provider,
        "twilio_api_url": simulator,
        "meta_api_url": simulator,
        "telegram_api_url": simulator,
        "rasa_url": f"http://127.0.0.1:{free_port()}",
        "rasa_timeout_s": 0.5,
        "lease_s": 1.5,
        "data_dir": str(folder / "data"),
        "channels": CHANNELS,
        "log_level": "DEBUG",
        "hotline": "+15550100 (fictional)",
    }
    return Settings(_env_file=None, **values)


def environment_of(settings: Settings, url: str) -> dict[str, str]:
    """The same, as the processes read it."""
    env = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("COVERAGE")}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        env[f"AMANA_{name.upper()}"] = ",".join(plain) if isinstance(plain, tuple) else str(plain)
    return env | {"AMANA_DATABASE_URL": url}


@asynccontextmanager
async def deployed(folder: Path) -> AsyncIterator[Deployment]:
    """Start everything; stop everything."""
    settings = settings_of(folder)
    logs = folder / "logs"
    logs.mkdir()
    database = EmbeddedPostgres(folder / "data")
    simulator = Simulator(settings, pace=sim.QUICK, time_scale=0.01)
    url = await database.start()
    with ExitStack() as stack:
        rasa = await asyncio.to_thread(stack.enter_context, _assistant(settings, folder))
        running = Deployment(settings, logs, environment_of(settings, url), database, simulator, rasa)
        try:
            async with _phones(settings, simulator):
                await _start(running)
                yield running
        finally:
            for name in list(running.processes):
                running.end(name, signal.SIGKILL)
            await database.stop()


async def _start(running: Deployment) -> None:
    await asyncio.to_thread(running.run, "migrate", AMANA, "migrate")
    running.start("web", AMANA, "serve")
    await running.ready("web", running.settings.port)
    await running.start_worker()


def _assistant(settings: Settings, folder: Path) -> Any:
    return start_rasa(
        int(settings.rasa_url.rpartition(":")[2]),
        f"http://127.0.0.1:{settings.internal_port}/internal/actions",
        settings.secret("rasa_token"),
        settings.secret("internal_token"),
        log=folder / "assistant.log",
        level="DEBUG",
    )


@asynccontextmanager
async def _phones(settings: Settings, simulator: Simulator) -> AsyncIterator[None]:
    app = build_simulator(settings, simulator=simulator)
    config = uvicorn.Config(
        app, port=settings.simulator_port, log_level="critical", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await sim.until(lambda: server.started)
    try:
        yield
    finally:
        server.should_exit = True
        await task
