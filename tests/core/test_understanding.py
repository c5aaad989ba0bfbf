"""Our own words decide before the assistant; what they decide is named as an intent."""

from __future__ import annotations

import pytest

from handoff.core.control import ControlWords, Meaning
from handoff.core.understanding import INTENTS, Understood, by_words

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
    assert by_words(WORDS, text, locale) == Understood(intent, 1.0)


def test_what_is_asked_about_first_is_half_certain() -> None:
    assert by_words(WORDS, "he hits me sometimes", "en") == Understood("in_danger", 0.5)


def test_everything_else_is_the_assistants() -> None:
    assert by_words(WORDS, "they offered me work abroad", "en") is None


def test_every_meaning_has_an_intent() -> None:
    assert set(INTENTS) == set(Meaning)
