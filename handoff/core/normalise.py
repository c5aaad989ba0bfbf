"""The matching form of a text: what is left when keyboards, scripts' variants and decoration are taken away.

For matching only (reference: what users really send). The form is never stored, logged or shown.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from handoff.core.digits import ascii_digits

CLAUSE = "."

# Invisible: zero-width and direction marks, BOM, soft hyphen, variation selectors, keycap; tatweel.
_INVISIBLE = "".join(
    chr(code)
    for first, last in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2060), (0x2066, 0x2069), (0xFE00, 0xFE0F))
    for code in range(first, last + 1)
)
# Marks that readers add or leave out: Latin accents, Arabic harakat, hamza and Quranic signs. Marks of other scripts
# are vowels and stay.
_MARKS = "".join(
    chr(code)
    for first, last in ((0x0300, 0x036F), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED))
    for code in range(first, last + 1)
)
_DROPPED = _INVISIBLE + _MARKS + "\ufeff\u00ad\u20e3\u0640\u0621'’‘ʼ`´ʿʾ"
_FOLDED = {"ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ے": "ي", "ة": "ه", "ہ": "ه", "ە": "ه", "ک": "ك", "ı": "i", "ø": "o"}
_TABLE: dict[int, str | None] = {ord(letter): folded for letter, folded in _FOLDED.items()} | dict.fromkeys(
    map(ord, _DROPPED)
)

_CLAUSE = re.compile(r"[.,;:!?\n\r()\u2026\u060c\u061b\u061f\u06d4\u2013\u2014¡¿|]+")
# Vowel signs of Indic, Burmese and Khmer are marks, which `\w` leaves out: they belong to their word.
_VOWELS = "".join(chr(code) for code in range(0x0900, 0x1900) if unicodedata.category(chr(code)).startswith("M"))
_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{_VOWELS}])*|{re.escape(CLAUSE)}")
_ENDS = re.compile(rf"^(?:[^\w{_VOWELS}]|_)+|(?:[^\w{_VOWELS}]|_)+$")
_LONG_RUN = re.compile(r"([^\W\d_])\1{2,}")
# Letters of Latin, Greek, Cyrillic and Arabic that folding leaves as they are, whatever stands beside them.
_SETTLED = "".join(
    letter
    for letter in map(chr, (*range(ord("a"), ord("z") + 1), *range(0xDF, 0x0700)))
    if letter.isalpha() and letter.casefold() == letter == unicodedata.normalize("NFKD", letter)
    if ord(letter) not in _TABLE
)
_SETTLED_WORD = re.compile(f"[{_SETTLED}]+")
_SETTLED_TEXT = re.compile(rf"[{_SETTLED} %()|?\[\].,!-]+")


def normalise(text: str) -> str:
    """Case, accents, invisible signs, letter variants and outer punctuation folded; digits ASCII; single spaces.

    Apostrophes vanish ("don't" → "dont"). Idempotent.
    """
    return _ENDS.sub("", " ".join(fold_letters(text).split()))


def tokens(text: str) -> tuple[str, ...]:
    """The words of the matching form, in order, with CLAUSE where punctuation or a new line parted them.

    A letter repeated three times or more counts once ("heeelp" → "help"): people in fear lean on the key.
    """
    marked = _CLAUSE.sub(f" {CLAUSE} ", fold_letters(text))
    return tuple(_WORD.findall(fold_runs(marked)))


def fold_runs(text: str) -> str:
    """A letter repeated three times or more, once."""
    return _LONG_RUN.sub(r"\1", text)


@lru_cache(maxsize=4096)
def normalise_label(text: str) -> str:
    """`normalise` for our own labels and words, remembered. Never call it with a person's text."""
    return normalise(text)


def is_settled(text: str) -> bool:
    """Whether this is one word that is in matching form already, its letters not counted: most are, and it is quick."""
    return _SETTLED_WORD.fullmatch(text) is not None


def fold_letters(text: str) -> str:
    """Case, accents, invisible signs and letter variants folded, digits ASCII; punctuation and spaces as they were."""
    if text.isascii():
        return text.casefold().replace("'", "").replace("`", "")
    if _SETTLED_TEXT.fullmatch(text):
        return text
    decomposed = unicodedata.normalize("NFKD", ascii_digits(text).casefold()).translate(_TABLE)
    return unicodedata.normalize("NFC", decomposed)
