"""Words to know each other by."""

from __future__ import annotations

from functools import cache

import pytest

from handoff.core.control import ControlWords
from handoff.core.presence import matches_word
from handoff.core.prompt_table import load_prompts
from handoff.core.words import LEAST, load_words, may_be_chosen, offered, sign

LOCALES = ("en", "ar", "uk", "ru", "fr", "es", "fa_AF", "ps", "so", "sw")


@cache
def control() -> ControlWords:
    return ControlWords.load()


def allowed(said: str, locale: str = "en") -> bool:
    return may_be_chosen(said, control(), load_prompts().words, locale, "sms")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_offers_enough_words_that_mean_nothing_else_here(locale: str) -> None:
    words = load_words()[locale]
    assert len(words) >= LEAST
    assert [word for word in words if not allowed(word, locale)] == []
    assert all(matches_word(word, word) for word in words)
    assert offered(locale) in words


def test_our_sign_is_two_different_words() -> None:
    first, second = sign("en").lower().split()
    assert first != second


@pytest.mark.parametrize("said", ["Pomegranate", "blue door", "4721", "٤٧٢١", "قمر"])
def test_what_may_be_chosen(said: str) -> None:
    assert allowed(said)


@pytest.mark.parametrize(
    "said", ["stop", "menu", "yes", "help", "12", "123456", "ok", "I want to go home", "99", "...", ""]
)
def test_what_means_something_here_is_nobodys_word(said: str) -> None:
    assert not allowed(said)
