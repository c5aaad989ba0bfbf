"""What was learned of warning signs belongs to the examples, words and phrases that are there."""

from __future__ import annotations

import pytest

from bench.offer_learn import CRITICAL, FLAGS, LEARNED, LOCALES, OFFERS, Phrases, examples, fingerprint
from handoff.core.learned import Meanings, clauses


def test_the_weights_are_not_older_than_what_they_are_learned_from() -> None:
    """When this fails: `make offer-learn`."""
    assert (LEARNED / "fingerprint").read_text("ascii").strip() == fingerprint()


@pytest.mark.parametrize(("locale", "many"), [("en", 20), ("ar", 15)])
def test_every_sign_has_examples_and_a_critical_one_many(locale: str, many: int) -> None:
    given = list(examples(locale, most=99))
    for flag in FLAGS:
        count = sum(flag in example.flags for example in given)
        assert count >= (many if flag in CRITICAL else 4), flag


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_words_for_the_same_meanings_and_weights(locale: str) -> None:
    english = Meanings([OFFERS / "words" / "en.yml"]).names - {"pron"}
    assert english <= Meanings([OFFERS / "words" / f"{locale}.yml"]).names
    assert (LEARNED / f"{locale}.npz").is_file()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_phrase_written_out_is_plain_words(locale: str) -> None:
    written = [example.text for example in Phrases(locale).examples()]
    assert len(written) > 100
    assert not [text for text in written if set(text) & set("()[]|@~%")]


def test_meanings_begin_stand_inside_or_are_two_words() -> None:
    english, swahili = (Meanings([OFFERS / "words" / f"{name}.yml"]) for name in ("en", "sw"))
    assert "doc" in english.of(["passports"])[0]
    assert "quit" in english.of(["go", "home"])[0]
    assert "take" in swahili.of(["wamechukua"])[0]


def test_clauses_are_looked_at_alone_and_together() -> None:
    assert list(clauses(["a", ".", "b", "c"])) == [(0, 1), (2, 4), (0, 4)]
    assert list(clauses([])) == []
