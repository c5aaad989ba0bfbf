"""`kill -9` of every program under load: each comes back, and every message that a phone sent is accounted for.

The figures are logged: `pytest tests/chaos -o log_cli=true -o log_cli_level=INFO`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator

import pytest

from tests.chaos.books import phones, settled
from tests.chaos.fleet import IN_FLIGHT, WORKERS, Fleet, running
from tests.chaos.load import switch_on, under_load, write

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.chaos, pytest.mark.rasa]
DATABASE_KILLS = 10


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Gateway, two workers, assistant, database and phones, for all tests of this file."""
    async with running(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


async def balanced(fleet: Fleet) -> None:
    """The books balance: nothing lost, one answer each, in order; copies only where a message is counted as one."""
    await settled(fleet)
    books = await phones(fleet)
    assert [phone.lost() for phone in books if phone.lost()] == []
    assert [phone.unanswered() for phone in books if phone.unanswered()] == []
    assert [phone.missing() for phone in books if phone.missing()] == []
    assert all(phone.answers_in_order() for phone in books)
    assert all(phone.messages_in_order() for phone in books)
    for phone in books:
        assert len(phone.copies()) <= phone.doubts()
        originals = {entry["text"] for entry in phone.got if entry not in phone.copies()}
        assert {entry["text"] for entry in phone.copies()} <= originals
    doubts = sum(phone.doubts() for phone in books)
    assert doubts <= fleet.kills * IN_FLIGHT
    log.info(
        "%d messages, %d kills, %d counted as possible duplicates, %d really shown twice",
        sum(len(phone.sent) for phone in books),
        fleet.kills,
        doubts,
        sum(len(phone.copies()) for phone in books),
    )


async def killed(fleet: Fleet, name: str) -> None:
    """`kill -9`, and back within the limit."""
    log.info("%s back after %.1f s", name, await fleet.back(name, fleet.kill(name)))


async def test_each_program_is_killed_in_turn(fleet: Fleet) -> None:
    dice = random.Random(20)
    people = await switch_on(fleet)
    async with under_load(fleet, people, dice):
        for name in ("gateway", *WORKERS, "assistant", "postgres"):
            await asyncio.sleep(dice.uniform(0.5, 1.5))
            await killed(fleet, name)
        await asyncio.sleep(1)
    await balanced(fleet)


async def test_what_twilio_gave_up_on_while_the_gateway_was_dead_is_answered(fleet: Fleet) -> None:
    dice = random.Random(21)
    people = [phone for phone in await switch_on(fleet) if "twilio" in phone["channel"]]
    former = fleet.kill("gateway")
    numbers = await write(fleet, people, dice)
    await fleet.back("gateway", former)
    await settled(fleet)
    entries = {entry["number"]: entry for entry in (await fleet.control("messages"))["entries"]}
    assert {entries[number]["webhook"]["state"] for number in numbers} == {"given_up"}
    for phone in people:
        got = [entry for entry in entries.values() if entry["address"] == phone["address"]]
        assert [entry["direction"] for entry in got] == ["sent", "got"]


async def test_the_database_is_killed_ten_times_at_random_moments(fleet: Fleet) -> None:
    dice = random.Random(22)
    people = await switch_on(fleet)
    async with under_load(fleet, people, dice):
        for _ in range(DATABASE_KILLS):
            await asyncio.sleep(dice.uniform(0.2, 2.5))
            await killed(fleet, "postgres")
    await balanced(fleet)
