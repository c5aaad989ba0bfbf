"""The gazetteer in the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.core.places import Gazetteer, Place
from handoff.store import directory_tables as tables

BATCH = 1000


async def read_gazetteer(connection: AsyncConnection) -> Gazetteer:
    """All places."""
    rows = await connection.execute(select(tables.Place).order_by(tables.Place.code))
    return Gazetteer.of(
        Place(row.code, row.level, row.parent_code or "", row.names, tuple(row.spellings)) for row in rows
    )


async def version(connection: AsyncConnection) -> tuple[object, ...]:
    """Differs whenever a place was added, changed or removed."""
    query = select(func.count(), func.max(tables.Place.changed_at))
    return tuple((await connection.execute(query)).one())


async def import_places(
    engine: AsyncEngine, places: Sequence[Place], *, dry_run: bool = False
) -> tuple[int, int, int, list[str]]:
    """Replace the gazetteer, all or nothing; returns how many were added, changed, removed, and what stands in the way.

    A place that the directory still uses is not removed: its code is returned, and nothing is written.
    """
    wanted = {place.code: place for place in places}
    async with engine.connect() as connection, connection.begin() as transaction:
        await connection.execute(text("LOCK TABLE places IN SHARE ROW EXCLUSIVE MODE"))
        held = (await read_gazetteer(connection)).places
        added = [place for code, place in wanted.items() if code not in held]
        changed = [place for code, place in wanted.items() if code in held and held[code] != place]
        gone = [code for code in held if code not in wanted]
        used = await _used(connection, gone)
        if not used and not dry_run:
            await connection.execute(delete(tables.Place).where(tables.Place.code.in_(gone)))
            await _write(connection, [*added, *changed])
        else:
            await transaction.rollback()
    return len(added), len(changed), len(gone), used


async def _used(connection: AsyncConnection, codes: Sequence[str]) -> list[str]:
    query = text("SELECT DISTINCT code FROM directory_services, unnest(place_codes) code WHERE code = ANY(:codes)")
    return sorted((await connection.execute(query, {"codes": list(codes)})).scalars())


async def _write(connection: AsyncConnection, places: Sequence[Place]) -> None:
    for start in range(0, len(places), BATCH):
        rows = [
            {
                "code": place.code,
                "level": place.level,
                "parent_code": place.parent or None,
                "names": dict(place.names),
                "spellings": list(place.spellings),
                "changed_at": func.now(),
            }
            for place in places[start : start + BATCH]
        ]
        new = insert(tables.Place).values(rows)
        same = {name: new.excluded[name] for name in rows[0] if name != "code"}
        await connection.execute(new.on_conflict_do_update(index_elements=["code"], set_=same))
