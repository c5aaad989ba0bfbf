"""A dead letter is re-driven once, with a dated neutral line, never with the old answer."""

from __future__ import annotations

import pytest

from handoff.core.message import Poison
from handoff.services.redrive import NothingToRedrive, redrive
from handoff.store.dead_letters import DeadLetters
from tests.path.test_handoff import read_all
from tests.path.whole import Whole


async def test_the_person_gets_one_dated_line(path: Whole) -> None:
    path.simulator.exchange.faults["sms-twilio"].next = [401]
    phone = path.phone()
    phone.send("hello")
    await path.settle()
    letters = DeadLetters(path.house.engine)
    (letter,) = await letters.waiting()
    assert (letter.direction, letter.channel) == ("out", "sms-twilio")
    await redrive(letters, path.house.voice, letter.id)
    line = await phone.next_reply()
    assert any(character.isdigit() for character in line.text)
    assert await path.value("SELECT state FROM outbound WHERE key = 'greet.hello'") == "dead"
    await read_all(phone)
    assert await path.value("SELECT count(*) FROM outbound WHERE key = 'redrive.neutral'") == 1
    assert await letters.waiting() == []
    with pytest.raises(NothingToRedrive):
        await redrive(letters, path.house.voice, letter.id)
    assert await path.value("SELECT count(*) FROM outbound WHERE key = 'redrive.neutral'") == 1


async def test_a_letter_from_nobody_we_can_name_stays(path: Whole) -> None:
    await path.house.door.receive([Poison("telegram", "bot", "bad_json", b"{")])
    letters = DeadLetters(path.house.engine)
    (letter,) = await letters.waiting()
    with pytest.raises(NothingToRedrive, match="nobody we can name"):
        await redrive(letters, path.house.voice, letter.id)
    assert len(await letters.waiting()) == 1
