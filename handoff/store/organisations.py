"""Organisations that can own cases."""

from __future__ import annotations

import uuid

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.staff_tables import Organisation


async def ensure_organisation(engine: AsyncEngine, slug: str, name: str) -> None:
    """Add the deployment's organisation, or bring its name up to date."""
    async with engine.begin() as connection:
        add = insert(Organisation).values(id=uuid.uuid4(), slug=slug, name=name)
        await connection.execute(add.on_conflict_do_update(index_elements=["slug"], set_={"name": name}))
