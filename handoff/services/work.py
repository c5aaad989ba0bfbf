"""The worker: leases due conversations and works them, many at once, each by nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

import structlog

from handoff.core.conversation import Turn
from handoff.core.message import Incoming, Kind
from handoff.core.ports import Inbox, Lease, LeaseLost, Sent, Unsent
from handoff.core.prompts import Prompt
from handoff.services.meters import Meters
from handoff.services.presence import knock
from handoff.services.respond import Respond
from handoff.services.send import Send

log = structlog.get_logger(__name__)
MAX_ATTEMPTS = 4
LONGEST_PAUSE_S = 60.0
IDLE_S = 1.0
# Between two leases while busy: what becomes due meanwhile is leased together.
GATHER_S = 0.01
DATABASE_PAUSE_S = 0.25
LEASE_BEATS = 3


async def _nothing() -> None:
    """There are no copies at providers to delete."""


@dataclass(slots=True)
class Worker:
    """Works conversations until `stop`. Survives a database that goes away: it comes back with it."""

    inbox: Inbox
    respond: Respond
    send: Send
    meters: Meters
    spend: Callable[[str, int], None]
    wake: asyncio.Event
    concurrency: int
    heartbeat_s: float
    after_erasure: Callable[[], Awaitable[object]] = field(default=_nothing)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _working: dict[asyncio.Task[None], Lease] = field(default_factory=dict)

    def stop(self) -> None:
        """Take nothing new; `run` ends when what is being worked on is done."""
        self.stopping.set()
        self.wake.set()

    async def run(self) -> None:
        """Lease and work until stopped; then finish what is being worked on."""
        beat = asyncio.create_task(self._heartbeat())
        while not self.stopping.is_set():
            self.wake.clear()
            free = self.concurrency - len(self._working)
            started = await self._survive(self._start_some) if free else 0
            if started < free or not free:
                await self._wait_for_news()
            if self._working:
                await asyncio.sleep(GATHER_S)
        if self._working:
            await asyncio.wait(self._working)
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beat

    async def _survive(self, step: Callable[[], Awaitable[int]]) -> int:
        """One step; a database that is away costs a short pause, never the worker."""
        try:
            return await step()
        except Exception as error:
            log.warning("database_away", error=type(error).__name__)
            await asyncio.sleep(DATABASE_PAUSE_S)
            return 0

    async def _start_some(self) -> int:
        free = self.concurrency - len(self._working)
        leases = await self.inbox.lease(free) if free else []
        for lease in leases:
            task = asyncio.create_task(self._work_safely(lease))
            self._working[task] = lease
            task.add_done_callback(self._done)
        return len(leases)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.pop(task, None)
        self.wake.set()

    async def _wait_for_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wake.wait(), IDLE_S)

    async def _heartbeat(self) -> None:
        """Prolong what is being worked on, so that slow is not mistaken for dead."""
        while True:
            await asyncio.sleep(self.heartbeat_s)
            leases = list(self._working.values())
            if leases:
                await self._survive(lambda leases=leases: self._beat(leases))  # type: ignore[misc]

    async def _beat(self, leases: list[Lease]) -> int:
        await self.inbox.heartbeat(leases)
        return 0

    async def _work_safely(self, lease: Lease) -> None:
        """Nothing that happens to one conversation may stop another. Places and types are logged, never words."""
        try:
            await self.work(lease)
        except LeaseLost:
            self.meters.count("lease_lost")
        except Exception as error:
            log.error("turn_failed", error=type(error).__name__, place=place_of(error))
            self.meters.count("turn_failed")
            with contextlib.suppress(Exception):
                await self._give_back(lease)

    async def _give_back(self, lease: Lease) -> None:
        attempts = lease.received.attempts if lease.received else 0
        pause_s = min(LONGEST_PAUSE_S, 0.5 * 2 ** min(attempts, 16))
        await self.inbox.failed(lease, lease.now + timedelta(seconds=pause_s))

    async def work(self, lease: Lease) -> None:
        """One message of one conversation, and everything that waits to be sent. Raises LeaseLost."""
        began = monotonic()
        written: list[Unsent] = []
        if lease.received and lease.conversation.erasure_id:
            # Written after an erasure whose answer has not left yet: it belongs to a chat that begins now.
            await self._erased(lease, at_once=True)
            return
        erasing = lease.conversation.erasure_id is not None
        if lease.received:
            turn = await self._decide(lease)
            written = list(await self.inbox.commit_turn(lease, turn))
            erasing = turn.erase is not None
            self.meters.turn(turn.outcome, lease.conversation.channel, monotonic() - began)
            lease = _as_changed(lease, turn)
        sent, retry_at = await self.send.all(lease, [*lease.unsent, *written], partial(self.inbox.sending, lease))
        await self._knock(lease, sent)
        await self._write_down(lease, sent, retry_at)
        self._count(lease, sent)
        await self._stop_spinner(lease)
        if erasing:
            await self._erased(lease, at_once=False)

    async def _erased(self, lease: Lease, *, at_once: bool) -> None:
        """The address goes once its last answer has left; what fails here is done by a job (store/erasing.py)."""
        try:
            await self.inbox.finish_erasure(lease, at_once=at_once)
            await self.after_erasure()
        except Exception as error:
            log.warning("erasure_unfinished", error=type(error).__name__)

    async def _knock(self, lease: Lease, sent: list[Sent]) -> None:
        """Something waits that may be said only to the right one: ask whoever is there whether they have a moment."""
        waiting = next((item for item in sent if item.state == "held" and item.code == "knock"), None)
        if waiting and not lease.conversation.contact.knocked:
            case_id = next((message.case_id for message in lease.unsent if message.id == waiting.id), None)
            drafts, changes = knock(self.respond.voice, lease.conversation, lease.now, case_id)
            await self.inbox.knock(lease, drafts, changes)

    async def _write_down(self, lease: Lease, sent: list[Sent], retry_at: datetime | None) -> None:
        """What became of the messages is known here only: while the database is away, wait for it, or the next worker
        would send them again. No longer than a lease lives; whoever has it then is told by the fence, not by us."""
        give_up = monotonic() + LEASE_BEATS * self.heartbeat_s
        while True:
            try:
                return await self.inbox.finish(lease, sent, retry_at)
            except LeaseLost:
                raise
            except Exception as error:
                if not sent or monotonic() > give_up:
                    raise
                log.warning("database_away", error=type(error).__name__)
            await asyncio.sleep(DATABASE_PAUSE_S)

    async def _decide(self, lease: Lease) -> Turn:
        received = lease.received
        if received is None:
            raise AssertionError("nothing to decide")
        if received.attempts >= MAX_ATTEMPTS:
            return self.respond.failed_turn(lease.conversation, received, lease.now, "cannot_be_worked")
        return await self.respond.turn(lease.conversation, received, lease.now)

    def _count(self, lease: Lease, sent: list[Sent]) -> None:
        for item in sent:
            self.meters.sent(lease.conversation.channel, item.state, item.segments)
            if item.state == "sent" and item.segments:
                self.spend(lease.conversation.channel, item.segments)

    async def _stop_spinner(self, lease: Lease) -> None:
        received, conversation = lease.received, lease.conversation
        channel = self.send.channels.get(conversation.channel)
        if received is None or not received.ack_token or channel is None:
            return
        tap = Incoming(
            channel=conversation.channel,
            account=conversation.account,
            network=conversation.network,
            address=lease.address,
            provider_id="",
            kind=Kind.TAP,
            ack_token=received.ack_token,
        )
        await channel.acknowledge(tap)


def _as_changed(lease: Lease, turn: Turn) -> Lease:
    """The lease as the gate must see it: what waited to be sent must not leave after a STOP of this very turn."""
    contact = lease.conversation.contact
    stopped = contact.stopped if turn.stop is None else turn.stop
    last_inbound_at = turn.changes.get("last_inbound_at", contact.last_inbound_at)
    changed = replace(contact, stopped=stopped, last_inbound_at=last_inbound_at)
    case_id = turn.changes.get("case_id", lease.conversation.case_id)
    if turn.return_to or turn.new_case:
        case_id = turn.return_to.case_id if turn.return_to else turn.new_case.case_id if turn.new_case else case_id
    # A turn may have asked something: a knock that follows must not forget it.
    prompts = tuple(Prompt.from_json(raw) for raw in turn.changes.get("prompts", ())) or lease.conversation.prompts
    count = turn.changes.get("prompt_count", lease.conversation.prompt_count)
    conversation = replace(lease.conversation, contact=changed, case_id=case_id, prompts=prompts, prompt_count=count)
    return replace(lease, conversation=conversation)


def place_of(error: BaseException) -> str:
    """File and line where an error came from: enough to find it, nothing of what somebody wrote."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "unknown"
