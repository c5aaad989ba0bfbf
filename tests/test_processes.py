"""The processes end in good order: what was being worked on is finished, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette

from handoff.processes import on_end, server, until_one_ends, work_behind


class SlowWorker:
    """Finishes what it has after it was told to stop."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.finished = False

    def stop(self) -> None:
        self.stopping.set()

    async def run(self) -> None:
        await self.stopping.wait()
        await asyncio.sleep(0.2)
        self.finished = True


async def test_sigterm_lets_a_worker_finish_what_it_has() -> None:
    worker, port = SlowWorker(), server(Starlette(), "127.0.0.1", 0)
    forever = asyncio.Event()
    on_end(worker.stop)
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(until_one_ends(work_behind(port, worker), forever.wait()))  # type: ignore[arg-type]
    while not port.started:  # noqa: ASYNC110 (uvicorn does not tell)
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 5)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
    assert worker.finished
    assert port.should_exit


async def test_the_first_error_is_raised_and_ends_the_others() -> None:
    ended = SimpleNamespace(cancelled=False)

    async def lasting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.cancelled = True

    async def failing() -> None:
        await asyncio.sleep(0)
        raise ValueError("a sentence")

    with pytest.raises(ValueError, match="a sentence"):
        await until_one_ends(lasting(), failing())
    assert ended.cancelled
