"""Messages that providers still have: which to delete there, as a routine and for who erases (SAFETY §5)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.core.channel import Copy
from handoff.store.keys import load_key
from handoff.store.vault import CannotDecrypt, Key, Vault

# A provider that still refuses after that many tries over two days is given up on; the operator is told.
GIVE_UP_AFTER = 40
ERASED = text("""
    SELECT 'in' AS direction, i.id, i.channel, i.account, i.provider_cipher, '' AS key FROM inbound i
    JOIN conversations c ON c.id = i.conversation_id
    WHERE c.address_id = :address AND i.provider_cipher IS NOT NULL AND i.worked_at IS NOT NULL
    UNION ALL
    SELECT 'out', o.id, o.channel, o.account, o.provider_cipher, o.key FROM outbound o
    JOIN conversations c ON c.id = o.conversation_id
    WHERE c.address_id = :address AND o.provider_cipher IS NOT NULL
""")
ADDRESS = text("SELECT cipher FROM addresses WHERE id = :address")
KEEP = text("""
    INSERT INTO provider_copies (erasure_id, channel, account, cipher, receipt)
    VALUES (:erasure, :channel, :account, :cipher, :receipt)
""")
DROP = {
    "in": text("UPDATE inbound SET provider_cipher = NULL WHERE id = ANY(:ids)"),
    "out": text("UPDATE outbound SET provider_cipher = NULL WHERE id = ANY(:ids)"),
}
RECEIPT = "erase.done"
DUE = text("""
    SELECT p.id, p.channel, p.account, p.cipher, p.receipt, p.tries, e.key_id FROM provider_copies p
    JOIN erasures e ON e.id = p.erasure_id WHERE p.next_at <= now() ORDER BY p.id LIMIT 500
""")
GONE = text("DELETE FROM provider_copies WHERE id = ANY(:ids)")
LATER = text("""
    UPDATE provider_copies SET tries = tries + 1,
        next_at = now() + LEAST(interval '1 hour', interval '15 seconds' * 2 ^ LEAST(tries, 8))
    WHERE id = ANY(:ids)
""")
OVER = text("""
    DELETE FROM erasures e WHERE NOT EXISTS (SELECT FROM addresses a WHERE a.id = e.address_id)
      AND NOT EXISTS (SELECT FROM provider_copies p WHERE p.erasure_id = e.id) RETURNING key_id
""")
ROUTINE = text("""
    SELECT 'in' AS direction, i.id, i.channel, i.account, i.provider_cipher, a.cipher, a.key_id FROM inbound i
    JOIN conversations c ON c.id = i.conversation_id JOIN addresses a ON a.id = c.address_id
    WHERE i.channel = ANY(:channels) AND i.provider_cipher IS NOT NULL AND i.worked_at IS NOT NULL
    UNION ALL
    SELECT 'out', o.id, o.channel, o.account, o.provider_cipher, a.cipher, a.key_id FROM outbound o
    JOIN conversations c ON c.id = o.conversation_id JOIN addresses a ON a.id = c.address_id
    WHERE o.channel = ANY(:channels) AND o.provider_cipher IS NOT NULL
      AND (o.state IN ('delivered', 'read', 'failed', 'expired', 'cancelled', 'dead')
           OR o.state = 'sent' AND o.sent_at < now() - interval '12 hours')
    LIMIT 500
""")


@dataclass(frozen=True, slots=True)
class Held:
    """A copy that is to go, and the row that says so: of an erasure, or of a message ("in", "out")."""

    kind: str
    id: int
    channel: str
    account: str
    copy: Copy
    tries: int = 0


async def keep_copies(
    connection: AsyncConnection,
    address_id: uuid.UUID,
    *,
    opened_by: Key,
    erasure: uuid.UUID,
    sealed_by: Key,
    receipts: bool = False,
) -> None:
    """Note, under the erasure's own key, what providers have of this address; the messages' rows forget it.

    `receipts`: what is left now is the answer to the erasure."""
    address = opened_by.decrypt(
        (await connection.execute(ADDRESS, {"address": address_id})).scalar_one(), "addresses.cipher"
    )
    rows = (await connection.execute(ERASED, {"address": address_id})).all()
    for row in rows:
        place = "inbound.provider_cipher" if row.direction == "in" else "outbound.provider_cipher"
        content = {"address": address, "id": opened_by.decrypt(row.provider_cipher, place)}
        values = {"erasure": erasure, "channel": row.channel, "account": row.account}
        values |= {"cipher": sealed_by.encrypt_json(content, "provider_copies.cipher")}
        await connection.execute(KEEP, values | {"receipt": receipts and row.key == RECEIPT})
    await _drop(connection, [(row.direction, row.id) for row in rows])


async def _drop(connection: AsyncConnection, rows: Sequence[tuple[str, int]]) -> None:
    for direction, statement in DROP.items():
        ids = [number for where, number in rows if where == direction]
        if ids:
            await connection.execute(statement, {"ids": ids})


class Copies:
    """The repository of copies at providers."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    async def due(self, routine: Sequence[str]) -> Sequence[Held]:
        """Copies of erased chats whose time has come, then those of ended messages on the `routine` channels."""
        async with self._engine.connect() as connection:
            erased = (await connection.execute(DUE)).all()
            ended = (await connection.execute(ROUTINE, {"channels": list(routine)})).all() if routine else []
            keys = await self._keys(connection, {row.key_id for row in (*erased, *ended)})
        held = [self._erased(row, keys[row.key_id]) for row in erased if row.key_id in keys]
        return [*held, *(self._ended(row, keys[row.key_id]) for row in ended if row.key_id in keys)]

    async def _keys(self, connection: AsyncConnection, ids: set[uuid.UUID]) -> dict[uuid.UUID, Key]:
        keys = {}
        for key_id in ids:
            try:
                keys[key_id] = await load_key(connection, self._vault, key_id)
            except CannotDecrypt:
                continue
        return keys

    def _erased(self, row: Any, key: Key) -> Held:
        content = key.decrypt_json(row.cipher, "provider_copies.cipher")
        copy = Copy(content["address"], content["id"], row.receipt)
        return Held("erased", row.id, row.channel, row.account, copy, row.tries)

    def _ended(self, row: Any, key: Key) -> Held:
        place = "inbound.provider_cipher" if row.direction == "in" else "outbound.provider_cipher"
        copy = Copy(key.decrypt(row.cipher, "addresses.cipher"), key.decrypt(row.provider_cipher, place))
        return Held(row.direction, row.id, row.channel, row.account, copy)

    async def done(self, gone: Sequence[Held], later: Sequence[Held]) -> int:
        """Write down what became of them; an erasure with nothing left to do ends with its key. Returns given up."""
        given_up = [held for held in later if held.kind == "erased" and held.tries >= GIVE_UP_AFTER]
        async with self._engine.begin() as connection:
            await _drop(connection, [(held.kind, held.id) for held in gone])
            ended = [held.id for held in (*gone, *given_up) if held.kind == "erased"]
            await connection.execute(GONE, {"ids": ended})
            await connection.execute(LATER, {"ids": [held.id for held in later if held.kind == "erased"]})
            await end_erasures(connection)
        return len(given_up)


async def end_erasures(connection: AsyncConnection) -> None:
    """An erasure whose address and copies are gone: its key goes, and the row."""
    keys = list((await connection.execute(OVER)).scalars())
    await connection.execute(text("DELETE FROM vault.data_keys WHERE id = ANY(:ids)"), {"ids": keys})
