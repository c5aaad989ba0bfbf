"""Phrases as content/danger/README.md explains them, read into steps that lead through a message.

A set of places in a message is one number, bit p for "before word p": a step moves all of them at once. So a phrase
costs the same few operations whatever the message says, and nothing is ever tried twice.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from handoff.core.content import BadContent
from handoff.core.normalise import CLAUSE
from handoff.core.spelling import ANY, Spelling

GAP, START, NOT, SET = "~", "^", "!", "@"
GAP_WORDS = 3
_DEEPEST = 8
# What begins with none of these is a word.
_SIGNS = f"{GAP}{START}{NOT}{SET}{ANY}{CLAUSE}(["
_SPLITTING = {" ": re.compile(r"[ ()\[\]]"), "|": re.compile(r"[|()\[\]]")}
EVERY = -1


@dataclass(slots=True)
class Places:
    """A message as the steps see it, one bit a word.

    `of` are the places of each word class. `clauses`: where a clause ends. `loose`: what a gap may hold. `usable`: what
    a word may be. `end` is the place after the last word.
    """

    of: Mapping[int, int]
    clauses: int
    end: int
    loose: int = EVERY
    usable: int = EVERY


class Step(ABC):
    """One item of a phrase."""

    @abstractmethod
    def move(self, at: int, places: Places) -> int:
        """From these places, where the message goes on after this step."""

    def anchors(self, rank: Callable[[int], int]) -> frozenset[int]:
        """Word classes of which one must be in the message, the rarest by rank; empty when none need be."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class OneOf(Step):
    """One word of a class."""

    word_class: int

    def move(self, at: int, places: Places) -> int:
        """Over the word."""
        return (at & places.of.get(self.word_class, 0) & places.usable) << 1

    def anchors(self, rank: Callable[[int], int]) -> frozenset[int]:
        """Itself."""
        return frozenset((self.word_class,))


@dataclass(frozen=True, slots=True)
class AnyWord(Step):
    """Whatever word there is."""

    def move(self, at: int, places: Places) -> int:
        """Over the word."""
        return (at & ~places.clauses & (places.end - 1) & places.usable) << 1


@dataclass(frozen=True, slots=True)
class Choice(Step):
    """One of several ways, of one or more steps each."""

    ways: tuple[tuple[Step, ...], ...]

    def move(self, at: int, places: Places) -> int:
        """Along all of them."""
        found = 0
        for way in self.ways:
            found |= walk(way, at, places)
        return found

    def anchors(self, rank: Callable[[int], int]) -> frozenset[int]:
        """Those of every way, if each has some."""
        found = [anchors(way, rank) for way in self.ways]
        return frozenset().union(*found) if all(found) else frozenset()


@dataclass(frozen=True, slots=True)
class Optional(Step):
    """A step that may be left out."""

    step: Step

    def move(self, at: int, places: Places) -> int:
        """Along it, and not."""
        return at | self.step.move(at, places)


@dataclass(frozen=True, slots=True)
class Gap(Step):
    """Up to three words of one clause."""

    def move(self, at: int, places: Places) -> int:
        """Over none to three of them."""
        may_hold = places.loose & ~places.clauses & (places.end - 1)
        for _ in range(GAP_WORDS):
            at |= (at & may_hold) << 1
        return at


@dataclass(frozen=True, slots=True)
class Unless(Step):
    """Goes on only where the step does not."""

    step: Step

    def move(self, at: int, places: Places) -> int:
        """Nowhere new: the places that are left."""
        left, kept = at if self.step.move(at, places) else 0, at
        while left:
            place = left & -left
            left ^= place
            if self.step.move(place, places):
                kept ^= place
        return kept


@dataclass(frozen=True, slots=True)
class ClauseStart(Step):
    """A clause begins here."""

    def move(self, at: int, places: Places) -> int:
        """The places that are left."""
        return at & (places.clauses << 1 | 1)


@dataclass(frozen=True, slots=True)
class ClauseEnd(Step):
    """A clause, or the message, ends here."""

    def move(self, at: int, places: Places) -> int:
        """Over the end of the clause."""
        return (at & places.clauses) << 1 | (at & places.end)


def walk(steps: tuple[Step, ...], at: int, places: Places) -> int:
    """Where a message goes on after all these steps, 0 when nowhere."""
    for step in steps:
        at = step.move(at, places)
        if not at:
            return 0
    return at


def anchors(steps: tuple[Step, ...], rank: Callable[[int], int]) -> frozenset[int]:
    """The word classes of which a message must hold one for these steps: those of the step whose are rarest."""
    found = [classes for step in steps if (classes := step.anchors(rank))]
    return min(found, key=lambda classes: sum(map(rank, classes)), default=frozenset())


@dataclass(slots=True)
class Reader:
    """Reads the lines of blocks with the same sets. `classify` gives the number of a class of words."""

    sets: Mapping[str, str]
    classify: Callable[[frozenset[Spelling]], int]
    _sets: dict[str, Step] = field(default_factory=dict)
    _items: dict[str, Step] = field(default_factory=dict)
    _inside: list[str] = field(default_factory=list)

    def read(self, line: str) -> tuple[Step, ...]:
        """The steps of a line. Raises BadContent saying what makes no sense."""
        return tuple(self._item(item) for item in split_outside(line, " ") if item)

    def _item(self, item: str) -> Step:
        """Phrases repeat themselves: each item is read once."""
        step = self._items.get(item)
        if step is None:
            step = self._items[item] = self._fresh(item)
        return step

    def _fresh(self, item: str) -> Step:
        if item == GAP:
            return Gap()
        if item == START:
            return ClauseStart()
        if item == ANY:
            return AnyWord()
        if item == CLAUSE:
            return ClauseEnd()
        if item.startswith(NOT):
            return Unless(self._item(item[1:]))
        if item.startswith("[") and item.endswith(("]", "]?")):
            return Optional(self._choice(item[1:].removesuffix("?").removesuffix("]")))
        if item.startswith(SET):
            return self._set(item[1:])
        if is_group(item):
            return self._choice(item[1:-1])
        if " " in item:
            return Choice(tuple(self.read(way) for way in _written_out(item)))
        return OneOf(self.classify(frozenset((Spelling.read(item),))))

    def _set(self, name: str) -> Step:
        if name not in self._sets:
            if name not in self.sets or name in self._inside or len(self._inside) > _DEEPEST:
                raise BadContent(f"@{name} is no set here")
            self._inside.append(name)
            self._sets[name] = self._choice(self.sets[name])
            self._inside.pop()
        return self._sets[name]

    def _choice(self, text: str) -> Step:
        """All words together make one class; what is more than a word is a way of its own."""
        words: set[Spelling] = set()
        ways: list[tuple[Step, ...]] = []
        for part in self._parts(text):
            if " " not in part and (part[:1] not in _SIGNS or _is_word(part)):
                words.add(Spelling.read(part))
            else:
                ways.append(self.read(part))
        if words:
            ways.insert(0, (OneOf(self.classify(frozenset(words))),))
        if not all(ways):
            raise BadContent(f"({text}) holds an empty alternative")
        return ways[0][0] if len(ways) == 1 and len(ways[0]) == 1 else Choice(tuple(ways))

    def _parts(self, text: str, depth: int = 0) -> Iterator[str]:
        """The alternatives, with those of sets and groups that stand alone among them in their place."""
        for part in map(str.strip, split_outside(text, "|")):
            if part[:1] not in _SIGNS:
                yield part
            elif part.startswith(SET) and part[1:] in self.sets and depth < _DEEPEST:
                yield from self._parts(self.sets[part[1:]], depth + 1)
            elif is_group(part):
                yield from self._parts(part[1:-1], depth)
            else:
                yield part


def split_outside(text: str, sign: str) -> list[str]:
    """The parts between signs that stand outside all brackets. Raises BadContent when these do not match."""
    parts, begin, open_ones = [], 0, ""
    for found in _SPLITTING[sign].finditer(text):
        character = found.group()
        if character in "([":
            open_ones += character
        elif character in ")]":
            if f"{open_ones[-1:]}{character}" not in ("()", "[]"):
                raise BadContent(f"{character} without its opening")
            open_ones = open_ones[:-1]
        elif not open_ones:
            parts.append(text[begin : found.start()])
            begin = found.end()
    if open_ones:
        raise BadContent(f"{open_ones[-1]} without its closing")
    return [*parts, text[begin:]]


def _written_out(item: str) -> Iterator[str]:
    """A word with a group in it that holds several words, as one line for each way that does: "a(b|c d)" """
    opened = next(place for place, sign in enumerate(item) if sign == "(" and " " in item[place:])
    while " " not in item[opened : _closing(item, opened)]:
        opened = item.index("(", opened + 1)
    closed = _closing(item, opened)
    before, inside, after = item[:opened], split_outside(item[opened + 1 : closed], "|"), item[closed + 1 :]
    optional, after = after.startswith("?"), after.removeprefix("?")
    single = [way for way in inside if " " not in way]
    if single:
        yield f"{before}({'|'.join(single)}){'?' * optional}{after}"
    elif optional:
        yield before + after
    yield from (before + way + after for way in inside if " " in way)


def _closing(item: str, opened: int) -> int:
    """Where the parenthesis that opens there is closed."""
    depth = 0
    for place in range(opened, len(item)):
        depth += (item[place] == "(") - (item[place] == ")")
        if depth == 0:
            return place
    raise BadContent("( without its closing")


def _is_word(item: str) -> bool:
    return item not in (GAP, START, ANY, CLAUSE) and not item.startswith((NOT, SET, "[")) and not is_group(item)


def is_group(item: str) -> bool:
    """Whether one pair of parentheses holds the whole item, so that its alternatives may have several words."""
    if not (item.startswith("(") and item.endswith(")")):
        return False
    if "(" not in item[1:]:
        return item.index(")") == len(item) - 1
    depth = 0
    for place, character in enumerate(item):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place == len(item) - 1
    return False
