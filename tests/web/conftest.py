"""The whole path, for what is only seen on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from tests.path.whole import Whole, whole


@pytest.fixture
async def path(settings: Settings, engine: AsyncEngine) -> AsyncIterator[Whole]:
    """Phones, providers, gateway, database, worker; the assistant is scripted."""
    async with whole(settings) as running:
        yield running
