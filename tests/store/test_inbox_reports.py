"""What providers report and people ask for: delivery, STOP, blocking, leaving. Nothing undoes a STOP but its person."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.conversation import Draft, Turn
from handoff.core.message import Reachability, SendState, StatusUpdate
from handoff.core.ports import Sent
from handoff.core.render import Rendered
from handoff.store.door import Door
from handoff.store.inbox import PostgresInbox
from tests.store.inbox import NUMBER, answer, sms, value, work


async def test_delivery_states_only_rise_whatever_their_order(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    await door.receive([sms()])
    (lease,) = await inbox.lease(1)
    (item,) = await inbox.commit_turn(lease, answer())
    await inbox.finish(lease, [Sent(item.id, "sent", provider_id="SM9")], None)
    for state in (SendState.DELIVERED, SendState.SENT, SendState.SENDING):
        await door.receive([StatusUpdate("sms-twilio", "+15550100", "SM9", state)])
    assert await value(engine, "SELECT state FROM outbound") == "delivered"


async def test_a_report_that_overtakes_our_own_note_is_not_lost(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.store.door.STATUS_AGAIN_S", 0.05)
    await door.receive([sms()])
    (lease,) = await inbox.lease(1)
    (item,) = await inbox.commit_turn(lease, answer())
    await door.receive([StatusUpdate("sms-twilio", "+15550100", "SM9", SendState.DELIVERED)])
    await inbox.finish(lease, [Sent(item.id, "sent", provider_id="SM9")], None)
    async with asyncio.timeout(5):
        while await value(engine, "SELECT state FROM outbound") != "delivered":  # noqa: ASYNC110 (only looking tells)
            await asyncio.sleep(0.02)


async def test_an_opted_out_status_stops_the_address(door: Door, inbox: PostgresInbox, engine: AsyncEngine) -> None:
    await door.receive([sms()])
    (lease,) = await inbox.lease(1)
    (item,) = await inbox.commit_turn(lease, answer())
    await inbox.finish(lease, [Sent(item.id, "sent", provider_id="SM9")], None)
    await door.receive([StatusUpdate("sms-twilio", "+15550100", "SM9", SendState.FAILED, "21610", opted_out=True)])
    await door.receive([sms()])
    (lease,) = await inbox.lease(1)
    assert lease.conversation.contact.stopped


async def test_who_blocks_and_unblocks_us_has_not_taken_back_their_stop(door: Door, inbox: PostgresInbox) -> None:
    async def said(turn: Turn) -> bool:
        await door.receive([sms()])
        (lease,) = await inbox.lease(1)
        await work(inbox, lease, turn)
        await door.receive([sms()])
        (lease,) = await inbox.lease(1)
        await inbox.finish(lease, [], None)
        return lease.conversation.contact.stopped

    async def reported(*, blocked: bool) -> None:
        await door.receive([Reachability("sms-twilio", "+15550100", "sms", NUMBER, blocked=blocked)])

    assert not await said(answer())
    await reported(blocked=True)
    assert await said(answer())
    await reported(blocked=False)
    assert not await said(answer())
    assert await said(Turn(stop=True))
    await reported(blocked=True)
    await reported(blocked=False)
    assert await said(answer())
    assert not await said(Turn(stop=False))


async def test_what_a_stop_cancelled_is_neither_marked_nor_queued_again(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    await door.receive([sms()])
    (lease,) = await inbox.lease(1)
    (item,) = await inbox.commit_turn(lease, answer())
    await inbox.finish(lease, [Sent(item.id, "queued", next_at=lease.now)], lease.now)
    (waiting,) = await inbox.lease(1)
    await door.receive([Reachability("sms-twilio", "+15550100", "sms", NUMBER, blocked=True)])
    assert await inbox.sending(waiting, [item.id]) == []
    await inbox.finish(waiting, [Sent(item.id, "queued", next_at=lease.now)], lease.now)
    assert await value(engine, "SELECT state FROM outbound") == "cancelled"
    await door.receive([sms("again")])
    (readable,) = await inbox.lease(1)
    assert readable.unsent == ()


async def test_a_stop_cancels_all_but_the_danger_card(door: Door, inbox: PostgresInbox, engine: AsyncEngine) -> None:
    await door.receive([sms()])
    (lease,) = await inbox.lease(1)
    kinds = {"greet.hello": "reply", "failopen.card": "system", "danger.card": "system"}
    drafts = [Draft(key, Rendered("text", segments=1), kind, "assistant") for key, kind in kinds.items()]
    items = await inbox.commit_turn(lease, Turn(drafts=drafts))
    await inbox.finish(lease, [Sent(item.id, "queued", next_at=lease.now) for item in items], lease.now)
    await door.receive([Reachability("sms-twilio", "+15550100", "sms", NUMBER, blocked=True)])
    assert await value(engine, "SELECT string_agg(key, ' ') FROM outbound WHERE state = 'queued'") == "danger.card"


async def test_leaving_does_not_silence_what_was_written_right_after_it(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    await door.receive([sms("00")])
    await door.receive([sms("hello?")])
    (lease,) = await inbox.lease(1)
    await work(inbox, lease, Turn(changes={"last_inbound_at": None}))
    assert await value(engine, "SELECT last_inbound_at IS NOT NULL FROM conversations") is True
    (lease,) = await inbox.lease(1)
    await work(inbox, lease, Turn(changes={"last_inbound_at": None}))
    assert await value(engine, "SELECT last_inbound_at IS NULL FROM conversations") is True
