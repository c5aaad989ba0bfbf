"""Dead letters show codes; their words are sealed, and gone after a day."""

from __future__ import annotations

from dataclasses import fields

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.app import build_house
from handoff.core.message import Poison
from handoff.settings import Settings
from handoff.store.dead_letters import DeadLetters, Letter
from handoff.store.upkeep import Upkeep

BODY = b'{"text": "velvet canary"}'


@pytest.fixture
async def letters(engine: AsyncEngine, settings: Settings) -> DeadLetters:
    """Two letters: of today and of the day before yesterday."""
    house = build_house(settings)
    for _ in range(2):
        await house.door.receive([Poison("telegram", "bot", "bad_json", BODY)])
    await house.aclose()
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE dead_letters SET created_at = now() - interval '25 h' WHERE id = 1"))
    return DeadLetters(engine)


async def value(engine: AsyncEngine, query: str) -> object:
    async with engine.connect() as connection:
        return (await connection.execute(text(query))).scalar()


async def test_staff_see_number_direction_channel_code_and_age(letters: DeadLetters) -> None:
    assert [field.name for field in fields(Letter)] == ["id", "direction", "channel", "code", "created_at"]
    assert [(each.direction, each.channel, each.code) for each in await letters.waiting()] == [
        ("in", "telegram", "bad_json")
    ] * 2


async def test_words_live_a_day_and_codes_stay(letters: DeadLetters, engine: AsyncEngine) -> None:
    assert await value(engine, "SELECT count(*) FROM vault.data_keys") == 2
    await Upkeep(engine).purge_dead_letters()
    assert await value(engine, "SELECT count(*) FROM dead_letters WHERE cipher IS NOT NULL") == 1
    assert await value(engine, "SELECT count(*) FROM vault.data_keys") == 1
    assert len(await letters.waiting()) == 2
    await Upkeep(engine).purge_dead_letters()
    assert await value(engine, "SELECT count(*) FROM vault.data_keys") == 1


async def test_a_letter_that_fails_to_be_told_stays(letters: DeadLetters, engine: AsyncEngine) -> None:
    number = (await letters.waiting())[0].id
    with pytest.raises(RuntimeError):
        async with letters.taken(number):
            raise RuntimeError
    assert len(await letters.waiting()) == 2


async def test_no_words_stand_in_the_table(letters: DeadLetters, engine: AsyncEngine) -> None:
    dump = str(await value(engine, "SELECT string_agg(d::text, '') FROM dead_letters d"))
    assert "canary" not in dump
    assert b"canary".hex() not in dump
