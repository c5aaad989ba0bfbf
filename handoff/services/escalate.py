"""The clocks of the SOP: when nobody has answered, first the worker is told, then the supervisor and the person, then
another organisation that somebody waits, and no more than that (SAFETY §6)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from handoff.core.case import CaseView
from handoff.core.sop import Escalation, Sop
from handoff.core.staff import Deed
from handoff.services.access import Connection, Database, Desk, tell_person

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The steps of one SOP, for one operator."""

    sop: Sop
    operator: str

    def due(self, case: CaseView, now: datetime) -> Sequence[Escalation]:
        """The steps whose time has come and that were not taken: each is taken once."""
        whole = case.due_at - case.created_at
        steps = self.sop.escalation[case.escalations :]
        return [step for step in steps if now >= case.created_at + whole * step.at]

    def backups(self, case: CaseView) -> Sequence[str]:
        """Organisations that may be told that somebody waits, in order: never one that may not know of the case."""
        owner = case.owner == "psea"
        slugs = self.sop.organisations("psea", self.operator) if owner else self._backup()
        return [slug for slug in slugs if slug not in case.excluded]

    def _backup(self) -> Sequence[str]:
        return [self.operator if slug == "operator" else slug for slug in self.sop.backup]


async def escalate(desk: Desk, database: Database, clocks: Clocks, now: datetime) -> int:
    """Take every step whose time has come; returns how many. A case that fails keeps no other."""
    first = clocks.sop.escalation[0].at if clocks.sop.escalation else None
    if first is None:
        return 0
    async with database.connect() as connection:
        late = await desk.cases.running_late(connection, share=first, steps=len(clocks.sop.escalation), now=now)
    taken = 0
    for case_id in late:
        try:
            async with database.begin() as connection:
                taken += await _steps(desk, connection, clocks, case_id, now=now)
        except Exception as error:
            log.error("case_not_escalated", error=type(error).__name__)
    return taken


async def _steps(desk: Desk, connection: Connection, clocks: Clocks, case_id: uuid.UUID, *, now: datetime) -> int:
    case = await desk.cases.unanswered(connection, case_id)
    steps = clocks.due(case, now) if case else ()
    if case is None or not steps:
        return 0
    told = {step.tell for step in steps}
    backup = await desk.cases.backup_of(connection, case, clocks.backups(case)) if "backup" in told else None
    await desk.cases.escalated(connection, case_id, case.escalations + len(steps), backup)
    for step in steps:
        detail = {"told": step.tell, "at": step.at}
        entry = Deed("system", "case.escalate", "case", str(case.id), case.organisation_id, detail)
        await desk.journal.record(connection, entry)
    if "supervisor" in told:
        await tell_person(desk, connection, case, "handoff.late", now=now)
    await desk.cases.tell_desk(connection, case_id)
    return len(steps)
