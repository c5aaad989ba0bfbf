"""Erasing, as it is decided: one question, never by a stale answer, in every state, and the same for everybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Owner, Turn
from handoff.core.ports import AssistantDown
from tests.services.scene import NOW, FakeAssistant, a_conversation, a_respond, after, keys, with_people, wrote

STOPPED = Contact(NOW, stopped=True)
STATES = {
    "assistant": a_conversation(),
    "waiting": with_people(Owner.WAITING),
    "caseworker": with_people(),
    "closed": with_people(Owner.CLOSED),
    "stopped": a_conversation(contact=STOPPED),
    "stopped, with a case": with_people(contact=STOPPED),
}


async def said(talk: Conversation, *texts: str) -> tuple[list[str], Turn]:
    """What is shown after each of these, and the last turn."""
    shown, turn = [], Turn()
    respond = a_respond(FakeAssistant(failures=[AssistantDown("unreachable")] * 9))
    for words in texts:
        turn = await respond.turn(talk, wrote(words), NOW)
        shown += [draft.rendered.text for draft in turn.drafts]
        talk = after(talk, turn)
    return shown, turn


@pytest.mark.parametrize("name", STATES)
async def test_one_yes_erases_in_every_state_and_shows_the_same(name: str) -> None:
    shown, turn = await said(STATES[name], "erase", "1")
    assert turn.erase is not None
    assert (turn.relay, turn.case_flags, turn.new_case) == (None, set(), None)
    assert shown == (await said(a_conversation(), "erase", "1"))[0]


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("word", ["river", "4711", "1234 5678 9012 3456", "anything else"])
async def test_whatever_is_given_as_a_word_gets_the_same_answer(name: str, word: str) -> None:
    shown, turn = await said(STATES[name], "erase", "2", word)
    assert turn.erase is not None
    assert turn.erase.said == word
    assert shown == (await said(a_conversation(), "erase", "2", "blue"))[0]


@pytest.mark.parametrize("no", ["3", "no", "menu"])
@pytest.mark.parametrize("name", ["assistant", "caseworker"])
async def test_no_erases_nothing(name: str, no: str) -> None:
    _, turn = await said(STATES[name], "erase", no)
    assert turn.erase is None


async def test_danger_comes_before_the_word() -> None:
    shown, turn = await said(a_conversation(), "erase", "2", "he will kill me")
    assert turn.erase is None
    assert "+15550100" in shown[-1]


@pytest.mark.parametrize("answer", ["1", "yes", "river"])
@pytest.mark.parametrize("name", ["assistant", "caseworker"])
async def test_a_stale_answer_never_erases(name: str, answer: str) -> None:
    respond, talk = a_respond(), STATES[name]
    for words in ("erase", "2") if answer == "river" else ("erase",):
        talk = after(talk, await respond.turn(talk, wrote(words), NOW))
    late = NOW + timedelta(hours=13)
    turn = await respond.turn(talk, replace(wrote(answer), received_at=late), late)
    assert turn.erase is None


async def test_a_yes_to_an_older_question_never_erases() -> None:
    respond, talk = a_respond(), a_conversation()
    for words in ("erase", "language"):
        talk = after(talk, await respond.turn(talk, wrote(words), NOW))
    assert (await respond.turn(talk, wrote("yes"), NOW)).erase is None


async def test_88_shows_everybody_the_same() -> None:
    shown = [keys((await said(talk, "88"))[1]) for talk in STATES.values()]
    assert shown == [["control.data"]] * len(STATES)
