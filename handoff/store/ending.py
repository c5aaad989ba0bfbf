"""What ends soon, and of which the person and the desk are to be told before it does (SAFETY §5–6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.staff import Deed
from handoff.store.door import notify_desk
from handoff.store.staff import StaffBook

CONSENTS = text("""
    SELECT 'consent' AS kind, n.id, k.id AS case_id, k.conversation_id, k.organisation_id, n.expires_at AS ends_at
    FROM cases k JOIN consents n ON n.id = k.consent_id
    WHERE k.state IN ('waiting', 'claimed') AND k.conversation_id IS NOT NULL AND n.asked_at IS NULL
      AND n.withdrawn_at IS NULL AND n.expires_at > now() AND n.given_at < now() - CAST(:ask AS interval)
    ORDER BY n.expires_at LIMIT 200 FOR UPDATE OF n SKIP LOCKED
""")
CASES = text("""
    SELECT 'case' AS kind, k.id, k.id AS case_id, k.conversation_id, k.organisation_id,
        k.closed_at + CAST(:closed_case AS interval) AS ends_at
    FROM cases k JOIN consents n ON n.id = k.consent_id
    WHERE k.state = 'closed' AND k.conversation_id IS NOT NULL AND k.ends_told_at IS NULL AND n.withdrawn_at IS NULL
      AND k.closed_at < now() - CAST(:closed_case AS interval) + CAST(:notice AS interval)
    ORDER BY k.closed_at LIMIT 200 FOR UPDATE OF k SKIP LOCKED
""")
TOLD = {
    "consent": text("UPDATE consents SET asked_at = now() WHERE id = :id"),
    "case": text("UPDATE cases SET ends_told_at = now() WHERE id = :id"),
}


class Endings:
    """The repository of what ends soon."""

    def __init__(self, *, ask: timedelta, closed_case: timedelta, notice: timedelta) -> None:
        self._ask = {"ask": ask}
        self._cases = {"closed_case": closed_case, "notice": notice}

    async def due(self, connection: AsyncConnection) -> Sequence[Any]:
        """Consents and closed cases of which nobody was told yet: kind, id, conversation_id, ends_at."""
        consents = (await connection.execute(CONSENTS, self._ask)).all()
        return [*consents, *(await connection.execute(CASES, self._cases)).all()]

    async def told(self, connection: AsyncConnection, ending: Any) -> None:
        """In the same transaction: asked once, and the desk knows."""
        await connection.execute(TOLD[ending.kind], {"id": ending.id})
        deed = Deed("job", f"{ending.kind}.ends_soon", "case", str(ending.case_id), ending.organisation_id)
        await StaffBook().record(connection, deed)
        await notify_desk(connection, str(ending.case_id))
