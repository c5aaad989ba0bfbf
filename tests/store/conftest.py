"""A door and a worker's inbox on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.door import Door
from handoff.store.inbox import PostgresInbox
from handoff.store.quick import Quick
from handoff.store.vault import Vault
from tests.store.inbox import an_inbox


@pytest.fixture
async def door(engine: AsyncEngine, quick: Quick, vault: Vault) -> AsyncIterator[Door]:
    """Where messages come in."""
    door = Door(engine, quick, vault)
    yield door
    await door.aclose()


@pytest.fixture
def inbox(engine: AsyncEngine, quick: Quick, vault: Vault) -> PostgresInbox:
    """The inbox of the first worker."""
    return an_inbox(engine, quick, vault, "worker-1")
