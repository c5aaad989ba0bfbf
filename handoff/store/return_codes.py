"""Return codes and tries at them, in the database."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.core.presence import Known
from handoff.store.case_tables import ReturnCode
from handoff.store.known import come_back
from handoff.store.vault import Vault

COUNT = text("""
    INSERT INTO tries (bucket, hour, count) VALUES (:bucket, date_trunc('hour', now()), 1)
    ON CONFLICT (bucket, hour) DO UPDATE SET count = tries.count + 1 RETURNING count
""")

THEIR_CASE = text("""
    SELECT id FROM cases WHERE person_id = :person AND state IN ('waiting', 'claimed') ORDER BY created_at DESC LIMIT 1
""")
USED = text("UPDATE return_codes SET used_at = now() WHERE person_id = :person")
WRITES_FROM = text("""
    INSERT INTO person_addresses (person_id, address_id)
    SELECT :person, address_id FROM conversations WHERE id = :id ON CONFLICT DO NOTHING
""")
LEAVE_OLD = text("""
    UPDATE conversations SET case_id = NULL, person_id = NULL, owner = 'assistant', state = '{}', prompts = '[]',
        held_cipher = NULL, held_at = NULL
    WHERE case_id = :case AND id <> :id
""")
CANCEL_OLD = text("""
    UPDATE outbound SET state = 'cancelled', cipher = NULL, error_code = 'moved'
    WHERE case_id = :case AND conversation_id <> :id AND state IN ('queued', 'held', 'sending') AND kind <> 'system'
""")
REACHED_HERE = text("UPDATE cases SET conversation_id = :id WHERE id = :case")


class PostgresCodes:
    """The book of return codes. Tries are counted in transactions of their own: a turn that fails has still tried."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    async def kept(self, selector: str) -> Sequence[Any]:
        """The codes that begin so: their `person_id` and `code_hash`."""
        query = select(ReturnCode.person_id, ReturnCode.code_hash).where(ReturnCode.selector == selector)
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).all()

    async def count(self, bucket: str, name: str) -> int:
        """One more try of this hour."""
        index = self._vault.index("tries", bucket, name)
        async with self._engine.begin() as connection:
            count: int = (await connection.execute(COUNT, {"bucket": index})).scalar_one()
        return count


async def keep_code(
    connection: AsyncConnection, person_id: uuid.UUID, selector: str, code_hash: str, *, seal_key: bytes | None = None
) -> None:
    """The person's code; one that they had before opens nothing any more. `seal_key` (store/sealing.py) is what lets a
    summary of their case be sealed for the code, should somebody without it erase the phone."""
    await connection.execute(delete(ReturnCode).where(ReturnCode.person_id == person_id))
    await connection.execute(
        insert(ReturnCode).values(person_id=person_id, selector=selector, code_hash=code_hash, seal_key=seal_key)
    )


async def move(connection: AsyncConnection, conversation_id: uuid.UUID, person_id: uuid.UUID) -> uuid.UUID | None:
    """The person is reached here from now on, and their old phone gets nothing more. Returns their open case."""
    found = (await connection.execute(THEIR_CASE, {"person": person_id})).first()
    await connection.execute(USED, {"person": person_id})
    await connection.execute(WRITES_FROM, {"person": person_id, "id": conversation_id})
    if found is None:
        return None
    ids = {"case": found.id, "id": conversation_id}
    await connection.execute(LEAVE_OLD, ids)
    await connection.execute(CANCEL_OLD, ids)
    await connection.execute(REACHED_HERE, ids)
    known = Known(found.id, person_id)
    return found.id if await come_back(connection, conversation_id, known) else None
