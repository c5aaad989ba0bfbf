"""A phone is not a person: who comes back is greeted as anyone is, and only the right one reaches the case."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handoff.core.conversation import Conversation, Owner, Turn
from handoff.core.message import Kind
from handoff.core.presence import Known
from tests.services.scene import (
    CASE,
    NOW,
    PERSON,
    FakeAssistant,
    a_conversation,
    a_respond,
    after,
    ago,
    keys,
    with_people,
    wrote,
)

LATE = ago(minutes=61)
NOBODYS = Known(CASE, PERSON)
GUARDED = Known(CASE, PERSON, word="river", guarded=True)


def in_a_case(known: Known = GUARDED, **values: Any) -> Conversation:
    """Somebody with a case who was silent for an hour."""
    return with_people(**({"person_seen_at": LATE, "known": (known,)} | values))


def nobody(**values: Any) -> Conversation:
    """Somebody without a case who was silent for an hour."""
    return a_conversation(**({"person_seen_at": LATE} | values))


async def talk_to(talk: Conversation, *said: str, assistant: FakeAssistant | None = None) -> tuple[list[str], Turn]:
    """What is said to these messages, as it is shown, and the last turn."""
    respond, shown, turn = a_respond(assistant), [], Turn()
    for text in said:
        turn = await respond.turn(talk, wrote(text), NOW)
        shown += [draft.rendered.text for draft in turn.drafts] + ["--"]
        talk = after(talk, turn)
    return shown, turn


WALKS = (
    ("where is my paper?",),
    ("where is my paper?", "1"),
    ("where is my paper?", "2"),
    ("where is my paper?", "2", "hello?", "and now?"),
    ("where is my paper?", "2", "wrong"),
    ("hello", "still there?", "2"),
    ("0",),
    ("9",),
    ("99",),
    ("99", "2"),
    ("help",),
    ("help", "2"),
    ("stop",),
    ("00",),
    ("language", "1"),
    ("/start",),
    ("hello", "9"),
    ("hello", "99"),
    ("hello", "0", "hello"),
    ("hello", "5"),
)


@pytest.mark.parametrize("walk", WALKS)
async def test_without_the_word_a_phone_with_a_case_hears_what_one_without_hears(walk: tuple[str, ...]) -> None:
    assert (await talk_to(in_a_case(), *walk))[0] == (await talk_to(nobody(), *walk))[0]


async def test_who_comes_back_is_greeted_and_their_words_reach_nobody() -> None:
    for talk in (in_a_case(), in_a_case(NOBODYS), nobody()):
        turn = await a_respond(assistant := FakeAssistant()).turn(talk, wrote("I will leave tonight"), NOW)
        assert keys(turn) == ["greet.again"]
        assert (turn.hold, turn.relay, assistant.heard) == ("I will leave tonight", None, [])
        assert "person_seen_at" not in turn.changes


async def test_within_the_hour_and_at_the_first_message_nobody_is_greeted() -> None:
    just_now = with_people(person_seen_at=ago(minutes=59), known=(GUARDED,))
    turn = await a_respond().turn(just_now, wrote("are you there?"), NOW)
    assert turn.relay is not None
    assert turn.changes["person_seen_at"] == NOW
    assert keys(await a_respond().turn(a_conversation(), wrote("hello"), NOW)) == ["greet.hello"]


async def test_two_goes_on_to_the_case_of_somebody_without_a_word() -> None:
    talk = in_a_case(NOBODYS)
    _, turn = await talk_to(talk, "I am at the door", "and it is cold", "2")
    assert turn.return_to == NOBODYS
    assert turn.relay is not None
    assert turn.relay.text == "I am at the door\nand it is cold"
    assert (turn.release_held, turn.hold, keys(turn)) == (True, "", ["greet.here"])


async def test_two_works_the_held_words_where_there_is_no_case() -> None:
    _, turn = await talk_to(nobody(), "is this job real?", "2", assistant=(assistant := FakeAssistant()))
    assert assistant.asked == [("text", "is this job real?")]
    assert keys(turn) == ["greet.here", "greet.hello"]


async def test_two_does_not_open_a_case_that_a_word_guards() -> None:
    _, turn = await talk_to(in_a_case(), "it is me", "2")
    assert (turn.return_to, turn.relay, turn.release_held, turn.set_aside) == (None, None, False, True)
    assert turn.changes["case_id"] is None
    assert turn.hold is None


@pytest.mark.parametrize("said", ["river", "It is me. RIVER", "rivr", "ривер", "where are you? river"])
async def test_the_word_brings_back_to_the_case(said: str) -> None:
    for talk in (in_a_case(held="before"), nobody(known=(GUARDED,), held="before")):
        turn = await a_respond().turn(talk, wrote(said), NOW)
        assert turn.return_to == GUARDED
        assert turn.relay is not None
        assert turn.relay.text.startswith("before")
        assert "iver" not in turn.relay.text
        assert "ивер" not in turn.relay.text
        assert (keys(turn), turn.release_held) == (["greet.here"], True)


async def test_the_word_alone_is_not_passed_on() -> None:
    turn = await a_respond().turn(in_a_case(), wrote("river"), NOW)
    assert turn.relay is None


async def test_the_word_in_a_running_chat_is_only_a_word() -> None:
    turn = await a_respond().turn(with_people(known=(GUARDED,)), wrote("the river is near"), NOW)
    assert turn.relay is not None
    assert (turn.relay.text, turn.return_to, keys(turn)) == ("the river is near", None, [])


async def test_the_menu_sets_the_case_aside_and_the_assistant_speaks() -> None:
    for said in (("hello", "1"), ("0",)):
        _, turn = await talk_to(in_a_case(), *said)
        assert (keys(turn), turn.set_aside) == (["menu.main"], True)
        assert (turn.changes["owner"], turn.changes["case_id"], turn.changes["person_id"]) == ("assistant", None, None)


async def test_danger_raises_the_case_of_this_phone_whoever_holds_it() -> None:
    for talk in (in_a_case(), nobody(known=(GUARDED,)), in_a_case(owner=Owner.WAITING)):
        turn = await a_respond().turn(talk, wrote("99"), NOW)
        assert keys(turn) == ["danger.card"]
        assert turn.unproven_danger == (CASE,)
        assert turn.case_flags == set()


async def test_danger_with_the_word_is_the_persons_own() -> None:
    turn = await a_respond().turn(in_a_case(), wrote("river help, he will kill me"), NOW)
    assert (turn.return_to, turn.case_flags, turn.unproven_danger) == (GUARDED, {"danger"}, ())
    assert keys(turn)[-1] == "danger.card.in_case"
    assert turn.relay is not None
    assert "river" not in turn.relay.text


async def test_danger_beside_a_word_of_digits_brings_the_card() -> None:
    known = Known(CASE, PERSON, word="4821", guarded=True)
    turn = await a_respond().turn(in_a_case(known), wrote("4821 he will kill me"), NOW)
    assert keys(turn)[-1] == "danger.card.in_case"
    assert (turn.return_to, turn.case_flags) == (known, {"danger"})


async def test_a_question_about_a_case_is_not_answered_by_who_comes_back() -> None:
    opened = await a_respond().turn(a_conversation(), wrote("99"), NOW)
    talk = after(a_conversation(), opened)
    talk = after(talk, await a_respond().turn(talk, wrote("1"), NOW))
    assert talk.prompts[0].key == "plan.ask"
    later = NOW + timedelta(hours=2)
    talk = replace(talk, known=(Known(talk.case_id or uuid.uuid4(), PERSON),))
    turn = await a_respond().turn(talk, wrote("2", received_at=later), later)
    assert (turn.plan, keys(turn)) == (None, ["greet.again"])


async def test_what_is_no_text_is_answered_as_anyones_and_passed_to_nobody() -> None:
    for talk in (in_a_case(), nobody()):
        turn = await a_respond().turn(talk, wrote(kind=Kind.VOICE), NOW)
        assert (keys(turn), turn.relay, turn.set_aside) == (["media.voice"], None, False)
        assert "person_seen_at" not in turn.changes


async def test_while_messages_are_off_who_comes_back_reaches_nobody() -> None:
    talk = in_a_case()
    talk = replace(talk, contact=replace(talk.contact, stopped=True))
    turn = await a_respond().turn(talk, wrote("hello"), NOW)
    assert (keys(turn), turn.relay) == (["control.off"], None)


async def test_three_messages_in_a_minute_are_greeted_once() -> None:
    shown, turn = await talk_to(in_a_case(), "first", "then", "more")
    assert turn.hold == "first\nthen\nmore"
    assert [line for line in shown if line != "--"] == [shown[0]]


async def test_after_leaving_whoever_writes_is_greeted() -> None:
    talk = with_people(known=(GUARDED,))
    talk = after(talk, await a_respond().turn(talk, wrote("00"), NOW))
    assert keys(await a_respond().turn(talk, wrote("hello"), NOW)) == ["greet.again"]


async def test_short_words_that_are_not_it_are_counted_only_where_one_is_awaited() -> None:
    awaited = nobody(known=(GUARDED,), word_due_at=NOW, person_seen_at=NOW)
    assert (await a_respond().turn(awaited, wrote("lake"), NOW)).wrong_word == PERSON
    long = await a_respond().turn(awaited, wrote("can you tell me about work in the city"), NOW)
    assert long.wrong_word is None
    idle = replace(awaited, word_due_at=None)
    assert (await a_respond().turn(idle, wrote("lake"), NOW)).wrong_word is None
    long_ago = replace(awaited, word_due_at=LATE)
    assert (await a_respond().turn(long_ago, wrote("lake"), NOW)).wrong_word is None
