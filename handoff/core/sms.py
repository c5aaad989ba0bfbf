"""Counting and cutting short messages (GSM 03.38, 3GPP TS 23.040), never through a letter and its marks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import smsutil

_JOINER = "\u200d"
_SENTENCE_END = re.compile(r"(?<=[.!?\u061f\u06d4\u0964])\s+")


@dataclass(frozen=True, slots=True)
class Segments:
    """What one text costs: `parts` segments are paid for; `units` are septets in gsm7, UTF-16 units in ucs2."""

    encoding: Literal["gsm7", "ucs2"]
    parts: int
    units: int


def count_segments(text: str) -> Segments:
    """How carriers will cut this text. An empty text is no segment."""
    if not text:
        return Segments("gsm7", 0, 0)
    split = smsutil.split(text)  # type: ignore[no-untyped-call]
    if split.encoding == "gsm0338":
        return Segments("gsm7", len(split.parts), split.total_bytes)
    return Segments("ucs2", len(split.parts), split.total_bytes // 2)


def spare_letters(text: str, letters: Mapping[str, str]) -> str:
    """The text with a language's reviewed plain letters (á → a), but only where that saves at least one segment."""
    if not letters:
        return text
    plain = text.translate({ord(letter): spare for letter, spare in letters.items()})
    return plain if count_segments(plain).parts < count_segments(text).parts else text


def graphemes(text: str) -> Iterator[str]:
    """What a reader sees as single signs: a letter with its marks, an emoji with its modifiers, a flag."""
    cluster = ""
    for character in text:
        if cluster and _continues(cluster, character):
            cluster += character
            continue
        if cluster:
            yield cluster
        cluster = character
    if cluster:
        yield cluster


def split_text(text: str, limit: int) -> tuple[str, ...]:
    """Pieces of at most `limit` characters, cut at a paragraph, else a line, a sentence, a space, a grapheme.

    Raises ValueError when the limit leaves no room for a piece.
    """
    if limit < 1:
        raise ValueError("limit must be positive")
    pieces: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _cut(rest, limit)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(piece for piece in (*pieces, rest) if piece)


def _cut(text: str, limit: int) -> int:
    """The last good place to cut within the limit; a place in the first third wastes too much and is passed over."""
    window = text[: limit + 1]
    sentence_ends = [found.start() for found in _SENTENCE_END.finditer(window)]
    places = (window.rfind("\n\n"), window.rfind("\n"), max(sentence_ends, default=-1), window.rfind(" "))
    for place in places:
        if place > limit // 3:
            return place
    return _last_grapheme_end(text, limit)


def _last_grapheme_end(text: str, limit: int) -> int:
    end = 0
    for cluster in graphemes(text[: limit + 32]):
        if end + len(cluster) > limit:
            break
        end += len(cluster)
    return end or limit


def _continues(cluster: str, character: str) -> bool:
    if unicodedata.category(character).startswith("M") or character == _JOINER or cluster[-1] == _JOINER:
        return True
    if "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    return _is_flag(character) and _is_flag(cluster) and len(cluster) == 1


def _is_flag(text: str) -> bool:
    return len(text) == 1 and "\U0001f1e6" <= text <= "\U0001f1ff"
