"""The lease: nothing lost and nothing done twice, also in the two interleavings that were found to lose messages."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.ports import LeaseLost, Sent
from handoff.store.door import Door
from handoff.store.inbox import PostgresInbox
from handoff.store.quick import Quick
from handoff.store.upkeep import Upkeep
from handoff.store.vault import Vault
from tests.store.inbox import NUMBER, an_inbox, answer, sms, value, work


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
