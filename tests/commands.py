"""`amana` as an operator runs it: a process of its own with its own environment."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from handoff.settings import Settings

AMANA = str(Path(sys.executable).with_name("amana"))


@dataclass(frozen=True)
class Done:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


def amana(folder: Path, settings: Settings | None, *arguments: str, given: str = "", **changes: str) -> Done:
    """Run a command with these settings; `changes` are further variables without their prefix."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    for name in settings.model_fields_set if settings else ():
        value = getattr(settings, name)
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        env[f"AMANA_{name.upper()}"] = ",".join(plain) if isinstance(plain, tuple) else str(plain)
    env |= {f"AMANA_{name.upper()}": value for name, value in changes.items()}
    done = subprocess.run(
        [AMANA, *arguments], env=env, input=given.encode(), capture_output=True, cwd=folder, timeout=60
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())
