"""Carries webhooks to the gateway, again and again where the provider would, and remembers how each attempt went."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass

from handoff.simulator.clock import Clock
from handoff.simulator.ledger import Webhook
from handoff.simulator.retries import Outcome, Policy, Timeouts

log = logging.getLogger(__name__)

KEPT_ATTEMPTS = 200_000

type Post = Callable[[str, bytes, Mapping[str, str], Timeouts], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Call:
    """One webhook: signed headers and body for `url` (which may carry Twilio's `#…` overrides).

    `purpose` is "message", "status" or "handshake". `time_scale` shortens the waits between retries (1: as documented).
    """

    channel: str
    purpose: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    policy: Policy
    time_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one webhook, for benchmarks. `result` is the HTTP status, or "ct"/"rt" when no answer came."""

    channel: str
    purpose: str
    at_ms: float
    took_ms: float
    result: str


class Courier:
    """Delivers calls in background tasks; `attempts` holds the latest tries of all of them."""

    def __init__(self, post: Post, clock: Clock) -> None:
        self.attempts: deque[Attempt] = deque(maxlen=KEPT_ATTEMPTS)
        self._post = post
        self._clock = clock
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def pending(self) -> int:
        """Deliveries and status reports still under way."""
        return len(self._tasks)

    def start(self, work: Coroutine[object, object, object]) -> None:
        """Run in the background until done, or until `stop`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def stop(self) -> None:
        """Cancel everything under way and wait for it to end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def deliver(self, call: Call, fate: Webhook | None = None) -> bool:
        """Try until the gateway acknowledges (True) or the provider would give up (False). Writes into `fate`."""
        fate = fate or Webhook()
        started = self._clock.steady()
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._try(call, fate)
            if call.policy.accepted(outcome):
                return True
            age = (self._clock.steady() - started) / call.time_scale
            delay = call.policy.wait(attempt, outcome, age)
            if delay is None:
                fate.state = "given_up" if fate.state == "waiting" else fate.state
                return False
            if delay:
                await self._clock.sleep(delay * call.time_scale)

    async def _try(self, call: Call, fate: Webhook) -> Outcome:
        started = self._clock.steady()
        outcome = await self._post(call.url, call.body, call.headers, call.policy.timeouts)
        took = round((self._clock.steady() - started) * 1000, 3)
        result = outcome.failure or str(outcome.status)
        self.attempts.append(Attempt(call.channel, call.purpose, round(started * 1000, 3), took, result))
        fate.attempts += 1
        fate.last = result
        if call.policy.accepted(outcome) and fate.state != "accepted":
            fate.state = "accepted"
            fate.ack_ms = took
            fate.accepted_at_ms = round(self._clock.steady() * 1000, 3)
        return outcome

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("simulator task failed: %s", type(error).__name__)
