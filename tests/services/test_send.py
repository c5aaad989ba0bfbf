"""Sending: the gate at the moment of sending, order, back-off, and what each error means."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from handoff.core.channel import (
    Misconfigured,
    OptedOut,
    Rejected,
    RetryLater,
    SendError,
    Throttled,
    WindowClosed,
)
from handoff.core.contact import Contact
from handoff.core.ports import Lease, Sent, Unsent
from handoff.core.rate import Rate
from handoff.services import send as module
from handoff.services.send import Send
from tests.services.scene import NOW, FakeChannel, Pauses, a_conversation, a_lease, ago, unsent, with_people


@dataclass
class Desk:
    """Send with one channel; `marked` are the ids that were written as being sent before they were."""

    channel: FakeChannel = field(default_factory=FakeChannel)
    jitter: float = 1.0
    rate: float = 1000.0
    marked: list[int] = field(default_factory=list)
    pauses: Pauses = field(default_factory=Pauses)

    async def send(self, *messages: Unsent, lease: Lease | None = None) -> tuple[list[Sent], Any]:
        sender = Send(
            {"sms-twilio": self.channel},
            {"sms-twilio": Rate(self.rate, 1000.0, clock=lambda: 100.0)},
            lambda: NOW,
            sleep=self.pauses,
            jitter=lambda: self.jitter,
        )
        return await sender.all(lease or a_lease(), messages, self._mark)

    async def _mark(self, ids: Sequence[int]) -> Sequence[int]:
        self.marked += ids
        return ids


async def test_messages_leave_in_order_and_say_so_before_they_do() -> None:
    desk = Desk()
    sent, retry_at = await desk.send(unsent(1), unsent(2, just_written=True), unsent(3))
    assert [message.text for message in desk.channel.sent] == ["text 1", "text 2", "text 3"]
    assert [(item.state, item.provider_id) for item in sent] == [("sent", "P1"), ("sent", "P2"), ("sent", "P3")]
    assert desk.marked == [1, 3]
    assert retry_at is None


@pytest.mark.parametrize("error", [Throttled("429", 3.0), RetryLater("500")])
async def test_a_head_that_must_wait_holds_back_the_later_ones_but_not_a_danger_card(error: SendError) -> None:
    desk = Desk(FakeChannel([error]))
    card = unsent(3, kind="system", speaker="system", text="card")
    sent, retry_at = await desk.send(unsent(1), unsent(2), card)
    assert [(item.id, item.state) for item in sent] == [(1, "queued"), (3, "sent")]
    assert [message.text for message in desk.channel.sent] == ["card"]
    assert retry_at is not None
    assert retry_at > NOW


async def test_a_reply_held_back_right_after_its_turn_is_not_taken_for_one_that_may_have_left() -> None:
    """Its row says "sending" from the turn on; left so, the next worker would count it as a possible duplicate."""
    desk = Desk(FakeChannel([Throttled("429", 3.0)]))
    sent, _ = await desk.send(unsent(1, just_written=True), unsent(2, just_written=True))
    assert [(item.id, item.state, item.maybe_sent) for item in sent] == [(1, "queued", False), (2, "queued", False)]


async def test_a_head_whose_time_has_not_come_holds_back_the_later_ones() -> None:
    desk = Desk()
    later = NOW + timedelta(seconds=9)
    sent, retry_at = await desk.send(unsent(1, next_at=later), unsent(2), unsent(3, kind="system", speaker="system"))
    assert [item.id for item in sent] == [3]
    assert retry_at == later


@pytest.mark.parametrize(("attempts", "jitter", "seconds"), [(0, 1, 0.5), (3, 1, 4), (3, 0, 2), (9, 1, 256)])
async def test_back_off_grows_with_jitter_above_half(attempts: int, jitter: float, seconds: float) -> None:
    desk = Desk(FakeChannel([RetryLater("503")]), jitter)
    (item,), retry_at = await desk.send(unsent(attempts=attempts))
    assert retry_at == item.next_at == NOW + timedelta(seconds=seconds)


async def test_a_providers_own_retry_after_is_obeyed() -> None:
    _, retry_at = await Desk(FakeChannel([Throttled("429", 42.0)])).send(unsent())
    assert retry_at == NOW + timedelta(seconds=42)


@pytest.mark.parametrize(
    ("error", "speaker", "attempts", "state"),
    [
        (Misconfigured("20003"), "assistant", 0, "dead"),
        (RetryLater("500"), "assistant", 10, "dead"),
        (Throttled("429"), "assistant", 10, "dead"),
        (RetryLater("500"), "assistant", 9, "queued"),
        (Rejected("21211"), "assistant", 0, "failed"),
        (WindowClosed("470"), "assistant", 0, "failed"),
        (WindowClosed("470"), "human", 0, "held"),
        (OptedOut("21610"), "human", 0, "failed"),
    ],
)
async def test_what_an_error_means(error: SendError, speaker: str, attempts: int, state: str) -> None:
    (item,), _ = await Desk(FakeChannel([error])).send(unsent(attempts=attempts, speaker=speaker))
    assert (item.state, item.code) == (state, error.code)
    assert item.opted_out is isinstance(error, OptedOut)


async def test_a_provider_that_never_answers_is_left_and_its_message_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROVIDER_LIMIT_S", 0.01)
    (item,), _ = await Desk(FakeChannel([5.0])).send(unsent())
    assert (item.state, item.code, item.maybe_sent) == ("queued", "timeout", True)


async def test_what_may_have_left_before_stays_in_doubt_when_it_leaves_again() -> None:
    (item,), _ = await Desk().send(unsent(in_doubt=True))
    assert (item.state, item.maybe_sent) == ("sent", True)


async def test_an_adapter_that_breaks_is_a_failed_send_and_in_the_end_a_dead_letter() -> None:
    desk = Desk(FakeChannel([RuntimeError("velvet canary")] * 2))
    (item,), retry_at = await desk.send(unsent(attempts=1))
    assert (item.state, item.code, item.maybe_sent) == ("queued", "crash_RuntimeError", True)
    assert retry_at is not None
    (item,), _ = await desk.send(unsent(attempts=10))
    assert item.state == "dead"


async def test_the_gate_is_asked_at_the_moment_of_sending() -> None:
    late = a_lease(conversation=with_people(contact=Contact(ago(minutes=11))))
    desk = Desk()
    sent, _ = await desk.send(unsent(1), unsent(2, speaker="human"), unsent(3, kind="system"), lease=late)
    assert [(item.state, item.code) for item in sent] == [
        ("expired", "no_consent"),
        ("held", "no_consent"),
        ("sent", ""),
    ]
    assert len(desk.channel.sent) == 1


async def test_a_message_for_a_channel_that_is_gone_is_a_dead_letter() -> None:
    lease = a_lease(conversation=a_conversation(channel="whatsapp-cloud"))
    (item,), _ = await Desk().send(unsent(), lease=lease)
    assert (item.state, item.code) == ("dead", "channel_not_configured")


async def test_a_short_wait_for_the_rate_is_slept_and_a_long_one_given_back() -> None:
    desk = Desk(rate=2.0)
    sent, _ = await desk.send(unsent(1), unsent(2))
    assert [item.state for item in sent] == ["sent", "sent"]
    assert desk.pauses.slept == [0.5]
    slow = Desk(rate=0.25)
    sent, retry_at = await slow.send(unsent(1), unsent(2))
    assert [item.state for item in sent] == ["sent", "queued"]
    assert retry_at == NOW + timedelta(seconds=4)
    assert slow.marked == [1]


async def test_cancelling_the_worker_is_no_provider_error() -> None:
    task = asyncio.create_task(Desk(FakeChannel([30.0])).send(unsent()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
