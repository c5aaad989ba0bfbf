"""Who comes back to a phone, on all parts: the greeting, what waits sealed, and the way to the case."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from handoff.app import build_desk, now
from handoff.core.plan import WINDOWS, inside
from handoff.core.return_code import read_code
from handoff.services.claim import claim
from handoff.services.reply import Reply, reply
from handoff.simulator.phone import NoReply
from handoff.store.keys import load_key
from tests.path.test_handoff import answer, caseworker, reach_queue, read_all
from tests.path.whole import CHANNELS, Whole

SEALED = "SELECT held_cipher IS NOT NULL FROM conversations"


async def an_hour_later(path: Whole) -> None:
    """Everything that is known of the phones' people is an hour older."""
    await path.settle()
    await path.do("UPDATE conversations SET person_seen_at = person_seen_at - interval '61 minutes'")


async def choose_word(path: Whole, word: str) -> None:
    """The newest person has a word."""
    async with path.house.engine.begin() as connection:
        found = await connection.exec_driver_sql("SELECT id, key_id FROM persons ORDER BY created_at DESC LIMIT 1")
        person = found.one()
        key = await load_key(connection, path.house.vault, person.key_id)
        await connection.exec_driver_sql(
            "UPDATE persons SET word_cipher = %(word)s WHERE id = %(id)s",
            {"word": key.encrypt(word, "persons.word_cipher"), "id": person.id},
        )


async def relayed(path: Whole) -> int:
    """How many messages the humans have got."""
    return int(await path.value("SELECT count(*) FROM case_messages WHERE speaker = 'person'"))


@pytest.mark.parametrize("channel", CHANNELS)
async def test_who_comes_back_goes_on_to_the_case(path: Whole, channel: str) -> None:
    phone = await reach_queue(path, channel)
    before = await relayed(path)
    await an_hour_later(path)
    phone.send("I am at the station")
    greeting = await phone.next_reply()
    assert "What would you like?" in greeting.text
    await path.settle()
    assert (await relayed(path), await path.value(SEALED)) == (before, True)
    answer(phone, greeting, 2)
    assert "I am here" in (await phone.next_reply()).text
    await path.settle()
    assert (await relayed(path), await path.value(SEALED)) == (before + 1, False)
    assert await path.value("SELECT owner FROM conversations") == "waiting"


async def test_a_word_guards_the_case_and_brings_back_to_it(path: Whole) -> None:
    phone = await reach_queue(path)
    await choose_word(path, "river")
    before = await relayed(path)
    await an_hour_later(path)
    phone.send("where is it?")
    await phone.next_reply()
    phone.send("2")
    assert "I am here" in (await phone.next_reply()).text
    await path.settle()
    await read_all(phone)
    assert (await path.value("SELECT owner FROM conversations"), await relayed(path)) == ("assistant", before)
    assert await path.value("SELECT state FROM cases") == "waiting"
    phone.send("it is me, River")
    assert "I am here" in (await phone.next_reply()).text
    await path.settle()
    assert (await path.value("SELECT owner FROM conversations"), await relayed(path)) == ("waiting", before + 1)


async def test_three_wrong_words_lock_what_we_send_and_nothing_else(path: Whole) -> None:
    phone = await reach_queue(path)
    await choose_word(path, "river")
    await an_hour_later(path)
    phone.send("where is it?")
    await phone.next_reply()
    phone.send("2")
    for wrong in ("lake", "stone", "tree"):
        await path.settle()
        await read_all(phone)
        phone.send(wrong)
        assert (await phone.next_reply()).text
    await path.settle()
    await read_all(phone)
    assert await path.value("SELECT locked_until > now() + interval '23 hours' FROM persons")
    phone.send("99")
    assert "+15550100" in (await phone.next_reply()).text
    await path.settle()
    assert await path.value("SELECT reasons @> '[\"danger_unproven\"]' AND level = 'P0' FROM cases")
    phone.send("river")
    await path.settle()
    assert await path.value("SELECT locked_until IS NULL AND wrong_words = 0 FROM persons")


async def test_a_late_answer_knocks_first_and_is_sent_to_who_says_the_word(path: Whole) -> None:
    phone = await reach_queue(path)
    answer(phone, object(), 2)
    await path.settle()
    await read_all(phone)
    await choose_word(path, "river")
    user, case_id = await caseworker(path), await path.value("SELECT id FROM cases")
    await an_hour_later(path)
    await path.do("UPDATE conversations SET last_inbound_at = last_inbound_at - interval '61 minutes'")
    desk = build_desk(path.house)
    async with path.house.engine.begin() as connection:
        await claim(desk, connection, user, case_id, now())
    await path.settle()
    assert "moment" in (await phone.next_reply()).text
    async with path.house.engine.begin() as connection:
        await reply(desk, connection, user, case_id, form=Reply("We found a room"), now=now())
    await path.settle()
    await read_all(phone)
    assert await path.value("SELECT count(*) FROM outbound WHERE key = 'knock.hello'") == 1
    assert await path.value("SELECT state || error_code FROM outbound WHERE key = 'case.reply'") == "heldknock"
    phone.send("1")
    assert "alone" in (await phone.next_reply()).text
    phone.send("1")
    assert "I am here" in (await phone.next_reply()).text
    await path.settle()
    await read_all(phone)
    assert await path.value("SELECT state FROM outbound WHERE key = 'case.reply'") == "held"
    phone.send("River")
    assert "I am here" in (await phone.next_reply()).text
    texts = [(await phone.next_reply()).text for _ in range(2)]
    assert any("We found a room" in text for text in texts)


async def test_what_is_written_outside_their_hours_waits_for_them(path: Whole) -> None:
    phone = await reach_queue(path)
    closed = next(name for name in WINDOWS if not inside((name,), "UTC", now()))
    await path.do(
        "UPDATE persons SET contact_plan = 'hours', plan_hours = CAST(:hours AS jsonb)", hours=json.dumps([closed])
    )
    await path.do("UPDATE conversations SET last_inbound_at = last_inbound_at - interval '20 minutes'")
    user, case_id = await caseworker(path), await path.value("SELECT id FROM cases")
    desk = build_desk(path.house)
    async with path.house.engine.begin() as connection:
        await claim(desk, connection, user, case_id, now())
        await reply(desk, connection, user, case_id, form=Reply("We found a room"), now=now())
    await path.settle()
    waiting = "SELECT state || error_code FROM outbound WHERE key = 'case.reply'"
    assert await path.value(waiting) == "heldoutside_hours"
    await path.do("UPDATE persons SET contact_plan = 'any'")
    await path.do("UPDATE outbound SET next_at = now() WHERE state = 'held'")
    assert await path.house.upkeep.open_windows() == 1
    path.worker.wake.set()
    async with asyncio.timeout(10):
        while "We found a room" not in (await phone.next_reply()).text:
            pass


async def test_a_code_brings_the_case_to_another_phone_and_the_old_one_gets_nothing_more(path: Whole) -> None:
    phone = await reach_queue(path)
    for said in ("2", "Pomegranate", "1"):
        phone.send(said)
        await path.settle()
    shown = []
    with contextlib.suppress(NoReply):
        while True:
            shown.append((await phone.next_reply(0.3)).text)
    code = next(filter(None, map(read_code, shown)))
    assert not any("omegranate" in text for text in shown)
    other = path.phone("telegram")
    other.send(f"my code is {code.written()}")
    assert "I am here" in (await other.next_reply()).text
    await path.settle()
    on = "SELECT c.channel FROM cases JOIN conversations c ON c.id = cases.conversation_id AND c.case_id = cases.id"
    assert await path.value(on) == "telegram"
    assert await path.value("SELECT count(*) FROM conversations WHERE case_id IS NOT NULL") == 1
    user, case_id = await caseworker(path), await path.value("SELECT id FROM cases")
    desk = build_desk(path.house)
    async with path.house.engine.begin() as connection:
        await claim(desk, connection, user, case_id, now())
        await reply(desk, connection, user, case_id, form=Reply("We found a room"), now=now())
    await path.settle()
    texts = [(await other.next_reply()).text for _ in range(2)]
    assert any("We found a room" in text for text in texts)
    with pytest.raises(NoReply):
        await phone.next_reply(0.3)
