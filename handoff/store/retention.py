"""How long what stays (SAFETY §5): one rule for each class of data, counted before it is done, and on record.

A rule names rows by a condition; what is done with them is one statement, or erasing as the person would.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.core.staff import Deed
from handoff.store.door import notify_desk
from handoff.store.erasing import tear_down
from handoff.store.persons import CASES, erase_person
from handoff.store.staff import StaffBook

BATCH = 200
FINAL = "('sent', 'delivered', 'read', 'failed', 'expired', 'cancelled')"
# Somebody writes, or something of ours is on its way: not now.
BUSY = """
    COALESCE(c.leased_until > now(), false) OR COALESCE(c.due_at <= now(), false) OR c.erasure_id IS NOT NULL
    OR EXISTS (SELECT FROM inbound i WHERE i.conversation_id = c.id AND i.worked_at IS NULL)
    OR EXISTS (SELECT FROM outbound o WHERE o.conversation_id = c.id AND o.state IN ('queued', 'sending'))
"""
HEARD = """
    COALESCE(c.last_inbound_at, (SELECT max(i.received_at) FROM inbound i WHERE i.conversation_id = c.id), c.created_at)
"""
# A report that was begun: codes of the answers so far, to be gone on with days later.
DRAFT = "c.state ? 'report' OR COALESCE(c.state->'carried' ? 'report', false)"
# The contact that somebody agreed to, and a case that is still kept, keep the address that it needs.
NEEDED = """
    EXISTS (
        SELECT FROM cases k WHERE k.conversation_id = c.id
          AND (k.state IN ('waiting', 'claimed') OR k.state = 'withdrawn' AND k.close_code = 'expired')
    )
    OR EXISTS (
        SELECT FROM person_addresses l JOIN consents n ON n.person_id = l.person_id
        WHERE l.address_id = a.id AND n.purpose = 'contact' AND n.withdrawn_at IS NULL AND n.expires_at > now()
    )
"""


@dataclass(frozen=True, slots=True)
class Times:
    """The configured times. What is not here is fixed."""

    session: timedelta = timedelta(hours=24)
    report: timedelta = timedelta(days=30)
    address: timedelta = timedelta(hours=24)
    address_sms: timedelta = timedelta(hours=72)
    closed_case: timedelta = timedelta(days=90)
    notice: timedelta = timedelta(days=7)

    def parameters(self) -> dict[str, timedelta]:
        """By the names that the statements use."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Rule:
    """`rows` follows SELECT … FROM; `act` does away with one row of it."""

    name: str
    keeps: str
    columns: str
    rows: str
    act: Callable[[AsyncConnection, Any], Awaitable[None]]


def does(*statements: str) -> Callable[[AsyncConnection, Any], Awaitable[None]]:
    """Statements about `:id`."""
    prepared = [text(statement) for statement in statements]

    async def act(connection: AsyncConnection, row: Any) -> None:
        for statement in prepared:
            await connection.execute(statement, {"id": row.id})

    return act


async def _address(connection: AsyncConnection, row: Any) -> None:
    await tear_down(connection, row.id, row.key_id)


async def _person(connection: AsyncConnection, row: Any) -> None:
    cases = (await connection.execute(CASES, {"person": row.id})).all()
    await erase_person(connection, row.id, row.key_id, cases, why="expired")


async def _freeze(connection: AsyncConnection, row: Any) -> None:
    await connection.execute(FREEZE, {"id": row.id})
    await connection.execute(UNHAND, {"id": row.id})
    await notify_desk(connection, str(row.id))


FREEZE = text("""
    UPDATE cases SET state = 'withdrawn', close_code = 'expired', claimed_by = NULL, claimed_until = NULL,
        alarm_at = NULL, closed_at = now() WHERE id = :id AND state IN ('waiting', 'claimed')
""")
UNHAND = text("UPDATE conversations SET owner = 'closed' WHERE case_id = :id")
RULES: Sequence[Rule] = (
    Rule(
        "texts of messages that were worked",
        "0",
        "i.id",
        "inbound i WHERE i.worked_at IS NOT NULL AND i.cipher IS NOT NULL",
        does("UPDATE inbound SET cipher = NULL WHERE id = :id"),
    ),
    Rule(
        "texts of ours that were sent",
        "0",
        "o.id",
        f"outbound o WHERE o.cipher IS NOT NULL AND o.state IN {FINAL}",
        does("UPDATE outbound SET cipher = NULL WHERE id = :id"),
    ),
    Rule(
        "texts that could not be sent",
        "24 h",
        "o.id",
        "outbound o WHERE o.cipher IS NOT NULL AND o.state = 'dead' AND o.created_at < now() - interval '24 hours'",
        does("UPDATE outbound SET cipher = NULL WHERE id = :id"),
    ),
    Rule(
        "texts that wait for a word",
        "24 h",
        "c.id",
        "conversations c WHERE c.held_cipher IS NOT NULL AND c.held_at < now() - interval '24 hours'",
        does("UPDATE conversations SET held_cipher = NULL, held_at = NULL WHERE id = :id"),
    ),
    Rule(
        "providers' ids of messages received",
        "48 h",
        "i.id",
        "inbound i WHERE i.provider_cipher IS NOT NULL AND i.received_at < now() - interval '48 hours'",
        does("UPDATE inbound SET provider_cipher = NULL WHERE id = :id"),
    ),
    Rule(
        "providers' ids of messages sent",
        "48 h",
        "o.id",
        "outbound o WHERE o.provider_cipher IS NOT NULL"
        " AND COALESCE(o.sent_at, o.created_at) < now() - interval '48 hours'",
        does("UPDATE outbound SET provider_cipher = NULL WHERE id = :id"),
    ),
    Rule(
        "dialogues",
        "{session}",
        "c.id",
        f"conversations c WHERE (c.state <> '{{}}' OR c.prompts <> '[]') AND NOT ({DRAFT}) AND NOT ({BUSY})"
        f" AND {HEARD} < now() - CAST(:session AS interval)",
        does("UPDATE conversations SET state = '{}', prompts = '[]' WHERE id = :id AND due_at IS NULL"),
    ),
    Rule(
        "reports that were begun",
        "{report}",
        "c.id",
        f"conversations c WHERE ({DRAFT}) AND NOT ({BUSY}) AND {HEARD} < now() - CAST(:report AS interval)",
        does("UPDATE conversations SET state = '{}', prompts = '[]' WHERE id = :id AND due_at IS NULL"),
    ),
    Rule(
        "addresses without a consent",
        "{address}, SMS {address_sms}",
        "a.id, a.key_id",
        f"addresses a WHERE NOT EXISTS (SELECT FROM conversations c WHERE c.address_id = a.id AND ({BUSY} OR {NEEDED}"
        f" OR (({DRAFT}) AND {HEARD} > now() - CAST(:report AS interval)) OR {HEARD} > now() -"
        " CASE WHEN a.network = 'sms' THEN CAST(:address_sms AS interval) ELSE CAST(:address AS interval) END))"
        " AND a.created_at < now() - interval '1 hour'",
        _address,
    ),
    Rule(
        "consents that ran out: their open cases are frozen",
        "as agreed",
        "k.id",
        "cases k JOIN consents n ON n.id = k.consent_id"
        " WHERE k.state IN ('waiting', 'claimed') AND n.expires_at < now()",
        _freeze,
    ),
    Rule(
        "cases whose consent ran out or was taken back: closed",
        "{notice} frozen",
        "k.id",
        "cases k WHERE k.state = 'withdrawn' AND k.closed_at < now() - CAST(:notice AS interval)",
        does("UPDATE cases SET state = 'closed', close_code = COALESCE(close_code, 'withdrawn') WHERE id = :id"),
    ),
    Rule(
        "persons whose cases are all closed",
        "{closed_case}",
        "p.id, p.key_id",
        "persons p WHERE EXISTS (SELECT FROM cases k WHERE k.person_id = p.id) AND NOT EXISTS (SELECT FROM cases k"
        " WHERE k.person_id = p.id AND (k.state IN ('waiting', 'claimed')"
        " OR COALESCE(k.closed_at, now()) > now() - CAST(:closed_case AS interval)))",
        _person,
    ),
    Rule(
        "persons without a case or an address",
        "{session}",
        "p.id, p.key_id",
        "persons p WHERE NOT EXISTS (SELECT FROM cases k WHERE k.person_id = p.id) AND NOT EXISTS (SELECT FROM"
        " person_addresses l WHERE l.person_id = p.id) AND p.created_at < now() - CAST(:session AS interval)",
        _person,
    ),
    Rule(
        "shells of erased cases",
        "{closed_case}",
        "k.id",
        "cases k WHERE k.state = 'erased' AND k.closed_at < now() - CAST(:closed_case AS interval)",
        does("DELETE FROM complaints WHERE case_id = :id", "DELETE FROM cases WHERE id = :id"),
    ),
    Rule(
        "sealed summaries",
        "until their day",
        "s.id",
        "sealed_summaries s WHERE s.expires_at < now()",
        does("DELETE FROM sealed_summaries WHERE id = :id"),
    ),
    Rule(
        "texts of dead letters",
        "24 h",
        "d.id",
        "dead_letters d WHERE d.cipher IS NOT NULL AND d.created_at < now() - interval '24 hours'",
        does("UPDATE dead_letters SET cipher = NULL WHERE id = :id"),
    ),
    Rule(
        "tries at return codes",
        "24 h",
        "t.ctid::text AS id",
        "tries t WHERE t.hour < now() - interval '24 hours'",
        does("DELETE FROM tries WHERE ctid = CAST(:id AS tid)"),
    ),
    Rule(
        "hashes of erased messages' ids",
        "48 h",
        "f.ctid::text AS id",
        "forgotten f WHERE f.at < now() - interval '2 days'",
        does("DELETE FROM forgotten WHERE ctid = CAST(:id AS tid)"),
    ),
)


@dataclass(slots=True)
class Purge:
    """Counts or does away with what has had its time."""

    engine: AsyncEngine
    times: Times

    async def count(self) -> dict[str, int]:
        """How many rows each rule would do away with now."""
        async with self.engine.connect() as connection:
            return {rule.name: await self._count(connection, rule) for rule in RULES}

    async def _count(self, connection: AsyncConnection, rule: Rule) -> int:
        query = text(f"SELECT count(*) FROM {rule.rows}")  # noqa: S608 (only our own rules)
        return int((await connection.execute(query, self._used(rule))).scalar_one())

    async def run(self) -> dict[str, int]:
        """Do away with it, a batch a transaction; what was done is on record, as counts."""
        done = {}
        for rule in RULES:
            done[rule.name] = 0
            while batch := await self._batch(rule):
                done[rule.name] += batch
                if batch < BATCH:
                    break
        return done

    async def _batch(self, rule: Rule) -> int:
        query = text(f"SELECT {rule.columns} FROM {rule.rows} LIMIT {BATCH}")  # noqa: S608 (only our own rules)
        async with self.engine.begin() as connection:
            rows = (await connection.execute(query, self._used(rule))).all()
            for row in rows:
                await rule.act(connection, row)
            if rows:
                deed = Deed("job", "purge", "retention", rule.name, None, {"count": len(rows)})
                await StaffBook().record(connection, deed)
        return len(rows)

    def _used(self, rule: Rule) -> Mapping[str, timedelta]:
        return {name: value for name, value in self.times.parameters().items() if f":{name} " in rule.rows}


def keeps(rule: Rule, times: Times) -> str:
    """How long, in words an operator reads: "24 h", "90 d"."""
    return rule.keeps.format(**{name: _short(value) for name, value in times.parameters().items()})


def _short(time: timedelta) -> str:
    hours = int(time.total_seconds()) // 3600
    return f"{hours // 24} d" if hours >= 96 else f"{hours} h"
