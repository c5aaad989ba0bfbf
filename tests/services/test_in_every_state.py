"""What is heard also while messages are off and beyond the limit: answers to a card, stop and leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handoff.core.contact import Contact
from tests.services.scene import NOW, a_conversation, a_respond, after, keys, with_people, wrote

QUIET: dict[str, dict[str, Any]] = {
    "stopped": {"contact": Contact(NOW, stopped=True), "off_notice_at": NOW},
    "flooding": {"minute_start": NOW, "minute_count": 500},
}


@pytest.mark.parametrize("state", QUIET)
async def test_answers_to_a_card_count_in_every_state(state: str) -> None:
    respond = a_respond()
    for text, digit, said in (
        ("99", "1", ["handoff.queued", "plan.ask"]),
        ("help", "1", ["danger.card"]),
        ("help", "2", ["danger.withdrawn", "menu.main"]),
    ):
        talk = a_conversation(**QUIET[state])
        talk = replace(after(talk, await respond.turn(talk, wrote(text), NOW)), **QUIET[state])
        assert keys(await respond.turn(talk, wrote(digit), NOW)) == said
    in_case = with_people(**QUIET[state])
    asked = replace(after(in_case, await respond.turn(in_case, wrote("help"), NOW)), **QUIET[state])
    alarm = await respond.turn(asked, wrote("1"), NOW)
    assert (keys(alarm), alarm.case_flags) == (["danger.card.in_case"], {"danger"})


async def test_a_yes_to_a_person_after_a_stop_turns_messages_on_again() -> None:
    respond, talk = a_respond(), a_conversation(contact=Contact(NOW, stopped=True))
    talk = after(talk, await respond.turn(talk, wrote("99"), NOW))
    turn = await respond.turn(talk, wrote("1"), NOW)
    assert turn.new_case is not None
    assert turn.stop is False


async def test_an_old_yes_on_a_card_is_asked_again_also_while_messages_are_off() -> None:
    respond, talk = a_respond(), a_conversation(**QUIET["stopped"])
    talk = after(talk, await respond.turn(talk, wrote("99"), NOW))
    late = NOW + timedelta(hours=13)
    turn = await respond.turn(talk, wrote("1", received_at=late), late)
    assert (keys(turn), turn.new_case) == (["stale.answer", "danger.card"], None)


async def test_stop_and_leave_are_obeyed_also_beyond_the_limit() -> None:
    talk = a_conversation(**QUIET["flooding"])
    stopped = await a_respond().turn(talk, wrote("stop"), NOW)
    assert (stopped.stop, keys(stopped)) == (True, ["control.stopped"])
    again = await a_respond().turn(replace(talk, contact=Contact(NOW, stopped=True)), wrote("stop"), NOW)
    assert (again.stop, keys(again)) == (True, [])
    left = await a_respond().turn(talk, wrote("00"), NOW)
    assert left.changes["last_inbound_at"] is None
    assert keys(left) == []
