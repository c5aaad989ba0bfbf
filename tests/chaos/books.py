"""The books: every message that a phone sent against what was stored, answered and received."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from handoff.store.vault import Vault
from tests.chaos.fleet import Fleet

NETWORKS = {"sms-twilio": "sms", "whatsapp-twilio": "whatsapp", "whatsapp-cloud": "whatsapp", "telegram": "telegram"}
INBOUND = "SELECT id, conversation_id, channel, provider_index, worked_at FROM inbound ORDER BY id"
OUTBOUND = """
    SELECT id, inbound_id, conversation_id, state, attempts, possible_duplicate, provider_index
    FROM outbound ORDER BY id
"""
PHONES = """
    SELECT c.id, c.channel, a.network, a.index FROM conversations c JOIN addresses a ON a.id = c.address_id
"""
BUSY = """
    SELECT (SELECT count(*) FROM conversations WHERE due_at IS NOT NULL OR leased_until > now())
        + (SELECT count(*) FROM inbound WHERE worked_at IS NULL)
        + (SELECT count(*) FROM outbound WHERE state IN ('queued', 'sending')) AS open,
        (SELECT count(*) FROM inbound) AS stored
"""
REACHED = frozenset({"sent", "delivered", "read"})


@dataclass(frozen=True)
class Phone:
    """One phone's side and the database's side of one conversation, each in its own order."""

    channel: str
    address: str
    sent: list[dict[str, Any]]
    got: list[dict[str, Any]]
    inbound: list[Any]
    outbound: list[Any]
    vault: Vault

    def lost(self) -> int:
        """Messages that the phone sent and that were not stored and worked."""
        stored = {row.provider_index for row in self.inbound if row.worked_at}
        if self.channel == "telegram":
            # Its update ids stay between Telegram and us; its messages are told apart by their number only.
            return len(self.sent) - len(stored)
        return sum(self._index("in", entry) not in stored for entry in self.sent)

    def unanswered(self) -> int:
        """Stored messages that have not exactly one answer, or whose answer did not reach the provider."""
        answers = defaultdict(list)
        for row in self.outbound:
            answers[row.inbound_id].append(row.state in REACHED)
        return sum(answers[row.id] != [True] for row in self.inbound)

    def copies(self) -> list[dict[str, Any]]:
        """What the phone got beside the one message that the database knows for each answer."""
        known = {row.provider_index for row in self.outbound}
        return [entry for entry in self.got if self._index("out", entry) not in known]

    def missing(self) -> int:
        """Answers that the database believes sent and that are not on the phone exactly once."""
        shown = [self._index("out", entry) for entry in self.got]
        return sum(shown.count(row.provider_index) != 1 for row in self.outbound)

    def doubts(self) -> int:
        """Further attempts at answers that are counted as possible duplicates."""
        return sum(row.attempts - 1 for row in self.outbound if row.possible_duplicate)

    def answers_in_order(self) -> bool:
        """Whether answers were written, and reached the phone, in the order in which the messages came in."""
        numbers = {row.provider_index: row for row in self.outbound}
        shown = [numbers[index] for entry in self.got if (index := self._index("out", entry)) in numbers]
        return all(a.id < b.id and a.inbound_id < b.inbound_id for a, b in pairwise(shown))

    def messages_in_order(self) -> bool:
        """Whether a message that was acknowledged before the next was written also came in before it."""
        if self.channel == "telegram":
            return True
        stored = {row.provider_index: row.id for row in self.inbound}
        order = [(entry, stored[self._index("in", entry)]) for entry in self.sent]
        return all(
            first < second
            for (early, first), (late, second) in pairwise(order)
            if 0 < early["webhook"]["accepted_at_ms"] < late["at_ms"]
        )

    def _index(self, direction: str, entry: dict[str, Any]) -> bytes:
        number = entry["provider_id"]
        if self.channel == "telegram" and direction == "out":
            number = f"{self.address}:{number}"
        return self.vault.index(direction, self.channel, number)


@dataclass(frozen=True)
class Left:
    """What is still under way: webhooks between provider and gateway, messages not stored, stored work not done."""

    webhooks: int
    messages: int
    work: int

    def __bool__(self) -> bool:
        return bool(self.webhooks or self.messages or self.work)


async def settled(fleet: Fleet, limit_s: float = 150.0) -> None:
    """Wait until every message is in and nothing is left to do: retries, leases of the dead and catch-up included.

    Meta's retries take longest: 5, 10, 20, 40 s apart. Still far shorter than the five minutes of the regular
    catch-up: what came in by that way, came in because the gap was noticed.
    """
    began = time.monotonic()
    while found := await left(fleet):
        assert time.monotonic() - began < limit_s, found
        await asyncio.sleep(0.2)


async def left(fleet: Fleet) -> Left:
    """What is under way now."""
    health = await fleet.control("health")
    entries = (await fleet.control("messages"))["entries"]
    sent = sum(entry["direction"] == "sent" for entry in entries)
    (row,) = await fleet.rows(BUSY)
    return Left(health["pending"], sent - row.stored, row.open)


async def phones(fleet: Fleet) -> list[Phone]:
    """The books of every phone that was used."""
    vault = fleet.vault
    entries, inbound, outbound = defaultdict(list), defaultdict(list), defaultdict(list)
    for entry in (await fleet.control("messages"))["entries"]:
        entries[entry["channel"], entry["address"]].append(entry)
    for row in await fleet.rows(INBOUND):
        inbound[row.conversation_id].append(row)
    for row in await fleet.rows(OUTBOUND):
        outbound[row.conversation_id].append(row)
    known = {(row.channel, row.network, bytes(row.index)): row.id for row in await fleet.rows(PHONES)}
    found = []
    for (channel, address), mine in entries.items():
        network = NETWORKS[channel]
        conversation = known.get((channel, network, vault.index(network, address)))
        sent = [entry for entry in mine if entry["direction"] == "sent"]
        got = [entry for entry in mine if entry["direction"] == "got"]
        found.append(Phone(channel, address, sent, got, inbound[conversation], outbound[conversation], vault))
    return found
