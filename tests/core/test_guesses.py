"""What is offered when a message was not understood: the likeliest intents as options, safety first."""

from __future__ import annotations

import pytest

from handoff.core.content import BadContent, parse_prompts
from handoff.core.prompt_table import load_prompts
from handoff.core.prompts import Prompt
from handoff.core.render import render
from tests.console.world import LIMITS, texts

TABLE = load_prompts()
SAFETY = {"in_danger", "self_harm", "stop", "talk_to_human", "sexual_violence", "child_alone", "report_aid_worker"}
SAFETY |= {"not_safe_now", "report_ransom", "forced_marriage"}
GUESSES = """
prompts:
  ask: {}
  guess:
    options: [{id: menu, do: menu}]
    guesses:
      otherwise: ask
      first: [{id: guess.stop, do: stop}]
      then: [{id: guess.find_help, send: find_help}]
"""


def offered(*intents: str) -> list[str]:
    """The ids of the options that are asked."""
    return [option.id for option in TABLE.guessing("fallback.guess", intents).options]


def test_the_two_likeliest_come_first_and_a_person_and_the_menu_stay() -> None:
    assert offered("find_help", "check_offer", "ask_rights") == [
        "guess.find_help",
        "guess.check_offer",
        "person",
        "menu",
    ]


@pytest.mark.parametrize("intent", sorted(SAFETY))
def test_safety_anywhere_among_the_three_is_offered_first(intent: str) -> None:
    assert offered("find_help", "check_offer", intent)[:2] == [f"guess.{intent}", "guess.find_help"]


def test_a_person_is_not_offered_twice() -> None:
    assert offered("talk_to_human", "find_help") == ["guess.talk_to_human", "guess.find_help", "menu"]


def test_what_cannot_be_offered_makes_room_for_the_next() -> None:
    assert offered("greet", "find_help", "check_offer") == ["guess.find_help", "guess.check_offer", "person", "menu"]


def test_without_anything_to_offer_the_plain_question_is_asked() -> None:
    assert TABLE.guessing("fallback.guess", ["greet", "affirm", "unheard_of"]) is TABLE["fallback.ask"]
    assert TABLE.guessing("menu.main", ["find_help"]) is TABLE["menu.main"]


def test_every_safety_intent_can_be_offered_before_all_others() -> None:
    guesses = TABLE["fallback.guess"].guesses
    assert guesses is not None
    assert {option.id for option in guesses.first} == {f"guess.{intent}" for intent in SAFETY}


def test_the_question_is_kept_with_its_guesses_and_without_a_text() -> None:
    asked = Prompt.ask(TABLE.guessing("fallback.guess", ["in_danger", "find_help"]), prompt_id="q1")
    kept = Prompt.from_json(asked.to_json())
    assert kept == asked
    assert kept.guesses == ("in_danger", "find_help")
    assert [option.do or option.payload for option in kept.options] == [
        "danger",
        "/find_help",
        "/talk_to_human",
        "menu",
    ]


@pytest.mark.parametrize("locale", ["en", "ar", "es"])
def test_it_is_said_in_words_with_numbers_on_sms(locale: str) -> None:
    guesses = ["check_offer", "find_help"]
    (message,) = render(
        texts(),
        TABLE,
        "fallback.guess",
        args={},
        locale=locale,
        limits=LIMITS["sms-twilio"],
        prompt_id="q1",
        guesses=guesses,
    )
    labels = [texts().text(f"option.{name}", locale, "sms") for name in ("guess.check_offer", "guess.find_help")]
    assert [line for line in message.text.splitlines() if line[:2] in ("1 ", "2 ")] == [
        f"1 {labels[0]}",
        f"2 {labels[1]}",
    ]
    assert message.segments <= 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("guess.stop", "stop", "guess.<intent>"),
        ("guess.stop", "guess.find_help", "guess.<intent>"),
        ("otherwise: ask", "otherwise: nothing", "otherwise"),
        ("send: find_help", "send: steal", "unknown intent"),
        (
            "[{id: menu, do: menu}]",
            str([{"id": f"o{number}", "do": "menu"} for number in range(4)]),
            "with two guesses",
        ),
    ],
)
def test_a_bad_list_of_guesses_is_named(old: str, new: str, says: str) -> None:
    assert parse_prompts(GUESSES)["guess"].guesses
    with pytest.raises(BadContent, match=says):
        parse_prompts(GUESSES.replace(old, new))
