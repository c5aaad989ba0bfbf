"""What all tests share: a real PostgreSQL, a fresh migrated database a test, secrets that are plainly for tests."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from handoff.store import embedded
from handoff.store.database import create_engine, create_quick, libpq_dsn
from handoff.store.embedded import EmbeddedPostgres
from handoff.store.migrate import upgrade
from handoff.store.organisations import ensure_organisation
from handoff.store.quick import Quick
from handoff.store.vault import Vault

MASTER_KEYS = "test:" + base64.b64encode(b"test master key, 32 bytes long!!").decode()
TEMPLATE = f"amana_template_{os.getpid()}"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test."""
    for name in list(os.environ):
        if name.startswith("AMANA_") and not name.startswith(("AMANA_TEST_", "AMANA_SPECS_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A PostgreSQL server: the one named by AMANA_TEST_DATABASE_URL (a superuser's DSN), else the embedded one."""
    if os.environ.get("AMANA_TEST_DATABASE_URL"):
        yield os.environ["AMANA_TEST_DATABASE_URL"]
        return
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    with pytest.MonkeyPatch.context() as patch:
        # Nobody pulls the plug on a test's database, and each test makes one.
        patch.setitem(embedded.OPTIONS, "fsync", "off")
        patch.setitem(embedded.OPTIONS, "full_page_writes", "off")
        url = await postgres.start()
    yield url
    await postgres.stop()


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    """A migrated database that every test's own is copied from."""
    _run(server, "CREATE DATABASE {}", TEMPLATE)
    upgrade(renamed(server, TEMPLATE))
    yield TEMPLATE
    drop_database(server, TEMPLATE)


@pytest.fixture
def database(server: str, template: str) -> Iterator[str]:
    """The DSN of a fresh, migrated, empty database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _run(server, "CREATE DATABASE {} TEMPLATE {}", name, template)
    yield renamed(server, name)
    drop_database(server, name)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the fresh database, with the deployment's organisation in it."""
    engine = create_engine(database, 8)
    await ensure_organisation(engine, "demo-aid", "Demo Aid (fictional)")
    yield engine
    await engine.dispose()


@pytest.fixture
async def quick(database: str) -> AsyncIterator[Quick]:
    """Single statements on the fresh database."""
    quick = create_quick(database, 8)
    yield quick
    await quick.aclose()


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a small development deployment on the fresh database."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        environment="development",
        database_url=database,
        data_dir=str(tmp_path / "data"),
        master_keys=MASTER_KEYS,  # type: ignore[arg-type]
        index_key="test index key",  # type: ignore[arg-type]
        code_pepper="test pepper",  # type: ignore[arg-type]
        internal_token="test internal token",  # type: ignore[arg-type]
        rasa_token="test rasa token",  # type: ignore[arg-type]
        hotline="+15550100 (fictional)",
    )


@pytest.fixture
def vault(settings: Settings) -> Vault:
    """The vault of those settings."""
    return Vault(settings.master_key_list(), settings.secret("index_key").encode())


def renamed(dsn: str, database: str) -> str:
    """The same server, another database."""
    return make_url(dsn).set(database=database).render_as_string(hide_password=False)


def _run(server: str, statement: str, *names: str) -> None:
    with psycopg.connect(libpq_dsn(server), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def drop_database(server: str, name: str) -> None:
    """End what a test left open, then drop. Not WITH (FORCE): that fails when autovacuum happens to be at work, which
    an ordinary role may not end; a plain drop asks it to go away."""
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user"
    with psycopg.connect(libpq_dsn(server), autocommit=True) as connection:
        connection.execute(ours, [name])
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
