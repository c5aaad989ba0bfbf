"""What a caseworker writes."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.staff import User
from handoff.services.access import read_chat
from handoff.services.claim import NotOpen, Taken, claim, held_case
from handoff.services.reply import CannotSend, Reply, reply
from handoff.settings import Settings
from handoff.store.vault import Vault
from tests.console.world import World


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def held(world: World, user: User, **values: object) -> uuid.UUID:
    """A case that this user holds."""
    case_id = await world.case("ABC234", **values)  # type: ignore[arg-type]
    async with world.engine.begin() as connection:
        await claim(world.desk(), connection, user, case_id, world.clock())
    return case_id


async def send(world: World, user: User, case_id: uuid.UUID, form: Reply) -> None:
    """Reply in a transaction of its own."""
    async with world.engine.begin() as connection:
        await reply(world.desk(), connection, user, case_id, form=form, now=world.clock())


async def test_words_are_kept_encrypted_and_shown_to_the_desk(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await held(world, mina)
    await send(world, mina, case_id, Reply("hello there"))
    async with world.engine.begin() as connection:
        case = await held_case(world.desk(), connection, mina, case_id)
        line = (await read_chat(world.desk(), connection, case))[-1]
    assert (line.text, line.author, line.send_state) == ("hello there", "Mina", "queued")
    assert b"hello" not in await world.one("SELECT cipher FROM case_messages")
    assert "hello" not in repr(line) + repr(Reply("hello there"))


async def test_a_long_text_in_several_messages_is_one_line_as_far_as_its_slowest(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await held(world, mina)
    await send(world, mina, case_id, Reply("x" * 1000))
    [only] = [row.id for row in await world.outbound(case_id) if row.speaker == "human"]
    async with world.engine.begin() as connection:
        await world.desk().cases.add_line(connection, case_id, "two parts", staff_id=mina.id, outbound=[only, only])
    await world.run("UPDATE outbound SET state = 'failed', error_code = '30003' WHERE id = :id", id=only)
    async with world.engine.begin() as connection:
        lines = await read_chat(world.desk(), connection, await held_case(world.desk(), connection, mina, case_id))
    assert [(line.text, line.send_state) for line in lines if line.speaker == "human"][-1] == ("two parts", "failed")


async def test_the_same_words_later_are_a_new_message(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await held(world, mina)
    await send(world, mina, case_id, Reply("hello"))
    seen = await world.one("SELECT 'm' || max(id) FROM case_messages")
    await send(world, mina, case_id, Reply("hello", after=seen))
    assert await world.one("SELECT count(*) FROM outbound WHERE speaker = 'human'") == 2


@pytest.mark.parametrize(("text", "code"), [("", "empty"), (" \r\n ", "empty"), ("x" * 1001, "too_long")])
async def test_what_is_not_sendable_is_refused_with_a_code(world: World, text: str, code: str) -> None:
    mina = await world.staff("mina")
    case_id = await held(world, mina)
    with pytest.raises(CannotSend, match=code):
        await send(world, mina, case_id, Reply(text))
    assert await world.one("SELECT count(*) FROM case_messages") == 0


async def test_a_channel_that_is_gone_takes_no_words(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await held(world, mina, channel="telegram")
    with pytest.raises(CannotSend, match="no_address"):
        await send(world, mina, case_id, Reply("hello"))


async def test_nobody_but_the_holder_writes(world: World) -> None:
    mina, omar = await world.staff("mina"), await world.staff("omar", role="admin")
    case_id = await held(world, mina)
    with pytest.raises(Taken):
        await send(world, omar, case_id, Reply("hello"))


async def test_taking_back_the_consent_ends_the_writing(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await held(world, mina)
    await world.run("UPDATE cases SET state = 'withdrawn', claimed_by = NULL")
    with pytest.raises(NotOpen):
        await send(world, mina, case_id, Reply("hello"))


async def test_the_audit_knows_that_and_not_what(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await held(world, mina)
    await send(world, mina, case_id, Reply("secret words"))
    row = await world.one("SELECT row_to_json(a)::text FROM audit a WHERE action = 'case.reply'")
    assert str(mina.id) in row
    assert "secret" not in row
