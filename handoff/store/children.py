"""Child processes that do not outlive us: tethered to us, in a session of their own, logging to a file."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from handoff.store import tethered

POLL_S = 0.05


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    cwd: Path | None = None,
    uid: int | None = None,
    gid: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as the given user (ours by default); its output is appended to `log`, made 0600.

    A session of its own, because Ctrl-C at a terminal goes to the whole group: passing it on, in order, is ours to do.
    The program is interrupted when the thread that calls this ends.
    """
    tether = [sys.executable, "-I", "-S", tethered.__file__, str(os.getpid())]
    user = [str(os.geteuid() if uid is None else uid), str(os.getegid() if gid is None else gid)]
    log.touch(mode=0o600)
    with log.open("ab") as written:
        return subprocess.Popen(  # noqa: S603
            [*tether, *user, *command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )


async def ended(process: subprocess.Popen[bytes], limit_s: float = math.inf) -> bool:
    """Wait for a child's end: False when it takes longer.

    By looking, so that it does not matter which event loop or thread started it.
    """
    deadline = time.monotonic() + limit_s
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True
