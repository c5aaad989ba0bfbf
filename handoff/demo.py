"""`amana demo`: everything on one machine. Own database, assistant, gateway and desk, worker, simulated phones."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from handoff.demo_secrets import FOCAL, STAFF, demo_environment, password_of
from handoff.settings import Settings
from handoff.store.children import ended, spawn
from handoff.store.embedded import EmbeddedDatabaseError, EmbeddedPostgres
from handoff.supervisor import CannotRun, Child, Port, Program, check_ports, last_lines, telling, wait_until_ready

ROOT = Path(__file__).resolve().parent.parent
BOT = ROOT / "bot"
BOT_PYTHON = BOT / ".venv" / "bin" / "python"
AMANA = str(Path(sys.executable).with_name("amana"))
PREPARE_LIMIT_S = 120.0


def run_demo(settings: Settings) -> int:
    """Run everything until Ctrl-C. Returns the exit code; says in a sentence what is in the way."""
    try:
        asyncio.run(Demo(settings, typer.echo).run())
    except (CannotRun, EmbeddedDatabaseError) as error:
        typer.echo(f"\n{error}", err=True)
        return 1
    return 0


@dataclass(frozen=True)
class Demo:
    """One run. `say` writes a line for the person at the terminal."""

    settings: Settings
    say: Callable[[str], None]

    @property
    def folder(self) -> Path:
        """Where the demo keeps its database, secrets and logs."""
        return Path(self.settings.data_dir).absolute()

    @property
    def rasa_port(self) -> int:
        """Where the assistant listens."""
        return urlsplit(self.settings.rasa_url).port or 5005

    async def run(self) -> None:
        """Start, serve until Ctrl-C or `kill`, stop. Raises CannotRun or EmbeddedDatabaseError."""
        self.check()
        self.say("Amana demo. Nothing leaves this machine. Ctrl-C stops everything.")
        running = asyncio.create_task(self.everything())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.interrupt, running)
        with contextlib.suppress(asyncio.CancelledError):
            await running

    def interrupt(self, running: asyncio.Task[None]) -> None:
        """Stop in good order; once: the second Ctrl-C of an impatient person must not cut the order short."""
        if not running.cancelling():
            self.say("\nStopping …")
            running.cancel()

    def check(self) -> None:
        """Raise CannotRun when something is missing, taken, or meant for production."""
        if "environment" in self.settings.model_fields_set and not self.settings.development:
            raise CannotRun("AMANA_ENVIRONMENT says production, where the demo with its simulated phones does not run.")
        check_ports(self.ports())
        if not BOT_PYTHON.exists() or not list((BOT / "models").glob("*.tar.gz")):
            raise CannotRun("The assistant is not set up here: run `make setup`, or just `make demo`.")

    def ports(self) -> list[Port]:
        """Every port that the demo listens on."""
        chosen = self.settings
        return [
            Port(chosen.host, chosen.port, "AMANA_PORT"),
            Port(chosen.internal_host, chosen.internal_port, "AMANA_INTERNAL_PORT"),
            Port(chosen.internal_host, chosen.worker_metrics_port, "AMANA_WORKER_METRICS_PORT"),
            Port("127.0.0.1", self.rasa_port, "AMANA_RASA_URL"),
            Port(chosen.simulator_host, chosen.simulator_port, "AMANA_SIMULATOR_PORT"),
        ]

    async def everything(self) -> None:
        """All programs until cancelled; then none. Raises CannotRun when one cannot start."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database, children = EmbeddedPostgres(self.folder), list[Child]()
        try:
            async with asyncio.TaskGroup() as group:
                await self.start(database, children, group)
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await asyncio.gather(*(child.stop() for child in children))
            await database.stop()
            self.say("Stopped.")

    async def start(self, database: EmbeddedPostgres, children: list[Child], group: asyncio.TaskGroup) -> None:
        """First what needs nothing, then database and schema, then what needs them."""
        began = time.monotonic()
        env = demo_environment(self.settings, self.folder)

        def keep(*programs: Program) -> None:
            for program in programs:
                children.append(Child(program, self.say))
                group.create_task(children[-1].keep())

        keep(self.assistant(env), self.phones(env))
        self.say("Starting: assistant, phones, database")
        if not self.settings.database_url:
            env["AMANA_DATABASE_URL"] = await telling("starting the database", database.start(), self.say)
            group.create_task(database.watch())
        await telling("preparing the database", self.prepare(env), self.say)
        self.say(f"{time.monotonic() - began:4.0f} s  the database is ready; starting gateway and worker")
        keep(self.gateway(env), self.worker(env))
        await wait_until_ready(children, self.say)
        self.say(f"{time.monotonic() - began:4.0f} s  everything is ready\n\n{self.welcome(env)}")

    def assistant(self, env: Mapping[str, str]) -> Program:
        """Rasa, in its own environment, with no more of ours than it needs: no keys, no database."""
        kept = (
            "PATH",
            "HOME",
            "LANG",
            "AMANA_LOG_LEVEL",
            "AMANA_RASA_TOKEN",
            "AMANA_INTERNAL_TOKEN",
            "AMANA_ACTIONS_URL",
        )
        own = {name: env[name] for name in kept if name in env}
        command = [str(BOT_PYTHON), str(BOT / "run.py"), "-i", "127.0.0.1", "-p", str(self.rasa_port)]
        return self.program("assistant", command, own, f"http://127.0.0.1:{self.rasa_port}/webhooks/amana/")

    def phones(self, env: Mapping[str, str]) -> Program:
        """The simulator: stands in for the providers, and shows the phones."""
        return self.program("phones", [AMANA, "simulator"], env, f"{self.phones_url}/control/health")

    def gateway(self, env: Mapping[str, str]) -> Program:
        """Webhooks and desk."""
        return self.program("gateway", [AMANA, "serve"], env, f"{self.gateway_url}/readyz")

    def worker(self, env: Mapping[str, str]) -> Program:
        """What works the messages."""
        chosen = self.settings
        health = f"http://{chosen.internal_host}:{chosen.worker_metrics_port}/healthz"
        return self.program("worker", [AMANA, "worker"], env, health)

    @property
    def gateway_url(self) -> str:
        """Of gateway and desk."""
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def phones_url(self) -> str:
        """Of the simulator."""
        return f"http://{self.settings.simulator_host}:{self.settings.simulator_port}"

    def program(self, name: str, command: list[str], env: Mapping[str, str], health: str) -> Program:
        """A program with a fresh log in the demo's folder."""
        log = self.folder / "logs" / f"{name}.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        log.unlink(missing_ok=True)
        return Program(name, command, dict(env), health, log)

    async def prepare(self, env: Mapping[str, str]) -> None:
        """Schema and accounts. Raises CannotRun with the last lines of what failed."""
        log = self.folder / "logs" / "prepare.log"
        log.unlink(missing_ok=True)
        process = spawn([sys.executable, "-m", "handoff.demo_prepare"], env=env, log=log)
        try:
            await ended(process, PREPARE_LIMIT_S)
        finally:
            process.kill()
        if await asyncio.to_thread(process.wait):
            raise CannotRun(f"The database could not be prepared. Its last lines:\n{last_lines(log)}")

    def welcome(self, env: Mapping[str, str]) -> str:
        """Where to go, and with which fictional accounts."""
        accounts = "\n".join(
            f"      {role:<11} {login:<6} {password_of(env, login)}  {', '.join(FOCAL.get(login, ()))}".rstrip()
            for login, _, role in STAFF
        )
        return (
            f"  Phones  {self.phones_url}\n  Desk    {self.gateway_url}/console\n{accounts}\n"
            f"  Logs    {self.folder / 'logs'}{os.sep}\n\n  Ctrl-C stops everything."
        )
