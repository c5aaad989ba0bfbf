"""Our own words decide before the assistant; what they decide is named as an intent."""

from __future__ import annotations

import pytest

from handoff.core.control import ControlWords, Meaning
from handoff.core.understanding import CARDS, INTENTS, Understood, by_words, told_apart

WORDS = ControlWords.load()


@pytest.mark.parametrize(
    ("text", "locale", "intent"),
    [
        ("99", "en", "in_danger"),
        ("he will kill me", "es", "in_danger"),
        ("help", "en", "in_danger"),
        ("quiero morir", "es", "self_harm"),
        ("STOP", "ar", "stop"),
        ("9", "en", "talk_to_human"),
        ("0", "en", "show_menu"),
        ("00", "en", "not_safe_now"),
        ("88", "en", "show_my_data"),
    ],
)
def test_what_is_acted_on_is_certain(text: str, locale: str, intent: str) -> None:
    card = intent if intent in {INTENTS[meaning] for meaning in CARDS} else ""
    assert by_words(WORDS, text, locale) == Understood(intent, 1.0, card)


def test_what_is_asked_about_first_is_half_certain() -> None:
    assert by_words(WORDS, "he hits me sometimes", "en") == Understood("in_danger", 0.5, "in_danger")


@pytest.mark.parametrize(
    ("heard", "intent"),
    [
        (("report_ransom", 0.8), "report_ransom"),
        (("report_ransom", 0.4), "in_danger"),
        (("check_offer", 0.9), "in_danger"),
        (("nlu_fallback", 0.9), "in_danger"),
    ],
)
def test_words_of_danger_are_named_by_their_topic_and_keep_their_card(heard: tuple[str, float], intent: str) -> None:
    found = by_words(WORDS, "they kidnapped my brother and ask for money", "en")
    assert found is not None
    named = told_apart(found, (heard,))
    assert (named.intent, named.card) == (intent, "in_danger")


def test_a_control_is_never_named_otherwise() -> None:
    found = by_words(WORDS, "STOP", "en")
    assert found is not None
    assert told_apart(found, (("report_ransom", 1.0),)) == found


def test_everything_else_is_the_assistants() -> None:
    assert by_words(WORDS, "they offered me work abroad", "en") is None


def test_every_meaning_has_an_intent() -> None:
    assert set(INTENTS) == set(Meaning)
