"""Claiming a case, keeping it, seeing its alarm and giving it back. Exactly one caseworker holds a case."""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import CaseView
from handoff.core.staff import Deed, User
from handoff.services.access import Desk, access_case, deed, tell_person

log = structlog.get_logger(__name__)


class Taken(Exception):
    """Somebody else has the case. `case` says who, to a user who may see it."""

    def __init__(self, case: CaseView) -> None:
        super().__init__("taken")
        self.case = case


class NotOpen(Exception):
    """The case was closed, or the person took their consent back."""

    def __init__(self, case: CaseView) -> None:
        super().__init__("not_open")
        self.case = case


async def claim(desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, now: datetime) -> CaseView:
    """Take the case by compare-and-set; the person is told. Raises NotFound, Taken or NotOpen."""
    before = await access_case(desk, connection, user, case_id)
    won = await desk.cases.take(connection, case_id, user.id, now=now, until=now + desk.claim_for)
    case = await access_case(desk, connection, user, case_id)
    if not won:
        return _lost(case, user)
    if before.claimed_by != user.id:
        await desk.journal.record(connection, deed(user, "case.claim", case, fence=case.claim_fence))
        await tell_person(desk, connection, case, "handoff.claimed", now=now)
    await desk.cases.tell_desk(connection, case_id)
    return case


def _lost(case: CaseView, user: User) -> CaseView:
    """Why the claim failed. A second click of the holder is no loss."""
    if case.state != "claimed":
        raise NotOpen(case)
    if case.claimed_by != user.id:
        raise Taken(case)
    return case


async def held_case(desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID) -> CaseView:
    """A case that this user holds, locked until the transaction ends. Raises NotFound, Taken or NotOpen."""
    case = await access_case(desk, connection, user, case_id, lock=True)
    if not case.open:
        raise NotOpen(case)
    if case.claimed_by != user.id:
        raise Taken(case)
    return case


async def renew(desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, now: datetime) -> bool:
    """A sign of life of the holder (an open page, a reply). False if this user does not hold the case."""
    return await desk.cases.renew(connection, case_id, user.id, until=now + desk.claim_for)


async def see_alarm(desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID) -> None:
    """The holder has seen the alarm. Raises NotFound, Taken or NotOpen."""
    case = await held_case(desk, connection, user, case_id)
    await desk.cases.see_alarm(connection, case_id)
    await desk.journal.record(connection, deed(user, "case.alarm_seen", case))
    await desk.cases.tell_desk(connection, case_id)


async def release(desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, now: datetime) -> None:
    """Give the case back to the queue: the holder, or a supervisor of its organisation. Raises NotFound, Taken."""
    case = await access_case(desk, connection, user, case_id, lock=True)
    if case.claimed_by != user.id and not user.supervises(case.organisation_id):
        raise Taken(case)
    await _return(desk, connection, case, deed(user, "case.release", case, held_by=str(case.claimed_by)), now=now)


async def expire_claims(desk: Desk, connection: AsyncConnection, now: datetime) -> int:
    """Return cases whose holder has gone to `waiting` (never to the assistant); the count of those returned.

    Each in a savepoint of its own: one that cannot be returned must not keep the others.
    """
    returned = 0
    for case in await desk.cases.run_out(connection, now):
        entry = Deed("system", "case.claim_expired", "case", str(case.id), case.organisation_id)
        try:
            async with connection.begin_nested():
                returned += await _return(desk, connection, case, entry, now=now)
        except Exception as error:
            log.error("claim_not_expired", case=str(case.id), error=type(error).__name__)
    return returned


async def _return(desk: Desk, connection: AsyncConnection, case: CaseView, entry: Deed, *, now: datetime) -> bool:
    if not await desk.cases.give_back(connection, case.id, fence=case.claim_fence):
        return False
    await desk.journal.record(connection, entry)
    await tell_person(desk, connection, case, "handoff.returned", now=now)
    await desk.cases.tell_desk(connection, case.id)
    return True
