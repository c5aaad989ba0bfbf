"""How deep an erasure goes: with the word or code, without, and where none was set. Codes, persons and summaries."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.conversation import Erase, NewCase
from handoff.core.normalise import normalise
from handoff.core.return_code import Code, new_code
from handoff.core.sealed import WrongSecret, open_once
from handoff.store.door import Door
from handoff.store.inbox import PostgresInbox
from handoff.store.return_codes import keep_code
from handoff.store.sealing import open_summary, seal_key, stretched
from handoff.store.vault import Vault
from tests.store.inbox import answer, sms, value, work

WORD = "lantern"
TABLES = (
    "addresses",
    "conversations",
    "inbound",
    "outbound",
    "persons",
    "person_addresses",
    "consents",
    "case_messages",
)


# An erasure's own key goes with the last copy at a provider.
KEYS = "SELECT count(*) FROM vault.data_keys WHERE id NOT IN (SELECT key_id FROM erasures)"


@dataclass
class Story:
    """Somebody with a case, and what they set."""

    engine: AsyncEngine
    door: Door
    inbox: PostgresInbox
    vault: Vault

    async def case(self, *, word: str = "", code: Code | None = None, number: str = "AAA222") -> None:
        """A case of whoever writes, with a line in it."""
        await self.door.receive([sms("9"), sms("I am locked in")])
        turn = answer()
        turn.new_case = NewCase(
            uuid.uuid4(), uuid.uuid4(), number, "write", "consent.contact", "v1", "P2", ("papers",), "en"
        )
        (lease,) = await self.inbox.lease(10)
        await work(self.inbox, lease, turn)
        (lease,) = await self.inbox.lease(10)
        await work(self.inbox, lease)
        async with self.engine.begin() as connection:
            person = (await connection.execute(text("SELECT * FROM persons"))).one()
            key = (
                await connection.execute(text("SELECT * FROM vault.data_keys WHERE id = :id"), {"id": person.key_id})
            ).one()
            opened = self.vault.open(key.id, key.wrapped, key.master_id)
            if word:
                sealed = opened.encrypt(word, "persons.word_cipher")
                await connection.execute(text("UPDATE persons SET word_cipher = :word"), {"word": sealed})
            if code:
                await keep_code(connection, person.id, code.selector, "hash", seal_key=await seal_key(self.vault, code))

    async def erase(self, said: str = "") -> None:
        """Erase, to the end."""
        await self.door.receive([sms("1")])
        (lease,) = await self.inbox.lease(10)
        turn = answer("Done.")
        turn.erase = Erase(said)
        await work(self.inbox, lease, turn)
        await self.inbox.finish_erasure(lease, at_once=False)

    async def left(self) -> set[str]:
        """Tables that still hold anything of anybody."""
        return {name for name in TABLES if await value(self.engine, f"SELECT count(*) FROM {name}")}  # noqa: S608

    async def summary(self) -> Any:
        """The sealed summary, None if there is none."""
        async with self.engine.connect() as connection:
            return (await connection.execute(text("SELECT * FROM sealed_summaries"))).first()


@pytest.fixture
def story(engine: AsyncEngine, door: Door, inbox: PostgresInbox, vault: Vault) -> Story:
    return Story(engine, door, inbox, vault)


async def test_without_a_word_ever_set_everything_goes(story: Story) -> None:
    await story.case()
    await story.erase()
    assert await story.left() == set()
    assert await story.summary() is None
    assert await value(story.engine, "SELECT state FROM cases") == "erased"


@pytest.mark.parametrize("said", [WORD, "it is LANTERN", "lanterm"])
async def test_with_the_word_nothing_at_all_is_left(story: Story, said: str) -> None:
    await story.case(word=WORD)
    await story.erase(said)
    assert await story.left() == set()
    assert await story.summary() is None


async def test_with_the_code_nothing_at_all_is_left(story: Story) -> None:
    code = new_code()
    await story.case(word=WORD, code=code)
    await story.erase(f"my code {code.written()}")
    assert await story.left() == set()
    assert await story.summary() is None


@pytest.mark.parametrize("said", ["", "window", "1234 5678 9012 3456"])
async def test_without_the_word_only_a_sealed_summary_is_left_that_the_word_and_the_code_open(
    story: Story, said: str
) -> None:
    code = new_code()
    await story.case(word=WORD, code=code)
    await story.erase(said)
    assert await story.left() == set()
    sealed = await story.summary()
    for secret in (WORD, "LANTERN", code.written()):
        codes = await open_summary(story.vault, sealed, secret)
        assert codes is not None
        assert (codes["level"], codes["reasons"]) == ("P2", ["papers"])
        assert "+1555" not in json.dumps(codes)
    assert await open_summary(story.vault, sealed, "window") is None
    assert await open_summary(story.vault, sealed, new_code().written()) is None


async def test_the_keys_of_the_deployment_do_not_open_a_sealed_summary(story: Story) -> None:
    await story.case(word=WORD)
    await story.erase()
    sealed = await story.summary()
    assert await value(story.engine, KEYS) == 0
    with pytest.raises(WrongSecret):
        open_once(await stretched(story.vault, normalise("window"), bytes(sealed.salt)), bytes(sealed.by_word))


async def test_a_deployment_may_keep_no_summary(story: Story, engine: AsyncEngine, quick: Any, vault: Vault) -> None:
    story.inbox = PostgresInbox(
        engine, quick, vault, holder="w", lease=timedelta(seconds=30), organisation="demo-aid", sealed_for=timedelta(0)
    )
    await story.case(word=WORD)
    await story.erase()
    assert await story.summary() is None
    assert await story.left() == set()


async def test_the_desk_is_told_and_the_claim_ends(story: Story) -> None:
    await story.case()
    await story.erase()
    assert await value(story.engine, "SELECT count(*) FROM audit WHERE action = 'case.erased'") == 1
    assert await value(story.engine, "SELECT count(*) FROM cases WHERE claimed_by IS NOT NULL") == 0


async def test_a_message_that_came_meanwhile_is_worked_as_of_somebody_new(story: Story) -> None:
    await story.door.receive([sms("1")])
    (lease,) = await story.inbox.lease(10)
    turn = answer("Done.")
    turn.erase = Erase()
    await story.door.receive([sms("wait, are you there?")])
    await work(story.inbox, lease, turn)
    await story.inbox.finish_erasure(lease, at_once=False)
    (again,) = await story.inbox.lease(10)
    assert again.conversation.id != lease.conversation.id
    assert again.handle.address_id != lease.handle.address_id
    assert again.received is not None
    assert again.received.text == "wait, are you there?"
    assert again.address == lease.address
    assert await value(story.engine, KEYS) == 1


async def test_the_address_stays_until_the_answer_has_left_and_no_longer(story: Story) -> None:
    await story.door.receive([sms("1")])
    (lease,) = await story.inbox.lease(10)
    turn = answer("Done.")
    turn.erase = Erase()
    (unsent,) = await story.inbox.commit_turn(lease, turn)
    await story.inbox.finish_erasure(lease, at_once=False)
    assert await value(story.engine, "SELECT count(*) FROM addresses") == 1
    async with story.engine.begin() as connection:
        await connection.execute(text("UPDATE erasures SET answer_until = now() - interval '1 second'"))
    await story.inbox.finish_erasure(lease, at_once=False)
    assert await value(story.engine, "SELECT count(*) FROM addresses") == 0
    assert unsent.text == "Done."


async def test_what_was_erased_is_not_brought_in_again(story: Story) -> None:
    message = sms("hello", provider_id="SM1")
    await story.door.receive([message])
    (lease,) = await story.inbox.lease(10)
    turn = answer("Done.")
    turn.erase = Erase()
    await work(story.inbox, lease, turn)
    await story.inbox.finish_erasure(lease, at_once=False)
    assert await story.door.receive([message]) == 0
    assert await story.left() == set()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    word=st.sampled_from(["", WORD]),
    coded=st.booleans(),
    said=st.sampled_from(["", WORD, "window", "code"]),
    before=st.integers(0, 3),
)
async def test_whatever_was_set_and_said_nothing_identifies_or_reaches_anybody(
    story: Story, word: str, coded: bool, said: str, before: int
) -> None:
    async with story.engine.begin() as connection:
        await connection.execute(text("TRUNCATE cases, sealed_summaries, forgotten, erasures CASCADE"))
        await connection.execute(
            text("TRUNCATE persons, consents, addresses, conversations, inbound, outbound CASCADE")
        )
        await connection.execute(text("DELETE FROM vault.data_keys"))
    story.door._senders.clear()
    code = new_code() if coded else None
    await story.case(word=word, code=code)
    for _ in range(before):
        await story.door.receive([sms("and then")])
        (lease,) = await story.inbox.lease(10)
        await work(story.inbox, lease)
    await story.erase(code.written() if said == "code" and code else said)
    assert await story.left() == set()
    proven = (not word and not coded) or (word and said == word) or (coded and said == "code")
    assert (await story.summary() is None) is bool(proven)
