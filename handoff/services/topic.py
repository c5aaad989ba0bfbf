"""What a message with words of danger is about besides: "they hold my son for money" is danger, and a ransom.

The card goes out whatever the model hears. Whoever then answers "not danger" is told what they wrote about.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from handoff.core.message import Kind
from handoff.core.ports import Assistant, AssistantFailed
from handoff.core.understanding import topic_of
from handoff.services.turn import Work

# The card waits no longer for it.
WAIT_S = 0.5
# Later somebody else may hold the phone, who shall not read what was written about.
KEPT_FOR = timedelta(minutes=60)


async def keep(work: Work, assistant: Assistant) -> None:
    """Note the topic beside a card that was just said. Raises nothing: without the model there is only the card."""
    if work.case_id or work.received.kind is not Kind.TEXT:
        return
    try:
        ranking = await asyncio.wait_for(assistant.ranking(work.received.text), WAIT_S)
    except (AssistantFailed, TimeoutError):
        return
    topic = topic_of(ranking)
    if topic:
        work.turn.intent = topic
        state = work.turn.changes.get("state", work.conversation.state)
        since = {"at": work.now.isoformat(), "carried": {}}
        work.change(state={**since, **state, "topic": topic, "topic_at": work.now.isoformat()})


def held(work: Work) -> str:
    """The payload of the topic that a card left open, "" if there is none or it is too long ago."""
    state = work.turn.changes.get("state", work.conversation.state)
    topic, since = state.get("topic", ""), state.get("topic_at", "")
    return f"/{topic}" if topic and work.now - datetime.fromisoformat(since) <= KEPT_FOR else ""
