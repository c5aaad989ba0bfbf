"""The lease: nothing lost and nothing done twice, also in the two interleavings that were found to lose messages."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.conversation import Draft, Turn
from handoff.core.message import Incoming, Kind, Reachability, SendState, StatusUpdate
from handoff.core.ports import Lease, LeaseLost, Sent
from handoff.core.render import Rendered
from handoff.store.door import Door
from handoff.store.inbox import PostgresInbox
from handoff.store.quick import Quick
from handoff.store.upkeep import Upkeep
from handoff.store.vault import Vault

NUMBER = "+15550001"


def sms(text: str = "hello", *, number: str = NUMBER, provider_id: str | None = None) -> Incoming:
    return Incoming(
        channel="sms-twilio",
        account="+15550100",
        network="sms",
        address=number,
        provider_id=provider_id or uuid.uuid4().hex,
        kind=Kind.TEXT,
        text=text,
    )


def answer(text: str = "Hi.") -> Turn:
    return Turn(drafts=[Draft("greet.hello", Rendered(text, segments=1), "reply", "assistant")])


@pytest.fixture
async def door(engine: AsyncEngine, quick: Quick, vault: Vault) -> AsyncIterator[Door]:
    door = Door(engine, quick, vault)
    yield door
    await door.aclose()


@pytest.fixture
def inbox(engine: AsyncEngine, quick: Quick, vault: Vault) -> PostgresInbox:
    return an_inbox(engine, quick, vault, "worker-1")


def an_inbox(engine: AsyncEngine, quick: Quick, vault: Vault, holder: str, lease_s: float = 30) -> PostgresInbox:
    return PostgresInbox(engine, quick, vault, holder=holder, lease=timedelta(seconds=lease_s), organisation="demo-aid")


async def value(engine: AsyncEngine, query: str) -> object:
    async with engine.connect() as connection:
        return (await connection.execute(text(query))).scalar()


async def work(inbox: PostgresInbox, lease: Lease, turn: Turn | None = None) -> None:
    unsent = await inbox.commit_turn(lease, turn or answer())
    await inbox.finish(lease, [Sent(item.id, "sent", provider_id=f"P{item.id}") for item in unsent], None)


async def test_a_message_is_leased_with_its_words_and_erased_when_worked(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    assert await door.receive([sms("is this job real?")]) == 1
    (lease,) = await inbox.lease(10)
    assert lease.received is not None
    assert lease.received.text == "is this job real?"
    assert lease.address == NUMBER
    await work(inbox, lease)
    assert await value(engine, "SELECT count(*) FROM inbound WHERE cipher IS NOT NULL OR worked_at IS NULL") == 0
    assert await value(engine, "SELECT count(*) FROM outbound WHERE state = 'sent' AND cipher IS NULL") == 1
    assert await inbox.lease(10) == []


async def test_the_same_provider_id_twice_is_one_message(door: Door, engine: AsyncEngine) -> None:
    assert await door.receive([sms(provider_id="SM1")]) == 1
    assert await door.receive([sms(provider_id="SM1")]) == 0
    assert await value(engine, "SELECT count(*) FROM inbound") == 1
    assert await value(engine, "SELECT due_count FROM conversations") == 1


async def test_messages_of_one_conversation_are_worked_one_at_a_time_and_in_order(
    door: Door, inbox: PostgresInbox
) -> None:
    for word in ("one", "two", "three"):
        await door.receive([sms(word)])
    seen = []
    for _ in range(3):
        (lease,) = await inbox.lease(10)
        assert await inbox.lease(10) == []
        assert lease.received is not None
        seen.append(lease.received.text)
        await work(inbox, lease)
    assert seen == ["one", "two", "three"]
    assert await inbox.lease(10) == []


async def test_a_message_that_commits_while_the_conversation_is_given_back_is_not_lost(
    door: Door, inbox: PostgresInbox
) -> None:
    """First trap of DESIGN §3: it arrives after the worker looked for work and before it released."""
    await door.receive([sms("one")])
    (lease,) = await inbox.lease(10)
    unsent = await inbox.commit_turn(lease, answer())
    await door.receive([sms("two")])
    await inbox.finish(lease, [Sent(item.id, "sent") for item in unsent], None)
    (again,) = await inbox.lease(10)
    assert again.received is not None
    assert again.received.text == "two"


async def test_an_expired_worker_cannot_commit_what_another_has_taken_over(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    """Second trap of DESIGN §3: the first worker was only slow, and comes back."""
    slow, quick = an_inbox(engine, quick, vault, "slow", lease_s=0), an_inbox(engine, quick, vault, "quick")
    await door.receive([sms()])
    (stale,) = await slow.lease(10)
    (fresh,) = await quick.lease(10)
    with pytest.raises(LeaseLost):
        await slow.commit_turn(stale, answer("from the slow one"))
    await work(quick, fresh)
    with pytest.raises(LeaseLost):
        await slow.finish(stale, [], None)
    assert await value(engine, "SELECT count(*) FROM outbound") == 1


async def test_an_expired_worker_cannot_write_what_became_of_a_message_of_another(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    slow, quick = an_inbox(engine, quick, vault, "slow", lease_s=0.0), an_inbox(engine, quick, vault, "quick")
    await door.receive([sms()])
    (first,) = await slow.lease(1)
    (reply,) = await slow.commit_turn(first, answer())
    (second,) = await quick.lease(1)
    await quick.finish(second, [Sent(reply.id, "sent", provider_id="SM2", maybe_sent=True)], None)
    with pytest.raises(LeaseLost):
        await slow.finish(first, [Sent(reply.id, "queued", code="timeout", next_at=first.now)], first.now)
    assert await value(engine, "SELECT state FROM outbound") == "sent"
    assert await value(engine, "SELECT count(*) FROM outbound WHERE error_code IS NOT NULL") == 0


async def test_a_claim_that_comes_during_a_turn_keeps_the_assistant_silent(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    await door.receive([sms()])
    (lease,) = await inbox.lease(10)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE conversations SET owner = 'caseworker'"))
    with pytest.raises(LeaseLost):
        await inbox.commit_turn(lease, answer())
    assert await value(engine, "SELECT count(*) FROM outbound") == 0
    assert await value(engine, "SELECT count(*) FROM inbound WHERE worked_at IS NULL AND cipher IS NOT NULL") == 1


async def test_the_heartbeat_keeps_a_lease_and_only_ones_own(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    mine, other = an_inbox(engine, quick, vault, "mine", lease_s=30), an_inbox(engine, quick, vault, "other")
    await door.receive([sms()])
    (lease,) = await mine.lease(1)
    await mine.heartbeat([lease])
    await other.heartbeat([lease])
    assert await other.lease(1) == []


async def test_a_reply_left_half_sent_is_sent_again_and_counted_as_a_possible_duplicate(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    dying, next_one = an_inbox(engine, quick, vault, "dying", lease_s=0), an_inbox(engine, quick, vault, "next")
    await door.receive([sms()])
    (lease,) = await dying.lease(1)
    await dying.commit_turn(lease, answer("Hi."))
    (again,) = await next_one.lease(1)
    assert again.received is None
    (left,) = again.unsent
    assert left.in_doubt
    assert left.text == "Hi."
    await next_one.finish(again, [Sent(left.id, "sent", provider_id="P1", maybe_sent=left.in_doubt)], None)
    assert await value(engine, "SELECT possible_duplicate FROM outbound") is True


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


async def test_the_sweep_finds_nothing_in_a_healthy_inbox(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    await door.receive([sms()])
    (lease,) = await inbox.lease(1)
    await work(inbox, lease)
    assert await Upkeep(engine).sweep() == 0


async def test_no_number_and_no_word_stands_in_any_row(door: Door, inbox: PostgresInbox, engine: AsyncEngine) -> None:
    await door.receive([sms("canary sentence", provider_id="wamid.canary")])
    (lease,) = await inbox.lease(1)
    await inbox.commit_turn(lease, answer("canary reply"))
    async with engine.connect() as connection:
        for table in ("addresses", "conversations", "inbound", "outbound", "vault.data_keys"):
            rows = (await connection.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all()  # noqa: S608
            dump = "".join(rows)
            for canary in ("canary", NUMBER, NUMBER[1:], b"canary".hex(), NUMBER.encode().hex()):
                assert canary not in dump, table


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


async def test_a_sender_erased_since_their_last_message_is_somebody_new(
    door: Door, inbox: PostgresInbox, engine: AsyncEngine
) -> None:
    await door.receive([sms()])
    async with engine.begin() as connection:
        for statement in ("DELETE FROM inbound", "DELETE FROM conversations", "DELETE FROM addresses"):
            await connection.execute(text(statement))
    assert await door.receive([sms("it is me again")]) == 1
    (lease,) = await inbox.lease(1)
    assert lease.received is not None
    assert lease.received.text == "it is me again"


async def test_a_message_whose_worker_died_counts_as_tried(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    """One that kills every worker must end as a dead letter, not go round for ever."""
    await door.receive([sms("poison")])
    await door.receive([sms("behind it")])
    dying = an_inbox(engine, quick, vault, "dying", lease_s=0)
    tried = []
    for _ in range(3):
        (lease,) = await dying.lease(1)
        assert lease.received is not None
        tried.append((lease.received.text, lease.received.attempts))
    assert tried == [("poison", 0), ("poison", 1), ("poison", 2)]
    assert await value(engine, "SELECT sum(attempts) FROM inbound") == 2


async def test_a_worker_that_lost_its_lease_does_not_send(
    door: Door, engine: AsyncEngine, quick: Quick, vault: Vault
) -> None:
    slow, other = an_inbox(engine, quick, vault, "slow", lease_s=0), an_inbox(engine, quick, vault, "other")
    await door.receive([sms()])
    (first,) = await slow.lease(1)
    (reply,) = await slow.commit_turn(first, answer())
    await slow.finish(first, [Sent(reply.id, "queued", next_at=first.now)], first.now)
    (stale,) = await slow.lease(1)
    (fresh,) = await other.lease(1)
    with pytest.raises(LeaseLost):
        await slow.sending(stale, [reply.id])
    assert await value(engine, "SELECT state FROM outbound") == "queued"
    assert await other.sending(fresh, [reply.id]) == [reply.id]


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


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbound SET state = 'queued' WHERE conversation_id = gen_random_uuid() AND state = 'held'",
        "SELECT * FROM outbound WHERE conversation_id = ANY('{}'::uuid[]) AND state IN ('queued', 'sending')",
        "UPDATE outbound SET state = 'cancelled' WHERE conversation_id = gen_random_uuid()"
        " AND state IN ('queued', 'held', 'sending') AND kind <> 'system'",
        "SELECT FROM addresses WHERE key_id = gen_random_uuid()",
        "SELECT FROM persons WHERE key_id = gen_random_uuid()",
    ],
)
async def test_what_is_asked_at_every_turn_reads_no_whole_table(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {statement}"))).scalars())
    assert "Seq Scan" not in plan
