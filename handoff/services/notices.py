"""Before what is kept ends, the person is asked whether to keep it: through the contact gate, in neutral words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from handoff.i18n import day_and_time
from handoff.services.access import Database
from handoff.services.say import Voice


class Endings(Protocol):
    """Where it is known what ends soon."""

    async def due(self, connection: Any) -> Sequence[Any]:
        """Consents and closed cases of which nobody was told yet: kind, id, conversation_id, ends_at."""

    async def told(self, connection: Any, ending: Any) -> None:
        """In the same transaction: asked once, and the desk knows."""


async def tell_of_endings(database: Database, voice: Voice, endings: Endings) -> int:
    """Ask each person once. Whether the message may leave is judged when it is sent, as for any proactive one."""
    async with database.begin() as connection:
        found = await endings.due(connection)
        for ending in found:
            conversation = await voice.outbox.conversation(connection, ending.conversation_id)
            timezone = voice.deployment.hours.timezone
            date = day_and_time(ending.ends_at, voice.locale_of(conversation), timezone)
            await voice.say(connection, ending.conversation_id, "keep.ask", args={"date": date}, kind="proactive")
            await endings.told(connection, ending)
    return len(found)
