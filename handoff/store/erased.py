"""After a restore: whoever was erased since the backup is erased again, by the list of random ids (SAFETY §5)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.erasing import tear_down
from handoff.store.persons import CASES, erase_person

LIST = text("SELECT id FROM vault.erased ORDER BY erased_at, id")
ADD = text("INSERT INTO vault.erased (id, kind) VALUES (:id, 'listed') ON CONFLICT DO NOTHING")
IS_ERASED = "(x.id IN (SELECT id FROM vault.erased) OR x.key_id IN (SELECT id FROM vault.erased) OR k.wrapped = '')"
PERSONS = text(f"SELECT x.id, x.key_id FROM persons x LEFT JOIN vault.data_keys k ON k.id = x.key_id WHERE {IS_ERASED}")  # noqa: S608
ADDRESSES = text(
    f"SELECT x.id, x.key_id FROM addresses x LEFT JOIN vault.data_keys k ON k.id = x.key_id WHERE {IS_ERASED}"  # noqa: S608
)
STRAY = text("DELETE FROM vault.data_keys WHERE id IN (SELECT id FROM vault.erased)")


async def erased_ids(engine: AsyncEngine) -> Sequence[uuid.UUID]:
    """Every random id that was erased here, oldest first."""
    async with engine.connect() as connection:
        return list((await connection.execute(LIST)).scalars())


async def apply_erased(engine: AsyncEngine, ids: Sequence[uuid.UUID]) -> tuple[int, int]:
    """Erase again what these ids and the database's own list name; (persons, addresses). Safe to repeat."""
    async with engine.begin() as connection:
        for number in ids:
            await connection.execute(ADD, {"id": number})
        persons = (await connection.execute(PERSONS)).all()
        for person in persons:
            cases = (await connection.execute(CASES, {"person": person.id})).all()
            await erase_person(connection, person.id, person.key_id, cases)
        addresses = (await connection.execute(ADDRESSES)).all()
        for address in addresses:
            await tear_down(connection, address.id, address.key_id)
        await connection.execute(STRAY)
    return len(persons), len(addresses)
