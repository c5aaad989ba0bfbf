"""What must hold between the words of all languages: control words, answers to prompts, words that show a language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from handoff.core.control import ControlWords, Meaning
from handoff.core.danger import SCRIPTS, load_danger
from handoff.core.normalise import normalise
from handoff.core.yaml_text import read_yaml

NUMBERS = 5
# Said by phrases (content/danger), not by words of their own.
BY_PHRASES = frozenset({Meaning.SELF_HARM})

type Found = tuple[str, str, str, str]


def check_all_words(folder: Path, locales: Iterable[str]) -> Iterator[Found]:
    """(language, word, rule, detail) for everything wrong. Raises BadContent, OSError."""
    offered = tuple(locales)
    answers = read_yaml((folder / "prompts.yml").read_text(encoding="utf-8")).get("answers") or {}
    languages = read_yaml((folder / "languages.yml").read_text(encoding="utf-8"))
    yield from check_answers(answers)
    yield from check_languages(languages)
    yield from _complete(folder, offered, answers, languages)


def check_answers(answers: Mapping[str, Mapping[str, Any]]) -> Iterator[Found]:
    """A word that answers a prompt answers one thing in all languages, and what surrounds answers denies nothing."""
    said: dict[str, tuple[str, str]] = {}
    for locale, word, meaning in _answers(answers):
        other, first = said.setdefault(word, (meaning, locale))
        if other != meaning:
            yield locale, word, "answers two things", f"{other} ({first}) and {meaning}"
    for locale, words in (answers.get("padding") or {}).items():
        for word in map(normalise, words):
            if said.get(word, ("", ""))[0] == "no":
                yield locale, word, "padding that denies", said[word][1]
    for locale, row in (answers.get("numbers") or {}).items():
        if len(row) != NUMBERS:
            yield locale, "numbers", f"one entry for each of 1 to {NUMBERS}", str(len(row))


def check_languages(languages: Mapping[str, Mapping[str, Any]]) -> Iterator[Found]:
    """A word shows one language; letters and common words are of the language's own script."""
    shown: dict[str, str] = {}
    common: dict[str, str] = {}
    for locale, entry in languages.items():
        for known, words, rule in ((shown, entry["words"], "shows two"), (common, entry["common"], "common in two")):
            for word in map(normalise, words):
                other = known.setdefault(word, locale)
                if other != locale:
                    yield locale, word, f"{rule} languages", other
        own = SCRIPTS[entry["script"]]
        wrong = (sign for sign in chain(entry["letters"], *entry["common"]) if sign.isalpha() and not own.search(sign))
        yield from ((locale, sign, "is not of its script", entry["script"]) for sign in wrong)


def _answers(answers: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for part, meaning in (("affirm", "yes"), ("deny", "no")):
        for locale, words in (answers.get(part) or {}).items():
            yield from ((locale, normalise(word), meaning) for word in words)
    for locale, row in (answers.get("numbers") or {}).items():
        for number, words in enumerate(row, start=1):
            yield from ((locale, normalise(word), str(number)) for word in str(words).split("|"))


def _complete(
    folder: Path, locales: Iterable[str], answers: Mapping[str, Any], languages: Mapping[str, Any]
) -> Iterator[Found]:
    """A language that is offered can be written in: every control, every answer, danger, and its own name."""
    controls = ControlWords.load(folder)
    has = {(word.locale, word.meaning) for words in controls.words.values() for word in words}
    dangers = load_danger(folder / "danger").locales
    for locale in locales:
        for meaning in Meaning:
            if meaning not in BY_PHRASES and (locale, meaning) not in has:
                yield locale, meaning.value, "no word for this control", ""
        for part in ("affirm", "deny", "numbers"):
            if locale not in (answers.get(part) or {}):
                yield locale, part, "no words that answer", ""
        if locale not in dangers:
            yield locale, "danger", "no words of danger", ""
        if locale not in languages:
            yield locale, "languages", "nothing that shows this language", ""
