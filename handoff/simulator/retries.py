"""When each provider tries a webhook again. Pure: an attempt's number and outcome in, seconds to wait out.

Sources: Twilio "Webhook connection overrides"; Meta "Create a webhook endpoint" (at once, then less and less often,
for 7 days); Telegram's own server (WebhookActor.cpp: at once, then 2, 4, 8 … s, capped at a random 60–120 s, dropped
after 24 h, `Retry-After` honoured up to an hour). That Telegram drops a webhook after 23 hours of 410 is left out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from urllib.parse import parse_qsl, urldefrag

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt. `status` is 0 when no answer came; then `failure` is "ct" (no connection) or "rt" (no answer)."""

    status: int = 0
    failure: str = ""
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for connecting, for reading, and for all attempts of one webhook together (None: no such limit)."""

    connect_s: float
    read_s: float
    total_s: float | None = None


class Policy(Protocol):
    """How one provider treats one webhook."""

    @property
    def timeouts(self) -> Timeouts:
        """How long an attempt may take."""

    def accepted(self, outcome: Outcome) -> bool:
        """Whether the provider takes this answer for an acknowledgement."""

    def wait(self, attempt: int, outcome: Outcome, age_s: float) -> float | None:
        """Seconds until the next attempt after attempt number `attempt` (from 1), or None to give up."""


@dataclass(frozen=True, slots=True)
class TwilioPolicy:
    """Retries at once, `count` times, and only for the failures named; all within the total time-out."""

    count: int = 1
    reasons: frozenset[str] = frozenset({"ct"})
    timeouts: Timeouts = field(default=Timeouts(5.0, 15.0, 15.0))

    @classmethod
    @lru_cache(maxsize=64)
    def from_url(cls, url: str) -> TwilioPolicy:
        """Read the overrides in a URL's fragment, `#rc=3&rp=all&ct=…&rt=…&tt=…`; out of range values are clipped."""
        given = dict(parse_qsl(urldefrag(url).fragment))

        def number(name: str, default: int, low: int, high: int) -> int:
            value = given.get(name, "")
            return min(max(int(value), low), high) if value.isdigit() else default

        reasons = frozenset(given.get("rp", "ct").split(","))
        timeouts = Timeouts(
            number("ct", 5000, 100, 10_000) / 1000,
            number("rt", 15_000, 100, 15_000) / 1000,
            number("tt", 15_000, 100, 15_000) / 1000,
        )
        return cls(number("rc", 1, 0, 5), reasons, timeouts)

    def accepted(self, outcome: Outcome) -> bool:
        return 200 <= outcome.status < 300

    def wait(self, attempt: int, outcome: Outcome, age_s: float) -> float | None:
        spent = self.timeouts.total_s is not None and age_s >= self.timeouts.total_s
        if attempt > self.count or spent or not self._covers(outcome):
            return None
        return 0.0

    def _covers(self, outcome: Outcome) -> bool:
        reason = outcome.failure or f"{outcome.status // 100}xx"
        return "all" in self.reasons or reason in self.reasons


@dataclass(frozen=True, slots=True)
class MetaPolicy:
    """Anything but 200 is tried again: at once, then after `first_s` doubling each time, until seven days are over.

    Meta says "immediately, then with decreasing frequency over 7 days" and no more; the doubling is ours.
    """

    first_s: float = 5.0
    timeouts: Timeouts = field(default=Timeouts(10.0, 10.0))

    def accepted(self, outcome: Outcome) -> bool:
        return outcome.status == 200

    def wait(self, attempt: int, outcome: Outcome, age_s: float) -> float | None:
        delay = 0.0 if attempt == 1 else self.first_s * 2.0 ** (attempt - 2)
        return delay if age_s + delay <= 7 * DAY_S else None


@dataclass(frozen=True, slots=True)
class TelegramPolicy:
    """Any 2xx is an acknowledgement; else at once, then doubling from 2 s up to a random 60–120 s.

    Given up after `max_age_s`: 24 hours for messages, 150 s for taps.
    """

    dice: random.Random = field(default_factory=random.Random)
    max_age_s: float = DAY_S
    timeouts: Timeouts = field(default=Timeouts(10.0, 60.0))

    def accepted(self, outcome: Outcome) -> bool:
        return 200 <= outcome.status < 300

    def wait(self, attempt: int, outcome: Outcome, age_s: float) -> float | None:
        cap = self.dice.uniform(60, 120)
        delay = 0.0 if attempt == 1 else min(2.0 ** min(attempt - 1, 10), cap)
        if outcome.retry_after_s:
            delay = min(outcome.retry_after_s, 3600.0)
        return delay if age_s + delay <= self.max_age_s else None
