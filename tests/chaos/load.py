"""People who write: a steady load from phones of all networks, in an order that a seed decides."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.chaos.fleet import Fleet

CHANNELS = ("sms-twilio", "whatsapp-twilio", "whatsapp-cloud", "telegram")
PHONES_EACH = 6
EVERY_S = 0.12
# Each of these is answered with one message, also when the assistant is away.
TEXTS = ("hello", "who are you?", "0", "what do you keep about me?", "is this job offer real?")


async def switch_on(fleet: Fleet) -> list[dict[str, str]]:
    """Phones that nobody else uses: where each writes from."""
    made = [await fleet.control("phones", {"channel": channel}) for channel in CHANNELS for _ in range(PHONES_EACH)]
    return [{"channel": phone["channel"], "address": phone["address"]} for phone in made]


async def write(fleet: Fleet, phones: list[dict[str, str]], dice: random.Random) -> list[int]:
    """Each of these phones sends a message. Returns the simulator's numbers for them."""
    acts: list[dict[str, Any]] = [phone | {"text": dice.choice(TEXTS)} for phone in phones]
    entries: list[int] = (await fleet.control("send", {"messages": acts}))["entries"]
    return entries


@asynccontextmanager
async def under_load(fleet: Fleet, phones: list[dict[str, str]], dice: random.Random) -> AsyncIterator[None]:
    """Somebody writes every moment for as long as the block runs."""

    async def keep_writing() -> None:
        while True:
            await write(fleet, [dice.choice(phones)], dice)
            await asyncio.sleep(EVERY_S)

    writing = asyncio.create_task(keep_writing())
    try:
        yield
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
