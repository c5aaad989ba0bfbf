"""The system under measure: `amana demo` on ports of its own, in a folder of its own, with all its processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

GATEWAY, INTERNAL, WORKER, RASA, SIMULATOR = 28400, 28401, 28402, 28405, 28410
START_LIMIT_S = 180.0
OURS = {"gateway": "serve", "worker": "worker", "assistant": "run.py", "postgres": "postgres"}


class NotStarted(SystemExit):
    """The system ended before it was ready; its output says why."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"the system did not start:\n{log.read_text()}")


@dataclass(frozen=True)
class Stack:
    """A running system."""

    process: subprocess.Popen[bytes]
    folder: Path
    http: aiohttp.ClientSession
    simulator: str = f"http://127.0.0.1:{SIMULATOR}"

    def secret(self, name: str) -> str:
        """A generated secret of this run."""
        lines = (self.folder / "demo.env").read_text().splitlines()
        return next(line.split("=", 1)[1] for line in lines if line.startswith(f"{name}="))

    def memory_mb(self) -> dict[str, float]:
        """Proportional set size of each part in MB (what would be freed if it alone ended); not the simulator's."""
        sizes = dict.fromkeys(OURS, 0.0)
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error, FileNotFoundError):
                part = _part(child.cmdline())
                if part:
                    sizes[part] += pss_mb(child.pid)
        return {part: round(size, 1) for part, size in sizes.items()}

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds used so far, by part; the simulator's and this program's too."""
        used = dict.fromkeys([*OURS, "simulator"], 0.0)
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                line = child.cmdline()
                part = _part(line) or ("simulator" if "simulator" in line else "")
                if part:
                    times = child.cpu_times()
                    used[part] += times.user + times.system
        return used


def _part(line: list[str]) -> str:
    words = " ".join(line)
    if "simulator" in line:
        return ""
    return next((part for part, word in OURS.items() if word in line or f"/{word}" in words), "") or (
        "postgres" if words.startswith("postgres") else ""
    )


def pss_mb(pid: int) -> float:
    """The proportional set size of a process in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def environment(folder: Path) -> dict[str, str]:
    """Ports of our own, and no limit a sender: a few hundred phones stand for many thousand people."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AMANA_")},
        "AMANA_ENVIRONMENT": "development",
        "AMANA_DATA_DIR": str(folder),
        "AMANA_PORT": str(GATEWAY),
        "AMANA_INTERNAL_PORT": str(INTERNAL),
        "AMANA_WORKER_METRICS_PORT": str(WORKER),
        "AMANA_RASA_URL": f"http://127.0.0.1:{RASA}",
        "AMANA_SIMULATOR_PORT": str(SIMULATOR),
        "AMANA_SENDER_PER_MINUTE": "1000000",
        "AMANA_SENDER_PER_DAY": "1000000",
        "AMANA_DAILY_SEGMENTS": "100000000",
    }


def start(command: list[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start it with its output in a file."""
    with log.open("wb") as output:
        return subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)


def is_ready(log: Path) -> bool:
    """Whether it has said so."""
    return "everything is ready" in log.read_text()


@asynccontextmanager
async def running() -> AsyncIterator[Stack]:
    """Start everything, wait until it answers, stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="amana-bench-") as name:
        folder = Path(name)
        log = folder / "demo.log"
        command = [str(Path(sys.executable).with_name("amana")), "demo"]
        process = start(command, environment(folder), log)
        async with aiohttp.ClientSession() as http:
            try:
                await _ready(process, log)
                yield Stack(process, folder, http)
            finally:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    await asyncio.to_thread(process.wait, 30)
                process.kill()


async def _ready(process: subprocess.Popen[bytes], log: Path) -> None:
    async with asyncio.timeout(START_LIMIT_S):
        while not is_ready(log):
            if process.poll() is not None:
                raise NotStarted(log)
            await asyncio.sleep(0.3)
