"""What people say in words that nobody trained on, through the channel, threshold included: the test set's bars."""

from __future__ import annotations

import pytest

from bench import nlu_data
from bench.nlu import heard_as, ordinary
from bench.nlu_data import SAFETY
from bench.nlu_pages import Measured, product
from bench.nlu_score import FALLBACK, calibration_error, macro_f1, recall
from handoff.core.control import ControlWords
from tests.rasa_server import Rasa

pytestmark = pytest.mark.rasa
LOCALES = sorted({each.locale for each in nlu_data.held_apart("test")})
AT_ONCE = 100
# What was reached; the bars that are aimed at are in bench/nlu_pages.py, and docs/nlu.md says what falls short.
F1, RECALL, POOLED, ALARMS, ECE = 0.80, 0.83, 0.88, 160.0, 0.05


@pytest.fixture(scope="module")
def measured(rasa_process: Rasa) -> Measured:
    """The whole test set and the ordinary messages, understood by the running assistant and by our own words."""
    words = ControlWords.load()
    quiet, apart = ordinary(), nlu_data.held_apart("test")
    said = [*quiet, *apart]
    texts = [each.text for each in said]
    answers = (rasa_process.parse(texts[start : start + AT_ONCE]) for start in range(0, len(texts), AT_ONCE))
    rankings = [tuple((one["name"], one["confidence"]) for one in ranking) for answer in answers for ranking in answer]
    heard = [heard_as(words, each, ranking) for each, ranking in zip(said, rankings, strict=True)]
    return Measured({"test": heard[len(quiet) :]}, heard[: len(quiet)], 0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("locale", LOCALES)
def test_unseen_words_are_understood(measured: Measured, locale: str) -> None:
    assert macro_f1(product(measured.of("test", locale))) >= F1


@pytest.mark.parametrize("locale", LOCALES)
def test_safety_intents_are_recalled_in_every_language(measured: Measured, locale: str) -> None:
    assert recall(product(measured.of("test", locale)), SAFETY) >= RECALL


def test_safety_intents_are_recalled_over_all(measured: Measured) -> None:
    assert recall(product(measured.of("test")), SAFETY) >= POOLED


@pytest.mark.parametrize("locale", LOCALES)
def test_ordinary_messages_raise_no_alarm(measured: Measured, locale: str) -> None:
    assert measured.alarms(locale) <= ALARMS


def test_probabilities_can_be_believed(measured: Measured) -> None:
    sure = [(each.likeliest[1], each.likeliest[0] == each.meant) for each in measured.of("test")]
    assert calibration_error(sure) <= ECE


def test_a_turn_understands_as_the_measure_does(measured: Measured, rasa: Rasa) -> None:
    for each in measured.of("test")[::40]:
        assert rasa.take(each.text, locale=each.locale)["intent"] == each.model


def test_the_utterances_keep_their_rules() -> None:
    """Enough of each, one meaning each, and nothing measured with was learnt from."""
    assert list(nlu_data.problems()) == []


def test_every_set_has_every_intent_in_every_language() -> None:
    for name, least in (("dev", 5), ("test", 8)):
        apart = nlu_data.held_apart(name)
        assert {each.locale for each in apart} == {each.locale for each in nlu_data.trained()}
        for locale in LOCALES:
            meant = [each.intent for each in apart if each.locale == locale]
            assert set(meant) == nlu_data.intents()
            assert min(map(meant.count, set(meant))) >= least


@pytest.mark.parametrize(
    ("typed", "intent"),
    [
        ("HELLLLO!!!", "greet"),
        ("شـــكـــرا", "thanks"),
        ("شُكْراً", "thanks"),
        ("quien eres", "ask_identity"),
        ("QUIÉN ERES??", "ask_identity"),
        ("m\u200be\u200bn\u200bu", "show_menu"),
        ("ｍｅｎｕ", "show_menu"),
    ],
)
def test_how_people_type_does_not_matter(rasa: Rasa, typed: str, intent: str) -> None:
    assert rasa.take(typed)["intent"] == intent


@pytest.mark.parametrize("typed", ["", "   ", "???", "🙂"])
def test_what_says_nothing_is_not_guessed(rasa: Rasa, typed: str) -> None:
    assert rasa.take(typed)["intent"] == FALLBACK
