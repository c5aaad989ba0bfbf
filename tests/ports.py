"""Ports for the programs that tests start."""

from __future__ import annotations

import itertools
import os
import socket

# Below those that the system itself gives to whoever asks for any port, so that none is taken between asking and using.
FIRST, EACH = 20_000, 2_000
MOST_WORKERS = 6


def _ports() -> itertools.cycle[int]:
    """This process's own ports, one after the other: no other worker of the same run gives them away."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % MOST_WORKERS
    begin = os.getpid() % EACH
    mine = range(FIRST + worker * EACH, FIRST + (worker + 1) * EACH)
    return itertools.cycle((*mine[begin:], *mine[:begin]))


_given = _ports()


def free_port() -> int:
    """A port that nobody listens on."""
    for port in _given:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("a cycle does not end")
