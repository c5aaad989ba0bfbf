"""Many who write at once: each is stored, worked and answered once, and nobody waits for somebody else."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.ports import LeaseLost
from handoff.store.door import Door
from handoff.store.inbox import PostgresInbox
from handoff.store.quick import Quick
from handoff.store.vault import Vault
from tests.store.inbox import an_inbox, sms, value, work


async def test_two_first_messages_of_a_stranger_at_once_make_one_address(door: Door, engine: AsyncEngine) -> None:
    new = await asyncio.gather(*(door.receive([sms(provider_id=f"SM{n}")]) for n in range(8)))
    assert sum(new) == 8
    assert await value(engine, "SELECT count(*) FROM addresses") == 1
    assert await value(engine, "SELECT count(*) FROM conversations") == 1
    assert await value(engine, "SELECT count(*) FROM vault.data_keys") == 1


async def test_simultaneous_duplicates_are_one_message(door: Door, engine: AsyncEngine) -> None:
    new = await asyncio.gather(*(door.receive([sms(provider_id="SM1")]) for _ in range(8)))
    assert sum(new) == 1
    assert await value(engine, "SELECT due_count FROM conversations") == 1


async def test_conversations_that_cannot_be_read_take_no_place_from_the_others(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    for number in range(3):
        await door.receive([sms(number=f"+1555000{number}")])
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE vault.data_keys SET master_id = 'lost'"))
    await door.receive([sms(number="+15550009")])
    assert await inbox.lease(3) == []
    assert len(await inbox.lease(3)) == 1
    assert await value(engine, "SELECT count(*) FROM conversations WHERE due_at > now()") == 3


async def test_many_who_write_at_once_are_all_stored_worked_and_answered_in_their_own_conversation(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    numbers = [f"+1555{number:04d}" for number in range(30)]
    await asyncio.gather(*(door.receive([sms(f"words of {number}", number=number)]) for number in numbers * 2))
    for _ in range(2):
        leases = await inbox.lease(100)
        assert sorted(lease.address for lease in leases) == numbers
        assert all(lease.received and lease.received.text == f"words of {lease.address}" for lease in leases)
        await asyncio.gather(*(work(inbox, lease) for lease in leases))
    assert await inbox.lease(100) == []
    misplaced = "SELECT count(*) FROM outbound o JOIN inbound i ON i.id = inbound_id"
    assert await value(engine, f"{misplaced} WHERE o.conversation_id <> i.conversation_id OR state <> 'sent'") == 0
    assert await value(engine, "SELECT count(*) FROM outbound") == 60


async def test_of_many_who_finish_together_only_those_who_lost_their_lease_are_told_so(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    slow, other = an_inbox(engine, quick, vault, "slow"), an_inbox(engine, quick, vault, "other")
    for number in range(4):
        await door.receive([sms(number=f"+1555000{number}")])
    leases = await slow.lease(10)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE conversations SET leased_until = now() - interval '1 second'"))
    (taken,) = await other.lease(1)
    results = await asyncio.gather(*(work(slow, lease) for lease in leases), return_exceptions=True)
    lost = [lease.conversation.id for lease, result in zip(leases, results, strict=True) if result is not None]
    assert lost == [taken.conversation.id]
    assert [type(result) for result in results if result is not None] == [LeaseLost]
    assert await value(engine, "SELECT count(*) FROM outbound WHERE state = 'sent'") == 3


async def test_nobody_waits_for_somebody_who_waits_for_them(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    """Two gateways write for the same people in opposite orders, while a worker answers them."""
    numbers = [f"+1555{number:04d}" for number in range(20)]
    for number in numbers:
        await door.receive([sms(number=number)])
    second, inbox = Door(engine, quick, vault), an_inbox(engine, quick, vault, "worker")

    async def write(gateway: Door, order: list[str]) -> None:
        for _ in range(5):
            await asyncio.gather(*(gateway.receive([sms(number=number)]) for number in order))

    async def answer_all() -> int:
        done = 0
        while done < 220:
            leases = await inbox.lease(50)
            await asyncio.gather(*(work(inbox, lease) for lease in leases), inbox.heartbeat(leases))
            done += len(leases)
        return done

    async with asyncio.timeout(20):
        _, _, done = await asyncio.gather(write(door, numbers), write(second, numbers[::-1]), answer_all())
    assert done == 220
    assert await value(engine, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
    await second.aclose()
