"""The embedded PostgreSQL: one owner runs `postgres` as its child, keeps it alive, and stops it; others get the URL.

For a laptop, the tests and the demo. Production brings its own database (AMANA_DATABASE_URL).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import IO

import psutil
import psycopg
import structlog
from psycopg import sql

from handoff.settings import Settings
from handoff.store.children import POLL_S, ended, spawn
from handoff.store.postgres_home import (
    MAJOR,
    SOCKET_NAME,
    Account,
    EmbeddedDatabaseError,
    Home,
    account_for,
    binaries,
    home_of,
    make_folders,
)

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
LOG_BYTES = 1_000_000
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # No statement, no value in the server's log. An ERROR names what a client sent ('invalid input … "…"'), so the
    # threshold is LOG, which stands above ERROR there: starts, stops and recoveries are seen, clients' errors are not.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A small machine: no replication, no parallel plans, no I/O workers.
    "shared_buffers": "64MB",
    "max_connections": "80",
    "maintenance_work_mem": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "max_parallel_workers": "0",
    "max_worker_processes": "2",
    "autovacuum_max_workers": "1",
    "autovacuum_naptime": "20s",
    "io_method": "sync",
    "huge_pages": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
__all__ = ["AlreadyOwned", "EmbeddedDatabaseError", "EmbeddedPostgres", "answers", "database", "dsn_of", "wait_for"]
log = structlog.get_logger(__name__)


class AlreadyOwned(EmbeddedDatabaseError):
    """Another process runs the embedded database of this data folder."""


def dsn_of(data_dir: str | Path) -> str:
    """The URL of the data folder's server, whoever runs it. Raises EmbeddedDatabaseError."""
    return home_of(data_dir).url()


def libpq_url(url: str) -> str:
    """The same URL for psycopg and libpq, which do not know SQLAlchemy's dialect names."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """The URL of the database for as long as the block runs.

    The configured one; else the embedded server, run and watched here unless another process does already.
    Raises EmbeddedDatabaseError, always in production when AMANA_DATABASE_URL is empty.
    """
    if settings.database_url:
        yield settings.database_url
        return
    if not settings.development:
        raise EmbeddedDatabaseError(
            "AMANA_DATABASE_URL is empty: production needs a PostgreSQL of its own (15 or newer)"
        )
    server = EmbeddedPostgres(settings.data_dir)
    try:
        url = await server.start()
    except AlreadyOwned:
        url = dsn_of(settings.data_dir)
        await wait_for(url, START_LIMIT_S)
        yield url
        return
    watching = asyncio.create_task(server.watch())
    try:
        yield url
    finally:
        watching.cancel()
        await server.stop()


async def answers(url: str) -> bool:
    """Whether the database answers `SELECT 1` now."""
    try:
        async with await psycopg.AsyncConnection.connect(libpq_url(url), connect_timeout=2, autocommit=True) as there:
            await there.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


async def wait_for(url: str, limit_s: float) -> None:
    """Wait until the database answers. Raises EmbeddedDatabaseError after `limit_s` seconds."""
    deadline = time.monotonic() + limit_s
    while not await answers(url):
        if time.monotonic() > deadline:
            raise EmbeddedDatabaseError(f"the database did not answer within {limit_s:.0f} s")
        await asyncio.sleep(POLL_S)


class EmbeddedPostgres:
    """Owner of one server. `start`, then run `watch` beside the work, then `stop`.

    The server also stops when the thread that called `start` ends, however it ends: the kernel tells it (Linux).
    """

    def __init__(self, data_dir: str | Path) -> None:
        self.home: Home = home_of(data_dir)
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._account: Account | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> str:
        """Own the data folder, create the cluster when there is none, run it. Returns its URL.

        Raises AlreadyOwned when another process runs it, EmbeddedDatabaseError when it cannot run.
        """
        self._own()
        try:
            await self._create()
            await self._bring_up()
            await self._provide()
        except BaseException:
            await self.stop()
            raise
        return self.home.url()

    async def watch(self) -> None:
        """Start the server again whenever it is gone, until `stop`. Never returns before."""
        while not self._stopping:
            if self._process is not None:
                await ended(self._process)
            if self._stopping:
                return
            log.warning("postgres_gone", code=self._process.returncode if self._process else None)
            try:
                await self._bring_up()
                log.info("postgres_back")
            except EmbeddedDatabaseError:
                log.exception("postgres_down", log=str(self.home.log))
                await asyncio.sleep(1)

    async def stop(self) -> None:
        """Stop the server: fast, then at once, then killed. Gives up ownership."""
        self._stopping = True
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._process is None or await _end(self._process, how, STOP_LIMIT_S):
                break
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _own(self) -> None:
        self._account = account_for(self.home)
        make_folders(self.home, self._account)
        self.home.lock.touch(mode=0o600)
        lock = self.home.lock.open("r+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyOwned(f"the database in {self.home.data_dir} is already run by process {owner}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock, self._stopping = lock, False
        for role in ("amana", "superuser"):
            self.home.make_password(role)

    async def _create(self) -> None:
        """Make the cluster once, under another name first so that a half-made one is never taken for whole."""
        kept = self.home.data / "PG_VERSION"
        if kept.exists():
            if (found := kept.read_text().strip()) != str(MAJOR):
                raise EmbeddedDatabaseError(f"{self.home.data} is of PostgreSQL {found}, the programs are {MAJOR}")
            return
        account, fresh = self._known_account(), self.home.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        secret = self.home.folder / "initial"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600, exist_ok=False)
        secret.write_text(self.home.password("superuser"))
        for path in (fresh, secret):
            os.chown(path, account.uid, account.gid)
        await self._initdb(fresh)
        secret.unlink()
        fresh.rename(self.home.data)

    async def _initdb(self, fresh: Path) -> None:
        arguments = ["-U", "postgres", "--pwfile=../initial", "--auth=scram-sha-256", "--encoding=UTF8"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
        process = self._run("initdb", [*arguments, "-D", self._here(fresh)], fresh)
        await ended(process)
        if process.returncode:
            raise EmbeddedDatabaseError(f"PostgreSQL could not create its cluster: see {self.home.log}")

    async def _bring_up(self) -> None:
        """Start the server, and again, until it answers. Raises EmbeddedDatabaseError after START_LIMIT_S."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self._stopping:
            await self._clear_leftovers()
            self._process = self._run("postgres", [*self._options(), "-D", self._here(self.home.data)], self.home.data)
            while self.pid is not None and time.monotonic() < deadline:
                if await answers(self._superuser_url("postgres")):
                    return
                await asyncio.sleep(POLL_S)
            if time.monotonic() >= deadline:
                raise EmbeddedDatabaseError(f"PostgreSQL does not answer: see {self.home.log}")
            await asyncio.sleep(POLL_S)

    async def _clear_leftovers(self) -> None:
        """End what an earlier owner or a killed server left running, and its stale lock file.

        We hold the owner's lock, so whatever still works in the cluster is an orphan. A backend of a killed server can
        outlive it by a whole query, and the shared memory it holds would keep a new server from starting.
        """
        pid_file = self.home.data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
            former = psutil.Process(int(pid_file.read_text().splitlines()[0]))
            if former.pid in {found.pid for found in _serving(self.home.data)}:
                former.send_signal(signal.SIGINT)
                await asyncio.to_thread(former.wait, STOP_LIMIT_S)
        for orphan in _serving(self.home.data):
            with contextlib.suppress(psutil.Error):
                orphan.kill()
                await asyncio.to_thread(orphan.wait, STOP_LIMIT_S)
        pid_file.unlink(missing_ok=True)
        (self.home.socket_folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)

    async def _provide(self) -> None:
        """Create the application's role and database once: it needs no superuser."""
        if await answers(self.home.url()):
            return
        url = libpq_url(self._superuser_url("postgres"))
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as there:
            await there.execute("DROP ROLE IF EXISTS amana")
            verifier = there.pgconn.encrypt_password(self.home.password("amana").encode(), b"amana", b"scram-sha-256")
            create = sql.SQL("CREATE ROLE amana LOGIN CREATEDB PASSWORD {}").format(verifier.decode())
            await there.execute(create)
            await there.execute("CREATE DATABASE amana OWNER amana")

    def _superuser_url(self, name: str) -> str:
        folder = self.home.socket_folder
        return f"postgresql://postgres:{self.home.password('superuser')}@/{name}?host={folder}"

    def _known_account(self) -> Account:
        return self._account or account_for(self.home)

    def _here(self, folder: Path) -> str:
        """The cluster as the server names it: through its working directory where it may not enter the folders above.

        /proc/self/cwd leads there without walking the path, so no folder above has to be opened to the account.
        """
        return "/proc/self/cwd" if self._known_account().switched else str(folder)

    def _options(self) -> list[str]:
        near = self.home.socket_folder.parent == self.home.folder
        folder = "../run" if near else str(self.home.socket_folder)
        return [f"--{key}={value}" for key, value in {**OPTIONS, "unix_socket_directories": folder}.items()]

    def _run(self, program: str, arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
        """Start a PostgreSQL program as the server's account."""
        account = self._known_account()
        if self.home.log.exists() and self.home.log.stat().st_size > LOG_BYTES:
            self.home.log.unlink()
        return spawn(
            [str(binaries(account) / program), *arguments],
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            log=self.home.log,
            cwd=folder,
            uid=account.uid,
            gid=account.gid,
        )


def _serving(data: Path) -> Iterable[psutil.Process]:
    """The PostgreSQL processes that work in a cluster."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() == "postgres" and process.cwd() == str(data):
                yield process


async def _end(process: subprocess.Popen[bytes], how: signal.Signals, limit_s: float) -> bool:
    """Signal a child and wait for its end: False when it takes longer."""
    if process.poll() is None:
        process.send_signal(how)
    return await ended(process, limit_s)
