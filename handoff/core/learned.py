"""Warning signs learned from examples, beside the phrases: what people write in ways that no phrase foresaw.

A clause is seen as its words, their pieces, and the meanings of its words (`content/offers/words/<locale>.yml`, the
same names in every language, so that what one language's examples teach holds in all). A word after a "not" counts as
another word. `make offer-learn` (bench/offer_learn.py) writes the weights, `content/offers/learned/<locale>.npz`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handoff.core.content import BadContent
from handoff.core.normalise import CLAUSE, normalise
from handoff.core.yaml_text import read_yaml

type Floats = npt.NDArray[np.float32]
type Places = npt.NDArray[np.int64]

SIZE = 1 << 12
DENIED_WORDS = 4
_NEAR_WORDS = 8
_PIECES = (2, 3, 4)
_WORD, _PIECE, _PAIR = 2.0, 1.0, 1.5
_OPEN_LETTERS = 4
_NONE: frozenset[str] = frozenset()


class Meanings:
    """The meanings of a language's words. `na*` begins so, `*na` is anywhere, `a_b` are two words (words/en.yml)."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Raises BadContent, OSError."""
        self._whole: dict[str, set[str]] = {}
        self._begins: dict[str, set[str]] = {}
        self._inside: dict[str, set[str]] = {}
        self._several: dict[tuple[str, ...], set[str]] = {}
        self._longest = 0
        self.names: frozenset[str] = frozenset()
        for path in files:
            raw = read_yaml(path.read_text(encoding="utf-8"))
            if not isinstance(raw, Mapping) or not all(isinstance(words, str) for words in raw.values()):
                raise BadContent(f"offers/words/{path.name}: each meaning needs its words")
            self.names |= set(raw)
            for meaning, words in raw.items():
                for word in words.split():
                    self._add(str(meaning), word)

    def _add(self, meaning: str, word: str) -> None:
        parts = tuple(filter(None, (normalise(part) for part in word.strip("*").split("_"))))
        if len(parts) > 1:
            self._several.setdefault(parts, set()).add(meaning)
        elif parts:
            (plain,) = parts
            open_ended = word.endswith("*") or len(plain) >= _OPEN_LETTERS
            table = self._inside if word.startswith("*") else self._begins if open_ended else self._whole
            table.setdefault(plain, set()).add(meaning)
            if table is self._inside:
                self._longest = max(self._longest, len(plain))

    def of(self, said: Sequence[str]) -> list[set[str]]:
        """The meanings of each word, those of two or three words at the first of them."""
        found = [self._word(word) for word in said]
        for start in range(len(said)):
            for length in (2, 3):
                found[start] |= self._several.get(tuple(said[start : start + length]), _NONE)
        return found

    def _word(self, word: str) -> set[str]:
        found = set(self._whole.get(word, _NONE))
        if word.isdigit() and len(word) >= 3:
            found.add("num")
        for end in range(2, len(word) + 1):
            found |= self._begins.get(word[:end], _NONE)
        if self._inside:
            for start in range(len(word)):
                for end in range(start + 2, min(len(word), start + self._longest) + 1):
                    found |= self._inside.get(word[start:end], _NONE)
        return found


def clauses(said: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each clause stands, and the whole message when it has several."""
    ends = [place for place, word in enumerate(said) if word == CLAUSE]
    spans = [(a, b) for a, b in zip([0, *(end + 1 for end in ends)], [*ends, len(said)], strict=True) if b > a]
    yield from spans
    if len(spans) > 1:
        yield spans[0][0], spans[-1][1]


@dataclass(frozen=True)
class Eyes:
    """How one language's clauses are seen: as two lists of features, of words and of meanings."""

    meanings: Meanings
    negators: frozenset[str]

    def see(self, said: Sequence[str]) -> tuple[tuple[Places, Floats], tuple[Places, Floats]]:
        """The features of a clause: places below SIZE, and how much of each (roots of counts)."""
        words = [word for word in said if word != CLAUSE]
        signs = self._denied(words)
        return _counted(_spelt(words, signs)), _counted(_meant(self.meanings.of(words), signs))

    def _denied(self, words: Sequence[str]) -> list[str]:
        """A mark for each word that a "not" stands before."""
        signs, left = [], 0
        for word in words:
            if word in self.negators:
                left = DENIED_WORDS
                signs.append("")
            else:
                signs.append("!" if left else "")
                left = max(0, left - 1)
        return signs


def _spelt(words: Sequence[str], signs: Sequence[str]) -> Iterator[tuple[str, float]]:
    for word, sign in zip(words, signs, strict=True):
        yield f"{sign}w:{word}", _WORD
        framed = f"<{word}>"
        for size in _PIECES:
            for start in range(len(framed) - size + 1):
                yield sign + framed[start : start + size], _PIECE
    for place in range(len(words) - 1):
        yield f"{signs[place]}b:{words[place]} {words[place + 1]}", _PAIR


def _meant(meanings: Sequence[set[str]], signs: Sequence[str]) -> Iterator[tuple[str, float]]:
    said = [(place, signs[place] + meaning) for place, found in enumerate(meanings) for meaning in found]
    for number, (place, meaning) in enumerate(said):
        yield f"c:{meaning}", 1.0
        for other_place, other in said[number + 1 :]:
            if other_place - place > _NEAR_WORDS:
                break
            if other_place != place:
                yield "p:" + "&".join(sorted((meaning, other))), 1.0


def _counted(features: Iterable[tuple[str, float]]) -> tuple[Places, Floats]:
    counts: dict[int, float] = {}
    for name, weight in features:
        place = zlib.crc32(name.encode()) % SIZE
        counts[place] = counts.get(place, 0.0) + weight
    return np.fromiter(counts, np.int64, len(counts)), np.sqrt(np.fromiter(counts.values(), np.float32, len(counts)))


def scaled(places: Places, values: Floats, rarity: Floats) -> Floats:
    """The values by how rare each feature is, of length 1."""
    weighed: Floats = values * rarity[places]
    return weighed / np.float32(max(float(np.linalg.norm(weighed)), 1e-9))


class Learned:
    """One language's weights, and how to look at its messages."""

    def __init__(self, path: Path, eyes: Eyes) -> None:
        """Raises OSError, BadContent."""
        self._eyes = eyes
        try:
            with np.load(path, allow_pickle=False) as stored:
                self.flags: tuple[str, ...] = tuple(str(flag) for flag in stored["flags"])
                self._least: Floats = stored["least"].astype(np.float32)
                self._rarity = [stored[f"rarity{block}"].astype(np.float32) for block in (0, 1)]
                self._weights = [stored[f"weights{block}"].astype(np.float32) * stored["unit"] for block in (0, 1)]
        except (KeyError, ValueError) as error:
            raise BadContent(f"offers/learned/{path.name}: {error}") from error

    def scores(self, said: Sequence[str]) -> Floats:
        """How much one clause speaks of each sign, about 0 to 1."""
        total = np.zeros(len(self.flags), np.float32)
        for seen, rarity, weights in zip(self._eyes.see(said), self._rarity, self._weights, strict=True):
            places, values = seen
            if len(places):
                total += scaled(places, values, rarity) @ weights[places]
        return total

    def places(self, said: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """The signs that a message may be about, with the clause that says most of each."""
        spans = list(clauses(said))
        if not spans:
            return
        scores = np.array([self.scores(said[start:end]) for start, end in spans])
        for number in np.flatnonzero((scores >= self._least).any(axis=0)):
            start, end = spans[int(scores[:, number].argmax())]
            yield self.flags[number], start, end
