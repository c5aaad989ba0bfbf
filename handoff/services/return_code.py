"""Coming back from any phone with the return code (SAFETY §4): a slow hash, a pepper, and limits on trying."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from handoff.core.return_code import Code, new_code, read_code

MOST_DRAWS = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A code as it is kept."""

    person_id: uuid.UUID
    code_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tries an hour: at one selector, from one sender, in the whole deployment."""

    selector: int = 10
    sender: int = 5
    everybody: int = 200


class CodeBook(Protocol):
    """Where codes and tries are kept."""

    async def kept(self, selector: str) -> Sequence[Kept]:
        """The codes that begin so."""

    async def count(self, bucket: str, name: str) -> int:
        """Count one more try of this hour and say how many there were; names are kept as a keyed hash only."""


class ReturnCodes:
    """Makes codes and knows them again. One instance a process; hashing is done beside the event loop."""

    def __init__(self, book: CodeBook, pepper: str, limits: Limits | None = None) -> None:
        self._book = book
        self._pepper = pepper.encode()
        self._limits = limits or Limits()
        # OWASP's second argon2id profile: a tenth of a second, bounded memory.
        self._hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
        # Verified where there is no such code, so that nobody can tell by the time that it took.
        self._nobody = self._hasher.hash(self._peppered(new_code()))
        self._one_at_a_time = asyncio.Semaphore(2)

    async def draw(self) -> tuple[Code, str]:
        """A fresh code whose selector nobody has if one is found soon, and the hash to keep."""
        code = new_code()
        for _ in range(MOST_DRAWS):
            if not await self._book.kept(code.selector):
                break
            code = new_code()
        async with self._one_at_a_time:
            return code, await asyncio.to_thread(self._hasher.hash, self._peppered(code))

    async def verify(self, said: str, *, sender: str) -> uuid.UUID | None:
        """Whose code stands in this message; None for a wrong one, for too many tries, and where there is none.

        `sender` names who tries (a conversation's id). Where sixteen digits are written, the answer takes the same
        time whether they are a code or not.
        """
        code = read_code(said)
        if code is None:
            return None
        allowed = await self._allowed(code, sender)
        kept = await self._book.kept(code.selector) if allowed and code.checked else ()
        found = None
        for each in kept or (None,):
            async with self._one_at_a_time:
                fits = await asyncio.to_thread(self._fits, each.code_hash if each else self._nobody, code)
            if each and fits:
                found = each.person_id
        return found

    async def _allowed(self, code: Code, sender: str) -> bool:
        counts = (
            (await self._book.count("selector", code.selector), self._limits.selector),
            (await self._book.count("sender", sender), self._limits.sender),
            (await self._book.count("everybody", ""), self._limits.everybody),
        )
        return all(tried <= limit for tried, limit in counts)

    def _fits(self, kept: str, code: Code) -> bool:
        try:
            return self._hasher.verify(kept, self._peppered(code))
        except (VerificationError, InvalidHashError):
            return False

    def _peppered(self, code: Code) -> str:
        return hmac.digest(self._pepper, code.digits.encode(), hashlib.sha256).hex()


async def verify(codes: ReturnCodes, said: str, *, sender: str) -> uuid.UUID | None:
    """The person whose return code stands in a message, or None."""
    return await codes.verify(said, sender=sender)
