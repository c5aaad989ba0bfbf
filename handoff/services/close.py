"""Closing a case: the assistant speaks again, and says so."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import CLOSE_CODES
from handoff.core.staff import User
from handoff.services.access import Desk, deed, tell_person
from handoff.services.claim import held_case


class UnknownCode(Exception):
    """The form did not name one of the close codes."""


async def close(
    desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, *, code: str, now: datetime
) -> None:
    """Close a case that this user holds. Raises NotFound, Taken, NotOpen or UnknownCode."""
    if code not in CLOSE_CODES:
        raise UnknownCode
    case = await held_case(desk, connection, user, case_id)
    await desk.cases.close(connection, case_id, code, now)
    await desk.journal.record(connection, deed(user, "case.close", case, code=code))
    await tell_person(desk, connection, case, "handoff.closed", now=now)
    await desk.cases.tell_desk(connection, case_id)
