"""A message that was not understood: its likeliest meanings are offered, and choosing one is acted on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handoff.core.effects import Say
from tests.services.scene import NOW, FakeAssistant, a_conversation, a_respond, after, keys, wrote

UNCLEAR = "something about the lady from the office"


def guessing(*intents: str) -> FakeAssistant:
    """An assistant that did not understand, with these guesses."""
    return FakeAssistant(effects=(Say("fallback.guess", guesses=intents),))


async def test_the_guesses_are_offered_by_number() -> None:
    turn = await a_respond(guessing("find_help", "report_aid_worker")).turn(a_conversation(), wrote(UNCLEAR), NOW)
    assert keys(turn) == ["fallback.guess"]
    assert turn.drafts[0].rendered.text.splitlines()[-4:] == [
        "1 About an aid worker",
        "2 Find help near me",
        "3 Talk to a person",
        "4 Menu",
    ]


async def test_a_chosen_guess_goes_to_the_assistant_as_its_intent() -> None:
    assistant = guessing("find_help", "check_offer")
    respond = a_respond(assistant)
    asked = after(a_conversation(), await respond.turn(a_conversation(), wrote(UNCLEAR), NOW))
    await respond.turn(asked, wrote("2"), NOW)
    assert assistant.asked[-1] == ("payload", "/check_offer")


async def test_a_chosen_danger_is_a_yes_to_danger() -> None:
    respond = a_respond(guessing("find_help", "in_danger"))
    asked = after(a_conversation(), await respond.turn(a_conversation(), wrote(UNCLEAR), NOW))
    turn = await respond.turn(asked, wrote("1"), NOW)
    assert keys(turn) == ["danger.card"]
    assert turn.changes["danger_at"] == NOW


async def test_a_chosen_wish_to_die_gets_its_own_card() -> None:
    respond = a_respond(guessing("self_harm"))
    asked = after(a_conversation(), await respond.turn(a_conversation(), wrote(UNCLEAR), NOW))
    assert keys(await respond.turn(asked, wrote("1"), NOW)) == ["selfharm.card"]


async def test_a_late_digit_still_means_the_guess() -> None:
    assistant = guessing("find_help")
    respond = a_respond(assistant)
    asked = after(a_conversation(), await respond.turn(a_conversation(), wrote(UNCLEAR), NOW))
    later = NOW + timedelta(hours=9)
    await respond.turn(asked, wrote("1", received_at=later), later)
    assert assistant.asked[-1] == ("payload", "/find_help")


async def test_a_number_without_an_option_asks_the_same_guesses_again() -> None:
    respond = a_respond(guessing("find_help", "check_offer"))
    asked = after(a_conversation(), await respond.turn(a_conversation(), wrote(UNCLEAR), NOW))
    again = await respond.turn(asked, wrote("5"), NOW)
    assert keys(again) == ["prompt.unknown_option", "fallback.guess"]
    assert "2 Check an offer" in again.drafts[-1].rendered.text


@pytest.mark.parametrize("intents", [(), ("greet",)])
async def test_without_guesses_the_plain_question_is_asked(intents: tuple[str, ...]) -> None:
    turn = await a_respond(guessing(*intents)).turn(a_conversation(), wrote(UNCLEAR), NOW)
    assert keys(turn) == ["fallback.ask"]
