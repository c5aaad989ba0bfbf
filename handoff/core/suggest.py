"""Which warning signs, and which kind of offer, somebody's own words may be about: only ever a suggestion.

Each suggestion is confirmed by the person before it counts (reference/domain §2, engine rule 1). The phrases are data,
language by language: `content/offers/phrases/<locale>.yml`, written like those of content/danger. What was learned from
examples stands beside them (handoff.core.learned): either may suggest a sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from handoff.core.content import CONTENT_DIR, BadContent
from handoff.core.learned import Eyes, Learned, Meanings
from handoff.core.lexicon import Block, Level, Lexicon
from handoff.core.normalise import normalise, tokens
from handoff.core.ports import Hints
from handoff.core.yaml_text import read_yaml

PHRASES_DIR = CONTENT_DIR / "offers" / "phrases"
WORDS, LEARNED = "words", "learned"
FIELDS = frozenset({"state", "also", "negators", "sets", "flags", "kinds"})
_PIECE = re.compile(r"\S+|[\n\r]")
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A warning sign, and the words that suggest it. The quote is for the command line and tests only (SAFETY §8)."""

    flag: str
    quote: str


@dataclass(frozen=True, slots=True)
class _Message:
    """A message as the phrases see it, and the way back from there to the person's own words."""

    words: tuple[str, ...]
    said: tuple[str, ...]
    owners: tuple[int, ...]

    @classmethod
    def read(cls, text: str) -> _Message:
        words = tuple(_PIECE.findall(text[:_LONGEST]))
        found = [(token, number) for number, word in enumerate(words) for token in tokens(word)]
        return cls(words, tuple(token for token, _ in found), tuple(number for _, number in found))

    def quote(self, start: int, end: int) -> str:
        """The person's words of this stretch."""
        owners = self.owners[start:end]
        return " ".join(self.words[owners[0] : owners[-1] + 1]).strip() if owners else ""


@dataclass(frozen=True)
class _Language:
    """One language's phrases, those of flags and those of kinds of offer, and what was learned (beside the phrases)."""

    flags: Lexicon
    kinds: Lexicon
    also: tuple[str, ...]
    learned: Learned | None = None


class Suggester:
    """The phrases of all languages, each read when it is first needed. `also` in a file names those that its speakers
    mix in. Reading raises BadContent, OSError.
    """

    def __init__(self, folder: Path = PHRASES_DIR) -> None:
        self._folder = folder
        self.locales = tuple(sorted(path.stem for path in folder.glob("*.yml")))

    def prepared(self, locales: Iterable[str] = ()) -> Suggester:
        """Itself, with the phrases of these languages (all by default) read: a worker does this before its first
        message, which must not wait for it."""
        for locale in tuple(locales) or self.locales:
            self.suggest("ready", locale)
        return self

    def suggest(self, text: str, locale: str) -> tuple[Suggestion, ...]:
        """The warning signs that a message may be about, each once, in the order in which they are written."""
        message = _Message.read(text)
        first = self._phrases(message, locale)
        for learned in self._learned(locale):
            for flag, start, end in learned.places(message.said):
                first.setdefault(flag, (start, end))
        ordered = sorted(first.items(), key=lambda item: item[1])
        return tuple(Suggestion(flag, message.quote(*place)) for flag, place in ordered)

    def by_phrases(self, text: str, locale: str) -> tuple[str, ...]:
        """The signs that phrases alone suggest, for measuring."""
        return tuple(self._phrases(_Message.read(text), locale))

    def _phrases(self, message: _Message, locale: str) -> dict[str, tuple[int, int]]:
        first: dict[str, tuple[int, int]] = {}
        for language in self._for(locale):
            for flag, start, end in language.flags.places(message.said):
                first[flag] = min((start, end), first.get(flag, (start, end)))
        return first

    def hints(self, text: str, locale: str) -> Hints:
        """The same as codes, with the kind of offer that is named first ("" when none is)."""
        flags = tuple(suggestion.flag for suggestion in self.suggest(text, locale))
        message = _Message.read(text)
        named = [
            (start, end, kind)
            for language in self._for(locale)
            for kind, start, end in language.kinds.places(message.said)
        ]
        return Hints(flags, min(named)[2] if named else "")

    def _learned(self, locale: str) -> Iterator[Learned]:
        """What was learned of the person's language, which knows the words that its speakers mix in."""
        own = next(self._for(locale), None)
        if own is not None and own.learned is not None:
            yield own.learned

    def _for(self, locale: str) -> Iterator[_Language]:
        """The person's language, then those that are mixed with it; English for a language without phrases."""
        name = locale if locale in self.locales else "en"
        if name not in self.locales:
            return
        own = _read(self._folder / f"{name}.yml")
        yield own
        yield from (_read(self._folder / f"{other}.yml") for other in own.also if other in self.locales)


@lru_cache(maxsize=64)
def _read(path: Path) -> _Language:
    raw = read_yaml(path.read_text(encoding="utf-8"))
    try:
        if unknown := set(raw) - FIELDS:
            raise ValueError(f"unknown field {sorted(unknown)[0]}")
        negators = frozenset(normalise(str(word)) for word in raw["negators"])
        sets = raw.get("sets") or {}
        flags, kinds = (Lexicon(_blocks(raw.get(part) or {}, sets, negators)) for part in ("flags", "kinds"))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadContent(f"offers/phrases/{path.name}: {error}") from error
    also = tuple(raw.get("also") or ())
    return _Language(flags, kinds, also, _learned(path, also))


def eyes(phrases: Path, also: Iterable[str]) -> Eyes:
    """How messages of a language are looked at: with its own words and "not"s, and those that its speakers mix in."""
    files = [phrases.with_stem(name) for name in dict.fromkeys((phrases.stem, *also, "en"))]
    raw = [read_yaml(path.read_text(encoding="utf-8")) for path in files if path.is_file()]
    negators = frozenset(normalise(str(word)) for one in raw for word in one["negators"])
    words = [phrases.parent.parent / WORDS / path.name for path in files]
    return Eyes(Meanings(path for path in words if path.is_file()), negators)


def _learned(phrases: Path, also: tuple[str, ...]) -> Learned | None:
    """None where nothing was learned for these phrases."""
    path = (phrases.parent.parent / LEARNED / phrases.name).with_suffix(".npz")
    return Learned(path, eyes(phrases, also)) if path.is_file() else None


def _blocks(named: Mapping[str, Any], sets: Mapping[str, str], negators: frozenset[str]) -> Iterator[Block]:
    return (Block(str(name), Level.SURE, str(lines), negators, sets) for name, lines in named.items())
