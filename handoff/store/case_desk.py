"""Of a case, what only some acts of the desk need: its secrets, its level, and the steps of its clock."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, exists, extract, func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import OPEN_STATES, CaseView
from handoff.store.case_tables import Case, CaseMessage
from handoff.store.keys import load_key
from handoff.store.sight import waits_for
from handoff.store.tables import Address, Conversation, Person
from handoff.store.vault import CannotDecrypt, Vault

# A human has written, or has the case of somebody who wants a call: the clock of the SOP has stopped.
ANSWERED = exists().where(CaseMessage.case_id == Case.id, CaseMessage.speaker == "human").correlate(Case) | (
    (Case.modality == "call") & (Case.state == "claimed")
)
BACKUP = text("""
    SELECT o.id, o.slug FROM organisations o
    WHERE o.slug = ANY(:slugs) AND o.id <> :own AND EXISTS (
        SELECT FROM memberships m JOIN staff s ON s.id = m.staff_id AND s.active WHERE m.organisation_id = o.id
    ) AND NOT EXISTS (
        SELECT FROM complaints k JOIN directory_organizations d ON k.coi_orgs ? d.id
        WHERE k.case_id = :case AND d.desk_slug = o.slug
    )
""")


class DeskCases:
    """Part of the repository `Cases`."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def number_of(self, connection: AsyncConnection, case_id: uuid.UUID) -> str:
        """Where the person is reached, "" when it is gone."""
        query = (
            select(Address.key_id, Address.cipher)
            .join(Conversation, Conversation.address_id == Address.id)
            .join(Case, Case.conversation_id == Conversation.id)
            .where(Case.id == case_id)
        )
        row = (await connection.execute(query)).first()
        return await self._opened(connection, row.key_id, row.cipher, "addresses.cipher") if row else ""

    async def words_of(self, connection: AsyncConnection, case_id: uuid.UUID) -> tuple[str, str]:
        """The person's word and our sign, each "" when there is none."""
        query = select(Person.key_id, Person.word_cipher, Person.sign_cipher)
        row = (
            await connection.execute(query.join(Case, Case.person_id == Person.id).where(Case.id == case_id))
        ).first()
        if row is None:
            return "", ""
        word = await self._opened(connection, row.key_id, row.word_cipher, "persons.word_cipher")
        return word, await self._opened(connection, row.key_id, row.sign_cipher, "persons.sign_cipher")

    async def note(self, connection: AsyncConnection, case_id: uuid.UUID) -> str:
        """What the person wants us to know, in their own words, "" when there is nothing."""
        query = select(Person.key_id, Case.note_cipher).join(Person, Person.id == Case.person_id)
        row = (await connection.execute(query.where(Case.id == case_id))).first()
        return await self._opened(connection, row.key_id, row.note_cipher, "cases.note_cipher") if row else ""

    async def _opened(self, connection: AsyncConnection, key_id: uuid.UUID, cipher: bytes | None, place: str) -> str:
        if cipher is None:
            return ""
        try:
            return (await load_key(connection, self._vault, key_id)).decrypt(cipher, place)
        except CannotDecrypt:
            return ""

    async def set_level(self, connection: AsyncConnection, case_id: uuid.UUID, level: str, due_at: datetime) -> None:
        """Its level, and by when a human is to have answered now; the steps of the clock begin anew."""
        values = {"level": level, "due_at": due_at, "escalations": 0, "backup_id": None}
        await connection.execute(update(Case).where(Case.id == case_id).values(values))

    async def running_late(
        self, connection: AsyncConnection, *, share: float, steps: int, now: datetime
    ) -> Sequence[uuid.UUID]:
        """Open cases that nobody has answered, with this share of their time gone and steps left to take. Not filtered
        by user: no request reaches this."""
        late = (
            extract("epoch", literal(now) - Case.created_at) >= extract("epoch", Case.due_at - Case.created_at) * share
        )
        query = select(Case.id).where(Case.state.in_(OPEN_STATES), Case.escalations < steps, late, ~ANSWERED)
        return (await connection.execute(query.order_by(Case.created_at))).scalars().all()

    async def backup_of(self, connection: AsyncConnection, case: CaseView, slugs: Sequence[str]) -> uuid.UUID | None:
        """The first of these organisations that exists, has staff, is another one and is not complained of."""
        values = {"slugs": list(slugs), "own": case.organisation_id, "case": case.id}
        found = {row.slug: row.id for row in await connection.execute(BACKUP, values)}
        return next((found[slug] for slug in slugs if slug in found), None)

    async def escalated(
        self, connection: AsyncConnection, case_id: uuid.UUID, steps: int, backup: uuid.UUID | None
    ) -> None:
        """So many steps were taken; which organisation knows that somebody waits, if one does."""
        values = {"escalations": steps} | ({"backup_id": backup} if backup else {})
        await connection.execute(update(Case).where(Case.id == case_id).values(values))

    async def waiting_elsewhere(self, connection: AsyncConnection, user_id: uuid.UUID) -> int:
        """How many wait too long at other organisations, for which this user's is the backup: a number, no more."""
        open_ = and_(Case.state.in_(OPEN_STATES), ~ANSWERED, waits_for(user_id))
        return (await connection.execute(select(func.count()).select_from(Case).where(open_))).scalar_one()
