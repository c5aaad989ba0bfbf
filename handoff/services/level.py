"""Raising or lowering a case's level: a human's judgement goes before the rules', with a reason, on record."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import LEVEL_REASONS, TARGETS
from handoff.core.staff import User
from handoff.services.access import Desk, deed
from handoff.services.claim import held_case


class NoLevel(Exception):
    """The form named no level, the level that the case has, or no reason."""


async def set_level(
    desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, *, level: str, reason: str, now: datetime
) -> None:
    """Change the level of a case that this user holds. A higher level never gives more time than was left.

    Raises NotFound, Taken, NotOpen or NoLevel.
    """
    case = await held_case(desk, connection, user, case_id)
    if level not in TARGETS or level == case.level or reason not in LEVEL_REASONS:
        raise NoLevel
    due_at = now + TARGETS[level]
    if level < case.level:
        due_at = min(due_at, case.due_at)
    await desk.cases.set_level(connection, case_id, level, due_at)
    await desk.journal.record(connection, deed(user, "case.level", case, before=case.level, after=level, reason=reason))
    await desk.cases.tell_desk(connection, case_id)
