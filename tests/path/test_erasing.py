"""Erasing from a phone, through real parts: one question, one answer, and nothing left behind it."""

from __future__ import annotations

import asyncio

import pytest

from handoff.simulator.phone import Phone
from tests.path.test_handoff import answer, reach_queue, read_all
from tests.path.whole import CHANNELS, Whole

LEFT = (
    *("addresses", "conversations", "persons", "person_addresses", "consents", "inbound", "outbound"),
    *("case_messages", "erasures", "provider_copies", "vault.data_keys"),
)


async def left(path: Whole) -> dict[str, int]:
    """How many rows of people there still are, where there are any."""
    counted = {name: await path.value(f"SELECT count(*) FROM {name}") for name in LEFT}  # noqa: S608 (our own names)
    return {name: count for name, count in counted.items() if count}


async def all_gone(path: Whole) -> None:
    async with asyncio.timeout(10):
        while await left(path):  # noqa: ASYNC110 (only looking tells)
            await asyncio.sleep(0.05)


async def erase(phone: Phone, *, word: str = "") -> str:
    """Say "erase", and yes; the answer."""
    phone.send("erase")
    question = await phone.next_reply()
    answer(phone, question, 2 if word else 1)
    if word:
        await phone.next_reply()
        phone.send(word)
    return (await phone.next_reply()).text


@pytest.mark.parametrize("channel", CHANNELS)
async def test_who_never_reported_is_nobody_here_afterwards(path: Whole, channel: str) -> None:
    phone = path.phone(channel)
    phone.send("hello")
    await phone.next_reply()
    await path.settle()
    assert "erased" in await erase(phone)
    await all_gone(path)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_an_open_case_leaves_a_shell_and_the_same_answer(path: Whole, channel: str) -> None:
    stranger = path.phone(channel)
    stranger.send("hello")
    await stranger.next_reply()
    other = await erase(stranger)
    phone = await reach_queue(path, channel)
    phone.send("the driver has my passport")
    await path.settle()
    await read_all(phone)
    assert await erase(phone) == other
    await all_gone(path)
    shell = "SELECT state || ' ' || level || ' ' || reasons || locale || COALESCE(person_id::text, '') FROM cases"
    assert await path.value(shell) == "erased P3 []"


async def test_who_writes_again_is_new_and_answered(path: Whole) -> None:
    phone = await reach_queue(path)
    await erase(phone)
    await all_gone(path)
    phone.send("hello")
    assert "1" in (await phone.next_reply()).text
    assert await path.value("SELECT count(*) FROM persons") == 0


async def test_no_erases_nothing(path: Whole) -> None:
    phone = await reach_queue(path)
    phone.send("erase")
    await phone.next_reply()
    phone.send("3")
    await phone.next_reply()
    await path.settle()
    assert await path.value("SELECT state FROM cases") == "waiting"


async def test_erasing_works_while_the_assistant_is_down_and_after_stop(path: Whole) -> None:
    path.assistant.broken = "down"
    phone = path.phone("telegram")
    phone.send("stop")
    await phone.next_reply()
    assert "erased" in await erase(phone)
    await all_gone(path)


async def test_telegram_loses_both_sides_of_the_chat_but_the_answer(path: Whole) -> None:
    phone = path.phone("telegram")
    phone.send("hello")
    await phone.next_reply()
    await path.settle()
    done = await erase(phone)
    await all_gone(path)
    shown = [entry for entry in phone.handset.entries if entry.kind == "text" and not entry.deleted]
    assert [entry.text for entry in shown] == [done]


async def test_twilio_keeps_no_copy_and_brings_nothing_back(path: Whole) -> None:
    phone = path.phone("sms-twilio")
    phone.send("hello")
    await phone.next_reply()
    await path.settle()
    await erase(phone)
    await path.settle()
    async with asyncio.timeout(10):
        while path.simulator.twilio.records.page({}, "/")["messages"]:
            await asyncio.sleep(0.05)
            await path.do("UPDATE provider_copies SET next_at = now()")
            await path.worker.after_erasure()
    await all_gone(path)
