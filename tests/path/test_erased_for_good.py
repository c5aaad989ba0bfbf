"""The proof (SAFETY §5): after an erasure, nothing that the present master keys open holds what was said or from where.

Looked through are the database, a dump of it, a backup from before (rows and keys dumped apart, the list of erased ids
applied), rows of that backup beside the keys of today, and everything that was logged. The proof is proven: with the
deletion of keys switched off it fails.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from handoff.store import erasing, persons
from handoff.store.database import create_engine, libpq_dsn
from handoff.store.erased import apply_erased, erased_ids
from handoff.store.postgres_home import Account, binaries
from tests.canary.detector import leaks
from tests.conftest import drop_database, renamed
from tests.path.opened import dump, keys_of, readable, restore
from tests.path.test_erasing import all_gone, erase
from tests.path.test_handoff import reach_queue, read_all
from tests.path.whole import Whole

NUMBER = "+15550177431"
WORDS = "turquoise pelican under the bridge"
CANARIES = {"number": NUMBER, "words": WORDS}


@pytest.fixture
def program() -> Path:
    """The folder of pg_dump and pg_restore: that of the server."""
    if os.environ.get("AMANA_TEST_DATABASE_URL"):
        return Path(shutil.which("pg_dump") or "/usr/bin/pg_dump").parent
    return binaries(Account(os.geteuid(), os.getegid()))


@asynccontextmanager
async def restored(server: str, program: Path, *dumps: Path) -> AsyncIterator[str]:
    """A scratch database with these dumps in it."""
    name = f"restored_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(libpq_dsn(server), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    for source in dumps:
        await asyncio.to_thread(restore, program, source, renamed(server, name))
    yield renamed(server, name)
    await asyncio.to_thread(drop_database, server, name)


async def told(path: Whole) -> None:
    """Somebody with the canary number has a case, and told their canary words to it."""
    phone = await reach_queue(path, "sms-twilio", NUMBER)
    phone.send(WORDS)
    await path.settle()
    await read_all(phone)


async def found_after(path: Whole, server: str, program: Path, folder: Path) -> set[tuple[str, str]]:
    """Back up, erase, and look everywhere. (where, which) of each canary that can still be read."""
    house, dsn = path.house, path.house.dsn
    rows, keys = folder / "rows.dump", folder / "keys.dump"
    await asyncio.to_thread(dump, program, dsn, rows, "--exclude-schema=vault")
    await asyncio.to_thread(dump, program, dsn, keys, "--schema=vault")
    before = await asyncio.to_thread(readable, dsn, keys_of(dsn, house.vault))
    assert {leak.canary for leak in leaks({"before": before}, CANARIES)} == set(CANARIES)
    await erase(path.phone("sms-twilio", NUMBER))
    await gone(path)
    looked = {"database": await asyncio.to_thread(readable, dsn, keys_of(dsn, house.vault))}
    looked["dump"] = await asyncio.to_thread(dump, program, dsn, folder / "after.dump")
    today = keys_of(dsn, house.vault)
    async with restored(server, program, keys, rows) as backup:
        looked["rows of the backup, keys of today"] = await asyncio.to_thread(readable, backup, today)
        engine = create_engine(backup, 2)
        await apply_erased(engine, await erased_ids(house.engine))
        await engine.dispose()
        looked["backup, list applied"] = await asyncio.to_thread(readable, backup, keys_of(backup, house.vault))
    return {(leak.output, leak.canary) for leak in leaks(looked, CANARIES)}


async def gone(path: Whole) -> None:
    async with asyncio.timeout(10):
        while await path.value("SELECT count(*) FROM addresses") + await path.value("SELECT count(*) FROM erasures"):
            await path.do("UPDATE provider_copies SET next_at = now()")
            await path.worker.after_erasure()
            await asyncio.sleep(0.05)


async def test_what_is_erased_can_be_read_nowhere(
    path: Whole, server: str, program: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await told(path)
    assert await found_after(path, server, program, tmp_path) == set()
    await all_gone(path)
    logged = capfd.readouterr()
    assert leaks({"logs": logged.out + logged.err}, CANARIES) == []


async def test_the_proof_fails_when_keys_are_not_destroyed(
    path: Whole, server: str, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((persons, "REMOVE"), (erasing, "TEAR_DOWN")):
        kept = [each for each in getattr(module, name) if "DELETE FROM vault.data_keys" not in str(each)]
        assert len(kept) == len(getattr(module, name)) - 1
        monkeypatch.setattr(module, name, tuple(kept))
    await told(path)
    found = await found_after(path, server, program, tmp_path)
    assert ("rows of the backup, keys of today", "number") in found
    assert ("rows of the backup, keys of today", "words") in found
    assert await path.value("SELECT count(*) FROM addresses") == 0


async def test_a_number_is_not_in_the_list_of_what_was_erased(path: Whole) -> None:
    await told(path)
    await erase(path.phone("sms-twilio", NUMBER))
    await all_gone(path)
    async with path.house.engine.connect() as connection:
        kinds = (await connection.execute(text("SELECT DISTINCT kind FROM vault.erased ORDER BY 1"))).scalars().all()
    assert kinds == ["address", "case", "conversation", "key", "person"]
