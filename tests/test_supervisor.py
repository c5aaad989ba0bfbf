"""Programs kept running: what a person at the terminal sees, and what is left afterwards."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from handoff.supervisor import CannotRun, Child, Port, Program, check_ports, telling, wait_until_ready
from tests.ports import free_port

SERVER = """
import http.server, subprocess, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""


def program(folder: Path, source: str, port: int, limit_s: float = 20.0) -> Program:
    command = [sys.executable, "-c", source, str(port)]
    return Program("sample", command, dict(os.environ), f"http://127.0.0.1:{port}/", folder / "sample.log", limit_s)


@contextlib.asynccontextmanager
async def kept(child: Child):  # type: ignore[no-untyped-def]
    task = asyncio.create_task(child.keep())
    try:
        yield task
    finally:
        task.cancel()
        await child.stop()
        with contextlib.suppress(asyncio.CancelledError, CannotRun):
            await task


async def another(child: Child, first: int) -> None:
    while True:
        if child.pid not in (first, None):
            return
        await asyncio.sleep(0.05)


async def gone(pid: int, limit_s: float = 5.0) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_killed_program_is_started_again_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    child = Child(program(tmp_path, SERVER, free_port()), said.append)
    async with kept(child):
        await asyncio.wait_for(child.ready.wait(), 20)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(another(child, first), 20)
    assert any("sample ended; starting it again" in line for line in said)


async def test_stopping_ends_what_the_program_started(tmp_path: Path) -> None:
    child = Child(program(tmp_path, SERVER, free_port()), print)
    async with kept(child):
        await asyncio.wait_for(child.ready.wait(), 20)
        grandchild = int((tmp_path / "sample.log").read_text().split()[1])
        assert psutil.pid_exists(grandchild)
    assert await gone(grandchild)
    assert child.pid is None


async def test_what_a_killed_program_had_started_does_not_stay(tmp_path: Path) -> None:
    child = Child(program(tmp_path, SERVER, free_port()), [].append)
    async with kept(child):
        await asyncio.wait_for(child.ready.wait(), 20)
        grandchild = int((tmp_path / "sample.log").read_text().split()[1])
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        assert await gone(grandchild)


async def test_a_program_that_never_starts_ends_with_its_last_lines(tmp_path: Path) -> None:
    child = Child(program(tmp_path, "raise SystemExit('the reason')", free_port()), [].append)
    with pytest.raises(CannotRun, match=r"(?s)sample does not start.*the reason"):
        await asyncio.wait_for(child.keep(), 30)


async def test_a_program_that_never_answers_is_named_after_its_limit(tmp_path: Path) -> None:
    said: list[str] = []
    child = Child(program(tmp_path, "import time; time.sleep(600)", free_port(), limit_s=1.0), said.append)
    async with kept(child):
        with pytest.raises(CannotRun, match="sample did not answer within 1 s"):
            await wait_until_ready([child], said.append, every_s=0.3)
    assert any("still starting: sample" in line for line in said)


async def test_what_takes_long_is_said_until_it_is_done() -> None:
    said: list[str] = []
    assert await telling("counting", asyncio.sleep(0.5, 7), said.append, every_s=0.1) == 7
    assert said
    assert all(line.endswith("s, counting") for line in said)


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"Port {port} on 127.0.0.1 is taken .*AMANA_PORT"):
            check_ports([Port("127.0.0.1", port, "AMANA_PORT")])


async def test_the_programs_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    source = """
import asyncio, sys, os
from pathlib import Path
from handoff.supervisor import Child, Program
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
program = Program("sample", sleep, dict(os.environ), "http://127.0.0.1:9/", Path(sys.argv[1]) / "log")
async def main():
    child = Child(program, print)
    task = asyncio.create_task(child.keep())
    while child.pid is None:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    print(child.pid, flush=True)
    await task
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    pid = int(await supervisor.stdout.readline())
    supervisor.kill()
    await supervisor.wait()
    assert await gone(pid)
