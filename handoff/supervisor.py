"""Runs programs as children: waits until each answers, starts the dead again, stops all with all that they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from handoff.store.children import ended, spawn

POLL_S = 0.1
QUICK_DEATHS = 3
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 30.0
STEADY_S = 60.0
STOP_LIMIT_S = 8.0
LAST_LINES = 15


class CannotRun(RuntimeError):
    """The programs cannot run here; the message tells a person what to do."""


@dataclass(frozen=True)
class Program:
    """What to run. `health` answers 200 when it is ready; `port` and `setting` are named when the port is taken."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    health: str
    log: Path
    limit_s: float = 90.0


@dataclass(frozen=True)
class Port:
    """A port that must be free, and the setting that moves it."""

    host: str
    number: int
    setting: str


def check_ports(ports: Iterable[Port]) -> None:
    """Raise CannotRun naming the first port that something else listens on."""
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((port.host, port.number))
            except OSError as error:
                raise CannotRun(
                    f"Port {port.number} on {port.host} is taken ({error.strerror}). "
                    f"Stop what uses it, or set {port.setting} to another one."
                ) from None


@dataclass
class Child:
    """One program, kept running."""

    program: Program
    say: Callable[[str], None]
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    restarts: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def keep(self) -> None:
        """Run it for ever, waiting longer after each quick death. Raises CannotRun when it never became ready."""
        wait_s, deaths = FIRST_WAIT_S, 0
        while True:
            began = time.monotonic()
            self._start()
            await self._until_dead()
            deaths += 1
            if time.monotonic() - began > STEADY_S:
                wait_s = FIRST_WAIT_S
            if not self.ready.is_set() and deaths >= QUICK_DEATHS:
                raise CannotRun(f"{self.program.name} does not start. Its last lines:\n{last_lines(self.program.log)}")
            self.say(f"{self.program.name} ended; starting it again in {wait_s:g} s ({self.program.log})")
            self.restarts += 1
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def stop(self) -> None:
        """End it and everything that it started: asked first, killed after STOP_LIMIT_S."""
        if self._process is None:
            return
        _signal(self._process.pid, signal.SIGTERM)
        await ended(self._process, STOP_LIMIT_S)
        _signal(self._process.pid, signal.SIGKILL)
        await ended(self._process)

    def _start(self) -> None:
        self._process = spawn(self.program.command, env=self.program.env, log=self.program.log)

    async def _until_dead(self) -> None:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            while self._process is not None and self._process.poll() is None:
                if not self.ready.is_set() and await _answers(http, self.program.health):
                    self.ready.set()
                await asyncio.sleep(POLL_S)
        if self._process is not None:
            _signal(self._process.pid, signal.SIGKILL)


async def wait_until_ready(children: Sequence[Child], say: Callable[[str], None], every_s: float = 2.5) -> None:
    """Wait for all, naming those that are still starting. Raises CannotRun when one takes longer than its limit."""
    began = time.monotonic()
    said = began
    while waiting := [child for child in children if not child.ready.is_set()]:
        now = time.monotonic()
        late = [child for child in waiting if now - began > child.program.limit_s]
        if late:
            name, seconds, lines = late[0].program.name, late[0].program.limit_s, last_lines(late[0].program.log)
            raise CannotRun(f"{name} did not answer within {seconds:.0f} s. Its last lines:\n{lines}")
        if now - said > every_s:
            said = now
            say(f"… {now - began:.0f} s, still starting: {', '.join(child.program.name for child in waiting)}")
        await asyncio.sleep(POLL_S)


async def telling[T](what: str, work: Awaitable[T], say: Callable[[str], None], every_s: float = 2.5) -> T:
    """Wait for something, saying every few seconds what takes so long."""
    began = time.monotonic()
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=every_s))[0]:
            say(f"… {time.monotonic() - began:.0f} s, {what}")
        return task.result()
    finally:
        task.cancel()


def last_lines(path: Path) -> str:
    """The end of a program's log, for a person who must see why it failed."""
    try:
        lines = path.read_text(errors="replace").splitlines()[-LAST_LINES:]
    except OSError:
        return "(it wrote nothing)"
    return "\n".join(f"  | {line}" for line in lines) or "(it wrote nothing)"


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _signal(group: int, how: signal.Signals) -> None:
    """To the whole process group: a worker's own children too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, how)
