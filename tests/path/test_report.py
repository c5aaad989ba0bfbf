"""Telling safely, from the first sentence to the desk, on every channel."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from handoff.simulator.ledger import Entry
from handoff.simulator.phone import Phone
from tests.path.test_handoff import answer
from tests.path.whole import CHANNELS, Whole, whole
from tests.services.telling import Trained

NETWORK = (
    "INSERT INTO organisations (id, slug, name) VALUES (gen_random_uuid(), 'psea-network', 'Safe Line (fictional)')"
)
LAMP = "INSERT INTO directory_organizations (id, name, description) VALUES ('org-lamp', 'Blue Lamp (fictional)', '')"


@pytest.fixture
async def path(settings: Settings, engine: AsyncEngine) -> AsyncIterator[Whole]:
    """The whole path, with an assistant that answers as the trained one does."""
    async with whole(settings, psea_channel="Other Line (fictional)") as running:
        yield running


def understood(path: Whole, intent: str) -> None:
    """What is typed is understood as that."""
    path.worker.respond.assistant = Trained(intent)


async def tell(phone: Phone, *labels: str) -> Entry:
    """They write, and choose these answers; the last thing that was said."""
    phone.send("something happened to me")
    shown = await phone.next_reply()
    for label in labels:
        while label not in (offered := options(shown)):
            shown = await phone.next_reply()
        answer(phone, shown, offered.index(label) + 1)
        shown = await phone.next_reply()
    return shown


def options(shown: Entry) -> list[str]:
    """What can be chosen: buttons, or numbered lines."""
    if shown.choices:
        return [choice.label for choice in shown.choices]
    return [line[2:] for line in shown.text.splitlines() if line[:1].isdigit() and line[1:2] == " "]


async def the_case(path: Whole) -> dict[str, object]:
    """The one case, as the database has it."""
    await path.settle()
    query = text("SELECT c.*, o.slug FROM cases c JOIN organisations o ON o.id = c.organisation_id")
    async with path.house.engine.connect() as connection:
        return dict((await connection.execute(query)).one()._mapping)


LABOUR = ("Tell safely", "Yes, only I see it", "Yes", "Work, pay or papers", "Papers or debt", "That is all")


@pytest.mark.parametrize("channel", CHANNELS)
async def test_an_adult_in_labour_exploitation(path: Whole, channel: str) -> None:
    understood(path, "report_exploitation")
    shown = await tell(path.phone(channel), *LABOUR, "Yes, write here")
    case = await the_case(path)
    assert str(case["number"]) in shown.text
    assert (case["level"], case["concerns"], case["age_band"]) == ("P2", ["vot_labour"], "adult")
    assert (case["for_whom"], case["owner"], case["slug"]) == ("self", "vot", "demo-aid")
    assert case["due_at"] is not None
    assert await path.value("SELECT text_key FROM consents") == "consent.report"
    assert await path.value("SELECT shared_phone FROM persons") == "no"
    assert await path.value("SELECT count(*) FROM conversations WHERE state::text LIKE '%something%'") == 0


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_child(path: Whole, channel: str) -> None:
    understood(path, "child_alone")
    await tell(path.phone(channel), "Tell safely", "Others can see it", "Me", "No", "No", "Yes, write here")
    case = await the_case(path)
    assert (case["level"], case["age_band"], case["owner"]) == ("P0", "minor", "cp")
    assert await path.value("SELECT kind FROM consents") == "assent"
    assert await path.value("SELECT shared_phone FROM persons") == "yes"


@pytest.mark.parametrize("channel", CHANNELS)
async def test_an_aid_worker(path: Whole, channel: str) -> None:
    await path.do(NETWORK)
    await path.do(LAMP)
    understood(path, "report_aid_worker")
    phone = path.phone(channel)
    shown = await tell(phone, "Tell safely", "Yes, only I see it", "Me", "Yes", "Show it")
    assert "Other Line (fictional)" in shown.text
    answer(phone, shown, 1)
    shown = await phone.next_reply()
    answer(phone, shown, options(shown).index("Skip") + 1)
    shown = await phone.next_reply()
    assert "Safe Line (fictional)" in shown.text
    answer(phone, shown, 1)
    await phone.next_reply()
    case = await the_case(path)
    assert (case["slug"], case["excluded"], case["level"]) == ("psea-network", ["demo-aid"], "P1")


async def test_an_aid_worker_where_nobody_else_may_read_it(path: Whole) -> None:
    understood(path, "report_aid_worker")
    shown = await tell(path.phone(), "Tell safely", "Yes, only I see it", "Me", "Yes", "Go on")
    assert "Nothing was passed on" in shown.text
    assert await path.value("SELECT count(*) FROM cases") == 0


@pytest.mark.parametrize("channel", CHANNELS)
async def test_held_for_money(path: Whole, channel: str) -> None:
    understood(path, "report_ransom")
    await tell(path.phone(channel), "Tell safely", "Yes, only I see it", "Someone else", "Yes, call me")
    case = await the_case(path)
    assert (case["level"], case["concerns"], case["modality"]) == ("P0", ["ransom_kidnapping"], "call")
    assert case["alarm_at"] is not None


@pytest.mark.parametrize("channel", CHANNELS)
async def test_words_of_self_harm_in_the_middle(path: Whole, channel: str) -> None:
    understood(path, "report_exploitation")
    phone = path.phone(channel)
    await tell(phone, *LABOUR[:3])
    phone.send("i want to kill myself")
    card = await phone.next_reply()
    assert "+15550100" in card.text
    answer(phone, card, 1)
    await phone.next_reply()
    case = await the_case(path)
    assert (case["level"], case["reasons"], case["concerns"]) == ("P0", ["self_harm"], [])
