"""`amana worker` with a fault of the test's own: `render` breaks on a marked message, `leak` logs what people write.

The real worker has neither switch; this file is never installed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import structlog

from handoff.cli import app
from handoff.core.conversation import Conversation, Received, Turn
from handoff.services.respond import Respond
from handoff.services.turn import Work

MARK = "breakrender"
say, turn = Work.say, Respond.turn


def broken_say(work: Work, key: str, args: Mapping[str, str] | None = None, **others: Any) -> None:
    """An exception whose words and whose frames hold what somebody wrote."""
    written = work.received.text
    if MARK in written and key != "failopen.card":
        raise KeyError(f"no catalogue entry for {written} of {work.received!r}")
    say(work, key, args, **others)


async def leaking_turn(respond: Respond, conversation: Conversation, received: Received, now: Any) -> Turn:
    """The leak that the canary run must find."""
    structlog.get_logger().info("turn", text=received.text)
    return await turn(respond, conversation, received, now)


if __name__ == "__main__":
    if sys.argv.pop() == "leak":
        Respond.turn = leaking_turn  # type: ignore[method-assign,assignment]
    else:
        Work.say = broken_say  # type: ignore[method-assign,assignment]
    app(["worker"])
