"""Return codes and tries at them, in the database."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.store.case_tables import ReturnCode
from handoff.store.vault import Vault

COUNT = text("""
    INSERT INTO tries (bucket, hour, count) VALUES (:bucket, date_trunc('hour', now()), 1)
    ON CONFLICT (bucket, hour) DO UPDATE SET count = tries.count + 1 RETURNING count
""")


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
