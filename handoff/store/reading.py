"""Conversation rows, read with what belongs to them, as the plain views that the services see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Owner, Received
from handoff.core.message import Kind
from handoff.core.prompts import Prompt
from handoff.store.known import KNOWN_JOIN
from handoff.store.vault import Key

JOINS = """
    FROM conversations c
    JOIN addresses a ON a.id = c.address_id
    JOIN vault.data_keys k ON k.id = a.key_id
    LEFT JOIN cases ON cases.id = c.case_id
    LEFT JOIN consents n ON n.id = cases.consent_id
    LEFT JOIN persons p ON p.id = c.person_id
    LEFT JOIN vault.data_keys pk ON pk.id = p.key_id
"""
COLUMNS = """
    SELECT c.*, now() AS clock, a.network, a.cipher AS address_cipher,
        COALESCE(a.stopped_at, a.blocked_at) AS stopped_at, a.off_notice_at,
        k.id AS key_id, k.wrapped, k.master_id, p.contact_plan,
        pk.id AS person_key_id, pk.wrapped AS person_wrapped, pk.master_id AS person_master_id,
        p.plan_hours, p.locked_until IS NOT NULL AS locked,
        (n.withdrawn_at IS NULL AND n.expires_at > now()) IS TRUE AS consent_live,
        (cases.level = 'P0' AND cases.state IN ('waiting', 'claimed')) IS TRUE AS urgent,
        c.owner = 'closed' AND EXISTS (
            SELECT FROM outbound o WHERE o.conversation_id = c.id AND o.state = 'held' AND o.key = 'handoff.closed'
        ) AS closing_untold
"""
READ = text(f"{COLUMNS} {JOINS} WHERE c.id = ANY(:ids)")
READ_WORK = f"""
    {COLUMNS}, i.id AS inbound_id, i.kind, i.cipher, i.sent_at, i.received_at, i.attempts,
        COALESCE(i.backlog, 0) AS backlog, those.known,
        EXISTS (
            SELECT FROM outbound o WHERE o.conversation_id = c.id AND o.state IN ('queued', 'sending')
        ) AS has_unsent
    {JOINS}
    LEFT JOIN LATERAL (
        SELECT *, (SELECT count(*) FROM (
            SELECT FROM inbound x WHERE x.conversation_id = c.id AND x.worked_at IS NULL LIMIT 2
        ) y) AS backlog
        FROM inbound WHERE conversation_id = c.id AND worked_at IS NULL ORDER BY id LIMIT 1
    ) i ON true
    {KNOWN_JOIN}
    WHERE c.id = ANY(%(ids)s)
"""  # noqa: S608 (only our own fragments)


def conversation_of(row: Any) -> Conversation:
    """The plain view of a conversation row that was read with its address, person and consent."""
    return Conversation(
        id=row.id,
        channel=row.channel,
        account=row.account,
        network=row.network,
        owner=Owner(row.owner),
        locale=row.locale,
        contact=Contact(
            last_inbound_at=row.last_inbound_at,
            stopped=row.stopped_at is not None,
            consent_live=row.consent_live,
            plan=row.contact_plan,
            hours=tuple(map(str, row.plan_hours or ())),
            locked=row.locked,
            urgent=row.urgent,
            knocked=_knocked(row),
        ),
        closing_untold=row.closing_untold,
        erasure_id=row.erasure_id,
        locale_chosen=row.locale_chosen,
        person_id=row.person_id,
        case_id=row.case_id,
        state=row.state,
        prompts=tuple(Prompt.from_json(prompt) for prompt in row.prompts),
        prompt_count=row.prompt_count,
        waiting_ack_at=row.waiting_ack_at,
        off_notice_at=row.off_notice_at,
        minute_start=row.minute_start,
        minute_count=row.minute_count,
        day_start=row.day_start,
        day_count=row.day_count,
        person_seen_at=row.person_seen_at,
        held_at=row.held_at,
        word_due_at=row.word_due_at,
    )


def _knocked(row: Any) -> bool:
    """Whether they have not written since we knocked."""
    return row.knocked_at is not None and (row.last_inbound_at is None or row.knocked_at > row.last_inbound_at)


def received_of(row: Any, key: Key) -> Received:
    """The inbound part of a row that was read for work, decrypted."""
    content = key.decrypt_json(row.cipher, "inbound.cipher")
    return Received(
        id=row.inbound_id,
        kind=Kind(row.kind),
        received_at=row.received_at,
        text=content["text"],
        payload=content["payload"],
        ack_token=content["ack"],
        sent_at=row.sent_at,
        provider_replied=content["replied"],
        attempts=row.attempts,
    )
