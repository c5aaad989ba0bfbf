"""Cases in the database. One fragment, `visible_to`, stands in every query that a user's request can reach."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, case, exists, func, insert, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from handoff.core.case import OPEN_STATES, CaseView, ConsentView, Line, person_code
from handoff.core.contact import Contact
from handoff.core.report import Report
from handoff.store.case_desk import ANSWERED, DeskCases
from handoff.store.case_lines import read_lines
from handoff.store.case_tables import Case, CaseMessage, Consent
from handoff.store.directory_tables import Complaint, DirectoryOrganization
from handoff.store.keys import load_key
from handoff.store.sight import lacks_focal_point, visible_to
from handoff.store.staff_tables import Organisation, Staff
from handoff.store.tables import Conversation, Person
from handoff.store.vault import Key

CLAIMER = aliased(Staff, name="claimer")
# Where the person is reached, also while somebody else writes from there.
TALK = (
    select(
        Conversation.id,
        Conversation.channel,
        Conversation.last_inbound_at,
        Conversation.knocked_at,
        Conversation.case_id,
    )
    .where(Conversation.id == Case.conversation_id)
    .lateral("talk")
)
# The organisations of the directory that the case complains of: their ids and names.
AGAINST = (
    select(
        func.array_agg(DirectoryOrganization.id).label("against"),
        func.array_agg(DirectoryOrganization.name).label("against_names"),
    )
    .join(Complaint, Complaint.coi_orgs.has_key(DirectoryOrganization.id))
    .where(Complaint.case_id == Case.id)
    .lateral("against")
)
# One row in place of all columns of three tables: what is not selected cannot leak.
VIEW = (
    select(
        Case.id,
        Case.number,
        Case.person_id,
        Case.organisation_id,
        Organisation.name.label("organisation"),
        Case.state,
        Case.level,
        Case.reasons,
        Case.modality,
        Case.locale,
        Case.claimed_by,
        CLAIMER.name.label("claimer"),
        Case.claimed_until,
        Case.claim_fence,
        Case.carrier_blocked,
        Case.stopped,
        Case.alarm_at,
        Case.close_code,
        Case.created_at,
        Case.closed_at,
        Case.due_at,
        Case.sop_version,
        Case.owner,
        Case.joint,
        Case.excluded,
        lacks_focal_point().label("lacks_focal_point"),
        ANSWERED.label("answered"),
        Case.escalations,
        Case.skipped,
        Case.for_whom,
        Case.age_band,
        Case.place_code,
        Case.concerns,
        Case.flags,
        Case.worker_gender,
        AGAINST.c.against,
        AGAINST.c.against_names,
        Person.contact_plan,
        Person.plan_hours,
        Person.locked_until,
        Person.shared_phone,
        (Person.word_cipher.is_not(None)).label("has_word"),
        TALK.c.id.label("conversation_id"),
        TALK.c.channel.label("talk_channel"),
        TALK.c.last_inbound_at,
        TALK.c.knocked_at,
        TALK.c.case_id.label("talks_about"),
        Consent.text_key,
        Consent.text_version,
        Consent.locale.label("consent_locale"),
        Consent.channel.label("consent_channel"),
        Consent.kind.label("consent_kind"),
        Consent.modality.label("consent_modality"),
        Consent.given_at,
        Consent.expires_at,
        Consent.withdrawn_at,
        ((Consent.withdrawn_at.is_(None)) & (Consent.expires_at > func.now())).label("consent_live"),
    )
    .select_from(Case)
    .join(Organisation, Organisation.id == Case.organisation_id)
    .join(Consent, Consent.id == Case.consent_id)
    .join(Person, Person.id == Case.person_id)
    .outerjoin(CLAIMER, CLAIMER.id == Case.claimed_by)
    .outerjoin(TALK, true())
    .outerjoin(AGAINST, true())
)
# Alarms first, then those whom nobody has, then the level, then those who wait longest.
URGENCY = (Case.alarm_at.is_(None), Case.level, Case.state.desc(), Case.created_at, Case.id)


def consent_live() -> ColumnElement[bool]:
    """The case's consent still stands, by the database's clock (the trigger `case_needs_consent` judges the same)."""
    return exists().where(
        Consent.id == Case.consent_id, Consent.withdrawn_at.is_(None), Consent.expires_at > func.now()
    )


class Cases(DeskCases):
    """The repository of cases. It opens the person's key for the chat, and for what case_desk.py shows on purpose."""

    async def visible_case(
        self, connection: AsyncConnection, user_id: uuid.UUID, case_id: uuid.UUID, *, lock: bool
    ) -> CaseView | None:
        """The case if this user may know of it."""
        query = VIEW.where(Case.id == case_id, visible_to(user_id))
        if lock:
            await _lock_conversation(connection, case_id, visible_to(user_id))
            query = query.with_for_update(of=Case)
        return await _first(connection, query)

    async def visible_queue(self, connection: AsyncConnection, user_id: uuid.UUID) -> Sequence[CaseView]:
        """Open cases that this user may know of, most urgent first."""
        query = VIEW.where(visible_to(user_id), Case.state.in_(OPEN_STATES)).order_by(*URGENCY)
        return [_view(row) for row in await connection.execute(query)]

    async def unanswered(self, connection: AsyncConnection, case_id: uuid.UUID) -> CaseView | None:
        """An open case that no human has answered, locked. Not filtered by user: no request reaches this."""
        await _lock_conversation(connection, case_id)
        query = VIEW.where(Case.id == case_id, Case.state.in_(OPEN_STATES), ~ANSWERED)
        return await _first(connection, query.with_for_update(of=Case))

    async def lines(self, connection: AsyncConnection, case_id: uuid.UUID) -> Sequence[Line]:
        """The chat, oldest first, decrypted."""
        return await read_lines(connection, self._vault, case_id)

    async def take(
        self, connection: AsyncConnection, case_id: uuid.UUID, user_id: uuid.UUID, *, now: datetime, until: datetime
    ) -> bool:
        """Compare-and-set: the row must still wait (or its claim have run out) when it is written."""
        await _lock_conversation(connection, case_id, visible_to(user_id))
        free = (Case.state == "waiting") | ((Case.state == "claimed") & (Case.claimed_until < now))
        claimed = {
            "state": "claimed",
            "claimed_by": user_id,
            "claimed_at": now,
            "claimed_until": until,
            "claim_fence": Case.claim_fence + 1,
        }
        taken = update(Case).where(Case.id == case_id, visible_to(user_id), free, consent_live()).values(claimed)
        if (await connection.execute(taken)).rowcount != 1:
            return False
        await _set_owner(connection, case_id, "caseworker")
        return True

    async def renew(
        self, connection: AsyncConnection, case_id: uuid.UUID, user_id: uuid.UUID, *, until: datetime
    ) -> bool:
        """Prolong; only the holder's claim, and never shorten it."""
        held = update(Case).where(Case.id == case_id, Case.claimed_by == user_id, Case.state == "claimed")
        held = held.where(visible_to(user_id))
        renewed = await connection.execute(held.values(claimed_until=func.greatest(Case.claimed_until, until)))
        return renewed.rowcount == 1

    async def give_back(self, connection: AsyncConnection, case_id: uuid.UUID, *, fence: int) -> bool:
        """Back to `waiting`; a case whose consent has ended is frozen as `withdrawn` instead (SAFETY §6)."""
        await _lock_conversation(connection, case_id)
        held = update(Case).where(Case.id == case_id, Case.state == "claimed", Case.claim_fence == fence)
        after = case((consent_live(), "waiting"), else_="withdrawn")
        returned = held.values(state=after, claimed_by=None, claimed_until=None).returning(Case.state)
        state = (await connection.execute(returned)).scalar()
        if state is None:
            return False
        await _set_owner(connection, case_id, "waiting" if state == "waiting" else "closed")
        return True

    async def run_out(self, connection: AsyncConnection, now: datetime) -> Sequence[CaseView]:
        """Claimed cases whose claim ended before `now`. Not filtered by user: no request reaches this."""
        query = VIEW.where(Case.state == "claimed", Case.claimed_until < now).order_by(Case.claimed_until)
        return [_view(row) for row in await connection.execute(query)]

    async def see_alarm(self, connection: AsyncConnection, case_id: uuid.UUID) -> None:
        """The level stays; only the alarm ends."""
        await connection.execute(update(Case).where(Case.id == case_id).values(alarm_at=None))

    async def close(self, connection: AsyncConnection, case_id: uuid.UUID, code: str, now: datetime) -> None:
        """Closed; the conversation is the assistant's again."""
        ended = {"state": "closed", "close_code": code, "closed_at": now, "alarm_at": None}
        ended |= {"claimed_by": None, "claimed_until": None}
        await connection.execute(update(Case).where(Case.id == case_id).values(ended))
        await _set_owner(connection, case_id, "closed")

    async def add_line(
        self,
        connection: AsyncConnection,
        case_id: uuid.UUID,
        text: str,
        *,
        staff_id: uuid.UUID,
        outbound: Sequence[int],
    ) -> None:
        """One line; if the text left in several messages, the others follow as parts without text."""
        key = await self._person_key(connection, case_id)
        whole = {"case_id": case_id, "speaker": "human", "staff_id": staff_id}
        rows = [
            {**whole, "kind": "part" if place else "text", "cipher": None, "outbound_id": outbound_id}
            for place, outbound_id in enumerate(outbound or [None])
        ]
        rows[0]["cipher"] = key.encrypt(text, "case_messages.cipher")
        await connection.execute(insert(CaseMessage), rows)

    async def tell_desk(self, connection: AsyncConnection, case_id: uuid.UUID) -> None:
        """NOTIFY is delivered when the transaction commits."""
        await connection.execute(text("SELECT pg_notify('amana_desk', :id)"), {"id": str(case_id)})

    async def _person_key(self, connection: AsyncConnection, case_id: uuid.UUID) -> Key:
        query = select(Person.key_id).join(Case, Case.person_id == Person.id).where(Case.id == case_id)
        return await load_key(connection, self._vault, (await connection.execute(query)).scalar_one())


async def _lock_conversation(
    connection: AsyncConnection, case_id: uuid.UUID, may: ColumnElement[bool] | None = None
) -> None:
    """Conversation before case, as a worker's turn locks them: two orders would meet in a deadlock.

    A user waits only for a case that they may know of (`may`): waiting would tell them that it exists.
    """
    query = select(Conversation.id).where(Conversation.case_id == case_id).order_by(Conversation.id).with_for_update()
    if may is not None:
        query = query.where(exists().where(Case.id == case_id, may).correlate_except(Case))
    await connection.execute(query)


async def _set_owner(connection: AsyncConnection, case_id: uuid.UUID, owner: str) -> None:
    await connection.execute(update(Conversation).where(Conversation.case_id == case_id).values(owner=owner))


async def _first(connection: AsyncConnection, query: Select[Any]) -> CaseView | None:
    row = (await connection.execute(query)).first()
    return _view(row) if row else None


def _view(row: Row[Any]) -> CaseView:
    return CaseView(
        id=row.id,
        number=row.number,
        person=person_code(row.person_id),
        organisation_id=row.organisation_id,
        organisation=row.organisation,
        state=row.state,
        level=row.level,
        reasons=tuple(str(reason) for reason in row.reasons),
        modality=row.modality,
        locale=row.locale,
        channel=row.talk_channel or row.consent_channel,
        conversation_id=row.conversation_id,
        contact=_contact(row),
        claimed_by=row.claimed_by,
        claimer=row.claimer or "",
        claimed_until=row.claimed_until,
        claim_fence=row.claim_fence,
        carrier_blocked=row.carrier_blocked,
        stopped=row.stopped,
        alarm_at=row.alarm_at,
        close_code=row.close_code,
        created_at=row.created_at,
        closed_at=row.closed_at,
        consent=_agreed(row),
        answer_by=row.due_at,
        report=_told(row),
        owner=row.owner or "",
        sop_version=row.sop_version or "",
        joint=row.joint or "",
        excluded=tuple(map(str, row.excluded)),
        lacks_focal_point=row.lacks_focal_point,
        against=tuple(row.against_names or ()),
        has_word=row.has_word,
        answered=row.answered,
        escalations=row.escalations,
    )


def _agreed(row: Row[Any]) -> ConsentView:
    return ConsentView(
        text_key=row.text_key,
        text_version=row.text_version,
        locale=row.consent_locale,
        channel=row.consent_channel,
        kind=row.consent_kind,
        modality=row.consent_modality,
        given_at=row.given_at,
        expires_at=row.expires_at,
        withdrawn_at=row.withdrawn_at,
    )


def _told(row: Row[Any]) -> Report:
    return Report(
        for_whom=row.for_whom or "",
        age_band=row.age_band or "",
        concerns=tuple(map(str, row.concerns)),
        flags=tuple(map(str, row.flags)),
        organizations=tuple(row.against or ()),
        place_code=row.place_code or "",
        shared_phone=row.shared_phone or "",
        worker_gender=row.worker_gender or "",
        skipped=tuple(map(str, row.skipped)),
    )


def _contact(row: Row[Any]) -> Contact:
    return Contact(
        row.last_inbound_at,
        row.stopped,
        row.consent_live,
        row.contact_plan,
        hours=tuple(map(str, row.plan_hours)),
        locked=row.locked_until is not None,
        aside=row.conversation_id is not None and row.talks_about != row.id,
        urgent=row.level == "P0",
        knock_only=(row.talk_channel or "").startswith("whatsapp"),
        knocked=bool(row.knocked_at and (row.last_inbound_at is None or row.knocked_at > row.last_inbound_at)),
    )
