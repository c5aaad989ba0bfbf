"""People who write: an offered load through the simulator's phones, and what came of it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.stack import Stack

# In proportion to what a provider takes a second from one sender (100, 80, 80, 30): none is full before the others.
CHANNELS = ("sms-twilio", "whatsapp-cloud", "whatsapp-twilio") * 8 + ("sms-twilio",) * 2 + ("telegram",) * 3
MESSAGES = ("hello", "what can you do", "who can read this", "gracias", "صباح الخير", "they offered me a job abroad")
BATCH_S = 0.1
DRAIN_LIMIT_S = 240.0


@dataclass
class Phones:
    """Phones that take turns in writing."""

    stack: Stack
    everyone: list[tuple[str, str]] = field(default_factory=list)
    _next: int = 0

    async def switch_on(self, count: int) -> None:
        """Add phones, spread over the channels."""
        for number in range(count):
            channel = CHANNELS[number % len(CHANNELS)]
            async with self.stack.http.post(f"{self.stack.simulator}/control/phones", json={"channel": channel}) as got:
                self.everyone.append((channel, (await got.json())["address"]))

    async def write(self, count: int) -> None:
        """The next `count` phones send a message each."""
        messages = []
        for _ in range(count):
            channel, address = self.everyone[self._next % len(self.everyone)]
            # Everybody keeps to one language: who changes it is asked about that, and gets two messages for one.
            text = MESSAGES[self._next % len(self.everyone) % len(MESSAGES)]
            messages.append({"channel": channel, "address": address, "kind": "text", "text": text})
            self._next += 1
        async with self.stack.http.post(f"{self.stack.simulator}/control/send", json={"messages": messages}) as got:
            got.raise_for_status()


@dataclass(frozen=True)
class Outcome:
    """One phase; times in ms. A phone's n-th reply answers its n-th message; fewer are lost, more are duplicated."""

    sent: int
    replies: int
    lost: int
    duplicated: int
    turns_per_second: float
    reply_ms: Sequence[float]
    ack_ms: Sequence[float]
    drain_s: float


async def offer(phones: Phones, rate: float, seconds: float) -> Outcome:
    """Offer `rate` messages a second for some seconds, wait until all is answered, and count."""
    stack = phones.stack
    since, since_ms = await mark(stack)
    start = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - start) < seconds:
        due = int(min(elapsed + BATCH_S, seconds) * rate) - sent
        if due > 0:
            await phones.write(due)
            sent += due
        await asyncio.sleep(BATCH_S)
    stopped = time.monotonic()
    entries = await drained(stack, since, sent)
    return await count(stack, entries, since_ms, busy_s=seconds, drain_s=time.monotonic() - stopped)


async def mark(stack: Stack) -> tuple[int, float]:
    """Where the simulator's ledger stands now."""
    async with stack.http.get(f"{stack.simulator}/control/messages?since=999999999") as got:
        last = (await got.json())["last"]
    return last, time.monotonic() * 1000


async def drained(stack: Stack, since: int, sent: int) -> list[dict[str, Any]]:
    """All entries of this phase, once every message has its reply or nothing has moved for a while."""
    deadline = time.monotonic() + DRAIN_LIMIT_S
    entries: list[dict[str, Any]] = []
    replies, quiet_since = 0, time.monotonic()
    while True:
        await asyncio.sleep(0.5)
        async with stack.http.get(f"{stack.simulator}/control/messages?since={since}") as got:
            page = await got.json()
        since = page["last"]
        entries += page["entries"]
        came = sum(entry["direction"] == "got" for entry in page["entries"])
        if came:
            replies, quiet_since = replies + came, time.monotonic()
        done = replies >= sent and time.monotonic() - quiet_since > 1
        if done or time.monotonic() - quiet_since > 20 or time.monotonic() > deadline:
            return entries


async def count(
    stack: Stack, entries: Sequence[dict[str, Any]], since_ms: float, *, busy_s: float, drain_s: float
) -> Outcome:
    """Pair messages and replies phone by phone."""
    asked: dict[tuple[str, str], list[float]] = defaultdict(list)
    answered: dict[tuple[str, str], list[float]] = defaultdict(list)
    for entry in entries:
        where = asked if entry["direction"] == "sent" else answered
        where[(entry["channel"], entry["address"])].append(entry["at_ms"])
    waits, lost, duplicated = [], 0, 0
    for phone, times in asked.items():
        replies = answered.get(phone, [])
        lost += max(0, len(times) - len(replies))
        duplicated += max(0, len(replies) - len(times))
        waits += [reply - message for message, reply in zip(times, replies, strict=False)]
    replied = sorted(moment for times in answered.values() for moment in times)
    async with stack.http.get(f"{stack.simulator}/control/webhooks?since_ms={since_ms}") as got:
        attempts = (await got.json())["attempts"]
    return Outcome(
        sent=sum(map(len, asked.values())),
        replies=len(replied),
        lost=lost,
        duplicated=duplicated,
        turns_per_second=throughput(replied),
        reply_ms=sorted(waits),
        ack_ms=sorted(attempt["took_ms"] for attempt in attempts if attempt.get("took_ms") is not None),
        drain_s=drain_s,
    )


def throughput(moments: Sequence[float]) -> float:
    """Replies a second over the middle 80 % of a phase, so that neither start nor end flatters or spoils it."""
    if len(moments) < 20:
        return 0.0
    first, last = len(moments) // 10, len(moments) - len(moments) // 10 - 1
    return (last - first) / ((moments[last] - moments[first]) / 1000)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies; values sorted."""
    if not values:
        return float("nan")
    return values[min(len(values) - 1, int(len(values) * share))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values) if values else float("nan")
