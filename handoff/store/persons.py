"""Erasing persons: all that is kept under their key, their consents and cases, and the key (SAFETY §5)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.staff import Deed
from handoff.store.door import notify_desk
from handoff.store.sealing import proves, seal_case, take_as_long
from handoff.store.staff import StaffBook
from handoff.store.vault import Vault

# Whoever has written from this address, or is reached there.
PERSONS = text("""
    SELECT p.id, p.key_id, p.word_cipher, k.wrapped, k.master_id, r.id AS code_id, r.selector, r.seal_key
    FROM persons p JOIN vault.data_keys k ON k.id = p.key_id LEFT JOIN return_codes r ON r.person_id = p.id
    WHERE p.id IN (
        SELECT person_id FROM person_addresses WHERE address_id = :address
        UNION SELECT person_id FROM conversations WHERE address_id = :address
        UNION SELECT k.person_id FROM cases k JOIN conversations c ON c.id = k.conversation_id
        WHERE c.address_id = :address
    ) ORDER BY p.created_at
""")
CASES = text("""
    SELECT k.*, k.state IN ('waiting', 'claimed') AS live, c.address_id,
        n.text_key, n.text_version, n.kind AS consent_kind, n.given_at, n.expires_at, n.channel AS consent_channel,
        n.locale AS consent_locale, n.modality AS consent_modality
    FROM cases k LEFT JOIN conversations c ON c.id = k.conversation_id LEFT JOIN consents n ON n.id = k.consent_id
    WHERE k.person_id = :person ORDER BY k.created_at
""")
# Number, level and dates stay, and what decides who may see them: nothing of what the person said.
SHELL = text("""
    UPDATE cases SET state = 'erased', person_id = NULL, consent_id = NULL, conversation_id = NULL, reasons = '[]',
        concerns = '[]', flags = '[]', skipped = '[]', modality = '', locale = '', for_whom = NULL, age_band = NULL,
        place_code = NULL, worker_gender = NULL, note_cipher = NULL, due_at = NULL, alarm_at = NULL,
        claimed_by = NULL, claimed_until = NULL, claimed_at = NULL, carrier_blocked = false, stopped = false,
        close_code = 'erased', closed_at = now()
    WHERE id = ANY(:live)
""")
CUT = tuple(
    text(statement)
    for statement in (
        "UPDATE outbound SET case_id = NULL, cipher = NULL, state = CASE WHEN state IN ('queued', 'held', 'sending')"
        " THEN 'cancelled' ELSE state END WHERE case_id = ANY(:cases)",
        "UPDATE conversations SET case_id = NULL, person_id = NULL, owner = 'assistant', person_seen_at = NULL,"
        " state = '{}', prompts = '[]', held_cipher = NULL, held_at = NULL"
        " WHERE case_id = ANY(:cases) OR person_id = :person",
        "DELETE FROM case_messages WHERE case_id = ANY(:cases)",
        "DELETE FROM complaints WHERE case_id = ANY(:ended)",
    )
)
REMOVE = tuple(
    text(statement)
    for statement in (
        "DELETE FROM cases WHERE id = ANY(:ended)",
        "DELETE FROM consents WHERE person_id = :person",
        "DELETE FROM return_codes WHERE person_id = :person",
        "DELETE FROM person_addresses WHERE person_id = :person",
        "INSERT INTO vault.erased (id, kind) VALUES (:person, 'person'), (:key, 'key') ON CONFLICT DO NOTHING",
        "INSERT INTO vault.erased (id, kind) SELECT unnest(CAST(:cases AS uuid[])), 'case' ON CONFLICT DO NOTHING",
        "DELETE FROM persons WHERE id = :person",
        "DELETE FROM vault.data_keys WHERE id = :key",
    )
)
REFERRALS = text("DELETE FROM referrals WHERE case_id = ANY(:cases) RETURNING id, organisation_id")
UNLINK = text("DELETE FROM person_addresses WHERE person_id = :person AND address_id = :address")


async def erase_persons(
    connection: AsyncConnection, vault: Vault, address_id: uuid.UUID, *, said: str, sealed_for: timedelta
) -> None:
    """Erase whoever this address knows. Somebody whose case is reached elsewhere meanwhile (a return code) only leaves
    this address, unless their word or code was said. Takes as long whether or not anything was sealed."""
    sealed = False
    for person in (await connection.execute(PERSONS, {"address": address_id})).all():
        cases = (await connection.execute(CASES, {"person": person.id})).all()
        secret = bool(person.word_cipher or person.code_id)
        proven = not secret or await proves(vault, person, said)
        if not proven and any(case.live and case.address_id not in (None, address_id) for case in cases):
            await connection.execute(UNLINK, {"person": person.id, "address": address_id})
            continue
        if not proven:
            for case in cases:
                sealed |= case.live and await seal_case(connection, vault, person, case, kept=sealed_for)
        await erase_person(connection, person.id, person.key_id, cases)
    if not sealed:
        await take_as_long(vault)


async def erase_person(
    connection: AsyncConnection, person_id: uuid.UUID, key_id: uuid.UUID, cases: Sequence[Any], *, why: str = "erased"
) -> None:
    """One person with all their cases. Open cases leave a shell, of which the desk is told at once; others go."""
    live = [case.id for case in cases if case.live]
    ended = [case.id for case in cases if not case.live]
    values = {"person": person_id, "key": key_id, "live": live, "ended": ended, "cases": [*live, *ended]}
    for statement in CUT:
        await connection.execute(statement, _named(statement, values))
    for row in await connection.execute(REFERRALS, {"cases": values["cases"]}):
        await _note(connection, f"referral.{why}", "referral", row.id, row.organisation_id)
    await connection.execute(SHELL, {"live": live})
    for statement in REMOVE:
        await connection.execute(statement, _named(statement, values))
    for case in cases:
        if case.live:
            await _note(connection, f"case.{why}", "case", case.id, case.organisation_id)
            await notify_desk(connection, str(case.id))
    if cases:
        await notify_desk(connection, "queue")


def _named(statement: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in statement.compile().params}


async def _note(
    connection: AsyncConnection, action: str, kind: str, number: uuid.UUID, organisation: uuid.UUID
) -> None:
    await StaffBook().record(connection, Deed("person", action, kind, str(number), organisation))
