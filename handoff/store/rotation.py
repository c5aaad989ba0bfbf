"""A new master key: every data key is wrapped anew, a batch at a time, while everything goes on working.

Services that have both master keys open a data key before and after its turn. Stopped half-way, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.vault import CannotDecrypt, Vault

BATCH = 500
# An empty key is one that was destroyed by a restore: it opens nothing, whatever wraps it.
LEFT = "master_id <> :newest AND wrapped <> ''"
NEXT = text(f"""
    SELECT id, wrapped, master_id FROM vault.data_keys WHERE {LEFT} AND id > :after
    ORDER BY id LIMIT :batch FOR NO KEY UPDATE
""")  # noqa: S608 (only our own fragment)
WRAP = text("UPDATE vault.data_keys SET wrapped = :wrapped, master_id = :master WHERE id = :id")
BY_MASTER = text("SELECT master_id, count(*) AS keys FROM vault.data_keys WHERE wrapped <> '' GROUP BY master_id")
FIRST = "00000000-0000-0000-0000-000000000000"


async def rotate(engine: AsyncEngine, vault: Vault, tell: Callable[[int], None]) -> tuple[int, int]:
    """Wrap every data key by the newest master key; (wrapped anew, cannot be opened). `tell` hears of each batch."""
    done, unreadable, after = 0, 0, FIRST
    while True:
        async with engine.begin() as connection:
            parameters = {"newest": vault.newest, "after": after, "batch": BATCH}
            rows = (await connection.execute(NEXT, parameters)).all()
            for row in rows:
                try:
                    wrapped = vault.rewrap(row.id, row.wrapped, row.master_id)
                except CannotDecrypt:
                    unreadable += 1
                    continue
                await connection.execute(WRAP, {"id": row.id, "wrapped": wrapped, "master": vault.newest})
                done += 1
        if not rows:
            return done, unreadable
        after = str(rows[-1].id)
        tell(done)


async def keys_by_master(engine: AsyncEngine) -> dict[str, int]:
    """How many data keys each master key wraps."""
    async with engine.connect() as connection:
        return {row.master_id: row.keys for row in await connection.execute(BY_MASTER)}
