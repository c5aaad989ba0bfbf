"""Opening a case: somebody's consent and their case, in the transaction of the turn in which they said yes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.conversation import NewCase, Turn
from handoff.core.ports import Lease
from handoff.core.report import Report
from handoff.store.case_tables import Case, Consent
from handoff.store.directory_tables import Complaint
from handoff.store.door import notify_desk
from handoff.store.keys import add_key
from handoff.store.tables import Conversation, Person, PersonAddress
from handoff.store.vault import Vault

CONSENT_LIVES = timedelta(days=90)


async def open_case(connection: AsyncConnection, vault: Vault, lease: Lease, turn: Turn, organisation: str) -> None:
    """Person (if nobody yet writes from here), consent and case. The database refuses the case without the consent.

    A turn that gives the conversation back to the assistant and opens a case is about somebody else than the case
    before: a phone is not a person (SAFETY §1).
    """
    conversation, handle, new = lease.conversation, lease.handle, turn.new_case
    if new is None:
        raise AssertionError("no case to open")
    known: uuid.UUID | None = turn.changes.get("person_id", conversation.person_id)
    query = text("SELECT id FROM organisations WHERE slug = :slug")
    whose = {
        "person_id": known or await add_person(connection, vault, handle.address_id),
        "organisation_id": (await connection.execute(query, {"slug": new.organisation or organisation})).scalar_one(),
    }
    said = {"shared_phone": new.report.shared_phone or None, "age_band": new.report.age_band or None}
    await connection.execute(update(Person).where(Person.id == whose["person_id"]).values(**said))
    await connection.execute(insert(Consent).values(**whose, **_consent(new, conversation.channel, lease.now)))
    case = _case(new, lease.now) | {"conversation_id": conversation.id}
    await connection.execute(insert(Case).values(**whose, **case))
    if new.coi_orgs:
        await connection.execute(insert(Complaint).values(case_id=new.case_id, coi_orgs=list(new.coi_orgs)))
    await connection.execute(
        update(Conversation)
        .where(Conversation.id == conversation.id)
        .values(person_id=whose["person_id"], case_id=new.case_id, owner="waiting")
    )
    await notify_desk(connection, "queue")


def _consent(new: NewCase, channel: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new.consent_id,
        "purpose": "contact",
        "kind": new.kind,
        "text_key": new.consent_key,
        "text_version": new.consent_version,
        "modality": new.modality,
        "locale": new.locale,
        "channel": channel,
        "expires_at": now + CONSENT_LIVES,
    }


def _case(new: NewCase, now: datetime) -> dict[str, Any]:
    return _told(new.report) | {
        "id": new.case_id,
        "number": new.number,
        "consent_id": new.consent_id,
        "level": new.level,
        "reasons": list(new.reasons),
        "modality": new.modality,
        "locale": new.locale,
        "alarm_at": now if new.level == "P0" else None,
        "sop_version": new.sop_version or None,
        "owner": new.owner or None,
        "joint": new.joint or None,
        "excluded": list(new.excluded),
        "due_at": new.due_at,
    }


def _told(report: Report) -> dict[str, Any]:
    """A report's answers as columns of a case."""
    return {
        "for_whom": report.for_whom or None,
        "age_band": report.age_band or None,
        "place_code": report.place_code or None,
        "concerns": list(report.concerns),
        "flags": list(report.flags),
        "skipped": list(report.skipped),
        "worker_gender": report.worker_gender or None,
    }


async def add_person(connection: AsyncConnection, vault: Vault, address_id: uuid.UUID) -> uuid.UUID:
    """Somebody new, with a key of their own, who writes from this address."""
    key = await add_key(connection, vault)
    person_id = uuid.uuid4()
    await connection.execute(insert(Person).values(id=person_id, key_id=key.id))
    await connection.execute(insert(PersonAddress).values(person_id=person_id, address_id=address_id))
    return person_id
