"""Data keys in the database: kept in a schema of their own, and gone for good when destroyed."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.keys import add_key, destroy_key, load_key
from handoff.store.vault import CannotDecrypt, Vault


async def test_a_kept_key_opens_what_it_sealed_until_it_is_destroyed(engine: AsyncEngine, vault: Vault) -> None:
    async with engine.begin() as connection:
        key = await add_key(connection, vault)
    sealed = key.encrypt("velvet canary", "p")
    async with engine.begin() as connection:
        assert (await load_key(connection, vault, key.id)).decrypt(sealed, "p") == "velvet canary"
        await destroy_key(connection, key.id)
        with pytest.raises(CannotDecrypt):
            await load_key(connection, vault, key.id)


async def test_a_key_that_never_was_cannot_be_loaded(engine: AsyncEngine, vault: Vault) -> None:
    async with engine.begin() as connection:
        with pytest.raises(CannotDecrypt):
            await load_key(connection, vault, uuid.uuid4())


async def test_keys_live_in_their_own_schema_wrapped(engine: AsyncEngine, vault: Vault) -> None:
    async with engine.begin() as connection:
        await add_key(connection, vault)
        row = (await connection.execute(text("SELECT wrapped, master_id FROM vault.data_keys"))).one()
    assert row.master_id == "test"
    assert len(row.wrapped) == 12 + 32 + 16
