"""Erasing what a phone and its persons left here (SAFETY §5): each step is one transaction and safe to repeat.

1. `begin`, in the transaction of the turn: texts, dialogue, persons, consents and cases go, their keys are destroyed.
   Only the address stays, for the answer that has to be sent there.
2. The worker sends the answer and writes down what became of it, as with any message.
3. `finish`: the address goes, with its key and every row that pointed to it. Done by the worker right after sending,
   else by a job: once the answer is out, or ten minutes later, whichever is first.
4. Copies at providers are deleted by a job (store/copies.py); then the erasure's own key goes, and nothing is left.

Whoever is killed between two of these leaves rows that say what is still to be done.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.store.copies import end_erasures, keep_copies
from handoff.store.keys import add_key, load_key
from handoff.store.persons import erase_persons
from handoff.store.vault import CannotDecrypt, Key, Vault

ANSWER_WITHIN = timedelta(minutes=10)
# Oldest first, so that two erasures never wait for each other.
LOCK = text("SELECT id FROM conversations WHERE address_id = :address ORDER BY id FOR UPDATE")
ADD = text("""
    INSERT INTO erasures (id, address_id, key_id, answer_until) VALUES (:id, :address, :key, now() + :within)
""")
FORGET_DIALOGUE = text("""
    UPDATE conversations SET erasure_id = :erasure, owner = 'assistant', person_id = NULL, case_id = NULL, state = '{}',
        prompts = '[]', held_cipher = NULL, held_at = NULL, person_seen_at = NULL, waiting_ack_at = NULL,
        danger_at = NULL, minute_start = NULL, minute_count = 0, day_start = NULL, day_count = 0
    WHERE address_id = :address
""")
# What came after the erasure was asked for is not part of it.
EMPTY_INBOUND = text("""
    UPDATE inbound SET cipher = NULL, intent = NULL, outcome = 'erased' FROM conversations c
    WHERE c.id = conversation_id AND c.address_id = :address AND worked_at IS NOT NULL
""")
EMPTY_OUTBOUND = text("""
    UPDATE outbound SET cipher = NULL, case_id = NULL,
        state = CASE WHEN outbound.state IN ('queued', 'held', 'sending', 'dead') THEN 'cancelled'
            ELSE outbound.state END
    FROM conversations c WHERE c.id = conversation_id AND c.address_id = :address
""")
EMPTY_LETTERS = text("""
    UPDATE dead_letters SET cipher = NULL, key_id = NULL FROM addresses a
    WHERE a.id = :address AND dead_letters.key_id = a.key_id
""")
MUST_WAIT = text("""
    SELECT EXISTS (
        SELECT FROM conversations c
        LEFT JOIN outbound o ON o.conversation_id = c.id AND o.state IN ('queued', 'sending')
        WHERE c.erasure_id = :erasure AND (o.id IS NOT NULL OR c.leased_until > now())
    ) AND (SELECT answer_until > now() FROM erasures WHERE id = :erasure)
""")
UNWORKED = text("""
    SELECT i.id, i.conversation_id, i.cipher, i.provider_cipher FROM inbound i
    JOIN conversations c ON c.id = conversation_id
    WHERE c.address_id = :address AND worked_at IS NULL AND i.cipher IS NOT NULL ORDER BY i.id
""")
REMEMBER_IDS = text("""
    INSERT INTO forgotten (channel, account, provider_index)
    SELECT i.channel, i.account, provider_index FROM inbound i JOIN conversations c ON c.id = conversation_id
    WHERE c.address_id = :address AND i.received_at > now() - interval '2 days' ON CONFLICT DO NOTHING
""")
NEW_ADDRESS = text("""
    INSERT INTO addresses (id, network, index, cipher, key_id) VALUES (:id, :network, :index, :cipher, :key)
""")
NEW_CONVERSATION = text("""
    INSERT INTO conversations (id, address_id, channel, account, locale, last_inbound_at, due_at, due_count)
    SELECT :id, :address, channel, account, locale, now(), now(), 1 FROM conversations WHERE id = :old
""")
MOVE = text("""
    UPDATE inbound SET conversation_id = :conversation, cipher = :cipher, provider_cipher = :provider_cipher
    WHERE id = :id
""")
TEAR_DOWN = tuple(
    text(statement)
    for statement in (
        "DELETE FROM outbound WHERE conversation_id IN (SELECT id FROM conversations WHERE address_id = :address)",
        "DELETE FROM inbound WHERE conversation_id IN (SELECT id FROM conversations WHERE address_id = :address)",
        "DELETE FROM person_addresses WHERE address_id = :address",
        "INSERT INTO vault.erased (id, kind) SELECT id, 'conversation' FROM conversations WHERE address_id = :address"
        " ON CONFLICT DO NOTHING",
        "DELETE FROM conversations WHERE address_id = :address",
        "INSERT INTO vault.erased (id, kind) VALUES (:address, 'address'), (:key, 'key') ON CONFLICT DO NOTHING",
        "DELETE FROM addresses WHERE id = :address",
        "DELETE FROM vault.data_keys WHERE id = :key",
    )
)
PENDING = text("""
    SELECT id FROM erasures WHERE address_id IS NOT NULL AND address_id = COALESCE(:address, address_id)
    ORDER BY created_at
""").bindparams(bindparam("address", type_=UUID(as_uuid=True)))
WHOSE = text("""
    SELECT a.id, a.network, a.index, a.cipher, a.key_id, e.key_id AS erasure_key FROM erasures e
    JOIN addresses a ON a.id = e.address_id WHERE e.id = :erasure
""")
TOLD_AGAIN = text("SELECT pg_notify('amana_due', '')")


async def begin(
    connection: AsyncConnection, vault: Vault, address_id: uuid.UUID, *, key: Key, said: str, sealed_for: timedelta
) -> uuid.UUID:
    """Everything but the address, at once; returns the erasure. `said` is what the person gave as their word or code.

    `key` is the address's. The answer is written by the caller, afterwards and in the same transaction.
    """
    where = {"address": address_id}
    await connection.execute(LOCK, where)
    erasure, own = uuid.uuid4(), await add_key(connection, vault)
    await connection.execute(ADD, where | {"id": erasure, "key": own.id, "within": ANSWER_WITHIN})
    await keep_copies(connection, address_id, opened_by=key, erasure=erasure, sealed_by=own)
    await erase_persons(connection, vault, address_id, said=said, sealed_for=sealed_for)
    await connection.execute(EMPTY_OUTBOUND, where)
    await connection.execute(EMPTY_INBOUND, where)
    await connection.execute(EMPTY_LETTERS, where)
    await connection.execute(FORGET_DIALOGUE, where | {"erasure": erasure})
    return erasure


async def pending(connection: AsyncConnection, address_id: uuid.UUID | None = None) -> Sequence[uuid.UUID]:
    """Erasures whose address (this one, if given) is still there, oldest first."""
    return list((await connection.execute(PENDING, {"address": address_id})).scalars())


async def finish(connection: AsyncConnection, vault: Vault, erasure: uuid.UUID, *, at_once: bool) -> bool:
    """The address goes too. False while the answer still has to be sent; `at_once`: do not wait for it.

    Who has written again meanwhile has begun anew: what they wrote moves to a new address with a key of its own.
    """
    row = (await connection.execute(WHOSE, {"erasure": erasure})).first()
    if row is None:
        return True
    where = {"address": row.id}
    await connection.execute(LOCK, where)
    if not at_once and (await connection.execute(MUST_WAIT, {"erasure": erasure})).scalar_one():
        return False
    with suppress(CannotDecrypt):  # a key that is gone already leaves nothing to take along
        key, own = await load_key(connection, vault, row.key_id), await load_key(connection, vault, row.erasure_key)
        await begin_anew(connection, vault, row, key)
        await keep_copies(connection, row.id, opened_by=key, erasure=erasure, sealed_by=own, receipts=True)
    await tear_down(connection, row.id, row.key_id)
    await connection.execute(text("UPDATE erasures SET address_id = NULL WHERE id = :id"), {"id": erasure})
    await end_erasures(connection)
    return True


async def finish_all(engine: AsyncEngine, vault: Vault) -> None:
    """What workers left unfinished, each in a transaction of its own."""
    async with engine.connect() as connection:
        erasures = await pending(connection)
    for erasure in erasures:
        async with engine.begin() as connection:
            await finish(connection, vault, erasure, at_once=False)


async def tear_down(connection: AsyncConnection, address_id: uuid.UUID, key_id: uuid.UUID) -> None:
    """The rows of an address, and its key. What they were is noted as random ids, for who restores a backup."""
    where = {"address": address_id}
    await connection.execute(EMPTY_LETTERS, where)
    await connection.execute(REMEMBER_IDS, where)
    for statement in TEAR_DOWN:
        parameters = where | {"key": key_id}
        names = statement.compile().params
        await connection.execute(statement, {name: parameters[name] for name in names})


async def begin_anew(connection: AsyncConnection, vault: Vault, address: Any, key: Key) -> None:
    """Messages that nobody has worked yet, under a new address: nothing leads from it to the old one."""
    waiting = (await connection.execute(UNWORKED, {"address": address.id})).all()
    if not waiting:
        return
    new, address_id = await add_key(connection, vault), uuid.uuid4()
    plain = key.decrypt(address.cipher, "addresses.cipher")
    # The old row still holds the index, which is unique; it goes in this transaction.
    await connection.execute(text("UPDATE addresses SET index = :old WHERE id = :id"), {"old": b"", "id": address.id})
    values = {"network": address.network, "index": address.index, "key": new.id}
    await connection.execute(NEW_ADDRESS, values | {"id": address_id, "cipher": new.encrypt(plain, "addresses.cipher")})
    moved: dict[uuid.UUID, uuid.UUID] = {}
    for message in waiting:
        if message.conversation_id not in moved:
            moved[message.conversation_id] = uuid.uuid4()
            ids = {"id": moved[message.conversation_id], "address": address_id, "old": message.conversation_id}
            await connection.execute(NEW_CONVERSATION, ids)
        await connection.execute(MOVE, _under(new, key, message) | {"conversation": moved[message.conversation_id]})
    await connection.execute(TOLD_AGAIN)


def _under(new: Key, old: Key, message: Any) -> dict[str, Any]:
    places = {"cipher": "inbound.cipher", "provider_cipher": "inbound.provider_cipher"}
    sealed = {name: getattr(message, name) for name in places}
    return {"id": message.id} | {
        name: new.encrypt(old.decrypt(sealed[name], place), place) if sealed[name] else None
        for name, place in places.items()
    }
