"""The desk of each test."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from handoff.store.vault import Vault
from tests.console.world import World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)
