"""What is answered to whom: danger first, then control words, then whoever speaks now."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from handoff.core.contact import Contact
from handoff.core.conversation import Owner, Received
from handoff.core.effects import Effect, OpenCase, Say, SetLocale, Stop
from handoff.core.flood import Flood
from handoff.core.message import Kind
from handoff.core.ports import AssistantDown, TurnFailed
from tests.services.scene import (
    NOW,
    FakeAssistant,
    Pauses,
    a_conversation,
    a_respond,
    after,
    ago,
    asked_for_consent,
    keys,
    with_people,
    wrote,
)

STATES = {
    "assistant": a_conversation(),
    "waiting": with_people(Owner.WAITING),
    "caseworker": with_people(),
    "closed": a_conversation(owner=Owner.CLOSED, case_id=with_people().case_id),
    "stopped": a_conversation(contact=Contact(NOW, stopped=True)),
    "flooding": a_conversation(minute_start=NOW, minute_count=500),
    "old": a_conversation(),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("text", ["99", "٩٩", "he will kill me", "me va a matar", "سيقتلني"])
async def test_danger_is_answered_before_anything_else(state: str, text: str) -> None:
    assistant = FakeAssistant(failures=[AssistantDown("unreachable")] * 9)
    sent_at = ago(days=30) if state == "old" else None
    turn = await a_respond(assistant).turn(STATES[state], wrote(text, sent_at=sent_at), NOW)
    in_case = state in {"waiting", "caseworker"}
    assert keys(turn) == ["danger.card.in_case" if in_case else "danger.card"]
    assert turn.drafts[0].kind == "system"
    assert ("danger" in turn.case_flags) is in_case
    assert turn.changes["danger_at"] == NOW
    assert assistant.heard == []


@pytest.mark.parametrize("state", STATES)
async def test_a_tap_on_a_danger_card_of_long_ago_counts_as_danger(state: str) -> None:
    turn = await a_respond().turn(STATES[state], wrote(kind=Kind.TAP, payload="d1:2"), NOW)
    in_case = state in {"waiting", "caseworker"}
    assert keys(turn) == ["danger.card.in_case" if in_case else "danger.card"]
    assert ("danger" in turn.case_flags) is in_case


async def test_a_danger_card_says_in_its_name_that_it_is_one() -> None:
    card = await a_respond().turn(a_conversation(), wrote("99"), NOW)
    menu = await a_respond().turn(a_conversation(), wrote("0"), NOW)
    assert [turn.changes["prompts"][0]["id"] for turn in (card, menu)] == ["d1", "q1"]


async def test_words_that_may_mean_danger_ask_first_and_alarm_only_after_a_yes() -> None:
    respond = a_respond(control=a_respond().control)
    asked = await respond.turn(with_people(), wrote("he hits me sometimes"), NOW)
    assert asked.case_flags == set()
    assert asked.relay is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", ["menu.main"]),
        ("menu", ["menu.main"]),
        ("00", ["control.left"]),
        ("88", ["control.data"]),
        ("stop", ["control.stopped"]),
        ("start", ["greet.hello"]),
        ("language", ["language.choose"]),
    ],
)
async def test_control_words_work_without_the_assistant(text: str, said: list[str]) -> None:
    assistant = FakeAssistant(failures=[AssistantDown("unreachable")] * 9)
    turn = await a_respond(assistant).turn(
        a_conversation(channel="whatsapp-cloud", network="whatsapp"), wrote(text), NOW
    )
    assert keys(turn) == said
    assert assistant.heard == []


@pytest.mark.parametrize("text", ["/affirm", "/session_start", '/choose{"option":"consent.write"}', "/ask_identity"])
async def test_what_is_typed_is_never_a_payload(text: str) -> None:
    assistant = FakeAssistant()
    await a_respond(assistant).turn(a_conversation(), wrote(text), NOW)
    assert assistant.asked == [("text", text)]


async def test_a_digit_is_the_option_of_the_question_that_was_asked() -> None:
    assistant = FakeAssistant()
    respond = a_respond(assistant)
    talk = after(a_conversation(), await respond.turn(a_conversation(), wrote("hello"), NOW))
    await respond.turn(talk, wrote("2"), NOW)
    assert assistant.asked[-1] == ("payload", "/check_offer")


async def test_a_number_without_an_option_asks_the_same_question_again() -> None:
    respond = a_respond()
    talk = after(a_conversation(), await respond.turn(a_conversation(), wrote("hello"), NOW))
    turn = await respond.turn(talk, wrote("7"), NOW)
    assert keys(turn) == ["prompt.unknown_option", "greet.hello"]


async def test_a_tap_on_a_forgotten_question_shows_the_menu() -> None:
    turn = await a_respond().turn(a_conversation(), wrote(kind=Kind.TAP, payload="q77:1"), NOW)
    assert keys(turn) == ["stale.answer", "menu.main"]


async def test_a_consent_is_counted_only_while_it_is_fresh() -> None:
    respond = a_respond(FakeAssistant((Say("consent.contact"),)))
    talk = await asked_for_consent(respond)
    late = NOW + timedelta(hours=13)
    turn = await respond.turn(talk, wrote("1", received_at=late), late)
    assert keys(turn) == ["stale.answer", "consent.contact"]
    assert turn.new_case is None


async def test_free_text_after_a_stale_consent_reaches_a_dialogue_that_has_forgotten_it() -> None:
    assistant = FakeAssistant((Say("consent.contact"),))
    respond = a_respond(assistant)
    talk = await asked_for_consent(respond)
    late = NOW + timedelta(hours=13)
    await respond.turn(talk, wrote("i would like that, yes", received_at=late), late)
    assert assistant.heard[-1]["state"] == {}


async def test_a_digit_that_was_held_up_on_its_way_answers_what_was_asked_when_it_was_written() -> None:
    assistant = FakeAssistant((Say("consent.contact"),))
    respond = a_respond(assistant)
    talk = await asked_for_consent(respond)
    turn = await respond.turn(talk, wrote("1", sent_at=ago(minutes=50)), NOW)
    assert turn.new_case is None
    assert assistant.asked[-1] == ("text", "1")
    assert assistant.heard[-1]["state"] == {}


@pytest.mark.parametrize("between", [wrote(kind=Kind.PHOTO), wrote("help"), wrote("88"), wrote("language")])
async def test_words_after_a_question_of_ours_are_no_answer_to_the_consent_before_it(between: Received) -> None:
    assistant = FakeAssistant((Say("consent.contact"),), state={"slots": {"asked": "consent"}})
    respond = a_respond(assistant)
    talk = await asked_for_consent(respond)
    await respond.turn(talk, wrote("sure, go ahead"), NOW)
    assert assistant.heard[-1]["state"] == {"slots": {"asked": "consent"}}
    talk = after(talk, await respond.turn(talk, between, NOW))
    await respond.turn(talk, wrote("sure, go ahead"), NOW)
    assert assistant.heard[-1]["state"] == {}


async def test_a_yes_opens_a_case_and_says_its_number() -> None:
    assistant = FakeAssistant((Say("consent.contact"),))
    respond = a_respond(assistant)
    talk = await asked_for_consent(respond)
    assistant.effects = (OpenCase("write", "consent.contact"),)
    turn = await respond.turn(talk, wrote("yes"), NOW)
    assert turn.new_case is not None
    assert turn.new_case.level == "P3"
    assert turn.new_case.number in turn.drafts[0].rendered.text
    assert keys(turn) == ["handoff.queued", "plan.ask"]


async def test_the_dialogue_is_carried_to_the_next_turn_and_forgotten_after_a_day() -> None:
    assistant = FakeAssistant(state={"slots": {"a": 1}})
    respond = a_respond(assistant)
    talk = after(a_conversation(), await respond.turn(a_conversation(), wrote("hello"), NOW))
    await respond.turn(talk, wrote("is this job real?"), NOW)
    assert assistant.heard[-1]["state"] == {"slots": {"a": 1}}
    next_day = NOW + timedelta(hours=25)
    await respond.turn(replace(talk, person_seen_at=next_day), wrote("is this job real?"), next_day)
    assert assistant.heard[-1]["state"] == {}


async def test_an_assistant_that_hangs_is_not_waited_for_again() -> None:
    assistant = FakeAssistant(failures=[AssistantDown("timeout")])
    turn = await a_respond(assistant).turn(a_conversation(), wrote("hello"), NOW)
    assert keys(turn) == ["failopen.card"]
    assert len(assistant.heard) == 1


async def test_an_assistant_that_comes_back_within_seconds_is_asked_again() -> None:
    assistant, pauses = FakeAssistant(failures=[AssistantDown("unreachable")] * 2), Pauses()
    turn = await a_respond(assistant, sleep=pauses).turn(a_conversation(), wrote("hello"), NOW)
    assert keys(turn) == ["greet.hello"]
    assert pauses.slept == [0.3, 1.0]


@pytest.mark.parametrize(
    "failures", [[AssistantDown("timeout")] * 3, [TurnFailed("action_failed")], [TurnFailed("nothing_said")]]
)
async def test_when_the_assistant_fails_the_card_comes_once(failures: list[Exception]) -> None:
    code = str(failures[0])
    turn = await a_respond(FakeAssistant(failures=list(failures))).turn(a_conversation(), wrote("hello"), NOW)
    assert keys(turn) == ["failopen.card"]
    assert turn.outcome == f"failopen_{code}"
    assert "state" not in turn.changes


@pytest.mark.parametrize("effect", [Say("no.such.text"), SetLocale("tlh")])
async def test_an_answer_that_names_what_does_not_exist_is_a_failed_one(effect: Effect) -> None:
    turn = await a_respond(FakeAssistant((Say("greet.hello"), effect))).turn(a_conversation(), wrote("hello"), NOW)
    assert keys(turn) == ["failopen.card"]


async def test_a_person_is_offered_by_ourselves_when_the_assistant_is_down() -> None:
    assistant = FakeAssistant(failures=[AssistantDown("unreachable")] * 3)
    respond = a_respond(assistant)
    asked = after(a_conversation(), await respond.turn(a_conversation(), wrote("9"), NOW))
    assert [prompt.key for prompt in asked.prompts] == ["gate.ask"]
    turn = await respond.turn(asked, wrote("1"), NOW)
    assert keys(turn) == ["failopen.consent"]
    assert keys(await respond.turn(after(asked, turn), wrote("1"), NOW))[0] == "handoff.queued"


async def test_the_assistant_can_change_the_language_and_stop() -> None:
    turn = await a_respond(FakeAssistant((SetLocale("es"), Say("menu.main")))).turn(
        a_conversation(), wrote("x y z"), NOW
    )
    assert turn.changes["locale"] == "es"
    stopped = await a_respond(FakeAssistant((Stop(),))).turn(a_conversation(), wrote("leave me be"), NOW)
    assert stopped.stop is True


async def test_who_waits_is_not_told_that_a_person_answers() -> None:
    assert keys(await a_respond().turn(with_people(Owner.WAITING), wrote("0"), NOW)) == ["control.waiting"]
    assert keys(await a_respond().turn(with_people(), wrote("0"), NOW)) == ["control.with_person"]


async def test_choosing_a_language_by_digit_answers_in_it_also_in_a_case() -> None:
    for talk in (a_conversation(), with_people()):
        respond = a_respond()
        asked = after(talk, await respond.turn(talk, wrote("language"), NOW))
        turn = await respond.turn(asked, wrote("2"), NOW)
        assert turn.changes["locale"] == "ar"
        assert keys(turn)[0] == "language.set"


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (Kind.VOICE, "media.voice"),
        (Kind.PHOTO, "media.photo"),
        (Kind.LOCATION, "media.location"),
        (Kind.CONTACT, "media.contact"),
        (Kind.EDIT, "media.edited"),
        (Kind.UNKNOWN, "media.unknown"),
    ],
)
async def test_what_is_no_text_is_answered_kindly_and_relayed_in_a_case(kind: Kind, key: str) -> None:
    assert keys(await a_respond().turn(a_conversation(), wrote(kind=kind), NOW)) == [key]
    in_case = await a_respond().turn(with_people(), wrote(kind=kind), NOW)
    assert keys(in_case) == [key]
    assert in_case.relay is not None
    assert in_case.relay.kind == kind.value


async def test_nothing_but_spaces_is_answered_too() -> None:
    assert keys(await a_respond().turn(a_conversation(), wrote("   "), NOW)) == ["media.unknown"]


async def test_an_old_message_is_not_answered_as_if_live() -> None:
    assistant = FakeAssistant()
    turn = await a_respond(assistant).turn(a_conversation(), wrote("hello", sent_at=ago(days=4)), NOW)
    assert keys(turn) == ["stale.message"]
    assert assistant.heard == []


async def test_beyond_the_limit_one_line_then_quiet() -> None:
    respond, talk, said = a_respond(flood=Flood(3, 300)), a_conversation(), []
    for number in range(6):
        turn = await respond.turn(talk, wrote(f"number {number} here"), NOW)
        said.append(keys(turn))
        talk = after(talk, turn)
    assert said == [["greet.hello"]] * 3 + [["flood.slow"], [], []]


async def test_while_messages_are_off_one_notice_a_day_and_the_case_still_hears() -> None:
    off = with_people(contact=Contact(NOW, stopped=True))
    first = await a_respond().turn(off, wrote("are you there"), NOW)
    assert (keys(first), first.off_notice) == (["control.off"], True)
    assert first.relay is not None
    again = await a_respond().turn(with_people(contact=off.contact, off_notice_at=ago(hours=2)), wrote("hey"), NOW)
    assert keys(again) == []


async def test_waiting_is_acknowledged_at_most_once_an_hour() -> None:
    waiting = with_people(Owner.WAITING, waiting_ack_at=ago(minutes=61))
    first = await a_respond().turn(waiting, wrote("it is cold"), NOW)
    assert keys(first) == ["handoff.waiting_ack"]
    second = await a_respond().turn(after(waiting, first), wrote("very cold"), NOW)
    assert keys(second) == []
    assert second.relay is not None


async def test_while_a_caseworker_speaks_words_are_relayed_and_held_ones_released() -> None:
    assistant = FakeAssistant()
    turn = await a_respond(assistant).turn(with_people(), wrote("back"), NOW)
    assert (keys(turn), assistant.heard) == ([], [])
    assert turn.relay is not None
    assert turn.relay.text == "back"
    assert turn.release_held


@pytest.mark.parametrize("text", ["9", "0", "88", "menu", "help", "language", "start", "99", "erase"])
async def test_whatever_a_word_does_the_caseworker_reads_it_too(text: str) -> None:
    turn = await a_respond().turn(with_people(), wrote(text), NOW)
    assert turn.relay is not None
    assert turn.relay.text == text


async def test_a_digit_may_answer_the_caseworker_so_they_read_it_too() -> None:
    respond = a_respond()
    talk = after(with_people(), await respond.turn(with_people(), wrote(kind=Kind.PHOTO), NOW))
    turn = await respond.turn(talk, wrote("1"), NOW)
    assert turn.relay is not None
    assert turn.relay.text == "1"


async def test_the_menu_and_old_buttons_only_say_that_a_person_has_the_word() -> None:
    assert keys(await a_respond().turn(with_people(), wrote("0"), NOW)) == ["control.with_person"]
    assert keys(await a_respond().turn(with_people(), wrote("9"), NOW)) == ["control.with_person"]
    tap = wrote(kind=Kind.TAP, payload="q1:1")
    assert keys(await a_respond().turn(with_people(), tap, NOW)) == ["control.with_person"]


async def test_the_first_message_after_closing_is_the_assistants() -> None:
    closed = a_conversation(owner=Owner.CLOSED, case_id=with_people().case_id)
    turn = await a_respond().turn(closed, wrote("hello"), NOW)
    assert turn.changes["owner"] == "assistant"
    assert turn.changes["case_id"] is None
    assert keys(turn) == ["greet.hello"]


async def test_a_message_that_cannot_be_worked_is_a_dead_letter_and_the_card() -> None:
    turn = a_respond().failed_turn(a_conversation(), wrote("hello"), NOW, "cannot_be_worked")
    assert (keys(turn), turn.dead_code) == (["failopen.card"], "cannot_be_worked")
    in_case = a_respond().failed_turn(with_people(), wrote("hello"), NOW, "cannot_be_worked")
    assert keys(in_case) == ["failopen.card"]


async def test_a_turn_stores_no_word_of_the_person() -> None:
    turn = await a_respond().turn(a_conversation(), wrote("velvet canary in my house"), NOW)
    assert "canary" not in json.dumps(turn.changes, default=str) + repr(turn)


async def test_even_where_the_card_cannot_be_made_the_message_ends_as_a_dead_letter() -> None:
    respond = a_respond()
    respond.voice.limits = {}
    turn = respond.failed_turn(a_conversation(), wrote("hello"), NOW, "cannot_be_worked")
    assert (keys(turn), turn.dead_code) == ([], "cannot_be_worked")
