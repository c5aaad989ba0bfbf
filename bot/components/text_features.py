"""From a text to the features of the intent classifier, in one pass: words 1–2 and, within words, letters 2–5.

Each feature is a string with its block as first letter: "w" for words, "c" for letters. Written for how people type on
phones: no accents, any Arabic letter variant, stretched letters, no punctuation, digits for Arabic letters.
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
SHORTEST, LONGEST = 2, 5
MAX_WORDS = 120
MAX_WORD = 32


def readable(text: str) -> str:
    """Compatibility forms, invisible signs, tatweel and stretched letters folded; accents kept."""
    text = unicodedata.normalize("NFKC", text).translate(INVISIBLE).translate(TATWEEL_AND_APOSTROPHES).casefold()
    return STRETCHED.sub(r"\1\1", text)


def folded(text: str) -> str:
    """Without accents, Arabic vowel signs and hamza seats, with one letter for each family of variants."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return bare.translate(VARIANTS)


def letters(word: str) -> Iterator[str]:
    """All runs of 2–5 letters of a word with its edges marked, the edges counting as letters."""
    marked = f" {word} "
    for size in range(SHORTEST, min(LONGEST, len(marked)) + 1):
        for start in range(len(marked) - size + 1):
            yield "c" + marked[start : start + size]


def features(text: str) -> List[str]:
    """All features of a text, repeated as often as they occur."""
    shown = readable(text)
    words = [word[:MAX_WORD] for word in WORD.findall(folded(shown))[:MAX_WORDS]]
    found = ["w" + word for word in words]
    found += [f"w{first} {second}" for first, second in pairwise(words)]
    found += ["w" + word[:MAX_WORD] for word in WORD.findall(shown)[:MAX_WORDS] if word not in words]
    for word in words:
        found.extend(letters(word))
    return found
