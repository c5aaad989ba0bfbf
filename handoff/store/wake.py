"""Listens for NOTIFY on a connection of its own, and keeps listening when the database comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from psycopg import sql

from handoff.store.database import libpq_dsn

log = structlog.get_logger(__name__)
PAUSE_S = 0.25


async def listen(dsn: str, channel: str, heard: Callable[[str], None], gap: Callable[[], None] | None = None) -> None:
    """Call `heard` with each payload on `channel`, for ever. After the database was away, `gap` is called first, and
    `heard("")` too: something may have been said meanwhile."""
    first = True
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(libpq_dsn(dsn), autocommit=True) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                if not first and gap:
                    gap()
                heard("")
                async for notify in connection.notifies():
                    heard(notify.payload)
        except psycopg.Error as error:
            log.warning("listen_lost", channel=channel, error=type(error).__name__)
        first = False
        await asyncio.sleep(PAUSE_S)
