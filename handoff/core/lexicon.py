"""Phrases that are looked for anywhere in a message, in all languages at once (written as content/danger explains)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from handoff.core.content import BadContent
from handoff.core.normalise import CLAUSE
from handoff.core.phrases import OneOf, Places, Reader, Step, anchors, walk
from handoff.core.spelling import Dictionary, Spelling

SLIP_LETTERS = 6
# More than these in one message are looked at one by one, without what they hold.
_MOST_DENIED = 64


class Level(StrEnum):
    """How much a phrase says by itself; content/danger/README.md explains the three."""

    GRAVE = "grave"
    SURE = "sure"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one language that say the same, with that language's words for "not" in matching form."""

    name: str
    level: Level
    lines: str
    negators: frozenset[str]
    sets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    level: Level
    steps: tuple[Step, ...]
    negators: frozenset[str]


class Lexicon:
    """The phrases of many blocks. A line is only tried when a word that it needs is in the message."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        """Raises BadContent naming the level, the line and what is wrong with it."""
        classes: dict[frozenset[Spelling], int] = {}
        readers: dict[int, Reader] = {}
        lines = [line for block in blocks for line in _read(block, _reader(block, readers, classes))]
        self._dictionary = Dictionary(classes)
        self._lines: dict[int, list[_Line]] = {}
        spellings = Counter(word for words in classes for word in words)
        sizes = {number: sum(spellings[word] for word in words) for words, number in classes.items()}
        for line in lines:
            for word_class in anchors(line.steps, sizes.__getitem__):
                self._lines.setdefault(word_class, []).append(line)
        self.long_words = frozenset(
            word.plain for words in classes for word in words if len(word.plain) >= SLIP_LETTERS
        )

    def find(self, said: Sequence[str]) -> Iterator[tuple[str, Level]]:
        """Whatever is found in the words of a message, after weighing negations, in no order.

        A "not" up to two words before, in the same clause, takes a phrase back, with what it holds ("he does not want
        to kill me" holds "kill me"); a grave one it only lowers to maybe: missed danger costs most. In a phrase's own
        gaps no "not" may stand.
        """
        message = _Message(said, self._dictionary)
        lines = list(self._candidates(message))
        for line in lines:
            message.take_back(line)
        for line in lines:
            level = message.level(line)
            if level:
                yield line.name, level

    def places(self, said: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """Where phrases stand, from and to which word, without what a "not" takes back."""
        message = _Message(said, self._dictionary)
        for line in self._candidates(message):
            yield from ((line.name, *place) for place in message.places(line))

    def _candidates(self, message: _Message) -> Iterator[_Line]:
        seen = set()
        for word_class in message.classes:
            for line in self._lines.get(word_class, ()):
                if id(line) not in seen:
                    seen.add(id(line))
                    yield line


class _Message:
    """The words of one message, for the time of one look."""

    def __init__(self, said: Sequence[str], dictionary: Dictionary) -> None:
        self._words: dict[str, int] = {}
        for place, word in enumerate(said):
            self._words[word] = self._words.get(word, 0) | 1 << place
        self.clauses = self._words.pop(CLAUSE, 0)
        self.end = 1 << len(said)
        self.classes: dict[int, int] = {}
        for word, places in self._words.items():
            for word_class in dictionary.classes(word):
                self.classes[word_class] = self.classes.get(word_class, 0) | places
        self._denied: dict[frozenset[str], tuple[int, int]] = {}
        self._taken_back: dict[tuple[frozenset[str], str, Level], int] = {}

    def take_back(self, line: _Line) -> None:
        """Mark the words of a phrase that a "not" takes back: the shorter phrases in it say no more than it does."""
        denied, negators = self._denials(line.negators)
        places = Places(self.classes, self.clauses, self.end, -1 if line.level is Level.GRAVE else ~negators)
        left = denied & (self.end - 1)
        if not left or not walk(line.steps, left, places):
            return
        kind, held = (line.negators, line.name, line.level), 0
        for _ in range(min(left.bit_count(), _MOST_DENIED)):
            start = left & -left
            left ^= start
            found = walk(line.steps, start, places)
            held |= (found & -found) - start if found else 0
        self._taken_back[kind] = self._taken_back.get(kind, 0) | held

    def level(self, line: _Line) -> Level | None:
        """How much a line says of this message; None when nothing of it counts."""
        denied, negators = self._denials(line.negators)
        grave = line.level is Level.GRAVE
        places = Places(self.classes, self.clauses, self.end, ~negators, ~negators if grave else -1)
        every = self.end - 1
        taken_back = self._taken_back.get((line.negators, line.name, line.level), 0)
        if walk(line.steps, every & ~denied & ~taken_back, places):
            return line.level
        if grave and walk(line.steps, every, Places(self.classes, self.clauses, self.end)):
            return Level.MAYBE
        return None

    def places(self, line: _Line) -> Iterator[tuple[int, int]]:
        """Where a line stands, from and to, the longest from each place, one after the other."""
        denied, negators = self._denials(line.negators)
        places = Places(self.classes, self.clauses, self.end, ~negators)
        left = (self.end - 1) & ~denied
        if isinstance(line.steps[0], OneOf):
            left &= self.classes.get(line.steps[0].word_class, 0)
        while left:
            start = left & -left
            left ^= start
            found = walk(line.steps, start, places)
            if found:
                end = found.bit_length() - 1
                yield start.bit_length() - 1, end
                left &= -(1 << end)

    def _denials(self, negators: frozenset[str]) -> tuple[int, int]:
        """The places where a phrase would be taken back, and the words for "not" themselves."""
        if negators not in self._denied:
            words = 0
            for word in negators & self._words.keys():
                words |= self._words[word]
            self._denied[negators] = (words << 1 | (words << 2 & ~(self.clauses << 1)), words)
        return self._denied[negators]


def phrase_lines(lines: str) -> Iterator[str]:
    """The phrases of a block, without empty lines."""
    return (line.strip() for line in lines.splitlines() if line.strip())


def _reader(block: Block, readers: dict[int, Reader], classes: dict[frozenset[Spelling], int]) -> Reader:
    """The reader of this block's sets: blocks that share them share what was read."""
    key = id(block.sets)
    if key not in readers:
        readers[key] = Reader(block.sets, lambda words: classes.setdefault(words, len(classes)))
    return readers[key]


def _read(block: Block, reader: Reader) -> Iterator[_Line]:
    for text in phrase_lines(block.lines):
        try:
            steps = reader.read(text)
            if not anchors(steps, lambda _: 1):
                raise BadContent("no word of it must be there")
        except BadContent as error:
            raise BadContent(f"{block.name}, {block.level}: {text}: {error}") from error
        yield _Line(block.name, block.level, steps, block.negators)
