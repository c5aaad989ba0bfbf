"""The worker: one conversation's trouble is nobody else's, and a database that goes away comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from prometheus_client import generate_latest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.message import Kind
from handoff.core.ports import LeaseLost
from handoff.core.rate import Rate
from handoff.services.meters import Meters
from handoff.services.send import Send
from handoff.services.work import Worker, place_of
from handoff.settings import Settings
from handoff.store.database import create_engine
from tests.conftest import renamed
from tests.path.whole import whole
from tests.services.scene import (
    NOW,
    FakeAssistant,
    FakeChannel,
    FakeInbox,
    a_conversation,
    a_lease,
    a_respond,
    unsent,
    with_people,
    wrote,
)
from tests.simulator.running import until


@dataclass
class Shop:
    """A worker over fakes."""

    inbox: FakeInbox
    assistant: FakeAssistant = field(default_factory=FakeAssistant)
    channel: FakeChannel = field(default_factory=FakeChannel)
    spent: list[tuple[str, int]] = field(default_factory=list)
    meters: Meters = field(default_factory=Meters)

    def worker(self, *, concurrency: int = 4, heartbeat_s: float = 60.0) -> Worker:
        return Worker(
            inbox=self.inbox,
            respond=a_respond(self.assistant),
            send=Send({"sms-twilio": self.channel}, {"sms-twilio": Rate(1000, 1000)}, lambda: NOW),
            meters=self.meters,
            spend=lambda channel, segments: self.spent.append((channel, segments)),
            wake=asyncio.Event(),
            concurrency=concurrency,
            heartbeat_s=heartbeat_s,
        )

    async def run_until(self, done: Callable[[], object], worker: Worker | None = None) -> None:
        """Run a worker until it is so, then stop it in order."""
        worker = worker or self.worker()
        running = asyncio.create_task(worker.run())
        await until(lambda: bool(done()))
        worker.stop()
        await running

    def counted(self) -> str:
        return generate_latest(self.meters.registry).decode()


async def test_a_message_is_answered_sent_counted_and_paid() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"))]))
    await shop.run_until(lambda: shop.inbox.finished)
    assert len(shop.channel.sent) == 1
    assert shop.spent == [("sms-twilio", 1)]
    assert 'amana_turns_total{channel="sms-twilio",outcome="answered"} 1.0' in shop.counted()
    assert shop.inbox.marked == []


async def test_what_waited_goes_before_what_was_just_said() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"), unsent=(unsent(1),))]))
    await shop.run_until(lambda: shop.inbox.finished)
    assert shop.channel.sent[0].text == "text 1"
    assert len(shop.channel.sent) == 2
    assert shop.inbox.marked == [1]


@pytest.mark.parametrize(("text", "state"), [("stop", "expired"), ("00", "held")])
async def test_what_waited_does_not_leave_after_a_stop_that_came_with_it(text: str, state: str) -> None:
    waiting = unsent(1, kind="reply", speaker="human")
    shop = Shop(FakeInbox([a_lease(wrote(text), with_people(), unsent=(waiting,))]))
    await shop.run_until(lambda: shop.inbox.finished)
    ((sent, _),) = shop.inbox.finished
    assert [item.state for item in sent] == [state, "sent"]
    assert [message.text for message in shop.channel.sent] != ["text 1"]


async def test_what_was_cancelled_since_it_was_read_does_not_leave() -> None:
    shop = Shop(FakeInbox([a_lease(unsent=(unsent(1), unsent(2)))], cancelled={1}))
    await shop.run_until(lambda: shop.inbox.finished)
    assert [message.text for message in shop.channel.sent] == ["text 2"]


async def test_a_lease_without_a_message_only_sends() -> None:
    shop = Shop(FakeInbox([a_lease(unsent=(unsent(1),))]))
    await shop.run_until(lambda: shop.inbox.finished)
    assert shop.inbox.turns == []
    assert len(shop.channel.sent) == 1


async def test_one_conversation_that_fails_stops_no_other_and_comes_back_later() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("one", attempts=2)), a_lease(wrote("two"))]))
    shop.assistant.failures = [RuntimeError("the words: canary")]
    await shop.run_until(lambda: shop.inbox.finished and shop.inbox.given_back)
    assert shop.inbox.given_back == [NOW + timedelta(seconds=2)]
    assert len(shop.channel.sent) == 1
    assert 'amana_events_total{event="turn_failed"} 1.0' in shop.counted()


async def test_after_four_failures_it_is_a_dead_letter_and_the_card() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("one", attempts=4))]))
    await shop.run_until(lambda: shop.inbox.finished)
    (turn,) = shop.inbox.turns
    assert turn.dead_code == "cannot_be_worked"
    assert [draft.key for draft in turn.drafts] == ["failopen.card"]


async def test_a_message_that_fails_for_ever_is_tried_once_a_minute() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("one", attempts=3000))], refuse_turn=RuntimeError()))
    await shop.run_until(lambda: shop.inbox.given_back)
    assert shop.inbox.given_back == [NOW + timedelta(seconds=60)]


async def test_a_lost_lease_sends_nothing() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"))], refuse_turn=LeaseLost()))
    await shop.run_until(lambda: "lease_lost" in shop.counted())
    assert shop.channel.sent == []
    assert shop.inbox.given_back == []


async def test_the_heartbeat_beats_while_work_is_slow() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"))]), channel=FakeChannel([0.15]))
    await shop.run_until(lambda: shop.inbox.finished, shop.worker(heartbeat_s=0.02))
    assert shop.inbox.beats >= 2


async def test_stopping_finishes_what_is_being_worked_on() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"))]), channel=FakeChannel([0.1]))
    worker = shop.worker()
    running = asyncio.create_task(worker.run())
    await until(lambda: bool(shop.inbox.turns))
    worker.stop()
    await running
    assert len(shop.inbox.finished) == 1


async def test_never_more_at_once_than_allowed() -> None:
    leases = [a_lease(wrote("hello")) for _ in range(6)]
    shop = Shop(FakeInbox(leases), channel=FakeChannel([0.02] * 6))
    worker = shop.worker(concurrency=2)
    running = asyncio.create_task(worker.run())
    most = 0
    while len(shop.inbox.finished) < 6:
        most = max(most, len(shop.inbox.turns) - len(shop.inbox.finished))
        await asyncio.sleep(0.001)
    worker.stop()
    await running
    assert most == 2


async def test_a_database_that_is_away_costs_a_pause_not_the_worker() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"))], failures=[OSError("gone"), OSError("gone")]))
    await shop.run_until(lambda: shop.inbox.finished)
    assert len(shop.channel.sent) == 1


async def test_what_was_sent_is_written_down_when_the_database_is_back_and_not_sent_again() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"))], refuse_end=[OSError("gone"), OSError("gone")]))
    await shop.run_until(lambda: shop.inbox.finished)
    ((sent, _),) = shop.inbox.finished
    assert [item.state for item in sent] == ["sent"]
    assert len(shop.channel.sent) == 1
    assert shop.inbox.given_back == []


async def test_a_lease_that_another_has_ends_the_work_at_once() -> None:
    shop = Shop(FakeInbox([a_lease(wrote("hello"))], refuse_end=[LeaseLost()]))
    await shop.run_until(lambda: "lease_lost" in shop.counted())
    assert shop.inbox.finished == []


async def test_the_tap_of_a_phone_is_acknowledged_at_the_end() -> None:
    tap = wrote(kind=Kind.TAP, payload="q1:1", ack_token="spin-1")
    shop = Shop(FakeInbox([a_lease(tap)]))
    await shop.run_until(lambda: shop.channel.acknowledged)
    assert shop.channel.acknowledged[0].ack_token == "spin-1"


async def test_a_channel_that_was_switched_off_does_not_stop_the_worker() -> None:
    away = replace(a_conversation(), channel="whatsapp-cloud", network="whatsapp")
    shop = Shop(FakeInbox([a_lease(wrote(kind=Kind.TAP, payload="q1:1", ack_token="t"), away)]))
    await shop.run_until(lambda: shop.inbox.finished)
    ((sent, _),) = shop.inbox.finished
    assert {item.state for item in sent} == {"dead"}


def test_the_place_of_an_error_is_a_file_and_a_line() -> None:
    with pytest.raises(KeyError) as caught:
        raise KeyError("somebody's words")
    assert re.fullmatch(r"test_work\.py:\d+", place_of(caught.value))
    assert place_of(KeyError()) == "unknown"


@pytest.mark.parametrize("moment", ["between turns", "in a turn"])
async def test_a_real_database_that_goes_away_and_returns_loses_nothing(
    settings: Settings, engine: AsyncEngine, server: str, moment: str
) -> None:
    async with whole(settings, lease_s=1.0) as path:
        phone = path.phone("telegram")
        if moment == "in a turn":
            path.assistant.pause = asyncio.Event()
            phone.send("hello")
            await until(lambda: bool(path.assistant.heard))
        await go_away(server, settings.database_url)
        if path.assistant.pause:
            path.assistant.pause.set()
        await asyncio.sleep(0.4)
        await come_back(server, settings.database_url)
        if moment == "between turns":
            phone.send("hello")
        await phone.next_reply(10)
        await path.settle()
        assert await path.value("SELECT count(*) FROM outbound WHERE sent_at IS NOT NULL") == 1


async def go_away(server: str, url: str) -> None:
    """Nobody may connect, and who is connected is thrown out."""
    name = url.rpartition("/")[2].partition("?")[0]
    await at_server(server, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await at_server(server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608


async def come_back(server: str, url: str) -> None:
    name = url.rpartition("/")[2].partition("?")[0]
    await at_server(server, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def at_server(server: str, statement: str) -> None:
    other = create_engine(renamed(server, "postgres"), 1).execution_options(isolation_level="AUTOCOMMIT")
    async with other.connect() as connection:
        await connection.execute(text(statement))
    await other.dispose()
