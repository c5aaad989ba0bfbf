"""Dead letters: what could not be read, worked or sent. Staff see codes, age and channel, never the text."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LIST = text("SELECT id, direction, channel, code, created_at FROM dead_letters WHERE redriven_at IS NULL ORDER BY id")
CONVERSATION = text("""
    SELECT COALESCE(i.conversation_id, o.conversation_id) AS conversation_id
    FROM dead_letters d
    LEFT JOIN inbound i ON i.id = d.inbound_id
    LEFT JOIN outbound o ON o.id = d.outbound_id
    WHERE d.id = :id AND d.redriven_at IS NULL
""")
MARK = text("UPDATE dead_letters SET redriven_at = now(), cipher = NULL WHERE id = :id AND redriven_at IS NULL")


@dataclass(frozen=True, slots=True)
class Letter:
    """What staff may see of it."""

    id: int
    direction: str
    channel: str
    code: str
    created_at: datetime


class DeadLetters:
    """The repository."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def waiting(self) -> Sequence[Letter]:
        """Those that nobody has re-driven, oldest first."""
        async with self._engine.connect() as connection:
            return [Letter(*row) for row in await connection.execute(LIST)]

    @asynccontextmanager
    async def taken(self, number: int) -> AsyncIterator[tuple[AsyncConnection, uuid.UUID | None]]:
        """A transaction in which the letter is marked as re-driven; yields it and the conversation (None: unknown)."""
        async with self._engine.begin() as connection:
            conversation_id = (await connection.execute(CONVERSATION, {"id": number})).scalar()
            if conversation_id:
                await connection.execute(MARK, {"id": number})
            yield connection, conversation_id
