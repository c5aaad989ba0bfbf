"""The one door to a case. Whoever may not see it gets the same answer as for a case that does not exist (SAFETY §7)."""

from __future__ import annotations

import uuid
from collections.abc import Container, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import CaseView, Line
from handoff.core.contact import kind_of_reply
from handoff.core.staff import Deed, User

type Connection = AsyncConnection


class Database(Protocol):
    """Where transactions begin (an engine of SQLAlchemy); whoever is at the edge commits."""

    def begin(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction, committed at the end of the block."""

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """A connection to read with."""


class NotFound(Exception):
    """There is no such case, or this user may not know of it: nobody outside can tell which."""


class Journal(Protocol):
    """The append-only audit."""

    async def record(self, connection: AsyncConnection, deed: Deed) -> None:
        """Add one entry in the caller's transaction."""


class Cases(Protocol):
    """Cases in the database. Reading is filtered by what a user may know of; every change is a compare-and-set."""

    async def visible_case(
        self, connection: AsyncConnection, user_id: uuid.UUID, case_id: uuid.UUID, *, lock: bool
    ) -> CaseView | None:
        """The case if this user's organisations own it; with `lock`, nobody else can change it meanwhile."""

    async def visible_queue(self, connection: AsyncConnection, user_id: uuid.UUID) -> Sequence[CaseView]:
        """Open cases, who needs whom first."""

    async def lines(self, connection: AsyncConnection, case_id: uuid.UUID) -> Sequence[Line]:
        """The chat of a case, oldest first."""

    async def take(
        self, connection: AsyncConnection, case_id: uuid.UUID, user_id: uuid.UUID, *, now: datetime, until: datetime
    ) -> bool:
        """Claim the case if it waits or if its claim has run out. False if somebody else was first."""

    async def renew(
        self, connection: AsyncConnection, case_id: uuid.UUID, user_id: uuid.UUID, *, until: datetime
    ) -> bool:
        """Prolong the claim of its holder. False if this user does not hold it."""

    async def give_back(self, connection: AsyncConnection, case_id: uuid.UUID, *, fence: int) -> bool:
        """Return a claimed case to the queue, or freeze it when its consent has ended. False if the claim moved on."""

    async def run_out(self, connection: AsyncConnection, now: datetime) -> Sequence[CaseView]:
        """Claimed cases whose claim has run out."""

    async def see_alarm(self, connection: AsyncConnection, case_id: uuid.UUID) -> None:
        """Somebody has seen the alarm: it no longer sounds."""

    async def close(self, connection: AsyncConnection, case_id: uuid.UUID, code: str, now: datetime) -> None:
        """Close the case and leave the conversation to the assistant."""

    async def add_line(
        self,
        connection: AsyncConnection,
        case_id: uuid.UUID,
        text: str,
        *,
        staff_id: uuid.UUID,
        outbound: Sequence[int],
    ) -> None:
        """Keep what a caseworker wrote, under the person's key, beside the messages that carry it."""

    async def number_of(self, connection: AsyncConnection, case_id: uuid.UUID) -> str:
        """Where the person is reached, "" when it is gone."""

    async def words_of(self, connection: AsyncConnection, case_id: uuid.UUID) -> tuple[str, str]:
        """The person's word and our sign, each "" when there is none."""

    async def note(self, connection: AsyncConnection, case_id: uuid.UUID) -> str:
        """What the person wants us to know, in their own words, "" when there is nothing."""

    async def set_level(self, connection: AsyncConnection, case_id: uuid.UUID, level: str, due_at: datetime) -> None:
        """Its level, and by when a human is to have answered now."""

    async def running_late(
        self, connection: AsyncConnection, *, share: float, steps: int, now: datetime
    ) -> Sequence[uuid.UUID]:
        """Open cases that nobody has answered, with this share of their time gone and steps left to take."""

    async def unanswered(self, connection: AsyncConnection, case_id: uuid.UUID) -> CaseView | None:
        """An open case that no human has answered, locked."""

    async def backup_of(self, connection: AsyncConnection, case: CaseView, slugs: Sequence[str]) -> uuid.UUID | None:
        """The first of these organisations that can be told that somebody waits."""

    async def escalated(
        self, connection: AsyncConnection, case_id: uuid.UUID, steps: int, backup: uuid.UUID | None
    ) -> None:
        """So many steps of the clock were taken; which organisation knows that somebody waits, if one does."""

    async def waiting_elsewhere(self, connection: AsyncConnection, user_id: uuid.UUID) -> int:
        """How many wait too long at organisations for which this user's is the backup: a number, no more."""

    async def tell_desk(self, connection: AsyncConnection, case_id: uuid.UUID) -> None:
        """Wake the open pages that show this case, when the transaction commits."""


class Voice(Protocol):
    """Speaks to the person, in their language and on their channel (see `services/say.py`)."""

    async def say(
        self,
        connection: AsyncConnection,
        conversation_id: uuid.UUID,
        key: str,
        *,
        args: Mapping[str, str],
        kind: str,
        case_id: uuid.UUID | None,
    ) -> list[int]:
        """Enqueue the text of a key; returns the ids of the outbound messages."""

    async def say_text(
        self,
        connection: AsyncConnection,
        conversation_id: uuid.UUID,
        text: str,
        *,
        kind: str,
        case_id: uuid.UUID | None,
    ) -> list[int]:
        """Enqueue a human's words; returns the ids of the outbound messages."""

    def wording(self, key: str, locale: str, channel: str, org: str) -> tuple[str, str]:
        """What is said now for a key of consent, and its version."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the desk's services work with.

    `claim_for` is how long a claim lasts without a sign of life. `channels` are those that can be sent on: a case
    whose channel is no longer connected can still be claimed, read and closed.
    """

    cases: Cases
    journal: Journal
    voice: Voice
    claim_for: timedelta
    channels: Container[str]

    def reaches(self, case: CaseView) -> bool:
        """Whether a message to this person can be sent at all."""
        return case.conversation_id is not None and case.channel in self.channels


async def access_case(
    desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, *, lock: bool = False
) -> CaseView:
    """A case that this user may see. Every other service starts here. Raises NotFound."""
    case = await desk.cases.visible_case(connection, user.id, case_id, lock=lock)
    if case is None:
        raise NotFound
    return case


async def queue(desk: Desk, connection: AsyncConnection, user: User) -> Sequence[CaseView]:
    """The open cases of this user's organisations: alarms, then level, then those who wait longest."""
    return await desk.cases.visible_queue(connection, user.id)


async def read_chat(desk: Desk, connection: AsyncConnection, case: CaseView) -> Sequence[Line]:
    """The chat of a case that `access_case` returned."""
    return await desk.cases.lines(connection, case.id)


def deed(user: User, action: str, case: CaseView, **detail: Any) -> Deed:
    """What a user did to a case, as the audit keeps it."""
    return Deed(str(user.id), action, "case", str(case.id), case.organisation_id, detail)


async def tell_person(desk: Desk, connection: AsyncConnection, case: CaseView, key: str, *, now: datetime) -> None:
    """Tell the person what became of their case: nothing after STOP, and through the gate like anything else
    (SAFETY §3-4: soon after their own message it is a reply, later it is proactive)."""
    if case.conversation_id is None or not desk.reaches(case) or case.stopped:
        return
    kind = kind_of_reply(case.contact.last_inbound_at, now)
    args = {"org": case.organisation}
    await desk.voice.say(connection, case.conversation_id, key, args=args, kind=kind, case_id=case.id)
