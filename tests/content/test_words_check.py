"""The words of all languages go together; and each clash between them is found."""

from __future__ import annotations

from typing import Any

import pytest

from handoff.core.content import CONTENT_DIR
from handoff.core.words_check import check_all_words, check_answers, check_languages

LOCALES = ("en", "ar", "uk", "ru", "fr", "es", "fa_AF", "ps", "so", "sw")


def test_the_words_of_ten_languages_have_no_clash_and_no_gap() -> None:
    assert list(check_all_words(CONTENT_DIR, LOCALES)) == []


def test_a_language_without_words_is_found() -> None:
    found = {(word, rule) for locale, word, rule, _ in check_all_words(CONTENT_DIR, ["tlh"]) if locale == "tlh"}
    assert {("stop", "no word for this control"), ("danger", "no words of danger")} <= found
    assert {("affirm", "no words that answer"), ("languages", "nothing that shows this language")} <= found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"deny": {"en": ["no"], "es": ["yes"]}}, ("es", "yes", "answers two things", "yes (en) and no")),
        ({"numbers": {"en": ["one", "two", "yes", "4", "5"]}}, ("en", "yes", "answers two things", "yes (en) and 3")),
        ({"numbers": {"en": ["one", "two", "one", "4", "5"]}}, ("en", "one", "answers two things", "1 (en) and 3")),
        ({"numbers": {"en": ["one", "two"]}}, ("en", "numbers", "one entry for each of 1 to 5", "2")),
        ({"padding": {"es": ["la", "No!"]}}, ("es", "no", "padding that denies", "en")),
    ],
)
def test_answers_that_clash_are_found(change: dict[str, Any], says: tuple[str, ...]) -> None:
    answers = {"affirm": {"en": ["yes"]}, "deny": {"en": ["no"]}} | change
    assert list(check_answers(answers)) == [says]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"words": ["Hello"]}, ("uk", "hello", "shows two languages", "en")),
        ({"common": ["i"]}, ("uk", "i", "is not of its script", "Cyrl")),
        ({"letters": "iї"}, ("uk", "i", "is not of its script", "Cyrl")),
    ],
)
def test_words_that_show_two_languages_are_found(change: dict[str, Any], says: tuple[str, ...]) -> None:
    en = {"script": "Latn", "letters": "", "words": ["hello"], "common": ["the"]}
    uk = {"script": "Cyrl", "letters": "ї", "words": ["привіт"], "common": ["що"]} | change
    assert list(check_languages({"en": en, "uk": uk})) == [says]
