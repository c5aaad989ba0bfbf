"""Who is known at a conversation: people whose case is reached there, with the word by which they are known."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.presence import Known
from handoff.store.vault import Key, Vault

# How long after the end of a case its person is offered again (SAFETY §4).
KNOWN_AFTER = "7 days"
# Joined to a conversation `c` that is read for work.
KNOWN_JOIN = f"""
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object(
            'case', t.id, 'person', t.person_id, 'open', t.state <> 'closed',
            'word', encode(kp.word_cipher, 'hex'), 'key', kk.id, 'wrapped', encode(kk.wrapped, 'hex'),
            'master', kk.master_id, 'code', EXISTS (SELECT FROM return_codes r WHERE r.person_id = kp.id)
        ) ORDER BY t.state = 'closed', t.created_at DESC) AS known
        FROM cases t JOIN persons kp ON kp.id = t.person_id JOIN vault.data_keys kk ON kk.id = kp.key_id
        WHERE t.conversation_id = c.id AND (t.state IN ('waiting', 'claimed')
            OR (t.state = 'closed' AND t.closed_at > now() - interval '{KNOWN_AFTER}'))
    ) those ON true
"""  # noqa: S608 (only our own fragments)
RETURN = text("""
    UPDATE conversations SET case_id = t.id, person_id = t.person_id,
        owner = CASE t.state WHEN 'claimed' THEN 'caseworker' WHEN 'waiting' THEN 'waiting' ELSE 'assistant' END
    FROM (SELECT id, person_id, state FROM cases WHERE id = :case_id AND state IN ('waiting', 'claimed') FOR SHARE) t
    WHERE conversations.id = :id RETURNING t.id
""")
RIGHT_WORD = text("UPDATE persons SET wrong_words = 0, locked_until = NULL WHERE id = :id")
WRONG_WORD = text("""
    UPDATE persons SET wrong_words = wrong_words + 1,
        locked_until = CASE WHEN wrong_words + 1 >= :most THEN now() + CAST(:locked AS interval) ELSE locked_until END
    WHERE id = :id
""")
UNPROVEN_DANGER = text("""
    UPDATE cases SET level = 'P0', alarm_at = now(), reasons = reasons || '["danger_unproven"]'::jsonb
    WHERE id = :id AND state IN ('waiting', 'claimed')
""")
CASES_OF = text("SELECT id FROM cases WHERE person_id = :id AND state IN ('waiting', 'claimed')")


def known_of(rows: Sequence[Mapping[str, Any]] | None, vault: Vault) -> tuple[tuple[Known, ...], dict[uuid.UUID, Key]]:
    """Those people, newest case first, and the key of each case's person."""
    people: list[Known] = []
    keys: dict[uuid.UUID, Key] = {}
    for row in rows or ():
        case_id = uuid.UUID(row["case"])
        key = vault.open(uuid.UUID(row["key"]), bytes.fromhex(row["wrapped"]), row["master"])
        keys[case_id] = key
        word = key.decrypt(bytes.fromhex(row["word"]), "persons.word_cipher") if row["word"] else ""
        people.append(Known(case_id, uuid.UUID(row["person"]), row["open"], word, bool(word) or row["code"]))
    return tuple(people), keys


async def come_back(connection: AsyncConnection, conversation_id: uuid.UUID, known: Known) -> bool:
    """The conversation belongs to the person's case again, whoever has the case now; False when it is over."""
    await connection.execute(RIGHT_WORD, {"id": known.person_id})
    found = await connection.execute(RETURN, {"id": conversation_id, "case_id": known.case_id})
    return found.first() is not None


async def count_wrong_word(
    connection: AsyncConnection, person_id: uuid.UUID, *, most: int, locked: Any
) -> Sequence[uuid.UUID]:
    """One more wrong word; after `most` nothing proactive goes out. Returns the person's open cases."""
    await connection.execute(WRONG_WORD, {"id": person_id, "most": most, "locked": locked})
    return [row.id for row in await connection.execute(CASES_OF, {"id": person_id})]
