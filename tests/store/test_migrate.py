"""Models and migrations say the same; there is one head; coming up twice or at once changes nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.database import create_engine
from handoff.store.migrate import alembic_config, check
from tests.conftest import drop_database, renamed


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(alembic_config("postgresql://unused")).get_heads()) == 1


def test_no_model_says_what_no_migration_does(database: str) -> None:
    check(database)


async def test_a_difference_is_found(database: str, engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE catch_up ADD COLUMN canary text"))
    with pytest.raises(CommandError):
        await asyncio.to_thread(check, database)


async def test_several_processes_may_bring_it_up_at_once(server: str) -> None:
    name = f"at_once_{os.getpid()}"
    await at_server(server, f"CREATE DATABASE {name}")
    url = renamed(server, name)
    command = [sys.executable, "-c", f"from handoff.store.migrate import upgrade; upgrade({url!r})"]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]  # noqa: ASYNC220 (it returns at once)
    ended = [await asyncio.to_thread(process.communicate) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], ended
    await asyncio.to_thread(check, url)
    await asyncio.to_thread(drop_database, server, name)


async def at_server(server: str, statement: str) -> None:
    other = create_engine(renamed(server, "postgres"), 1).execution_options(isolation_level="AUTOCOMMIT")
    async with other.connect() as connection:
        await connection.execute(text(statement))
    await other.dispose()
