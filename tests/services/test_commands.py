"""What we do without the assistant, and what each does in a case and outside one."""

from __future__ import annotations

from typing import Any

import pytest

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Owner, Turn
from handoff.core.message import Kind
from handoff.core.sop import Sop
from handoff.services import commands
from handoff.services.turn import Work
from tests.services.scene import CASE, NOW, a_conversation, a_respond, a_voice, after, keys, with_people, wrote


async def chosen(talk_key: str, digit: str, *, in_case: bool = False) -> Work:
    """What happens when somebody answers the question `talk_key` with a digit."""
    respond, base = a_respond(), with_people() if in_case else a_conversation()
    work = Work(respond.voice, base, wrote(), NOW)
    work.say(talk_key)
    turn = await respond.turn(after(base, work.turn), wrote(digit), NOW)
    done = Work(respond.voice, base, wrote(digit), NOW)
    done.turn = turn
    return done


async def test_stop_answers_once_and_not_where_the_carrier_did() -> None:
    ours = await a_respond().turn(with_people(), wrote("stop"), NOW)
    assert (ours.stop, keys(ours)) == (True, ["control.stopped"])
    carriers = await a_respond().turn(with_people(), wrote("STOP", Kind.OPT_OUT, provider_replied=True), NOW)
    assert (carriers.stop, keys(carriers)) == (True, [])
    assert "carrier_blocked" in carriers.case_flags
    assert carriers.changes["prompts"] == []


async def test_start_turns_messages_on_and_carriers_help_asks_about_danger() -> None:
    on = await a_respond().turn(a_conversation(), wrote("START", Kind.OPT_IN, provider_replied=True), NOW)
    assert (on.stop, keys(on)) == (False, [])
    asked = await a_respond().turn(a_conversation(), wrote("HELP", Kind.CARRIER_HELP), NOW)
    assert keys(asked) == ["danger.ask"]


@pytest.mark.parametrize("text", ["/start", "start"])
async def test_start_greets_who_is_new_and_welcomes_back_who_had_stopped(text: str) -> None:
    talk: dict[str, Any] = {"channel": "whatsapp-cloud", "network": "telegram"}  # a chat app, where /start is a command
    assert keys(await a_respond().turn(a_conversation(**talk), wrote(text), NOW)) == ["greet.hello"]
    stopped = a_conversation(**talk, contact=Contact(NOW, stopped=True))
    assert keys(await a_respond().turn(stopped, wrote(text), NOW)) == ["control.started"]
    assert keys(await a_respond().turn(with_people(**talk), wrote(text), NOW)) == ["control.with_person"]


async def test_leaving_drops_the_draft_and_everything_proactive() -> None:
    turn = await a_respond().turn(a_conversation(state={"at": NOW.isoformat(), "carried": {}}), wrote("00"), NOW)
    assert turn.changes["state"] == {}
    assert turn.changes["last_inbound_at"] is None
    assert keys(turn) == ["control.left"]


async def test_back_is_the_question_before_else_the_menu() -> None:
    work = Work(a_voice(), a_conversation(), wrote(), NOW)
    work.say("about.who")
    work.say("person.offer")
    talk = after(a_conversation(), work.turn)
    assert keys(await a_respond().turn(talk, wrote("back"), NOW)) == ["about.who"]
    assert keys(await a_respond().turn(a_conversation(), wrote("back"), NOW)) == ["menu.main"]


async def test_taking_back_ends_a_case_and_says_so_where_there_is_none() -> None:
    done, of_nobody = [await take_back(talk, "1") for talk in (with_people(), a_conversation())]
    assert done.take_back == {"contact"}
    assert done.changes["owner"] == Owner.ASSISTANT.value
    assert [draft.rendered.text for draft in done.drafts] == [draft.rendered.text for draft in of_nobody.drafts]


@pytest.mark.parametrize(("digit", "purpose"), [("2", "share"), ("3", "numbers"), ("4", "alerts")])
async def test_each_other_consent_is_taken_back_alone_and_the_case_stays(digit: str, purpose: str) -> None:
    done, of_nobody = [await take_back(talk, digit) for talk in (with_people(), a_conversation())]
    assert done.take_back == {purpose}
    assert "owner" not in done.changes
    assert [draft.rendered.text for draft in done.drafts] == [draft.rendered.text for draft in of_nobody.drafts]


async def take_back(talk: Conversation, digit: str) -> Turn:
    """88, "take it back", and which."""
    for said in ("88", "1"):
        talk = after(talk, await a_respond().turn(talk, wrote(said), NOW))
    return await a_respond().turn(talk, wrote(digit), NOW)


async def test_the_card_itself_asks_for_the_consent_and_one_digit_takes_it_back() -> None:
    yes = (await chosen("danger.card", "1")).turn
    assert yes.new_case is not None
    assert (yes.new_case.level, yes.new_case.reasons) == ("P0", ("danger",))
    no = (await chosen("danger.card", "2")).turn
    assert no.new_case is None
    assert keys(no)[0] == "danger.withdrawn"


async def test_yes_to_did_i_understand_alarms_the_open_case() -> None:
    yes = (await chosen("danger.maybe", "1", in_case=True)).turn
    assert "danger" in yes.case_flags


async def test_words_that_may_mean_self_harm_get_the_warm_card_without_an_alarm() -> None:
    for talk, key in ((a_conversation(), "selfharm.card"), (with_people(), "danger.maybe")):
        work = Work(a_voice(), talk, wrote("words"), NOW)
        assert commands.maybe_self_harm(work) == "maybe_self_harm"
        assert keys(work.turn) == [key]
        assert work.turn.case_flags == set()
    sure = Work(a_voice(), a_conversation(), wrote("words"), NOW)
    commands.self_harm(sure)
    assert keys(sure.turn) == ["selfharm.card"]


@pytest.mark.parametrize(("digit", "plan", "key"), [("1", "self", "plan.self"), ("2", "any", "plan.any")])
async def test_the_plan_is_one_question(digit: str, plan: str, key: str) -> None:
    turn = (await chosen("plan.ask", digit, in_case=True)).turn
    assert (turn.plan, keys(turn)) == (plan, [key, "word.ask"])


def test_outside_staffed_hours_the_case_is_told_so() -> None:
    voice = a_voice(hours="Mon-Fri 08:00-10:00")
    work = Work(voice, a_conversation(), wrote(), NOW)
    ids = commands.Ids(lambda: CASE)
    commands.open_case(work, modality="call", consent_key="consent.contact.unstaffed", ids=ids, sop=Sop.load())
    assert keys(work.turn)[0] == "handoff.queued.unstaffed"
    assert work.turn.new_case is not None
    assert work.turn.new_case.modality == "call"


def test_a_second_consent_opens_no_second_case() -> None:
    work = Work(a_voice(), with_people(), wrote(), NOW)
    outcome = commands.open_case(
        work, modality="write", consent_key="consent.contact", ids=commands.Ids(), sop=Sop.load()
    )
    assert outcome == "already_waiting"
    assert work.turn.new_case is None


def test_case_numbers_are_six_random_characters() -> None:
    numbers = {commands.case_number() for _ in range(50)}
    assert len(numbers) == 50
    assert all(len(number) == 6 and number.isalnum() for number in numbers)
