"""Digits of every script, and keycap emoji, as ASCII: an answer is a digit on any keyboard (SAFETY §3)."""

from __future__ import annotations

import re
import unicodedata

# A bare number, dressed as people dress it: "1.", "(1)", "#1", "1)", "1 -".
_NUMBER = re.compile(r"[\s#(\[«\"'*.:-]*(\d{1,6})[\s)\].:,;!?»\"'*\u2026\u060c\u061f\u06d4-]*")
# Signs; a keycap takes three.
_LONGEST = 60
_DIGIT = re.compile(r"\d")
_KEYCAP = dict.fromkeys(map(ord, "\ufe0e\ufe0f\u20e3"))


def ascii_digits(text: str) -> str:
    """The text with every decimal digit (Arabic-Indic, Bengali, Burmese, circled, keycap …) as 0–9."""
    plain = unicodedata.normalize("NFKC", text).translate(_KEYCAP)
    if plain.isascii():
        return plain
    return _DIGIT.sub(lambda found: str(unicodedata.decimal(found.group())), plain)


def read_number(text: str) -> str | None:
    """The digits of a message that is nothing but one number (with its decoration), as written: "00" stays "00"."""
    bare = text.strip()
    found = _NUMBER.fullmatch(ascii_digits(bare)) if len(bare) <= _LONGEST else None
    return found.group(1) if found else None
