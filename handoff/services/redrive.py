"""Re-driving a dead letter: a dated neutral line, never the old answer as if it were live (SAFETY §5)."""

from __future__ import annotations

import uuid
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from handoff.services.say import Voice


class NothingToRedrive(Exception):
    """There is no such letter, it was re-driven, or nobody knows whom it was from."""


class Letters(Protocol):
    """Where dead letters are kept."""

    def taken(self, number: int) -> AbstractAsyncContextManager[tuple[Any, uuid.UUID | None]]:
        """A transaction in which the letter is marked; with its conversation, None if that is not known."""


async def redrive(letters: Letters, voice: Voice, number: int) -> None:
    """Tell the person that a message was lost and how to go on. Raises NothingToRedrive."""
    async with letters.taken(number) as (connection, conversation_id):
        if conversation_id is None:
            raise NothingToRedrive(f"Dead letter {number}: unknown, already re-driven, or from nobody we can name.")
        await voice.say(connection, conversation_id, "redrive.neutral")
