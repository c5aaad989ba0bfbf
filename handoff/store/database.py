"""The engine: one pool of psycopg connections per process."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from handoff.store.quick import QUICK_OPTIONS, Quick


def sqlalchemy_url(dsn: str) -> URL:
    """A postgresql:// address as SQLAlchemy wants it, with psycopg 3 as the driver."""
    return make_url(dsn).set(drivername="postgresql+psycopg")


def libpq_dsn(dsn: str) -> str:
    """The same address as psycopg itself wants it."""
    return make_url(dsn).set(drivername="postgresql").render_as_string(hide_password=False)


def create_engine(dsn: str, pool: int) -> AsyncEngine:
    """An engine whose errors never show parameters (they are people's words and numbers).

    Connections are tested before use, so that a restarted database costs a reconnect and no message.
    """
    return _engine(dsn, pool)


def create_quick(dsn: str, pool: int) -> Quick:
    """Connections for single statements, each its own transaction."""
    return Quick(_engine(dsn, pool, connect=QUICK_OPTIONS, pool_reset_on_return=None))


def _engine(dsn: str, pool: int, connect: dict[str, Any] | None = None, **options: Any) -> AsyncEngine:
    common = {"connect_timeout": 5, "prepare_threshold": 2, "application_name": "amana"}
    return create_async_engine(
        sqlalchemy_url(dsn),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=10,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args=common | (connect or {}),
        **options,
    )
