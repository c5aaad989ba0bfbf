"""Coming back with a return code: the right one, wrong ones, and too many of them."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from handoff.core.return_code import Code, check_digit
from handoff.services.return_code import Kept, Limits, ReturnCodes, verify

PERSON = uuid.UUID(int=8)


@dataclass
class FakeBook:
    """Codes by selector, and the tries of this hour."""

    codes: dict[str, list[Kept]] = field(default_factory=dict)
    tries: Counter[tuple[str, str]] = field(default_factory=Counter)
    read: int = 0

    async def kept(self, selector: str) -> Sequence[Kept]:
        self.read += 1
        return self.codes.get(selector, [])

    async def count(self, bucket: str, name: str) -> int:
        self.tries[bucket, name] += 1
        return self.tries[bucket, name]


async def someone(book: FakeBook, codes: ReturnCodes) -> Code:
    """A person with a fresh code."""
    code, code_hash = await codes.draw()
    book.codes.setdefault(code.selector, []).append(Kept(PERSON, code_hash))
    return code


def a_wrong_one(code: Code) -> str:
    """The same selector, another secret, and a check digit that fits."""
    digits = code.digits[:10] + str((int(code.digits[10]) + 1) % 10) + code.digits[11:15]
    return Code(digits + check_digit(digits)).written()


async def test_the_right_code_says_who_it_is_from_any_sender() -> None:
    book = FakeBook()
    codes = ReturnCodes(book, "pepper")
    code = await someone(book, codes)
    assert await verify(codes, f"here: {code.written()}", sender="one") == PERSON
    assert await verify(codes, code.digits, sender="another") == PERSON


async def test_a_wrong_code_and_no_code_say_nobody() -> None:
    book = FakeBook()
    codes = ReturnCodes(book, "pepper")
    code = await someone(book, codes)
    assert await verify(codes, a_wrong_one(code), sender="one") is None
    assert await verify(codes, "hello", sender="one") is None
    assert await verify(codes, code.digits[:12], sender="one") is None


async def test_without_the_pepper_a_stolen_table_opens_nothing() -> None:
    book = FakeBook()
    code = await someone(book, ReturnCodes(book, "pepper"))
    assert code.digits not in str(book.codes) + repr(book.codes)
    assert await verify(ReturnCodes(book, "another"), code.digits, sender="one") is None


async def test_after_too_many_tries_even_the_right_code_is_nobody() -> None:
    for limits in (Limits(selector=2), Limits(sender=2), Limits(everybody=2)):
        book = FakeBook()
        codes = ReturnCodes(book, "pepper", limits)
        code = await someone(book, codes)
        for _ in range(2):
            assert await verify(codes, a_wrong_one(code), sender="one") is None
        assert await verify(codes, code.digits, sender="one") is None


async def test_one_who_tries_too_much_locks_out_nobody_else() -> None:
    book = FakeBook()
    codes = ReturnCodes(book, "pepper", Limits(sender=1))
    code = await someone(book, codes)
    other = Code("1111222233334444")
    for _ in range(3):
        await verify(codes, other.written(), sender="one")
    assert await verify(codes, code.digits, sender="another") == PERSON


async def test_a_wrong_code_costs_the_same_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    book = FakeBook()
    codes = ReturnCodes(book, "pepper", Limits(sender=3))
    code = await someone(book, codes)
    hashed: list[object] = []
    real = asyncio.to_thread

    async def counted(work: Any, *given: Any) -> Any:
        hashed.append(work)
        return await real(work, *given)

    monkeypatch.setattr(asyncio, "to_thread", counted)
    nobody = "9" * 15 + "0" if code.selector != "9999" else "8" * 15 + "0"
    for said in (code.digits, a_wrong_one(code), nobody, nobody, code.digits):
        await verify(codes, said, sender="one")
    assert len(hashed) == 5
