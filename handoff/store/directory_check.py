"""What in the directory needs somebody's work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

FINDINGS = text("""
    SELECT 1 AS place, 'reported ' || kind AS what, id::text AS id, (
        SELECT string_agg(name, ' / ' ORDER BY name) FROM directory_services WHERE id = ANY(service_ids)
    ) AS name, times || ' times since ' || to_char(created_at, 'YYYY-MM-DD') AS detail
    FROM directory_reports WHERE done_at IS NULL
    UNION ALL
    SELECT 2, 'unverified number', p.id, COALESCE(s.name, l.name, o.name, ''),
        p.number || CASE WHEN verified_by_1 IS NULL THEN ': nobody has called' ELSE ': one person has called' END
    FROM directory_phones p LEFT JOIN directory_services s ON s.id = p.service_id
        LEFT JOIN directory_locations l ON l.id = p.location_id
        LEFT JOIN directory_organizations o ON o.id = p.organization_id
    WHERE verified_by_2 IS NULL
    UNION ALL
    SELECT 3, 'stale', id, name, COALESCE('assured ' || assured_date, 'never assured') FROM directory_services
    WHERE status = 'active' AND (assured_date IS NULL OR assured_date < current_date - 90)
    UNION ALL
    SELECT 4, 'closed', id, name, status FROM directory_services WHERE status <> 'active'
    UNION ALL
    SELECT 5, 'no phone', s.id, s.name, '' FROM directory_services s
    WHERE s.status = 'active' AND NOT EXISTS (
        SELECT FROM directory_phones p WHERE p.service_id = s.id
            OR p.service_at_location_id IN (SELECT id FROM directory_service_at_locations x WHERE x.service_id = s.id)
            OR p.location_id IN (SELECT location_id FROM directory_service_at_locations x WHERE x.service_id = s.id)
            OR (p.organization_id = s.organization_id AND p.service_id IS NULL AND p.location_id IS NULL
                AND p.service_at_location_id IS NULL))
    UNION ALL
    SELECT 6, CASE WHEN needs = '{}' THEN 'no need' ELSE 'no place' END, id, name, '' FROM directory_services
    WHERE status = 'active' AND (needs = '{}' OR place_codes = '{}')
    ORDER BY 1, 3
""")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, with which row (its id names it in other commands), and a word more."""

    what: str
    id: str
    name: str
    detail: str


async def open_findings(connection: AsyncConnection) -> Sequence[Finding]:
    """All of it: reports first, then numbers, then services."""
    rows = await connection.execute(FINDINGS)
    return [Finding(row.what, row.id, row.name or "", row.detail) for row in rows]
