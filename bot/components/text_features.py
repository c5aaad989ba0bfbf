"""From a text to the features of the intent classifier, in one pass: words, letters within words, and rough stems.

Each feature is a string with its block as first letter: "w" for words 1–2, "c" for runs of 2–5 letters within a word,
"s" for the beginnings of words, alone and in pairs. Written for how people type on phones: no accents, any Arabic or
Persian letter variant, one spelling for Ukrainian and Russian sounds, stretched letters, no punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Iterator, List

INVISIBLE_RANGES = (
    (0xAD, 0xAD),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
)
INVISIBLE = {code: None for first, last in INVISIBLE_RANGES for code in range(first, last + 1)}
TATWEEL_AND_APOSTROPHES = dict.fromkeys(map(ord, "\u0640'’‘ʼ`´ʿʾ"))
VARIANTS = str.maketrans({"ى": "ي", "ی": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", "ک": "ك", "ٱ": "ا", "گ": "ك", "چ": "ج"})
WORD = re.compile(r"[^\W_]+")
STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
# Letters that neighbours write differently, or that a keyboard lacks.
CYRILLIC = str.maketrans({"і": "и", "є": "е", "э": "е", "ы": "и", "ъ": "ь", "ґ": "г", "щ": "ш"})
# What Arabic, Persian and Pashto write together with a word: and, so, with, for, like, the.
CLITICS = re.compile(r"^[وف]?[بلك]?(?:ال|لل)?(?=\w{3})")
ARABIC = re.compile(r"[\u0600-\u06ff]")
SHORTEST, LONGEST = 2, 5
STEMS = (4, 5)
MAX_WORDS = 120
MAX_WORD = 32


def readable(text: str) -> str:
    """Compatibility forms, invisible signs, tatweel and stretched letters folded; accents kept."""
    text = unicodedata.normalize("NFKC", text).translate(INVISIBLE).translate(TATWEEL_AND_APOSTROPHES).casefold()
    return STRETCHED.sub(r"\1\1", text)


def folded(text: str) -> str:
    """Without accents, Arabic vowel signs and hamza seats, with one letter for each family of variants."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return bare.translate(VARIANTS).translate(CYRILLIC)


def letters(word: str) -> Iterator[str]:
    """All runs of 2–5 letters of a word with its edges marked, the edges counting as letters."""
    marked = f" {word} "
    for size in range(SHORTEST, min(LONGEST, len(marked)) + 1):
        for start in range(len(marked) - size + 1):
            yield "c" + marked[start : start + size]


def stems(words: List[str]) -> Iterator[str]:
    """The beginnings of words, without Arabic's prefixes: endings change with person, gender and case."""
    bare = [CLITICS.sub("", word) if ARABIC.match(word) else word for word in words]
    for size in STEMS:
        yield from (f"s{size}{word[:size]}" for word in bare)
    for first, second in pairwise(bare):
        yield f"s{first[: STEMS[0]]} {second[: STEMS[0]]}"


def features(text: str) -> List[str]:
    """All features of a text, repeated as often as they occur; none of a text without a letter."""
    if not any(character.isalpha() for character in text):
        return []
    words = [word[:MAX_WORD] for word in WORD.findall(folded(readable(text)))[:MAX_WORDS]]
    found = ["w" + word for word in words]
    found += [f"w{first} {second}" for first, second in pairwise(words)]
    for word in words:
        found.extend(letters(word))
    found.extend(stems(words))
    return found
