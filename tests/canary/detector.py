"""Finds a secret in output, however it was written down: plain, escaped, URL-encoded, base64, hex, digits only."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s().+\-]{1,2}(?=\d)")
ENOUGH_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Leak:
    """That the canary of this name stands in this output, in this form."""

    output: str
    canary: str
    form: str


def leaks(outputs: Mapping[str, str], canaries: Mapping[str, str]) -> list[Leak]:
    """Every canary in every output. Letters are compared without case, except in base64."""
    found = []
    for output, text in outputs.items():
        lowered, joined = text.casefold(), BETWEEN_DIGITS.sub("", text)
        for canary, secret in canaries.items():
            found += [Leak(output, canary, form) for form, needle in _without_case(secret) if needle in lowered]
            found += [Leak(output, canary, "base64") for needle in in_base64(secret) if needle in text]
            if (digits := digits_of(secret)) and digits in joined:
                found.append(Leak(output, canary, "digits"))
    return found


def _without_case(secret: str) -> Iterator[tuple[str, str]]:
    forms = {
        "plain": secret,
        "url": quote(secret, safe=""),
        "form": quote_plus(secret),
        "json": json.dumps(secret)[1:-1],
        "hex": secret.encode().hex(),
    }
    for form, needle in forms.items():
        yield form, needle.casefold()


def in_base64(secret: str) -> set[str]:
    """The characters that base64 has for it at each of the three offsets, in both alphabets."""
    data, needles = secret.encode(), set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode()
        sure = encoded[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        needles |= {sure, sure.translate(str.maketrans("+/", "-_"))}
    return needles


def digits_of(secret: str) -> str:
    """The digits of a number, "" for what is none."""
    digits = re.sub(r"\D", "", secret)
    return digits if len(digits) >= ENOUGH_DIGITS and not re.search(r"[^\W\d_]", secret) else ""
