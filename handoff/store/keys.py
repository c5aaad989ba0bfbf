"""Data keys in the database: load, keep, destroy."""

from __future__ import annotations

import uuid

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.store.tables import DataKey
from handoff.store.vault import CannotDecrypt, Key, Vault


async def add_key(connection: AsyncConnection, vault: Vault) -> Key:
    """A new data key, kept in the vault's schema."""
    key = vault.new_key()
    await connection.execute(insert(DataKey).values(id=key.id, wrapped=key.wrapped, master_id=key.master_id))
    return key


async def load_key(connection: AsyncConnection, vault: Vault, key_id: uuid.UUID) -> Key:
    """A stored data key. Raises CannotDecrypt when it was destroyed."""
    row = (await connection.execute(select(DataKey).where(DataKey.id == key_id))).first()
    if row is None:
        raise CannotDecrypt("vault: key destroyed")
    return vault.open(row.id, row.wrapped, row.master_id)


async def destroy_key(connection: AsyncConnection, key_id: uuid.UUID) -> None:
    """Delete a data key: everything that it locked is unreadable from now on."""
    await connection.execute(delete(DataKey).where(DataKey.id == key_id))
