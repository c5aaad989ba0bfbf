"""What Rasa's own connectors do wrong, where only the whole path shows that ours do not; named after the failures.

The others (signatures, media without text, the blank line, the voice note, the block) are in
tests/channels/test_rasa_failures.py under the same names.
"""

from __future__ import annotations

import asyncio

import pytest

from handoff.simulator.exchange import Act
from handoff.simulator.phone import NoReply
from tests.path.whole import CHANNELS, Whole


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_same_message_twice_was_processed_twice(path: Whole, channel: str) -> None:
    path.simulator.exchange.faults[channel].duplicate = 1
    phone = path.phone(channel)
    phone.send("hello")
    await phone.next_reply()
    await path.settle()
    assert len(path.assistant.heard) == 1
    assert sum(attempt.purpose == "message" for attempt in path.simulator.courier.attempts) == 2
    with pytest.raises(NoReply):
        await phone.next_reply(0.3)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_webhook_was_held_until_the_dialogue_had_ended(path: Whole, channel: str) -> None:
    path.assistant.pause = asyncio.Event()
    phone = path.phone(channel)
    entry = phone.send("hello")
    async with asyncio.timeout(10):
        while path.simulator.courier.pending or not path.assistant.heard:  # noqa: ASYNC110 (only looking tells)
            await asyncio.sleep(0.01)
    assert entry.webhook is not None
    assert entry.webhook.state == "accepted"
    assert [each.direction for each in phone.handset.entries] == ["sent"]
    path.assistant.pause.set()
    await phone.next_reply()


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_429_lost_the_reply_after_one_try(path: Whole, channel: str) -> None:
    path.simulator.exchange.faults[channel].next = [429]
    phone = path.phone(channel)
    phone.send("hello")
    assert (await phone.next_reply(15)).text
    await path.settle()
    assert await path.value("SELECT attempts FROM outbound") == 2
    assert await path.value("SELECT count(*) FROM outbound WHERE sent_at IS NOT NULL AND NOT possible_duplicate") == 1
    with pytest.raises(NoReply):
        await phone.next_reply(0.3)


async def test_somebody_who_blocks_the_bot_was_a_500_and_was_written_to_again(path: Whole) -> None:
    phone = path.phone("telegram")
    phone.send("hello")
    await phone.next_reply()
    entry = phone.act(Act("block"))
    await path.settle()
    assert entry.webhook is not None
    assert entry.webhook.last == "200"
    assert await path.value("SELECT count(*) FROM addresses WHERE blocked_at IS NOT NULL") == 1


@pytest.mark.parametrize("channel", ["whatsapp-twilio", "whatsapp-cloud", "telegram"])
async def test_a_photo_without_words_was_a_500(path: Whole, channel: str) -> None:
    phone = path.phone(channel)
    entry = phone.act(Act("photo"))
    assert (await phone.next_reply()).text
    assert entry.webhook is not None
    assert (entry.webhook.state, entry.webhook.attempts) == ("accepted", 1)
