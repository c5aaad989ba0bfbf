"""The return code: 15 random digits and a check digit, written 4-4-4-4 like an airtime voucher (SAFETY §4)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from handoff.core.digits import ascii_digits
from handoff.core.normalise import fold_letters

LENGTH = 16
_SELECTOR = 4
_RANDOM = 15
# Digits with what people put between them, on paper and on keyboards.
_GROUPS = re.compile(r"(?<![\d])\d(?:[\s.\-_/·*]{0,3}\d){15}(?!(?:[\s.\-_/·*]{0,3}\d))")
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it was typed. `selector` finds its row; `secret` is what is verified."""

    digits: str = field(repr=False)

    @property
    def selector(self) -> str:
        """The first four digits."""
        return self.digits[:_SELECTOR]

    @property
    def secret(self) -> str:
        """The other twelve."""
        return self.digits[_SELECTOR:]

    @property
    def checked(self) -> bool:
        """Whether its last digit fits: most slips of the finger show here."""
        return self.digits[-1] == check_digit(self.digits[:-1])

    def written(self) -> str:
        """4-4-4-4, as it is shown and written down."""
        return "-".join(self.digits[place : place + 4] for place in range(0, LENGTH, 4))


def new_code() -> Code:
    """A fresh one."""
    digits = "".join(secrets.choice("0123456789") for _ in range(_RANDOM))
    return Code(digits + check_digit(digits))


def read_code(text: str) -> Code | None:
    """The sixteen digits in a message, in any script, with spaces or dashes; None if there are none.

    Whether the check digit fits is not looked at here: a wrong code must cost what a right one does.
    """
    found = _GROUPS.search(ascii_digits(fold_letters(text[:_LONGEST])))
    return Code(re.sub(r"\D", "", found.group())) if found else None


def check_digit(digits: str) -> str:
    """Luhn's: one wrong digit shows, and nearly every two that were swapped."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
