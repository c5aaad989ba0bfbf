"""Imports a directory package in one transaction: rows stream into staging tables, then only differences are written.

Of the services, locations and organisations in a package, the package knows all: their numbers, hours and the like
that it no longer has are deleted. What other packages brought stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LOCK = 7_220_002
TABLES = {
    "organization": "directory_organizations",
    "location": "directory_locations",
    "service": "directory_services",
    "service_at_location": "directory_service_at_locations",
    "phone": "directory_phones",
    "schedule": "directory_schedules",
    "language": "directory_languages",
    "service_area": "directory_service_areas",
}
# Owners by which a row belongs to the package, in the order in which rows may be deleted.
OWNED = {
    "language": ("service_id", "location_id", "phone_id"),
    "schedule": ("service_id", "location_id", "service_at_location_id"),
    "service_area": ("service_id",),
    "phone": ("service_id", "location_id", "service_at_location_id", "organization_id"),
}
OWNERS = {
    "service_id": "SELECT id FROM stage_service",
    "location_id": "SELECT id FROM stage_location",
    "organization_id": "SELECT id FROM stage_organization",
    "service_at_location_id": (
        "SELECT id FROM directory_service_at_locations WHERE service_id IN (SELECT id FROM stage_service)"
    ),
    "phone_id": "SELECT id FROM stage_phone UNION ALL SELECT id FROM doomed_phone",
}
DOOMED = """
    CREATE TEMP TABLE doomed_{name} ON COMMIT DROP AS SELECT t.id FROM {table} t
    WHERE NOT EXISTS (SELECT FROM stage_{name} s WHERE s.id = t.id) AND ({owned})
"""
# A verified number is verified for what it stands at: moved or changed, it is a number like any other (SAFETY §8).
WHAT_WAS_VERIFIED = ("number", "extension", "service_id", "location_id", "organization_id", "service_at_location_id")
VERIFICATION = ("verified_by_1", "verified_at_1", "verified_by_2", "verified_at_2")
DERIVE = """
    WITH wanted AS (
        SELECT s.id,
            COALESCE(
                (SELECT array_agg(DISTINCT a.place_code ORDER BY a.place_code) FROM directory_service_areas a
                 WHERE a.service_id = s.id AND a.place_code IS NOT NULL),
                (SELECT array_agg(DISTINCT l.place_code ORDER BY l.place_code) FROM directory_service_at_locations x
                 JOIN directory_locations l ON l.id = x.location_id
                 WHERE x.service_id = s.id AND l.place_code IS NOT NULL),
                '{}') AS place_codes,
            'shelter' = ANY(s.needs) OR EXISTS (
                SELECT FROM directory_service_at_locations x JOIN directory_locations l ON l.id = x.location_id
                WHERE x.service_id = s.id AND l.location_type = 'redacted') AS redacted
        FROM directory_services s WHERE s.id IN (SELECT id FROM stage_service)
    )
    UPDATE directory_services s SET place_codes = w.place_codes, redacted = w.redacted FROM wanted w
    WHERE w.id = s.id AND (s.place_codes, s.redacted) IS DISTINCT FROM (w.place_codes, w.redacted)
"""
LEFT = """
    SELECT count(*) FROM directory_services WHERE organization_id IN (SELECT id FROM stage_organization)
      AND id NOT IN (SELECT id FROM stage_service) AND status = 'active'
"""


class Source(Protocol):
    """A package that is being read; faults are complete when all rows are read."""

    faults: list[Any]

    def columns(self, resource: str) -> tuple[str, ...]:
        """Columns of the rows."""

    def rows(self, resource: str) -> Iterator[tuple[Any, ...]]:
        """Good rows."""


@dataclass
class Outcome:
    """What an import did (or would do): rows added, changed and deleted by table; services that the package lacks."""

    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    deleted: Counter[str] = field(default_factory=Counter)
    left: int = 0
    written: bool = False

    @property
    def nothing(self) -> bool:
        """Whether the database held all of it already."""
        return not (self.added.total() or self.changed.total() or self.deleted.total())


async def import_directory(engine: AsyncEngine, source: Source, *, dry_run: bool = False) -> Outcome:
    """Write a package, all or nothing: with any fault, or on a dry run, nothing is written."""
    outcome = Outcome()
    async with engine.connect() as connection, connection.begin() as transaction:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        for resource, table in TABLES.items():
            await _stage(connection, resource, table, source.columns(resource), source.rows(resource))
        if source.faults:
            await transaction.rollback()
            return outcome
        await _delete(connection, outcome)
        for resource, table in TABLES.items():
            await _merge(connection, resource, table, source.columns(resource), outcome)
        await _delete_links(connection, outcome)
        await connection.exec_driver_sql(DERIVE)
        outcome.left = (await connection.exec_driver_sql(LEFT)).scalar_one()
        if dry_run:
            await transaction.rollback()
        else:
            outcome.written = True
    return outcome


async def _stage(
    connection: AsyncConnection, resource: str, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    await connection.exec_driver_sql(
        f"CREATE TEMP TABLE stage_{resource} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"  # noqa: S608
    )
    raw = await connection.get_raw_connection()
    driver: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]
    async with driver.cursor() as cursor, cursor.copy(f"COPY stage_{resource} ({names}) FROM STDIN") as copy:
        for row in rows:
            await copy.write_row(row)
    await connection.exec_driver_sql(f"ALTER TABLE stage_{resource} ADD PRIMARY KEY (id)")
    await connection.exec_driver_sql(f"ANALYZE stage_{resource}")


async def _delete(connection: AsyncConnection, outcome: Outcome) -> None:
    """Numbers, hours, languages and areas that the package no longer has. Which is decided before anything goes."""
    for name in reversed(OWNED):
        owned = " OR ".join(f"t.{column} IN ({OWNERS[column]})" for column in OWNED[name])
        await connection.exec_driver_sql(DOOMED.format(name=name, table=TABLES[name], owned=owned))
    for name in OWNED:
        gone = await connection.exec_driver_sql(
            f"DELETE FROM {TABLES[name]} WHERE id IN (SELECT id FROM doomed_{name})"  # noqa: S608
        )
        outcome.deleted[name] = gone.rowcount


async def _delete_links(connection: AsyncConnection, outcome: Outcome) -> None:
    """Services' locations that the package no longer has: last, since numbers may have pointed to them."""
    gone = await connection.exec_driver_sql("""
        DELETE FROM directory_service_at_locations t WHERE t.service_id IN (SELECT id FROM stage_service)
          AND NOT EXISTS (SELECT FROM stage_service_at_location s WHERE s.id = t.id)
    """)
    outcome.deleted["service_at_location"] = gone.rowcount


async def _merge(
    connection: AsyncConnection, resource: str, table: str, columns: Sequence[str], outcome: Outcome
) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    held = ", ".join(f't."{name}"' for name in columns)
    new = ", ".join(f'excluded."{name}"' for name in columns)
    sets = {f'"{name}"': f'excluded."{name}"' for name in columns if name != "id"}
    if resource == "phone":
        sets |= _unverified()
    assigned = ", ".join(f"{name} = {value}" for name, value in sets.items())
    statement = f"""
        WITH merged AS (
            INSERT INTO {table} AS t ({names}) SELECT {names} FROM stage_{resource}
            ON CONFLICT (id) DO UPDATE SET {assigned} WHERE ({held}) IS DISTINCT FROM ({new})
            RETURNING xmax = 0 AS added
        ) SELECT count(*) FILTER (WHERE added) AS added, count(*) FILTER (WHERE NOT added) AS changed FROM merged
    """  # noqa: S608 (only our own names)
    row = (await connection.exec_driver_sql(statement)).one()
    outcome.added[resource], outcome.changed[resource] = row.added, row.changed


def _unverified() -> Mapping[str, str]:
    same = " AND ".join(f"t.{name} IS NOT DISTINCT FROM excluded.{name}" for name in WHAT_WAS_VERIFIED)
    cleared = {name: f"CASE WHEN {same} THEN t.{name} END" for name in VERIFICATION}
    return cleared | {"call_back_note": f"CASE WHEN {same} THEN t.call_back_note ELSE '' END"}
