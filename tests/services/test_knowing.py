"""The word, our sign and the code: asked for once, by somebody who is known to be the one."""

from __future__ import annotations

import uuid

from handoff.core.conversation import Conversation, Turn
from handoff.core.return_code import read_code
from handoff.services.presence import Presence
from handoff.services.respond import Respond
from handoff.services.return_code import ReturnCodes
from tests.services.scene import NOW, a_conversation, a_respond, after, keys, with_people, wrote
from tests.services.test_return_code import FakeBook, someone


def responding(book: FakeBook | None = None) -> Respond:
    return a_respond(presence=Presence(codes=ReturnCodes(book or FakeBook(), "pepper")))


async def asked(*said: str, respond: Respond | None = None) -> tuple[Conversation, Turn]:
    """A case is opened by the danger card, then these answers."""
    respond, talk, turn = respond or responding(), a_conversation(), Turn()
    for text in ("99", "1", *said):
        turn = await respond.turn(talk, wrote(text), NOW)
        talk = after(talk, turn)
    return talk, turn


async def test_after_the_plan_a_word_is_asked_for_and_never_echoed() -> None:
    talk, turn = await asked("2")
    assert (turn.plan, keys(turn)) == ("any", ["plan.any", "word.ask"])
    turn = await responding().turn(talk, wrote("Pomegranate"), NOW)
    assert (turn.word, turn.relay) == ("Pomegranate", None)
    assert keys(turn) == ["word.set", "sign.show", "code.ask"]
    assert not any("omegranate" in draft.rendered.text for draft in turn.drafts)
    assert turn.sign in turn.drafts[1].rendered.text


async def test_one_of_ours_is_shown_once() -> None:
    _, turn = await asked("1", "1")
    assert turn.word
    assert turn.word.upper() in turn.drafts[0].rendered.text


async def test_no_word_is_a_choice_too() -> None:
    _, turn = await asked("1", "2")
    assert (turn.word, keys(turn)) == ("", ["sign.show", "code.ask"])


async def test_what_can_be_no_word_is_for_the_humans() -> None:
    talk, _ = await asked("1")
    turn = await responding().turn(talk, wrote("I do not want a word, please call me"), NOW)
    assert turn.word == ""
    assert turn.relay is not None
    danger = await responding().turn(talk, wrote("he will kill me"), NOW)
    assert (danger.word, danger.case_flags) == ("", {"danger"})


async def test_times_are_chosen_from_five() -> None:
    _, turn = await asked("3")
    assert keys(turn) == ["plan.times"]
    _, turn = await asked("3", "3")
    assert (turn.plan, turn.plan_hours, keys(turn)) == ("hours", ("evening",), ["plan.any", "word.ask"])


async def test_the_code_is_sent_only_when_asked_for() -> None:
    _, turn = await asked("1", "2", "2")
    assert (turn.code, keys(turn)) == (None, ["greet.here"])
    _, turn = await asked("1", "2", "1")
    assert keys(turn) == ["code.show"]
    assert turn.changes["prompts"] == [], "a later 1 is for the humans, not for another code"
    shown = read_code(turn.drafts[0].rendered.text)
    assert turn.code is not None
    assert shown is not None
    assert (shown.digits, shown.checked) == (turn.code[0], True)


async def test_a_right_code_comes_back_from_any_phone_and_a_wrong_one_is_as_other_digits() -> None:
    book = FakeBook()
    respond = responding(book)
    code = await someone(book, ReturnCodes(book, "pepper"))
    turn = await respond.turn(a_conversation(), wrote(f"my code {code.written()}"), NOW)
    assert (turn.came_with_code, keys(turn)) == (uuid.UUID(int=8), ["greet.here"])
    wrong = await respond.turn(a_conversation(), wrote("1234 5678 9012 3456"), NOW)
    other = await respond.turn(a_conversation(), wrote("1234 5678 9012 345"), NOW)
    assert (wrong.came_with_code, keys(wrong)) == (None, keys(other))


async def test_danger_beside_a_code_brings_the_card() -> None:
    book = FakeBook()
    code = await someone(book, ReturnCodes(book, "pepper"))
    turn = await responding(book).turn(a_conversation(), wrote(f"{code.written()} he will kill me"), NOW)
    assert keys(turn) == ["danger.card"]


async def test_a_code_in_a_case_does_not_reach_the_humans() -> None:
    book = FakeBook()
    code = await someone(book, ReturnCodes(book, "pepper"))
    turn = await responding(book).turn(with_people(), wrote(code.digits), NOW)
    assert (turn.relay, turn.came_with_code) == (None, uuid.UUID(int=8))
