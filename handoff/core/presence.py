"""Who is writing: a phone is not a person (SAFETY §1, §4). The word by which we know a person again."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handoff.core.normalise import CLAUSE, fold_runs, normalise, tokens
from handoff.core.romanise import romanise, skeleton

# Shorter words are matched letter by letter: one letter off "sun" is half of the language.
_SLIPS_FROM = 4
_BONES_FROM = 3
_LATIN = re.compile(r"[a-z0-9]+")
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who has, or lately had, a case and is reached at this conversation.

    `word` is "" where they chose none; `guarded`: only their word or code brings them back.
    """

    case_id: uuid.UUID
    person_id: uuid.UUID
    open: bool = True
    word: str = field(default="", repr=False)
    guarded: bool = False


def in_doubt(seen_at: datetime | None, now: datetime, after: timedelta, *, has_case: bool) -> bool:
    """Whether it may be somebody else who writes: after some silence, with or without a case, since nobody must be able
    to tell which (SAFETY §1). Whoever writes for the first time is new."""
    return has_case if seen_at is None else now - seen_at > after


def without_word(said: str, word: str) -> str:
    """The message without the word, which nobody must read. Layout is lost where it was taken out."""
    if not matches_word(said, word):
        return said
    parts, length = said.split(), len(_words(word))
    for size in range(max(1, length - 1), length + 2):
        for start in range(len(parts) - size + 1):
            if matches_word(" ".join(parts[start : start + size]), word):
                return without_word(" ".join(parts[:start] + parts[start + size :]), word)
    return ""


def matches_word(said: str, word: str) -> bool:
    """Whether a message holds this word: anywhere in it, in any script, one slip of the finger allowed.

    Digits are compared exactly: among numbers, one off is another's. An empty word matches nothing.
    """
    wanted = _words(word)
    if not wanted:
        return False
    secret = "".join(wanted)
    heard = _words(said[:_LONGEST])
    return any(_same(piece, secret) for piece in _pieces(heard, len(wanted)))


def _words(text: str) -> list[str]:
    return [token for token in tokens(normalise(text)) if token != CLAUSE]


def _pieces(heard: list[str], length: int) -> Iterator[str]:
    """What may be the word: as many words as it has, or one more or fewer, written as one."""
    for size in range(max(1, length - 1), length + 2):
        for start in range(len(heard) - size + 1):
            yield "".join(heard[start : start + size])


def _same(heard: str, secret: str) -> bool:
    if heard == secret:
        return True
    if heard.isdecimal() or secret.isdecimal() or len(secret) < _SLIPS_FROM:
        return not heard.isdecimal() and not secret.isdecimal() and _sounds_alike(heard, secret)
    return one_slip(heard, secret) or _sounds_alike(heard, secret)


def _sounds_alike(heard: str, secret: str) -> bool:
    """The same word in two scripts."""
    if bool(_LATIN.fullmatch(heard)) == bool(_LATIN.fullmatch(secret)):
        return False
    ours, theirs = romanise(fold_runs(heard)), romanise(fold_runs(secret))
    if ours == theirs or (min(len(ours), len(theirs)) >= _SLIPS_FROM and one_slip(ours, theirs)):
        return True
    bones = skeleton(secret)
    return len(bones) >= _BONES_FROM and skeleton(heard) == bones


def one_slip(left: str, right: str) -> bool:
    """At most one letter more, less, other, or two that stand next to each other swapped."""
    if left == right:
        return True
    short, long = sorted((left, right), key=len)
    if len(long) - len(short) > 1:
        return False
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[:at] + short[at + 1 : at + 2] + short[at : at + 1] + short[at + 2 :]
    return short[at + 1 :] == long[at + 1 :] or swapped == long
