"""The gazetteer: administrative places by P-code, and finding the one that somebody names in their own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from handoff.core.normalise import CLAUSE, tokens

PLACE_OPTION = "place."
SHORTEST_SLIP = 5
# What Arabic script writes as one with a name: in, to, and, from the.
_CLITIC = re.compile(r"^(?:[وف]?[بل]|و)(?=\w{3})")
# Case endings that Russian and Ukrainian put on a name.
_ENDING = re.compile(r"(?:[аяуюоеиіїыйь]|ом|ем|ою|ею|ой|ей|ої|ам|ах|ях)$")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `level` is 0 (country) to 2; `names` are by locale; `spellings` are other ways to write it."""

    code: str
    level: int
    parent: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    spellings: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """Every way to write it."""
        return (*self.names.values(), *self.spellings)

    def name(self, locale: str) -> str:
        """Its name in a language, else in English, else in any."""
        return self.names.get(locale) or self.names.get("en") or next(iter(self.names.values()), self.code)


@dataclass(frozen=True)
class Gazetteer:
    """All places. Built once and read often."""

    places: Mapping[str, Place] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.places)

    @classmethod
    def of(cls, places: Iterable[Place]) -> Gazetteer:
        """Of these places."""
        return cls({place.code: place for place in places})

    def choices(self) -> tuple[Place, ...]:
        """What people are asked to choose from: the first level below the country, else whatever stands highest."""
        found = [place for place in self.places.values() if place.level == 1]
        return tuple(sorted(found or self.places.values(), key=lambda place: place.code))

    def chain(self, code: str) -> tuple[str, ...]:
        """A place and what it lies in, nearest first."""
        found: list[str] = []
        while code in self.places and code not in found:
            found.append(code)
            code = self.places[code].parent
        return tuple(found)

    def within(self, code: str) -> frozenset[str]:
        """A place and all that lies in it."""
        found, wanted = set[str](), [code]
        while wanted:
            here = wanted.pop()
            if here not in found:
                found.add(here)
                wanted += self._children.get(here, ())
        return frozenset(found)

    def country_codes(self) -> frozenset[str]:
        """The places of level 0."""
        return frozenset(code for code, place in self.places.items() if place.level == 0)

    def label(self, code: str, locale: str) -> str:
        """What a place is called; with what it lies in, where another has the same name."""
        place = self.places.get(code)
        if place is None:
            return code
        name = place.name(locale)
        alike = {other for other in self._forms.get(_form(name), ()) if other not in self.chain(code)}
        parent = self.places.get(place.parent)
        return f"{name}, {parent.name(locale)}" if parent and alike - self.within(code) else name

    def find(self, text: str, *, guess: bool = False) -> tuple[str, ...]:
        """The places that a message names; the longest name counts, and the smaller of two that lie in each other.

        More than one code: the name is that of several places. `guess` lets one letter of a long name be wrong: only
        where a place was asked for. The country itself is nobody's answer to "where", so it only counts alone.
        """
        said = [token for token in tokens(text) if token != CLAUSE]
        best: tuple[int, frozenset[str]] = (0, frozenset())
        for size, codes in self._named(said, guess=guess):
            found = frozenset(code for code in codes if self.places[code].level > 0) or codes
            if size >= best[0]:
                best = (size, found | best[1] if size == best[0] else found)
        return tuple(sorted(self._smallest(best[1])))

    def _named(self, said: Sequence[str], *, guess: bool) -> Iterator[tuple[int, frozenset[str]]]:
        for size in range(min(self._longest, len(said)), 0, -1):
            for start in range(len(said) - size + 1):
                words = said[start : start + size]
                for form in _variants(words):
                    if form in self._forms:
                        yield size * 2, self._forms[form]
                if guess:
                    yield from ((size * 2 - 1, self._slips[slip]) for slip in _slips(" ".join(words), self._slips))

    def _smallest(self, codes: frozenset[str]) -> frozenset[str]:
        outer = {above for code in codes for above in self.chain(code)[1:]}
        return codes - outer

    @cached_property
    def _children(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for place in self.places.values():
            found.setdefault(place.parent, []).append(place.code)
        return found

    @cached_property
    def _forms(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for place in self.places.values():
            for written in place.written:
                words = _words(written)
                for form in {" ".join(words), _stemmed(words)} - {""}:
                    found.setdefault(form, set()).add(place.code)
        return {form: frozenset(codes) for form, codes in found.items()}

    @cached_property
    def _longest(self) -> int:
        return max((form.count(" ") + 1 for form in self._forms), default=0)

    @cached_property
    def _slips(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for form, codes in self._forms.items():
            if len(form) >= SHORTEST_SLIP:
                for slip in (form, *_deletions(form)):
                    found.setdefault(slip, set()).update(codes)
        return {slip: frozenset(codes) for slip, codes in found.items()}


@dataclass
class Places:
    """The gazetteer and the names of organisations (by id of the directory) as they stand now; the texts read names
    from it, and whoever reads the database renews it."""

    gazetteer: Gazetteer = field(default_factory=Gazetteer)
    organizations: Mapping[str, str] = field(default_factory=dict)


def _form(text: str) -> str:
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    return [token for token in tokens(text) if token != CLAUSE]


def _variants(words: Sequence[str]) -> Iterator[str]:
    joined = " ".join(words)
    yield joined
    bare = _CLITIC.sub("", joined)
    if bare != joined:
        yield bare
        if bare.startswith("ل"):
            yield "ا" + bare
    if _CYRILLIC.search(joined):
        yield _stemmed(words)


def _stemmed(words: Sequence[str]) -> str:
    """The words without their case endings; "" where there is nothing to take off, or too little would be left."""
    if not _CYRILLIC.search("".join(words)):
        return ""
    return " ".join(_ENDING.sub("", word) if len(word) >= SHORTEST_SLIP else word for word in words)


def _deletions(form: str) -> Iterator[str]:
    return (form[:place] + form[place + 1 :] for place in range(len(form)))


def _slips(form: str, known: Mapping[str, object]) -> Iterator[str]:
    if len(form) >= SHORTEST_SLIP - 1:
        yield from (slip for slip in (form, *_deletions(form)) if slip in known)
