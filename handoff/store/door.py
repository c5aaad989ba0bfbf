"""The one door for what providers bring: messages, delivery states, blocks and what could not be read.

A message and the wake-up of its conversation are written in one transaction. `due_count` grows with it, so that a
worker that is giving the conversation back at this moment sees that there is more to do (DESIGN §3, first trap).
"""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import structlog
from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.core.message import RANK, Event, Incoming, Poison, Reachability, SendState, StatusUpdate
from handoff.store.keys import add_key
from handoff.store.quick import Quick
from handoff.store.tables import Address, Conversation, DataKey, DeadLetter
from handoff.store.together import Together
from handoff.store.vault import Key, Vault

FIND = (
    select(Conversation.id, DataKey.id.label("key_id"), DataKey.wrapped, DataKey.master_id)
    .select_from(Address)
    .join(DataKey, DataKey.id == Address.key_id)
    .outerjoin(Conversation, Conversation.address_id == Address.id)
)
# Rows of many conversations in one statement: all who write so lock the conversations first, in the order of their ids,
# so that no two wait for each other. A conversation that is not there (erased) gives no row back.
ADD_INBOUND = """
    WITH given AS (
        SELECT * FROM json_to_recordset(%(rows)s::json) AS row (n int, conversation uuid, channel text, account text,
            provider_index bytea, provider_cipher bytea, kind text, cipher bytea, sent_at timestamptz)
    ), known AS (
        SELECT id FROM conversations WHERE id IN (SELECT conversation FROM given) ORDER BY id FOR NO KEY UPDATE
    ), new AS (
        INSERT INTO inbound (conversation_id, channel, account, provider_index, provider_cipher, kind, cipher, sent_at)
        SELECT id, channel, account, provider_index, provider_cipher, kind, cipher, sent_at
        FROM given JOIN known ON id = conversation ORDER BY n
        ON CONFLICT (channel, account, provider_index) DO NOTHING RETURNING conversation_id
    ), due AS (
        UPDATE conversations SET due_at = LEAST(due_at, now()), due_count = due_count + 1, last_inbound_at = now()
        FROM new WHERE id = conversation_id RETURNING id
    ), told AS (SELECT pg_notify('amana_due', '') FROM (SELECT FROM due LIMIT 1) AS any_of_them)
    SELECT n, conversation_id IS NOT NULL AS is_new, (SELECT count(*) FROM told)
    FROM given JOIN known ON id = conversation LEFT JOIN new ON conversation_id = id
"""
# What happens to nearly every message: it arrived, it was read.
SET_SHOWN = """
    WITH given AS (
        SELECT * FROM json_to_recordset(%(rows)s::json) AS row (n int, channel text, account text,
            provider_index bytea, state text, code text, lower text[])
    ), known AS (
        SELECT id, n, given.state, code FROM given JOIN outbound USING (channel, account, provider_index)
        WHERE outbound.state = ANY(lower) ORDER BY id FOR NO KEY UPDATE OF outbound
    ), changed AS (
        UPDATE outbound SET state = known.state, error_code = COALESCE(NULLIF(code, ''), error_code), cipher = NULL
        FROM known WHERE outbound.id = known.id RETURNING n, case_id
    ), told AS (SELECT pg_notify('amana_desk', case_id::text) FROM changed WHERE case_id IS NOT NULL)
    SELECT n, (SELECT count(*) FROM told) FROM changed
"""
SET_STATUS = """
    WITH changed AS (
    UPDATE outbound SET state = %(state)s, error_code = COALESCE(NULLIF(%(code)s, ''), error_code), cipher = NULL
    FROM conversations c
    WHERE outbound.channel = %(channel)s AND outbound.account = %(account)s AND provider_index = %(provider_index)s
      AND outbound.state = ANY(%(lower)s) AND c.id = outbound.conversation_id
    RETURNING outbound.case_id, c.address_id, c.id, outbound.key
    ), unasked AS (
    UPDATE conversations SET prompts = (
        SELECT COALESCE(jsonb_agg(
            CASE WHEN p->>'key' = changed.key THEN p || '{"asked_at": null}' ELSE p END ORDER BY place
        ), '[]') FROM jsonb_array_elements(prompts) WITH ORDINALITY AS each_one (p, place)
    ) FROM changed WHERE conversations.id = changed.id AND %(lost)s
    ), told AS (SELECT pg_notify('amana_desk', case_id::text) FROM changed WHERE case_id IS NOT NULL)
    SELECT address_id, (SELECT count(*) FROM told) FROM changed
"""
# A question in a message that never reached the phone was not asked.
NEVER_SHOWN = frozenset({SendState.FAILED, SendState.EXPIRED, SendState.CANCELLED})
SET_STOPPED = text("""
    UPDATE addresses SET stopped_at = CASE WHEN :stopped THEN now() END, off_notice_at = NULL,
        blocked_at = CASE WHEN :stopped THEN blocked_at END
    WHERE id = :id RETURNING :stopped
""")
SET_BLOCKED = text("""
    UPDATE addresses SET blocked_at = CASE WHEN :stopped THEN now() END, off_notice_at = NULL
    WHERE id = :id RETURNING :stopped OR stopped_at IS NOT NULL
""")
CANCEL_STOPPED = text("""
    UPDATE outbound SET state = 'cancelled', cipher = NULL, error_code = 'stopped'
    FROM conversations c WHERE c.id = conversation_id AND c.address_id = :id
      AND outbound.state IN ('queued', 'held', 'sending')
      AND NOT (kind = 'system' AND (key LIKE 'danger.%' OR key LIKE 'selfharm.%'))
""")
FLAG_STOPPED = text("""
    UPDATE cases SET stopped = :stopped, carrier_blocked = carrier_blocked AND :stopped FROM conversations c
    WHERE c.id = cases.conversation_id AND c.address_id = :id AND cases.state IN ('waiting', 'claimed')
    RETURNING cases.id
""")
WAS_ERASED = text("""
    SELECT true FROM forgotten WHERE channel = :channel AND account = :account AND provider_index = :index
""")
REMEMBERED = 20_000
STATUS_AGAIN_S = 2.0
log = structlog.get_logger(__name__)
LOWER = {
    state: [other.value for other in SendState if RANK[other] < RANK[state] and other is not SendState.HELD]
    for state in SendState
}


@dataclass(frozen=True, slots=True)
class Known:
    """Where a sender's messages go, and the key that locks them."""

    conversation: uuid.UUID
    key: Key


class SenderGone(Exception):
    """A sender was erased at the very moment of writing. The provider brings the message again."""


class Door:
    """Stores what a webhook or a catch-up poll brought, so that no event fails the others.

    Returns when everything is committed. Messages of one sender are stored in the order in which they came. On channels
    in `keeps` the provider's ids are kept too, encrypted, until its copy is deleted.
    """

    def __init__(self, engine: AsyncEngine, quick: Quick, vault: Vault, *, keeps: frozenset[str] = frozenset()) -> None:
        self._engine = engine
        self._keeps = keeps
        self._quick = quick
        self._vault = vault
        self._inbound = Together(quick, ADD_INBOUND)
        self._shown = Together(quick, SET_SHOWN)
        self._later: set[asyncio.Task[None]] = set()
        self._senders: OrderedDict[tuple[str, str, bytes], Known] = OrderedDict()

    async def aclose(self) -> None:
        """Let go of reports that wait for their second try; write what else waits."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        await self._inbound.aclose()
        await self._shown.aclose()

    async def receive(self, events: Sequence[Event]) -> int:
        """Store all events; returns how many messages were new. A duplicate changes nothing."""
        new = 0
        reports = [event for event in events if isinstance(event, StatusUpdate)]
        for event in events:
            match event:
                case Incoming():
                    new += await self._message(event)
                case Reachability():
                    await self._reachability(event)
                case Poison():
                    await self._poison(event)
        await asyncio.gather(*map(self._status, reports))
        return new

    async def _message(self, incoming: Incoming) -> int:
        """Store a message. A sender who was remembered may have been erased meanwhile: then they are a new one."""
        who = (incoming.channel, incoming.account, self._vault.index(incoming.network, incoming.address))
        known = self._senders.get(who)
        if known:
            added = await self._add(known, incoming)
            if added is not None:
                return added
            self._senders.pop(who, None)
        if await self._was_erased(incoming):
            return 0
        known = await self._sender(incoming, who[2])
        self._senders[who] = known
        if len(self._senders) > REMEMBERED:
            self._senders.popitem(last=False)
        added = await self._add(known, incoming)
        if added is None:
            raise SenderGone
        return added

    async def _add(self, known: Known, incoming: Incoming) -> int | None:
        """1 for a new message, 0 for a duplicate; None when the conversation is not there (any more)."""
        content = {
            "text": incoming.text,
            "payload": incoming.payload,
            "ack": incoming.ack_token,
            "replied": incoming.provider_replied,
        }
        row = {
            "conversation": known.conversation,
            "channel": incoming.channel,
            "account": incoming.account,
            "provider_index": self._vault.index("in", incoming.channel, incoming.provider_id),
            "provider_cipher": self._provider_cipher(known.key, incoming),
            "kind": incoming.kind.value,
            "cipher": known.key.encrypt_json(content, "inbound.cipher"),
            "sent_at": incoming.sent_at,
        }
        rows = await self._inbound.run(known.conversation, row)
        return int(rows[0].is_new) if rows else None

    def _provider_cipher(self, key: Key, incoming: Incoming) -> bytes | None:
        kept = incoming.channel in self._keeps
        return key.encrypt(incoming.provider_id, "inbound.provider_cipher") if kept else None

    async def _was_erased(self, incoming: Incoming) -> bool:
        """Whether this very message was taken in and erased: a catch-up or a retry must not bring it back."""
        index = self._vault.index("in", incoming.channel, incoming.provider_id)
        which = {"channel": incoming.channel, "account": incoming.account, "index": index}
        async with self._engine.connect() as connection:
            return bool((await connection.execute(WAS_ERASED, which)).scalar())

    async def _sender(self, incoming: Incoming, index: bytes) -> Known:
        """The sender's conversation and key; both are made at their first message."""
        found = FIND.where(
            Address.network == incoming.network,
            Address.index == index,
            Conversation.channel == incoming.channel,
            Conversation.account == incoming.account,
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(found)).first()
            if row is None:
                await self._add_sender(connection, incoming, index)
                row = (await connection.execute(found)).one()
        return Known(row.id, self._vault.open(row.key_id, row.wrapped, row.master_id))

    async def _add_sender(self, connection: AsyncConnection, incoming: Incoming, index: bytes) -> None:
        """Add address and conversation. Two first messages at once: the second waits for the first and adds nothing."""
        known = select(Address.id).where(Address.network == incoming.network, Address.index == index)
        address_id = (await connection.execute(known)).scalar()
        if address_id is None:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": int.from_bytes(index[:7], "big")}
            )
            address_id = (await connection.execute(known)).scalar()
        if address_id is None:
            key = await add_key(connection, self._vault)
            address_id = uuid.uuid4()
            await connection.execute(
                insert(Address).values(
                    id=address_id,
                    network=incoming.network,
                    index=index,
                    cipher=key.encrypt(incoming.address, "addresses.cipher"),
                    key_id=key.id,
                )
            )
        await connection.execute(
            upsert(Conversation)
            .values(id=uuid.uuid4(), address_id=address_id, channel=incoming.channel, account=incoming.account)
            .on_conflict_do_nothing()
        )

    async def _status(self, update: StatusUpdate) -> None:
        """Only ever upwards in rank: providers report late and out of order.

        That it was sent we know from the send itself. A report can overtake our own note of the message's id, so one
        that finds no message is tried once more a little later; then it is of nobody we know.
        """
        if RANK[update.state] <= RANK[SendState.SENT]:
            return
        if not await self._set_status(update):
            task = asyncio.create_task(self._set_status_later(update))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def _set_status_later(self, update: StatusUpdate) -> None:
        await asyncio.sleep(STATUS_AGAIN_S)
        try:
            await self._set_status(update)
        except (SQLAlchemyError, psycopg.Error) as error:
            log.warning("late_status_lost", error=type(error).__name__)

    async def _set_status(self, update: StatusUpdate) -> bool:
        row = {
            "state": update.state.value,
            "code": update.code,
            "channel": update.channel,
            "account": update.account,
            "provider_index": self._vault.index("out", update.channel, update.provider_id),
            "lower": LOWER[update.state],
            "lost": update.state in NEVER_SHOWN,
        }
        if update.state not in NEVER_SHOWN and not update.opted_out:
            return bool(await self._shown.run((update.channel, update.account, row["provider_index"]), row))
        if not update.opted_out:
            return bool(await self._quick.run(SET_STATUS, row))
        async with self._engine.begin() as connection:
            changed = (await connection.exec_driver_sql(SET_STATUS, row)).all()
            for message in changed:
                await set_stopped(connection, message.address_id, stopped=True, said=False)
        return bool(changed)

    async def _reachability(self, event: Reachability) -> None:
        index = self._vault.index(event.network, event.address)
        query = select(Address.id).where(Address.network == event.network, Address.index == index)
        async with self._engine.begin() as connection:
            address_id = (await connection.execute(query)).scalar()
            if address_id is not None:
                await set_stopped(connection, address_id, stopped=event.blocked, said=False)

    async def _poison(self, poison: Poison) -> None:
        async with self._engine.begin() as connection:
            key = await add_key(connection, self._vault)
            sealed = key.encrypt(poison.body.decode(errors="replace"), "dead_letters.cipher")
            letter = {"direction": "in", "channel": poison.channel, "code": poison.code}
            await connection.execute(insert(DeadLetter).values(**letter, key_id=key.id, cipher=sealed))


async def notify_desk(connection: AsyncConnection, what: str) -> None:
    """Tell open desk pages that a case (its id) or the queue ("queue") has changed."""
    await connection.execute(text("SELECT pg_notify('amana_desk', :what)"), {"what": what})


async def set_stopped(connection: AsyncConnection, address_id: uuid.UUID, *, stopped: bool, said: bool = True) -> None:
    """STOP and START belong to the address (SAFETY §1). Stopping cancels what was not sent, danger cards excepted, and
    flags open cases. `said`: in words; else the provider tells us of a block, whose end does not take back a STOP."""
    found = await connection.execute(SET_STOPPED if said else SET_BLOCKED, {"stopped": stopped, "id": address_id})
    off: bool = found.scalar_one()
    if off:
        await connection.execute(CANCEL_STOPPED, {"id": address_id})
    for row in await connection.execute(FLAG_STOPPED, {"stopped": off, "id": address_id}):
        await notify_desk(connection, str(row.id))
