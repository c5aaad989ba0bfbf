"""Services as searches need them, and what staff do with the directory: verify numbers, work the list of reports."""

from __future__ import annotations

import time as clock
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.core.directory import MAX_PHONES, WEEK_DAYS, Organization, Schedule, Service, ServiceReport, language_of
from handoff.core.places import Gazetteer, Places
from handoff.store.directory_tables import DirectoryReport
from handoff.store.places import read_gazetteer, version
from handoff.store.staff_tables import Audit

LOOK_AGAIN_S = 20.0
# More than are ever told, so that rules and order have something to choose from; reading them takes milliseconds.
LIMIT = 100
SERVICE = """
    SELECT s.id, s.organization_id, s.name, o.name AS organization, o.desk_slug, s.needs, s.place_codes, s.status,
        s.assured_date, s.gender_served, s.hours_24_7, s.free, s.redacted, s.serves_irregular_status, s.le_link,
        s.channels
    FROM directory_services s JOIN directory_organizations o ON o.id = s.organization_id
"""
CANDIDATES = text(f"""
    {SERVICE} WHERE CAST(:need AS text) = ANY(s.needs) AND s.status = 'active'
      AND s.assured_date >= current_date - 91 AND (CAST(:areas AS text[]) IS NULL OR s.place_codes && :areas)
    ORDER BY s.place_codes && CAST(:nearest AS text[]) DESC, s.gender_served = 'any' DESC, s.assured_date DESC, s.id
    LIMIT :limit
""")
BY_ID = text(f"{SERVICE} WHERE s.id = ANY(:ids)")
ORGANIZATIONS = text("SELECT id, name, desk_slug FROM directory_organizations ORDER BY name, id")
DESKS = text("SELECT slug, name FROM organisations")
# What belongs to a service, also by its locations: unions, since a join on one thing or another reads whole tables.
OF = """
    WITH wanted AS (SELECT id AS owner, organization_id FROM directory_services WHERE id = ANY(:ids)),
    at AS (SELECT x.id, x.service_id AS owner, x.location_id FROM directory_service_at_locations x
        WHERE x.service_id = ANY(:ids))
"""
# Whatever is told of a service: its own number, its locations', and its organisation's last.
PHONES = text(f"""
    {OF}, found AS (
        SELECT p.id, p.service_id AS owner, 1 AS rank FROM directory_phones p WHERE p.service_id = ANY(:ids)
        UNION ALL SELECT p.id, at.owner, 1 FROM at JOIN directory_phones p ON p.service_at_location_id = at.id
        UNION ALL SELECT p.id, at.owner, 1 FROM at JOIN directory_phones p ON p.location_id = at.location_id
            WHERE p.service_id IS NULL
        UNION ALL SELECT p.id, w.owner, 2 FROM wanted w JOIN directory_phones p ON p.organization_id = w.organization_id
            WHERE p.service_id IS NULL AND p.location_id IS NULL AND p.service_at_location_id IS NULL
    )
    SELECT f.owner, p.number, p.extension FROM found f JOIN directory_phones p ON p.id = f.id
    WHERE p.verified_by_1 IS NOT NULL AND p.verified_by_2 IS NOT NULL AND COALESCE(p.type, '') <> 'fax'
    ORDER BY f.owner, f.rank, p.id
""")  # noqa: S608 (only our own fragments)
SCHEDULES = text(f"""
    {OF}, found AS (
        SELECT h.id, h.service_id AS owner FROM directory_schedules h WHERE h.service_id = ANY(:ids)
        UNION SELECT h.id, at.owner FROM at JOIN directory_schedules h ON h.service_at_location_id = at.id
        UNION SELECT h.id, at.owner FROM at JOIN directory_schedules h ON h.location_id = at.location_id
            WHERE h.service_id IS NULL
    )
    SELECT f.owner, h.* FROM found f JOIN directory_schedules h ON h.id = f.id ORDER BY h.id
""")  # noqa: S608 (only our own fragments)
LANGUAGES = text(f"""
    {OF}
    SELECT l.service_id AS owner, l.code FROM directory_languages l WHERE l.service_id = ANY(:ids) AND l.code <> ''
    UNION SELECT p.service_id, l.code FROM directory_phones p JOIN directory_languages l ON l.phone_id = p.id
        WHERE p.service_id = ANY(:ids) AND l.code <> ''
    UNION SELECT at.owner, l.code FROM at JOIN directory_languages l ON l.location_id = at.location_id
        WHERE l.service_id IS NULL AND l.code <> ''
""")  # noqa: S608 (only our own fragments)
REPORTED = text("""
    UPDATE directory_reports SET times = times + 1
    WHERE kind = :kind AND service_ids = CAST(:services AS text[]) AND done_at IS NULL RETURNING id
""")
VERIFY = text("""
    UPDATE directory_phones SET
        verified_by_2 = CASE WHEN verified_by_1 IS NOT NULL THEN CAST(:staff AS uuid) END,
        verified_at_2 = CASE WHEN verified_by_1 IS NOT NULL THEN now() END,
        verified_by_1 = COALESCE(verified_by_1, :staff), verified_at_1 = COALESCE(verified_at_1, now()),
        call_back_note = concat_ws(E'\\n', NULLIF(call_back_note, ''), CAST(:note AS text))
    WHERE id = :id RETURNING verified_by_2
""")
UNVERIFY = text("""
    UPDATE directory_phones SET verified_by_1 = NULL, verified_at_1 = NULL, verified_by_2 = NULL,
        verified_at_2 = NULL, call_back_note = '' WHERE id = :id RETURNING id
""")


class CannotVerify(ValueError):
    """A number cannot be verified like this; the sentence says why."""


@dataclass(slots=True)
class PostgresDirectory:
    """Reads services and places. `places` is what the texts read names of places from: renewed here."""

    engine: AsyncEngine
    places: Places = field(default_factory=Places)
    monotonic: Callable[[], float] = clock.monotonic
    _looked_at: float | None = None
    _version: tuple[object, ...] = ()

    async def gazetteer(self) -> Gazetteer:
        """All places; the database is asked for changes now and then."""
        moment = self.monotonic()
        if self._looked_at is None or moment - self._looked_at >= LOOK_AGAIN_S:
            async with self.engine.connect() as connection:
                found = await version(connection)
                if found != self._version:
                    self.places.gazetteer, self._version = await read_gazetteer(connection), found
            self._looked_at = moment
        return self.places.gazetteer

    async def candidates(
        self, need: str, areas: frozenset[str] | None, *, nearest: frozenset[str] = frozenset(), limit: int = LIMIT
    ) -> Sequence[Service]:
        """Active services for a need that cover one of these places (None: any), those of `nearest` before others."""
        wanted = {"need": need, "areas": sorted(areas) if areas is not None else None, "limit": limit}
        wanted["nearest"] = sorted(nearest)
        async with self.engine.connect() as connection:
            return await _with_details(connection, (await connection.execute(CANDIDATES, wanted)).all())

    async def services(self, ids: Sequence[str]) -> Sequence[Service]:
        """These services, whatever their state."""
        async with self.engine.connect() as connection:
            return await _with_details(connection, (await connection.execute(BY_ID, {"ids": list(ids)})).all())

    async def organizations(self) -> Sequence[Organization]:
        """All organisations, by name; the texts know their names from then on."""
        async with self.engine.connect() as connection:
            rows = (await connection.execute(ORGANIZATIONS)).all()
        self.places.organizations = {row.id: row.name for row in rows}
        return [Organization(row.id, row.name, row.desk_slug or "") for row in rows]

    async def desks(self) -> Mapping[str, str]:
        """The organisations that answer people here: slug → name."""
        async with self.engine.connect() as connection:
            return {row.slug: row.name for row in await connection.execute(DESKS)}


async def _with_details(connection: AsyncConnection, rows: Sequence[Any]) -> list[Service]:
    ids = {"ids": [row.id for row in rows]}
    phones: dict[str, dict[str, None]] = defaultdict(dict)
    schedules: dict[str, list[Schedule]] = defaultdict(list)
    languages: dict[str, set[str]] = defaultdict(set)
    if rows:
        for row in await connection.execute(PHONES, ids):
            phones[row.owner][f"{row.number} ext. {row.extension}" if row.extension else row.number] = None
        for row in await connection.execute(SCHEDULES, ids):
            schedules[row.owner].append(_schedule(row))
        for row in await connection.execute(LANGUAGES, ids):
            languages[row.owner].add(language_of(row.code))
    return [
        Service(
            id=row.id,
            organization_id=row.organization_id,
            name=row.name,
            organization=row.organization,
            needs=frozenset(row.needs),
            places=frozenset(row.place_codes),
            assured_date=row.assured_date,
            phones=tuple(phones[row.id])[:MAX_PHONES],
            languages=frozenset(languages[row.id]),
            schedules=tuple(schedules[row.id]),
            gender_served=row.gender_served,
            hours_24_7=row.hours_24_7,
            free=row.free,
            redacted=row.redacted,
            serves_irregular_status=row.serves_irregular_status,
            le_link=row.le_link,
            channels=frozenset(row.channels),
            status=row.status,
            desk=row.desk_slug or "",
        )
        for row in rows
    ]


def _schedule(row: Any) -> Schedule:
    days = tuple((row.byday or "").split(",")) if row.byday else ()
    # "1MO", the first Monday: hours of a kind that we cannot tell.
    odd = any(day not in WEEK_DAYS for day in days)
    return Schedule(
        byday=() if odd else days,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        freq="MONTHLY" if odd or row.bymonthday else row.freq or "",
        interval=row.interval or 1,
        timezone=row.timezone or "",
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        dtstart=row.dtstart,
        until=row.until,
    )


async def add_report(connection: AsyncConnection, report: ServiceReport) -> None:
    """A row for the worklist. The same again only counts: nobody can flood the list, or hide a service with it."""
    services = sorted(report.services)
    again = await connection.execute(REPORTED, {"kind": report.kind, "services": services})
    if again.first() is None:
        row = {"kind": report.kind, "service_ids": services, "place_code": report.place or None}
        await connection.execute(insert(DirectoryReport).values(row))


async def verify_phone(connection: AsyncConnection, phone_id: str, login: str, note: str) -> bool:
    """Somebody called the number back; returns whether it may be told now. Raises CannotVerify with a sentence.

    Two different people are needed (SAFETY §8); each time is audited.
    """
    if not note.strip():
        raise CannotVerify("a note is needed: who answered, and what they said")
    staff_id = await _staff(connection, login)
    query = text("SELECT verified_by_1, verified_by_2 FROM directory_phones WHERE id = :id FOR UPDATE")
    held = (await connection.execute(query, {"id": phone_id})).first()
    if held is None:
        raise CannotVerify(f"there is no phone {phone_id}")
    if held.verified_by_2:
        raise CannotVerify(f"phone {phone_id} is verified already")
    if held.verified_by_1 == staff_id:
        raise CannotVerify("the second person must be another one")
    row = (await connection.execute(VERIFY, {"id": phone_id, "staff": staff_id, "note": note.strip()})).one()
    await _audit(connection, f"staff:{staff_id}", "directory_phone_verified", phone_id)
    return row.verified_by_2 is not None


async def unverify_phone(connection: AsyncConnection, phone_id: str, login: str) -> None:
    """The number is no longer told to anybody. One person is enough. Raises CannotVerify."""
    staff_id = await _staff(connection, login)
    if (await connection.execute(UNVERIFY, {"id": phone_id})).first() is None:
        raise CannotVerify(f"there is no phone {phone_id}")
    await _audit(connection, f"staff:{staff_id}", "directory_phone_unverified", phone_id)


async def close_report(connection: AsyncConnection, number: int, login: str) -> None:
    """A row of the worklist is done. Raises CannotVerify."""
    staff_id = await _staff(connection, login)
    done = (
        update(DirectoryReport)
        .where(DirectoryReport.id == number, DirectoryReport.done_at.is_(None))
        .values(done_at=text("now()"), done_by=staff_id)
    )
    if (await connection.execute(done)).rowcount != 1:
        raise CannotVerify(f"there is no open report {number}")
    await _audit(connection, f"staff:{staff_id}", "directory_report_done", str(number))


async def _staff(connection: AsyncConnection, login: str) -> uuid.UUID:
    query = text("SELECT id FROM staff WHERE login = :login AND active")
    found: uuid.UUID | None = (await connection.execute(query, {"login": login})).scalar()
    if found is None:
        raise CannotVerify(f"nobody signs in as {login}")
    return found


async def _audit(connection: AsyncConnection, actor: str, action: str, object_id: str) -> None:
    row = {"actor": actor, "action": action, "object_kind": "directory", "object_id": object_id}
    await connection.execute(insert(Audit).values(row))
