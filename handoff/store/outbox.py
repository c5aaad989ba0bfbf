"""Outbound messages: sealed under the key of the address they go to, opened when they are about to be sent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Draft
from handoff.core.ports import Unsent
from handoff.store.keys import load_key
from handoff.store.reading import READ, conversation_of
from handoff.store.tables import Conversation as ConversationRow
from handoff.store.tables import Outbound
from handoff.store.vault import Key, Vault

ADD = insert(Outbound).returning(Outbound)
MAKE_DUE = text("""
    WITH due AS (
        UPDATE conversations SET due_at = LEAST(due_at, now()), due_count = due_count + 1 WHERE id = :id RETURNING id
    )
    SELECT pg_notify('amana_due', '') FROM due
""")


def seal_draft(draft: Draft, key: Key) -> bytes:
    """What is shown on the phone, sealed."""
    content = {
        "text": draft.rendered.text,
        "options": [[option.token, option.label] for option in draft.rendered.options],
        "list": draft.rendered.list_button,
    }
    return key.encrypt_json(content, "outbound.cipher")


def unsent_of(draft: Draft, number: int, now: datetime, *, state: str) -> Unsent:
    """A draft whose row was just written."""
    return Unsent(
        id=number,
        key=draft.key,
        kind=draft.kind,
        speaker=draft.speaker,
        text=draft.rendered.text,
        options=tuple((option.token, option.label) for option in draft.rendered.options),
        list_button=draft.rendered.list_button,
        segments=draft.rendered.segments,
        attempts=1,
        next_at=None,
        created_at=now,
        just_written=state == "sending",
        case_id=draft.case_id,
    )


def unseal_draft(row: Any, key: Key) -> Unsent:
    """An outbound row, decrypted. One that was left "sending" may have left before its worker died."""
    content = key.decrypt_json(row.cipher, "outbound.cipher")
    return Unsent(
        id=row.id,
        key=row.key,
        kind=row.kind,
        speaker=row.speaker,
        text=content["text"],
        options=tuple((token, label) for token, label in content["options"]),
        list_button=content["list"],
        segments=row.segments,
        attempts=row.attempts,
        next_at=row.next_at,
        created_at=row.created_at,
        in_doubt=row.state == "sending",
        case_id=row.case_id,
        about=_about(row) if row.case_id else None,
    )


def _about(row: Any) -> Contact:
    """What the person of its case agreed to."""
    return Contact(
        None,
        consent_live=row.case_consent,
        plan=row.case_plan,
        hours=tuple(map(str, row.case_hours or ())),
        locked=row.case_locked,
        urgent=row.case_urgent,
    )


async def insert_drafts(
    connection: AsyncConnection,
    key: Key,
    conversation: Conversation,
    drafts: Sequence[Draft],
    *,
    inbound_id: int | None = None,
    state: str = "queued",
) -> Sequence[Row[Any]]:
    """Add the messages, in order; returns the rows."""
    if not drafts:
        return []
    values = [draft_values(key, conversation, draft, inbound_id=inbound_id, state=state) for draft in drafts]
    return [(await connection.execute(ADD, value)).one() for value in values]


def draft_values(
    key: Key, conversation: Conversation, draft: Draft, *, inbound_id: int | None, state: str
) -> dict[str, Any]:
    """The row of a draft."""
    return {
        "conversation_id": conversation.id,
        "inbound_id": inbound_id,
        "case_id": draft.case_id,
        "channel": conversation.channel,
        "account": conversation.account,
        "kind": draft.kind,
        "speaker": draft.speaker,
        "key": draft.key,
        "cipher": seal_draft(draft, key),
        "segments": draft.rendered.segments,
        "state": state,
        "attempts": 1 if state == "sending" else 0,
    }


class PostgresOutbox:
    """How the desk adds messages to a conversation, in its own transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def conversation(self, connection: AsyncConnection, conversation_id: uuid.UUID) -> Conversation:
        """The conversation as it stands."""
        row = (await connection.execute(READ, {"ids": [conversation_id]})).one()
        return conversation_of(row)

    async def enqueue(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        drafts: Sequence[Draft],
        changes: Mapping[str, Any],
    ) -> list[int]:
        """Add messages and make the conversation due, in the caller's transaction; returns their ids."""
        query = text("SELECT a.key_id FROM conversations c JOIN addresses a ON a.id = c.address_id WHERE c.id = :id")
        key_id = (await connection.execute(query, {"id": conversation.id})).scalar_one()
        key = await load_key(connection, self._vault, key_id)
        rows = await insert_drafts(connection, key, conversation, drafts)
        if changes:
            await connection.execute(
                update(ConversationRow).where(ConversationRow.id == conversation.id).values(**changes)
            )
        await connection.execute(MAKE_DUE, {"id": conversation.id})
        return [row.id for row in rows]
