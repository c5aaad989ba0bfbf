"""The lease on conversations: order, mutual exclusion and nothing lost, over one row (DESIGN §3).

Two traps are closed here, each with a test. (1) A worker gives a conversation back by comparing the row's own
`due_count` with the one it leased, and it looks for work in a statement *after* the lease: a message that commits in
between is seen or makes the row due again. (2) Every write of a turn checks the lease's `fence`: a worker that was
thought dead cannot write any more once another has taken over.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.conversation import Draft, Turn
from handoff.core.ports import Lease, LeaseLost, Sent, Unsent
from handoff.store import turns
from handoff.store.door import set_stopped
from handoff.store.erasing import begin, finish, pending
from handoff.store.known import known_of
from handoff.store.outbox import insert_drafts, unseal_draft, unsent_of
from handoff.store.quick import Quick
from handoff.store.reading import READ_WORK, conversation_of, received_of
from handoff.store.tables import Conversation
from handoff.store.together import Together, rows_as_json
from handoff.store.vault import Key, Vault

log = structlog.get_logger(__name__)
SEALED_FOR = timedelta(days=14)
LEASE = """
    WITH due AS (
        SELECT id, leased_until IS NOT NULL AS left_lying FROM conversations
        WHERE due_at <= now() AND (leased_until IS NULL OR leased_until < now())
        ORDER BY due_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE conversations SET leased_until = now() + %(lease)s, lease_holder = %(holder)s, fence = fence + 1
    FROM due WHERE conversations.id = due.id RETURNING conversations.id, fence, due_count, left_lying
"""
# Whoever had these leases is dead, or was thought so. If a message did it, it must not do it for ever.
COUNT_LEFT_LYING = """
    UPDATE inbound SET attempts = attempts + 1 WHERE id IN (
        SELECT min(id) FROM inbound WHERE conversation_id = ANY(%(ids)s) AND worked_at IS NULL GROUP BY conversation_id
    ) RETURNING id
"""
UNSENT = """
    SELECT o.*, (n.withdrawn_at IS NULL AND n.expires_at > now()) IS TRUE AS case_consent, p.contact_plan AS case_plan,
        p.plan_hours AS case_hours, p.locked_until IS NOT NULL AS case_locked,
        (t.level = 'P0' AND t.state IN ('waiting', 'claimed')) IS TRUE AS case_urgent
    FROM outbound o LEFT JOIN cases t ON t.id = o.case_id LEFT JOIN consents n ON n.id = t.consent_id
        LEFT JOIN persons p ON p.id = t.person_id
    WHERE o.conversation_id = ANY(%(ids)s) AND o.state IN ('queued', 'sending') ORDER BY o.id
"""
HEARTBEAT = """
    WITH ours AS (
        SELECT id FROM conversations WHERE lease_holder = %(holder)s AND id = ANY(%(ids)s) AND leased_until > now()
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE conversations SET leased_until = now() + %(lease)s FROM ours WHERE conversations.id = ours.id
    RETURNING conversations.id
"""
# Later, so that many of them (a master key that is gone) do not take every place of those that can be read.
POSTPONE = """
    UPDATE conversations SET leased_until = NULL, lease_holder = NULL, due_at = now() + interval '1 minute'
    WHERE id = ANY(%(ids)s) AND lease_holder = %(holder)s RETURNING id
"""
RECORD = """
    UPDATE outbound SET state = %(state)s, error_code = NULLIF(%(code)s, ''), next_at = %(next_at)s,
        provider_index = %(provider_index)s, provider_cipher = %(provider_cipher)s,
        sent_at = CASE WHEN %(state)s = 'sent' THEN now() END,
        cipher = CASE WHEN %(state)s IN ('queued', 'held', 'dead') THEN cipher END,
        possible_duplicate = possible_duplicate OR %(in_doubt)s
    WHERE id = %(outbound_id)s AND (state <> 'cancelled' OR %(state)s NOT IN ('queued', 'held'))
"""
# Gives conversations back, with what became of the one message of each (none where `outbound_id` is null). The release
# comes first and decides: a worker that lost its lease must not write what it believes of the message.
FINISH = """
    WITH given AS (
        SELECT * FROM json_to_recordset(%(rows)s::json) AS row (n int, id uuid, fence bigint, due_count bigint,
            more boolean, retry_at timestamptz, shown text[], shown_at timestamptz, outbound_id bigint, state text,
            code text, next_at timestamptz, in_doubt boolean, provider_index bytea, provider_cipher bytea)
    ), ours AS (
        SELECT c.id, n FROM conversations c JOIN given USING (id)
        WHERE c.fence = given.fence ORDER BY c.id FOR NO KEY UPDATE OF c
    ), released AS (
        UPDATE conversations c SET leased_until = NULL, lease_holder = NULL,
            due_at = CASE WHEN c.due_count > given.due_count OR more THEN now() ELSE retry_at END,
            prompts = CASE WHEN shown = '{}' THEN prompts ELSE (
                SELECT COALESCE(jsonb_agg(
                    CASE WHEN p->>'key' = ANY(shown) AND p->>'asked_at' IS NULL
                    THEN p || jsonb_build_object('asked_at', shown_at) ELSE p END ORDER BY place
                ), '[]') FROM jsonb_array_elements(prompts) WITH ORDINALITY AS each_one (p, place)
            ) END
        FROM given JOIN ours USING (n) WHERE c.id = ours.id RETURNING n
    ), recorded AS (
        UPDATE outbound SET state = given.state, error_code = NULLIF(code, ''), next_at = given.next_at,
            provider_index = given.provider_index, provider_cipher = given.provider_cipher,
            sent_at = CASE WHEN given.state = 'sent' THEN now() END,
            cipher = CASE WHEN given.state IN ('queued', 'held', 'dead') THEN cipher END,
            possible_duplicate = possible_duplicate OR in_doubt
        FROM given JOIN released USING (n)
        WHERE outbound.id = outbound_id AND (outbound.state <> 'cancelled' OR given.state NOT IN ('queued', 'held'))
    )
    TABLE released
"""
SENDING = """
    WITH ours AS (
        SELECT id FROM conversations WHERE id = %(id)s AND fence = %(fence)s FOR NO KEY UPDATE
    ), marked AS (
        UPDATE outbound SET state = 'sending', attempts = attempts + 1
        FROM ours WHERE conversation_id = ours.id AND outbound.id = ANY(%(ids)s) AND state IN ('queued', 'sending')
        RETURNING outbound.id
    )
    SELECT ARRAY(SELECT id FROM marked) AS ids FROM ours
"""
COUNT_FAILURE = text("UPDATE inbound SET attempts = attempts + 1 WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Handle:
    """What the store itself needs of a lease: the opened keys (of address, person, and the people known here, by case),
    and when it began (of `time.monotonic`)."""

    address_id: uuid.UUID
    key: Key
    person_key: Key | None
    known_keys: Mapping[uuid.UUID, Key] = field(default_factory=dict)
    began: float = field(default_factory=monotonic)


class PostgresInbox:
    """Leases over `conversations`. One instance a worker process; `holder` names it."""

    def __init__(
        self,
        engine: AsyncEngine,
        quick: Quick,
        vault: Vault,
        *,
        holder: str,
        lease: timedelta,
        organisation: str,
        sealed_for: timedelta = SEALED_FOR,
    ) -> None:
        self._engine = engine
        self._quick = quick
        self._vault = vault
        self._holder = holder
        self._lease = lease
        self._organisation = organisation
        self._sealed_for = sealed_for
        self._answers = Together(quick, turns.ANSWER)
        self._ends = Together(quick, FINISH)

    async def lease(self, limit: int) -> Sequence[Lease]:
        """Up to `limit` due conversations, oldest first, each with its oldest message and its unsent ones."""
        parameters = {"lease": self._lease, "holder": self._holder, "limit": limit}
        leased = {row.id: row for row in await self._quick.run(LEASE, parameters)}
        if not leased:
            return []
        left_lying = [row.id for row in leased.values() if row.left_lying]
        if left_lying:
            await self._quick.run(COUNT_LEFT_LYING, {"ids": left_lying})
        rows = await self._quick.run(READ_WORK, {"ids": list(leased)})
        unsent_in = [row.id for row in rows if row.has_unsent]
        unsent = await self._quick.run(UNSENT, {"ids": unsent_in}) if unsent_in else []
        leases = [
            self._assemble_or_skip(row, leased[row.id], [out for out in unsent if out.conversation_id == row.id])
            for row in rows
        ]
        unreadable = [row.id for row, lease in zip(rows, leases, strict=True) if lease is None]
        if unreadable:
            await self._quick.run(POSTPONE, {"ids": unreadable, "holder": self._holder})
        return [lease for lease in leases if lease]

    def _assemble_or_skip(self, row: Any, leased: Any, unsent: list[Any]) -> Lease | None:
        """None for a conversation that cannot be read (a key that is not there): it must not hold up the others."""
        try:
            return self._assemble(row, leased, unsent)
        except Exception as error:
            log.error("conversation_unreadable", conversation=str(row.id), error=type(error).__name__)
            return None

    def _assemble(self, row: Any, leased: Any, unsent: list[Any]) -> Lease:
        key = self._vault.open(row.key_id, row.wrapped, row.master_id)
        person_key = (
            self._vault.open(row.person_key_id, row.person_wrapped, row.person_master_id) if row.person_key_id else None
        )
        known, known_keys = known_of(row.known, self._vault)
        held = key.decrypt(row.held_cipher, "conversations.held_cipher") if row.held_cipher else ""
        return Lease(
            conversation=replace(conversation_of(row), known=known, held=held),
            now=row.clock,
            fence=leased.fence,
            due_count=leased.due_count,
            address=key.decrypt(row.address_cipher, "addresses.cipher"),
            received=received_of(row, key) if row.inbound_id else None,
            more=row.backlog > 1,
            unsent=tuple(unseal_draft(out, key) for out in unsent),
            handle=Handle(row.address_id, key, person_key, known_keys),
        )

    async def commit_turn(self, lease: Lease, turn: Turn) -> Sequence[Unsent]:
        """Write the turn and its replies, and erase the message's text: one transaction. Raises LeaseLost.

        The replies are written as being sent, because they are sent next: if we die before saying what became of them,
        whoever comes after knows that they may have left. A turn that only answers is one statement.
        """
        handle: Handle = lease.handle
        state = "queued" if lease.unsent else "sending"
        if turns.only_answers(turn):
            ids = await turns.answer(self._answers, lease, turn, state=state)
        else:
            async with self._engine.begin() as connection:
                await turns.mark_worked(connection, lease, turn)
                if turn.erase:
                    said, kept = turn.erase.said, self._sealed_for
                    await begin(connection, self._vault, handle.address_id, key=handle.key, said=said, sealed_for=kept)
                else:
                    await turns.apply(connection, self._vault, lease, turn, self._organisation)
                rows = await insert_drafts(
                    connection,
                    handle.key,
                    lease.conversation,
                    turn.drafts,
                    inbound_id=lease.received.id if lease.received else None,
                    state=state,
                )
            ids = [row.id for row in rows]
        return [
            unsent_of(draft, number, lease.now, state=state) for draft, number in zip(turn.drafts, ids, strict=True)
        ]

    async def sending(self, lease: Lease, ids: Sequence[int]) -> Sequence[int]:
        """Say, before the provider is called, that these messages may be on their way; those that were not cancelled
        since they were read (a STOP, a consent taken back). Raises LeaseLost."""
        ours = {"id": lease.conversation.id, "fence": lease.fence, "ids": list(ids)}
        rows = await self._quick.run(SENDING, ours)
        _must_be_ours(rows)
        marked: Sequence[int] = rows[0].ids
        return marked

    async def finish(self, lease: Lease, sent: Sequence[Sent], retry_at: datetime | None) -> None:
        """Write what became of the messages and give the conversation back: one transaction. Raises LeaseLost.

        The usual end, one message that needs nothing more than its row, is one statement.
        """
        handle: Handle = lease.handle
        release = self._release_values(lease, more=lease.more, retry_at=retry_at) | _shown(lease, sent)
        if len(sent) < 2 and not any(item.state == "dead" or item.opted_out for item in sent):
            record = self._record_values(lease, sent[0]) if sent else {}
            _must_be_ours(await self._ends.run(lease.conversation.id, release | record))
            return
        async with self._engine.begin() as connection:
            # Conversation, address, messages, case: in the order in which everybody else locks them.
            _must_be_ours((await connection.exec_driver_sql(FINISH, {"rows": rows_as_json([release])})).all())
            if any(item.opted_out for item in sent):
                await set_stopped(connection, handle.address_id, stopped=True, said=False)
            for item in sent:
                await connection.exec_driver_sql(RECORD, self._record_values(lease, item))
                if item.state == "dead":
                    await turns.bury_outbound(connection, lease.conversation.channel, item.id, item.code)

    def _record_values(self, lease: Lease, item: Sent) -> dict[str, Any]:
        channel, key = lease.conversation.channel, lease.handle.key
        known = bool(item.provider_id)
        return {
            "outbound_id": item.id,
            "state": item.state,
            "code": item.code,
            "next_at": item.next_at,
            "in_doubt": item.maybe_sent,
            "provider_index": self._vault.index("out", channel, item.provider_id) if known else None,
            "provider_cipher": key.encrypt(item.provider_id, "outbound.provider_cipher") if known else None,
        }

    def _release_values(self, lease: Lease, *, more: bool, retry_at: datetime | None) -> dict[str, Any]:
        return {
            "id": lease.conversation.id,
            "fence": lease.fence,
            "due_count": lease.due_count,
            "more": more,
            "retry_at": retry_at,
            "shown": [],
            "shown_at": None,
        }

    async def finish_erasure(self, lease: Lease, *, at_once: bool) -> None:
        """The address of an erased chat goes too, once the answer has left (`at_once`: whether or not it has)."""
        async with self._engine.begin() as connection:
            for erasure in await pending(connection, lease.handle.address_id):
                await finish(connection, self._vault, erasure, at_once=at_once)

    async def knock(self, lease: Lease, drafts: Sequence[Draft], changes: Mapping[str, Any]) -> None:
        """Add a knock and make the conversation due again: one transaction. Raises LeaseLost."""
        async with self._engine.begin() as connection:
            ours = (Conversation.id == lease.conversation.id, Conversation.fence == lease.fence)
            knocked = {**changes, "knocked_at": func.now(), "due_count": Conversation.due_count + 1}
            _must_be_ours(
                (
                    await connection.execute(
                        update(Conversation).where(*ours).values(knocked).returning(Conversation.id)
                    )
                ).all()
            )
            await insert_drafts(connection, lease.handle.key, lease.conversation, drafts)

    async def failed(self, lease: Lease, retry_at: datetime) -> None:
        """Count a failed attempt at the message, and give the conversation back until `retry_at`."""
        async with self._engine.begin() as connection:
            if lease.received:
                await connection.execute(COUNT_FAILURE, {"id": lease.received.id})
            release = self._release_values(lease, more=False, retry_at=retry_at)
            _must_be_ours((await connection.exec_driver_sql(FINISH, {"rows": rows_as_json([release])})).all())

    async def heartbeat(self, leases: Sequence[Lease]) -> None:
        """Prolong the leases that are still ours."""
        ids = [lease.conversation.id for lease in leases]
        await self._quick.run(HEARTBEAT, {"lease": self._lease, "holder": self._holder, "ids": ids})


def _shown(lease: Lease, sent: Sequence[Sent]) -> dict[str, Any]:
    """Which questions the person can answer from now on, and since when: by the database's clock, as what they send."""
    shown = [item for item in sent if item.state == "sent" and item.key]
    if not shown:
        return {}
    first = min(item.called for item in shown)
    return {
        "shown": [item.key for item in shown],
        "shown_at": lease.now + timedelta(seconds=first - lease.handle.began),
    }


def _must_be_ours(changed: Sequence[Any]) -> None:
    """A write that checked the fence changed a row, or the lease is not ours any more."""
    if not changed:
        raise LeaseLost
