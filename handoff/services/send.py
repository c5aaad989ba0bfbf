"""Sends what a conversation has to say, in order: gate, provider's rate, typed errors, back-off, dead letters."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

import structlog

from handoff.core.channel import (
    Channel,
    Misconfigured,
    OptedOut,
    RetryLater,
    SendError,
    Throttled,
    WindowClosed,
)
from handoff.core.contact import Contact, Verdict, gate
from handoff.core.message import Option, Outgoing
from handoff.core.plan import closes_at, opens_at
from handoff.core.ports import Lease, Sent, Unsent
from handoff.core.rate import Rate

log = structlog.get_logger(__name__)
MAX_ATTEMPTS = 10
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 300.0
PROVIDER_LIMIT_S = 20.0
IN_LINE_S = 1.5
# There a proactive message is no more than a knock (SAFETY §4).
KNOCK_ONLY = "whatsapp"
type Before = Callable[[Sequence[int]], Awaitable[Sequence[int]]]
VERDICT_STATE = {Verdict.HOLD: "held", Verdict.KNOCK: "held", Verdict.DROP: "expired"}


@dataclass(slots=True)
class Send:
    """One instance a worker. Knows channels and their rates; writes nothing itself."""

    channels: Mapping[str, Channel]
    rates: Mapping[str, Rate]
    clock: Callable[[], datetime]
    timezone: str = "UTC"
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)
    jitter: Callable[[], float] = field(default=random.random)

    async def all(self, lease: Lease, unsent: Sequence[Unsent], before: Before) -> tuple[list[Sent], datetime | None]:
        """Send what may go now. Returns what became of each, and when to come back for those that wait.

        `before` is awaited with the ids of messages that are not yet marked as being sent, right before they are, and
        returns those that were not cancelled meanwhile. A message that must wait holds back the ones after it, except
        the system's: a danger card never waits in line.
        """
        results: list[Sent] = []
        retry_at: datetime | None = None
        for message in unsent:
            now = self.clock()
            waits_until = message.next_at if message.next_at and message.next_at > now else None
            if message.kind != "system" and retry_at:
                # Its row says "sending"; it was not, and must not be taken for one that may have left.
                results += [Sent(message.id, "queued")] if message.just_written else []
                continue
            if waits_until:
                retry_at = min(filter(None, (retry_at, waits_until)))
                continue
            sent = await self._one(lease, message, now, before)
            results.append(sent)
            if sent.next_at and sent.state == "queued":
                retry_at = min(filter(None, (retry_at, sent.next_at)))
        return results, retry_at

    async def _one(self, lease: Lease, message: Unsent, now: datetime, before: Before) -> Sent:
        conversation = lease.conversation
        channel = self.channels.get(conversation.channel)
        if channel is None:
            return Sent(message.id, "dead", code="channel_not_configured")
        contact = self._contact(lease, message, channel)
        verdict, why = gate(
            message.kind, message.speaker, contact, now=now, window=channel.limits.window, key=message.key
        )
        if verdict is not Verdict.SEND:
            later = opens_at(contact.hours, self.timezone, now) if why == "outside_hours" else None
            return Sent(message.id, VERDICT_STATE[verdict], code=why, next_at=later)
        pause = self.rates[conversation.channel].reserve(str(conversation.id))
        if pause > IN_LINE_S:
            return Sent(message.id, "queued", next_at=now + timedelta(seconds=pause))
        if pause:
            await self.sleep(pause)
        if not message.just_written and message.id not in await before([message.id]):
            return Sent(message.id, "cancelled", code="cancelled")
        closes = closes_at(contact.hours, self.timezone, now) if _bound(contact, message) else None
        return await self._call(channel, lease, message, now, closes)

    def _contact(self, lease: Lease, message: Unsent, channel: Channel) -> Contact:
        """What the gate looks at: what the message's own person agreed to, on the phone as it is now."""
        phone = lease.conversation.contact
        whose = message.about or phone
        aside = message.about is not None and lease.conversation.case_id != message.case_id
        return replace(
            whose,
            last_inbound_at=phone.last_inbound_at,
            stopped=phone.stopped,
            knocked=phone.knocked,
            timezone=self.timezone,
            aside=aside,
            knock_only=channel.network == KNOCK_ONLY,
        )

    async def _call(
        self, channel: Channel, lease: Lease, message: Unsent, now: datetime, closes: datetime | None
    ) -> Sent:
        outgoing = Outgoing(
            account=lease.conversation.account,
            address=lease.address,
            text=message.text,
            options=tuple(Option(token, label) for token, label in message.options),
            list_button=message.list_button,
            validity_s=int((closes - now).total_seconds()) if closes else None,
        )
        called = monotonic()
        try:
            async with asyncio.timeout(PROVIDER_LIMIT_S):
                receipt = await channel.send(outgoing)
        except SendError as error:
            return self._failed(message, error, now)
        except TimeoutError:
            return self._failed(message, RetryLater("timeout", maybe_sent=True), now)
        except Exception as error:
            # A fault of the adapter. Let out, it would be tried for ever, and everything behind it would wait.
            return self._failed(message, RetryLater(f"crash_{type(error).__name__}", maybe_sent=True), now)
        return Sent(
            message.id,
            "sent",
            provider_id=receipt.provider_id,
            maybe_sent=message.in_doubt,
            segments=message.segments,
            key=message.key,
            called=called,
        )

    def _failed(self, message: Unsent, error: SendError, now: datetime) -> Sent:
        """What an error means for the message. Codes only: a provider's own words can hold the number."""
        log.warning("send_failed", kind=type(error).__name__, code=error.code, attempts=message.attempts)
        doubt = error.maybe_sent or message.in_doubt
        if isinstance(error, OptedOut):
            return Sent(message.id, "failed", code=error.code, opted_out=True)
        if isinstance(error, WindowClosed):
            state = "held" if message.speaker == "human" else "failed"
            return Sent(message.id, state, code=error.code)
        if isinstance(error, Throttled | RetryLater) and message.attempts < MAX_ATTEMPTS:
            return Sent(
                message.id,
                "queued",
                code=error.code,
                next_at=now + timedelta(seconds=self._pause(message.attempts, error)),
                maybe_sent=doubt,
            )
        dead = isinstance(error, Misconfigured | Throttled | RetryLater)
        return Sent(message.id, "dead" if dead else "failed", code=error.code, maybe_sent=doubt)

    def _pause(self, attempts: int, error: SendError) -> float:
        """Exponential back-off with full jitter above half; a provider's own "retry after" is obeyed."""
        grown = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempts)
        pause: float = grown * (0.5 + 0.5 * self.jitter())
        return max(pause, error.retry_after_s) if isinstance(error, Throttled) else pause


def _bound(contact: Contact, message: Unsent) -> bool:
    """Whether it may arrive only within the hours that the person chose."""
    return message.kind != "system" and contact.plan == "hours" and bool(contact.hours)
