"""How one word of a phrase may be spelt: `(за|від)чин(ить|ять)`, `enferm%`, `(ي)?قتل(ني|نا)`; a dictionary of them.

A word of a message is looked up in a few steps whatever stands in the dictionary, in all languages at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from handoff.core.content import BadContent
from handoff.core.normalise import fold_letters, fold_runs, is_settled, tokens

ANY = "%"
# More spellings than this are not written out: the word is known by how it may begin, and then compared.
_MOST_SPELLINGS = 200
_LONGEST_WORD = 48
_PIECE = re.compile(r"%|\(|\)\??|\||[^%()|?]\?|[^%()|?]+?(?=[^%()|?]\?|[%()|?]|$)")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
# And, so; with, as, for, the: written as one with the word that follows.
_AND = ("و", "ف")
_ARTICLES = ("بال", "كال", "لال", "ال", "لل", "ب", "ك", "ل")

type Part = str | tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class Spelling:
    """One word as a phrase writes it, folded. `parts` are letters, ANY, or alternatives."""

    text: str
    parts: tuple[Part, ...] = field(repr=False, compare=False, hash=False)

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    @lru_cache(maxsize=4096)
    def read(cls, word: str) -> Spelling:
        """From what stands in a file. Raises BadContent when it is no word."""
        folded = fold_runs(fold_letters(word))
        if is_settled(folded):
            return cls(folded, (folded,))
        pieces = _PIECE.findall(folded)
        parts = _sequence(pieces)
        if pieces or not parts:
            raise BadContent(f"{word} makes no sense")
        for letters in _letters(parts):
            if not is_settled(letters) and tokens(letters) != (letters,):
                raise BadContent(f"{word}: {letters} is never one word")
        return cls(folded, parts)

    @property
    def plain(self) -> str:
        """The word itself, "" when it may be spelt in more than one way."""
        return self.text if self.parts == (self.text,) else ""

    def begins(self) -> frozenset[tuple[str, bool]]:
        """What a word begins with to be this one, and whether that is already all of it."""
        return _begins(self.parts)

    @property
    def open_ended(self) -> bool:
        """Whether anything may follow, and nothing else is open."""
        *first, last = self.parts
        return last == ANY and all(whole for _, whole in _begins(tuple(first)))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """For the few words that are more easily compared than written out."""
        return re.compile(_expression(self.parts))


class Dictionary:
    """All words of many phrases, each with the classes that it belongs to."""

    def __init__(self, classes: Mapping[frozenset[Spelling], int]) -> None:
        """From the number of each class."""
        numbers: dict[Spelling, list[int]] = {}
        for words, number in classes.items():
            for word in words:
                numbers.setdefault(word, []).append(number)
        self._whole: dict[str, tuple[int, ...]] = {}
        self._begun: dict[str, tuple[tuple[re.Pattern[str] | None, tuple[int, ...]], ...]] = {}
        for word, of in numbers.items():
            self._add(word, tuple(of))
        self._lengths = tuple(sorted({len(start) for start in self._begun}))

    def _add(self, word: Spelling, numbers: tuple[int, ...]) -> None:
        check = None if word.open_ended else word
        for letters, whole in word.begins():
            if whole:
                self._whole[letters] = (*self._whole.get(letters, ()), *numbers)
            else:
                pattern = check.pattern if check else None
                self._begun[letters] = (*self._begun.get(letters, ()), (pattern, numbers))

    def classes(self, word: str) -> set[int]:
        """The classes of a word of a message; Arabic also without what is written as one with it."""
        found: set[int] = set()
        forms: Iterable[str] = _without_clitics(word) if _ARABIC.match(word) else (word,)
        for form in forms:
            found.update(self._whole.get(form, ()))
            for length in self._lengths:
                for pattern, numbers in self._begun.get(form[:length], ()):
                    if pattern is None or pattern.fullmatch(form[:_LONGEST_WORD]):
                        found.update(numbers)
                if length >= len(form):
                    break
        return found


def _sequence(pieces: list[str]) -> tuple[Part, ...]:
    """Takes from the front of the pieces up to a closing parenthesis or a bar."""
    parts: list[Part] = []
    while pieces and pieces[0] not in ("|", ")", ")?"):
        piece = pieces.pop(0)
        if piece == "(":
            parts.append(_group(pieces))
        else:
            parts.append(((piece[0],), ()) if piece.endswith("?") else piece)
    return tuple(parts)


def _group(pieces: list[str]) -> tuple[tuple[Part, ...], ...]:
    ways = [_sequence(pieces)]
    while pieces and pieces[0] == "|":
        pieces.pop(0)
        ways.append(_sequence(pieces))
    if not pieces:
        raise BadContent("( without its closing")
    return (*ways, ()) if pieces.pop(0) == ")?" else tuple(ways)


def _letters(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield from () if part == ANY else (part,)
        else:
            for way in part:
                yield from _letters(way)


def _begins(parts: tuple[Part, ...]) -> frozenset[tuple[str, bool]]:
    found = {("", True)}
    for part in parts:
        ways: Iterable[tuple[str, bool]]
        if isinstance(part, str):
            ways = (("", False),) if part == ANY else ((part, True),)
        else:
            ways = {spelt for way in part for spelt in _begins(way)}
        grown = {(text + more, all_of_it) for text, whole in found if whole for more, all_of_it in ways}
        grown |= {spelt for spelt in found if not spelt[1]}
        if len(grown) > _MOST_SPELLINGS:
            return frozenset((text, False) for text, _ in found)
        found = grown
    return frozenset(found)


def _expression(parts: tuple[Part, ...]) -> str:
    return "".join(
        (r".*" if part == ANY else re.escape(part))
        if isinstance(part, str)
        else f"(?:{'|'.join(_expression(way) for way in part)})"
        for part in parts
    )


def _without_clitics(word: str) -> Iterator[str]:
    for rest in (word, word[1:]) if word.startswith(_AND) else (word,):
        yield rest
        yield from (rest[len(article) :] for article in _ARTICLES if rest.startswith(article))
