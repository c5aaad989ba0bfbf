"""A worker dies between the assistant's answer and the commit, at every prompt of the consent: nothing differs.

Neither a consent that nobody gave, nor a case too many, nor another answer. What the person wrote, what was recorded
and what reached the phone are compared with a run in which nobody died; ids, numbers and times aside.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.app import House
from handoff.assistant.client import RasaClient
from handoff.settings import Settings
from tests.chaos.dying import Death, Moment, Shift
from tests.path.whole import Whole, whole
from tests.ports import free_port
from tests.rasa_server import TOKEN, Rasa, serve_actions, start_rasa

pytestmark = [pytest.mark.chaos, pytest.mark.rasa]

# What somebody types, and what that is an answer to. "x" is an answer to none of the options.
WAYS = {
    "yes": ("hello", "4", "1", "1"),
    "yes in words": ("I want to talk to a person", "1", "yes"),
    "call me": ("9", "1", "2"),
    "no": ("9", "1", "3"),
    "no in words": ("9", "1", "no"),
    "first more, then yes": ("9", "1", "4", "1"),
    "first unclear, then yes": ("9", "1", "hmm what is the weather", "1"),
    "yes, and then taken back": ("9", "1", "1", "88", "1", "1"),
}
CODES = (
    "SELECT purpose, text_key, text_version, modality, locale, channel, withdrawn_at IS NULL AS live FROM consents",
    "SELECT state, level, modality, locale, reasons, alarm_at IS NULL AS quiet FROM cases",
    "SELECT owner, locale, prompt_count, state->'carried' AS carried, case_id IS NULL AS free FROM conversations",
    "SELECT id, kind, outcome, intent, cipher IS NULL AS erased FROM inbound ORDER BY id",
    "SELECT key, kind, speaker, inbound_id FROM outbound ORDER BY id",
    "SELECT speaker, kind FROM case_messages ORDER BY id",
    "SELECT count(*) FROM persons",
    "SELECT direction, code FROM dead_letters",
)
PEOPLE = itertools.count()
NUMBER = re.compile(r"\b(?=[A-Z0-9]{6}\b)[A-Z0-9]*[0-9][A-Z0-9]*\b|\b[A-Z]{6}\b")


@pytest.fixture(scope="module")
def rasa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rasa]:
    """The trained assistant with the real actions."""
    with (
        serve_actions() as actions,
        start_rasa(free_port(), actions.url, log=tmp_path_factory.mktemp("rasa") / "log") as rasa,
    ):
        yield rasa


@pytest.fixture
async def path(settings: Settings, engine: AsyncEngine) -> AsyncIterator[Whole]:
    """The whole path; the worker that it brings is sent home, since ours are to die."""
    async with whole(settings) as running:
        running.worker.stop()
        yield running


@asynccontextmanager
async def working(house: House, rasa: Rasa, death: Death | None) -> AsyncIterator[None]:
    """Workers, one after the other, for the length of the block."""
    client = RasaClient(rasa.url, TOKEN, house.settings.rasa_timeout_s)
    task = asyncio.create_task(Shift(house, death, client).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await client.aclose()


async def what_happened(path: Whole, rasa: Rasa, way: tuple[str, ...], death: Death | None) -> tuple[Any, list[str]]:
    """Somebody new types the messages, one after the other. Returns the rows, as codes, and the texts on the phone."""
    phone = path.phone("sms-twilio", f"+155503{next(PEOPLE):05}")
    async with working(path.house, rasa, death):
        for words in way:
            phone.send(words)
            await phone.next_reply(15)
            await path.settle(15)
    async with path.house.engine.connect() as connection:
        rows = [[tuple(row) for row in await connection.execute(text(query))] for query in CODES]
    got = [entry.text for entry in phone.handset.entries if entry.direction == "got"]
    return rows, [NUMBER.sub("NUMBER", shown) for shown in got]


async def start_afresh(path: Whole) -> None:
    """As before the first message, ids included."""
    tables = "inbound, outbound, case_messages, dead_letters, cases, consents, person_addresses, persons"
    await path.do(f"TRUNCATE {tables}, conversations, addresses RESTART IDENTITY CASCADE")
    await path.simulator.reset()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_a_death_before_the_commit_changes_nothing(path: Whole, rasa: Rasa, way: tuple[str, ...]) -> None:
    expected = await what_happened(path, rasa, way, None)
    for turn in range(1, len(way) + 1):
        await start_afresh(path)
        death = Death(Moment.ANSWERED, turn)
        assert await what_happened(path, rasa, way, death) == expected
        assert death.died == {turn}


@pytest.mark.parametrize("moment", [Moment.ANSWERED, Moment.COMMITTED, Moment.SENT])
async def test_a_death_in_every_turn_changes_nothing(path: Whole, rasa: Rasa, moment: Moment) -> None:
    way = WAYS["first more, then yes"]
    rows, texts = await what_happened(path, rasa, way, None)
    await start_afresh(path)
    death = Death(moment, 0)
    again, received = await what_happened(path, rasa, way, death)
    assert again == rows
    assert len(death.died) == len(way)
    flagged = await path.value("SELECT count(*) FROM outbound WHERE possible_duplicate")
    if moment is Moment.ANSWERED:
        assert received == texts
        assert flagged == 0
    else:
        assert list(dict.fromkeys(received)) == texts
        assert len(received) - len(texts) <= flagged <= len(texts)
