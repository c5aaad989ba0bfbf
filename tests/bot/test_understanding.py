"""What people say in words that nobody trained on, through the channel, threshold included."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.rasa_server import ROOT, Rasa

pytestmark = pytest.mark.rasa
HELD_APART = Path(__file__).resolve().parent / "nlu_held_apart"
LOCALES = sorted(path.stem for path in HELD_APART.glob("*.yml"))
SAFETY = ("in_danger", "self_harm", "not_safe_now", "stop", "talk_to_human")
Pairs = list[tuple[str, str]]


def held_apart(locale: str) -> list[tuple[str, str]]:
    """(intent, text) pairs."""
    data = yaml.safe_load((HELD_APART / f"{locale}.yml").read_text(encoding="utf-8"))
    return [(intent, text) for intent, texts in data.items() for text in texts]


def trained_on(locale: str) -> set[str]:
    """Every training example of a language."""
    found = set()
    for file in (ROOT / "nlu" / locale).glob("*.yml"):
        for block in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]:
            found |= {line.removeprefix("- ").strip() for line in block["examples"].splitlines()}
    return found


def macro_f1(pairs: Pairs) -> float:
    """The mean over intents of F1; a wrong guess of an intent that was never meant counts against the meant one."""
    right = Counter(meant for meant, guessed in pairs if meant == guessed)
    meant = Counter(meant for meant, _ in pairs)
    guessed = Counter(guessed for _, guessed in pairs)
    return sum(2 * right[intent] / (meant[intent] + guessed[intent]) for intent in meant) / len(meant)


def test_the_figure_is_right() -> None:
    assert macro_f1([("a", "a"), ("b", "b")]) == 1.0
    assert macro_f1([("a", "b"), ("b", "b")]) == pytest.approx((0 + 2 / 3) / 2)


@pytest.mark.parametrize("locale", LOCALES)
def test_unseen_words_are_understood(rasa: Rasa, locale: str) -> None:
    pairs = [(intent, str(rasa.take(text, locale=locale)["intent"])) for intent, text in held_apart(locale)]
    assert macro_f1(pairs) >= 0.85


def test_safety_intents_are_recalled(rasa: Rasa) -> None:
    """The model's own share; end to end the lexicon adds to it (SAFETY §9)."""
    meant = [(intent, text, loc) for loc in LOCALES for intent, text in held_apart(loc) if intent in SAFETY]
    heard = [rasa.take(text, locale=loc)["intent"] == intent for intent, text, loc in meant]
    assert sum(heard) / len(heard) >= 0.85


@pytest.mark.parametrize("locale", LOCALES)
def test_nothing_held_apart_was_trained_on(locale: str) -> None:
    texts = {text for _, text in held_apart(locale)}
    assert not texts & trained_on(locale)
    assert min(Counter(intent for intent, _ in held_apart(locale)).values()) >= 6


@pytest.mark.parametrize("locale", LOCALES)
def test_each_intent_has_enough_examples_in_each_language(locale: str) -> None:
    counts: Counter[str] = Counter()
    for file in (ROOT / "nlu" / locale).glob("*.yml"):
        for block in yaml.safe_load(file.read_text(encoding="utf-8"))["nlu"]:
            counts[block["intent"]] += len(set(block["examples"].splitlines()))
    assert set(counts) == {intent for intent, _ in held_apart(locale)}
    assert min(counts.values()) >= 20


@pytest.mark.parametrize(
    ("typed", "intent"),
    [
        ("HELLLLO!!!", "greet"),
        ("شـــكـــرا", "thanks"),
        ("شُكْراً", "thanks"),
        ("quien eres", "ask_identity"),
        ("QUIÉN ERES??", "ask_identity"),
        ("m\u200be\u200bn\u200bu", "menu"),
        ("ｍｅｎｕ", "menu"),
    ],
)
def test_how_people_type_does_not_matter(rasa: Rasa, typed: str, intent: str) -> None:
    assert rasa.take(typed)["intent"] == {"menu": "show_menu"}.get(intent, intent)


@pytest.mark.parametrize("typed", ["", "   ", "???", "12345 67890", "🙂", "qwpz xkjv"])
def test_what_says_nothing_is_not_guessed(rasa: Rasa, typed: str) -> None:
    assert rasa.take(typed)["intent"] == "nlu_fallback"
