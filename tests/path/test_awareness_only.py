"""Day one: no caseworkers, no desk. What informs works on every channel, and nothing promises a person."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.app import build_house, build_web
from handoff.core.effects import OpenCase
from handoff.core.ports import AssistantTurn
from handoff.settings import Settings
from tests.path.whole import CHANNELS, Whole, whole


@pytest.fixture
async def path(settings: Settings, engine: AsyncEngine) -> AsyncIterator[Whole]:
    """The whole path of a deployment that only informs."""
    async with whole(settings, awareness_only=True) as running:
        yield running


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_card_is_three_digits_away(path: Whole, channel: str) -> None:
    phone = path.phone(channel)
    phone.send("hello")
    menu = await phone.next_reply()
    assert "person" not in menu.text
    phone.send("3")
    await phone.next_reply()
    phone.send("1")
    await phone.next_reply()
    phone.send("1")
    card = await phone.next_reply()
    assert "job" in card.text


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("words", ["9", "I want to talk to a person"])
async def test_who_asks_for_a_person_is_told_the_truth_and_the_number(path: Whole, channel: str, words: str) -> None:
    phone = path.phone(channel)
    phone.send(words)
    reply = await phone.next_reply()
    assert "no people" in reply.text
    assert "+15550100" in reply.text
    phone.send("1")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM cases") == 0


@pytest.mark.parametrize("words", ["99", "i want to die"])
async def test_the_cards_give_the_number_and_offer_nobody(path: Whole, words: str) -> None:
    phone = path.phone("sms-twilio")
    phone.send(words)
    card = await phone.next_reply()
    assert "+15550100" in card.text
    assert "write to you" not in card.text
    phone.send("yes")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM cases") == 0


async def test_an_assistant_that_opens_a_case_all_the_same_opens_none(path: Whole) -> None:
    async def consented(*_: object, **__: object) -> AssistantTurn:
        return AssistantTurn((OpenCase("write", "consent.contact"),), {}, "affirm")

    path.assistant.turn = consented  # type: ignore[method-assign]
    phone = path.phone("telegram")
    phone.send("yes I agree to it")
    assert "no people" in (await phone.next_reply()).text
    assert await path.value("SELECT count(*) FROM cases") == 0


async def test_there_is_no_desk(settings: Settings) -> None:
    app = build_web(build_house(settings.model_copy(update={"awareness_only": True})))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        assert (await client.get("/console")).status_code == 404
        assert (await client.get("/healthz")).status_code == 200
