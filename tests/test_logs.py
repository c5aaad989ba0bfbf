"""What a process logs: codes and places, no words, at any level; libraries that would log content are silent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("logging_process.py")


def output(level: str, kind: str) -> str:
    """What a process says that logs at every level through every library."""
    done = subprocess.run([sys.executable, SCRIPT, level, kind], capture_output=True, check=True)
    return (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("kind", ["development", "production"])
@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_no_library_logs_what_it_was_given(level: str, kind: str) -> None:
    said = output(level, kind)
    assert "canary" not in said
    assert "unhandled RuntimeError" in said
    assert ("a debug line" in said) is (level == "DEBUG")


def test_production_logs_are_json_lines() -> None:
    lines = [line for line in output("INFO", "production").splitlines() if line.startswith("{")]
    entry = json.loads(lines[0])
    assert (entry["event"], entry["level"], entry["number"]) == ("an info line", "info", 7)
    assert entry["timestamp"].endswith("Z")
