"""A word of any of our scripts in Latin letters, roughly: people who know a word type it on the keyboard they have."""

from __future__ import annotations

import re

from handoff.core.normalise import fold_letters


def _letters(script: str, sounds: str) -> dict[str, str]:
    """A sound for each letter; "-" is a letter that is not heard."""
    return {letter: sound.replace("-", "") for letter, sound in zip(script, sounds.split(), strict=True)}


_CYRILLIC = _letters(
    "абвгґдеэєжзиіїйклмнопрстуфхцчшщыьъюяё",
    "a b v g g d e e ie j z i i i i k l m n o p r s t u f h c c s s i - - iu ia e",
)
_ARABIC = _letters(
    "اآأإبپتټثجچځخڅحدډذرړزژږسشصضطظعغفقكګگلمنڼهويئؤۍېڪےںۀ",
    "a a a a b p t t s j c z h c h d d z r r z j z s s s z t z a g f k k g g l m n n h w i i w i i k i n h",
)
_TABLE = str.maketrans(_CYRILLIC | _ARABIC)
# How different hands write one sound in Latin letters; longest first.
_SOUNDS = (
    *(("shch", "s"), ("sch", "s"), ("sh", "s"), ("ch", "c"), ("kh", "h"), ("gh", "g"), ("zh", "j"), ("dh", "z")),
    *(("th", "s"), ("ph", "f"), ("ts", "c"), ("dj", "j"), ("ou", "u"), ("oo", "u"), ("ee", "i"), ("ck", "k")),
    *(("q", "k"), ("y", "i"), ("v", "w"), ("x", "h")),
)
_ARABIZI = str.maketrans({"2": "", "3": "a", "5": "h", "6": "t", "7": "h", "8": "k", "9": "s"})
_VOWELS = re.compile(r"[aeiou]+")
_TWICE = re.compile(r"(.)\1+")


def romanise(word: str) -> str:
    """The word as its sounds in Latin letters. For comparing only: never shown, stored or logged."""
    letters = fold_letters(word).translate(_TABLE)
    if not letters.isdecimal():
        letters = letters.translate(_ARABIZI)
    for written, sound in _SOUNDS:
        letters = letters.replace(written, sound)
    return _TWICE.sub(r"\1", letters)


def skeleton(word: str) -> str:
    """The same without vowels, which Arabic script leaves out and everybody writes in their own way."""
    return _TWICE.sub(r"\1", _VOWELS.sub("", romanise(word).replace("w", "")))
