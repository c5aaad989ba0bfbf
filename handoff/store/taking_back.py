"""Consents that end by the person's wish, and what is kept for longer by their wish (SAFETY §3, §6)."""

from __future__ import annotations

import uuid

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.conversation import Turn
from handoff.core.ports import Lease
from handoff.core.staff import Deed
from handoff.store.door import notify_desk
from handoff.store.staff import StaffBook

# Whoever holds the phone may take back, also while somebody else's case is set aside there: what we then say is true.
WITHDRAW_CASES = text("""
    UPDATE cases SET state = 'withdrawn', claimed_by = NULL, claimed_until = NULL, closed_at = now(), alarm_at = NULL
    WHERE conversation_id = :id AND state IN ('waiting', 'claimed')
    RETURNING id, person_id, consent_id, organisation_id
""")
THEIRS = text("""
    SELECT person_id FROM conversations WHERE id = :id AND person_id IS NOT NULL
    UNION SELECT person_id FROM cases WHERE conversation_id = :id AND person_id IS NOT NULL
""")
WITHDRAW_CONSENTS = text("""
    UPDATE consents SET withdrawn_at = now(), withdrawn_channel = :channel
    WHERE person_id = ANY(:persons) AND purpose = ANY(:purposes) AND withdrawn_at IS NULL
""")
WITHDRAW_REFERRALS = text("""
    UPDATE referrals SET state = 'withdrawn', changed_at = now()
    WHERE state NOT IN ('closed', 'withdrawn') AND case_id IN (SELECT id FROM cases WHERE person_id = ANY(:persons))
    RETURNING id, case_id, organisation_id
""")
CANCEL_UNSENT = text("""
    UPDATE outbound SET state = 'cancelled', cipher = NULL, error_code = 'withdrawn'
    WHERE conversation_id = :id AND state IN ('queued', 'held', 'sending') AND kind <> 'system'
""")
SHARING = frozenset({"contact", "share"})
# As long again, from today: the consent of an open case, or the days that a closed one is kept.
KEEP_CONSENT = text("""
    UPDATE consents SET expires_at = now() + (expires_at - given_at), asked_at = NULL FROM cases k
    WHERE k.consent_id = consents.id AND k.conversation_id = :id AND k.state IN ('waiting', 'claimed')
      AND withdrawn_at IS NULL AND expires_at > now()
""")
KEEP_CASE = text(
    "UPDATE cases SET closed_at = now(), ends_told_at = NULL WHERE conversation_id = :id AND state = 'closed'"
)


async def take_back(connection: AsyncConnection, lease: Lease, turn: Turn) -> None:
    """Withdraw consents by purpose. Without contact the case is frozen; partners of a referral are told at once."""
    conversation, purposes = lease.conversation, sorted(turn.take_back)
    persons = list((await connection.execute(THEIRS, {"id": conversation.id})).scalars())
    if "contact" in turn.take_back:
        for case in (await connection.execute(WITHDRAW_CASES, {"id": conversation.id})).all():
            await _note(connection, "case.withdrawn", case.id, case.organisation_id)
            await notify_desk(connection, str(case.id))
        await connection.execute(CANCEL_UNSENT, {"id": conversation.id})
    if not persons:
        return
    values = {"persons": persons, "purposes": purposes, "channel": conversation.channel}
    await connection.execute(WITHDRAW_CONSENTS, values)
    if turn.take_back & SHARING:
        for referral in (await connection.execute(WITHDRAW_REFERRALS, {"persons": persons})).all():
            await _note(connection, "referral.withdrawn", referral.case_id, referral.organisation_id)
            await notify_desk(connection, str(referral.case_id))


async def keep(connection: AsyncConnection, conversation_id: uuid.UUID) -> None:
    """What was to end is kept for as long again."""
    await connection.execute(KEEP_CONSENT, {"id": conversation_id})
    await connection.execute(KEEP_CASE, {"id": conversation_id})


async def _note(connection: AsyncConnection, action: str, case_id: uuid.UUID, organisation: uuid.UUID) -> None:
    await StaffBook().record(connection, Deed("person", action, "case", str(case_id), organisation))
