"""Every rule of retention takes what has had its time, and nothing else; counted first, and on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.store.door import Door
from handoff.store.inbox import PostgresInbox
from handoff.store.retention import RULES, Purge, Times
from handoff.store.vault import Vault
from tests.store.inbox import sms, value, work
from tests.store.test_erasing import Story

OLDER = "CAST(:age AS interval)"


@pytest.fixture
def story(engine: AsyncEngine, door: Door, inbox: PostgresInbox, vault: Vault) -> Story:
    return Story(engine, door, inbox, vault)


async def do(story: Story, *statements: str, **parameters: Any) -> None:
    async with story.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement), parameters)


async def somebody(story: Story) -> None:
    """Wrote once, was answered, and is at rest."""
    await story.door.receive([sms("hello")])
    (lease,) = await story.inbox.lease(10)
    await work(story.inbox, lease)


async def later(story: Story, **time: float) -> None:
    """As if everything had happened that much earlier."""
    age = timedelta(**time)
    moved = {
        "conversations": ("last_inbound_at", "created_at", "held_at"),
        "inbound": ("received_at",),
        "outbound": ("created_at", "sent_at"),
        "addresses": ("created_at",),
        "persons": ("created_at",),
        "cases": ("created_at", "closed_at", "claimed_at"),
        "consents": ("given_at", "expires_at"),
        "dead_letters": ("created_at",),
        "sealed_summaries": ("expires_at",),
        "tries": ("hour",),
        "forgotten": ("at",),
    }
    for table, columns in moved.items():
        changes = ", ".join(f"{column} = {column} - {OLDER}" for column in columns)
        await do(story, f"UPDATE {table} SET {changes}", age=age)  # noqa: S608 (our own names)


async def purged(story: Story, times: Times | None = None) -> dict[str, int]:
    """What was counted, which must be what was done; what that makes due is done the next time, and then nothing is."""
    purge = Purge(story.engine, times or Times())
    counted = await purge.count()
    done = await purge.run()
    assert {name: count for name, count in counted.items() if count and not done[name]} == {}
    done = {name: count + done[name] for name, count in (await purge.run()).items()}
    assert sum((await purge.count()).values()) == 0
    return {name: count for name, count in done.items() if count}


async def test_nothing_that_is_new_is_taken(story: Story) -> None:
    await story.case(word="lantern")
    assert await purged(story) == {}


@pytest.mark.parametrize(("hours", "gone"), [(71, False), (73, True)])
async def test_an_address_by_sms_without_a_consent_lives_three_days(story: Story, hours: int, gone: bool) -> None:
    await somebody(story)
    await later(story, hours=hours)
    assert ("addresses without a consent" in await purged(story)) is gone
    assert (await story.left() == set()) is gone
    assert (await value(story.engine, "SELECT count(*) FROM vault.data_keys") == 0) is gone


async def test_an_address_by_chat_lives_one_day(story: Story) -> None:
    await somebody(story)
    await do(story, "UPDATE addresses SET network = 'telegram'")
    await later(story, hours=25)
    assert "addresses without a consent" in await purged(story)


async def test_a_dialogue_ends_with_its_session(story: Story) -> None:
    await story.case()
    await do(story, """UPDATE conversations SET state = '{"at": "now"}'""")
    await later(story, hours=23)
    assert "dialogues" not in await purged(story)
    await later(story, hours=2)
    assert "dialogues" in await purged(story)
    assert await value(story.engine, "SELECT state::text || prompts::text FROM conversations") == "{}[]"


async def test_an_open_case_keeps_its_address(story: Story) -> None:
    await story.case()
    await later(story, days=80)
    assert "addresses without a consent" not in await purged(story)


async def test_a_begun_report_is_kept_for_its_thirty_days(story: Story) -> None:
    await somebody(story)
    await do(story, """UPDATE conversations SET state = '{"carried": {"report": {}}}'""")
    await later(story, days=29)
    assert set(await purged(story)) == {"providers' ids of messages sent"}
    await later(story, days=2)
    assert {"reports that were begun", "addresses without a consent"} <= set(await purged(story))


async def test_an_expired_consent_freezes_the_case_and_then_closes_it_and_loses_nothing(story: Story) -> None:
    await story.case()
    await later(story, days=91)
    assert "consents that ran out: their open cases are frozen" in await purged(story)
    assert await value(story.engine, "SELECT state || ' ' || close_code FROM cases") == "withdrawn expired"
    await later(story, days=8)
    await purged(story)
    assert await value(story.engine, "SELECT state FROM cases") == "closed"


async def test_a_closed_case_goes_with_its_person_after_the_time_of_the_procedure(story: Story) -> None:
    await story.case()
    await do(story, "UPDATE cases SET state = 'closed', closed_at = now()", "UPDATE conversations SET owner = 'closed'")
    await later(story, days=89)
    assert "persons whose cases are all closed" not in await purged(story)
    await later(story, days=2)
    assert "persons whose cases are all closed" in await purged(story)
    await purged(story)
    assert await story.left() == set()
    assert await value(story.engine, "SELECT count(*) FROM cases") == 0


async def test_a_shell_and_a_sealed_summary_end_too(story: Story) -> None:
    await story.case(word="lantern")
    await story.erase()
    await later(story, days=13)
    assert "sealed summaries" not in await purged(story)
    await later(story, days=2)
    assert "sealed summaries" in await purged(story)
    await later(story, days=80)
    assert "shells of erased cases" in await purged(story)
    assert await value(story.engine, "SELECT count(*) FROM cases") == 0


async def test_texts_ids_and_tries_go_in_their_time(story: Story) -> None:
    await somebody(story)
    await do(
        story,
        "UPDATE inbound SET cipher = 'x', provider_cipher = 'x'",
        "UPDATE outbound SET cipher = 'x', provider_cipher = 'x'",
        "UPDATE conversations SET held_cipher = 'x', held_at = now()",
        "INSERT INTO dead_letters (direction, channel, code, cipher) VALUES ('in', 'sms-twilio', 'c', 'x')",
        "INSERT INTO tries (bucket, hour, count) VALUES ('x', now(), 1)",
        "INSERT INTO forgotten (channel, account, provider_index) VALUES ('sms-twilio', 'a', 'x')",
    )
    now = {"texts of messages that were worked", "texts of ours that were sent"}
    assert set(await purged(story)) == now
    await later(story, hours=25)
    day = {"texts that wait for a word", "texts of dead letters", "tries at return codes"}
    assert set(await purged(story)) == day
    await later(story, hours=24)
    assert {"providers' ids of messages received", "hashes of erased messages' ids"} <= set(await purged(story))


async def test_what_was_done_is_on_record_as_counts(story: Story) -> None:
    await somebody(story)
    await later(story, days=4)
    await purged(story)
    detail = "SELECT detail->>'count' FROM audit WHERE action = 'purge' AND object_id = 'addresses without a consent'"
    assert await value(story.engine, detail) == "1"


def test_every_rule_has_its_own_name() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
