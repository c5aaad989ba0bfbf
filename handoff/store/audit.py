"""The audit's chains: whether each entry stands as it was written, and the digests by which a day is known again.

The database closes the chains (migration 0003). They are checked here with our own arithmetic, so that whoever changes
the database's functions does not change the check. Whoever can change rows and recompute every digest after them is
found by the digest of the day, which stands in the log and wherever an operator keeps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

# What is digested is the same text here and in the trigger: a JSON array of the entry's own columns.
ENTRIES = text("""
    SELECT id, chain, place, digest, jsonb_build_array(
        chain, place, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), actor, action,
        object_kind, object_id, organisation_id, detail
    )::text AS canonical,
    COALESCE(organisation_id::text, 'deployment') || ':' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS belongs
    FROM audit
    WHERE COALESCE(right(chain, 10), to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD')) BETWEEN :first AND :last
      AND (chain IS NOT NULL OR id > (SELECT min(id) FROM audit WHERE chain IS NOT NULL))
    ORDER BY chain, place, id
""")
HEADS = text("SELECT chain, place, digest FROM audit_heads WHERE right(chain, 10) BETWEEN :first AND :last")
PUBLISH = text("""
    INSERT INTO audit_heads (chain, place, digest)
    SELECT DISTINCT ON (chain) chain, place, digest FROM audit
    WHERE digest IS NOT NULL AND right(chain, 10) < :today
      AND NOT EXISTS (SELECT FROM audit_heads h WHERE h.chain = audit.chain)
    ORDER BY chain, place DESC
    ON CONFLICT (chain) DO NOTHING RETURNING right(chain, 10) AS day
""")
PUBLISHED = text("SELECT chain, place, digest FROM audit_heads WHERE right(chain, 10) = :day ORDER BY chain")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a chain, and at which place. `entry` is the row's id, None where the row is gone."""

    what: str
    chain: str
    place: int | None
    entry: int | None

    def __str__(self) -> str:
        """One line for the operator: codes only."""
        where = "-" if self.place is None else str(self.place)
        return "\t".join((self.what, self.chain, f"place {where}", f"entry {self.entry or '-'}"))


async def verify(connection: AsyncConnection, first: date, last: date) -> tuple[Sequence[Flaw], dict[str, str]]:
    """Every flaw of the chains of these days (UTC, both included), and the digest of each day with a published head."""
    days = {"first": f"{first:%F}", "last": f"{last:%F}"}
    rows = (await connection.execute(ENTRIES, days)).all()
    heads = {row.chain: row for row in await connection.execute(HEADS, days)}
    chains = {chain: list(entries) for chain, entries in groupby(rows, key=lambda row: row.chain or "")}
    flaws = [flaw for chain, entries in chains.items() for flaw in _flaws(chain, entries, heads.get(chain))]
    flaws += [Flaw("truncated", chain, 1, None) for chain in heads if chain not in chains]
    digests = {day: digest_of(heads.values(), day) for day in sorted({chain[-10:] for chain in heads})}
    return flaws, digests


def _flaws(chain: str, entries: Sequence[Any], head: Any) -> Iterator[Flaw]:
    """Of one chain, in its order: an entry that is gone, that was moved or copied, changed, cut off at the end."""
    if not chain:
        yield from (Flaw("unchained", "-", None, row.id) for row in entries)
        return
    before, expected = hashlib.sha256(chain.encode()).digest(), 1
    at = {row.place: row for row in entries}
    for row in entries:
        if row.digest is None or row.place is None:
            yield Flaw("unchained", chain, row.place, row.id)
            continue
        while expected < row.place:
            yield Flaw("missing", chain, expected, None)
            expected, before = expected + 1, b""
        good = row.belongs == chain and (
            not before or hashlib.sha256(before + row.canonical.encode()).digest() == row.digest
        )
        if not good:
            yield Flaw("changed", chain, row.place, row.id)
        before, expected = row.digest, expected + 1
    if head is None:
        return
    if expected - 1 < head.place:
        yield from (Flaw("truncated", chain, place, None) for place in range(expected, head.place + 1))
    elif head.place in at and at[head.place].digest != head.digest:
        yield Flaw("rewritten", chain, head.place, at[head.place].id)
    elif head.place + 1 in at:
        yield Flaw("added", chain, head.place + 1, at[head.place + 1].id)


def digest_of(heads: Iterable[Any], day: str) -> str:
    """One digest over the heads of a day: names no organisation and counts nothing."""
    whole = hashlib.sha256()
    for head in sorted(heads, key=lambda head: str(head.chain)):
        if head.chain.endswith(day):
            whole.update(f"{head.chain}\0{head.place}\0".encode() + head.digest)
    return whole.hexdigest()


async def publish(engine: AsyncEngine, today: date) -> dict[str, str]:
    """Keep the heads of all chains that have ended; returns the digest of each day that is new. Safe to run twice."""
    async with engine.begin() as connection:
        days = {row.day for row in await connection.execute(PUBLISH, {"today": f"{today:%F}"})}
        return {day: digest_of((await connection.execute(PUBLISHED, {"day": day})).all(), day) for day in sorted(days)}


def since(today: date, days: int = 30) -> date:
    """The first of the last days."""
    return today - timedelta(days=days)
