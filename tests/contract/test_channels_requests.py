"""Every request that an adapter makes is one that its provider's official specification allows.

Two things are newer than the specifications: Meta's `recipient` for people without a number, checked as `to`; and its
token check (`debug_token`), which the business description leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handoff.core.message import Incoming, Option
from tests.channels.fake_server import Answer, Asked, FakeProvider
from tests.channels.harness import PUBLIC, Sending, Table, make_channel
from tests.channels.tables import TABLES
from tests.contract.specs import Broken, Provider

SENT = [(table, row) for table in TABLES for row in table.outgoing if row.expect_requests]
NUMBER = {"sid": "PN" + "0" * 31 + "1", "phone_number": "+15550000001"}
SCOPE = {"scope": "whatsapp_business_management", "target_ids": ["200000000000001"]}
CONNECTING = {
    "sms-twilio": [Answer(200, {"incoming_phone_numbers": [NUMBER], "next_page_uri": None}), Answer(200, NUMBER)],
    "whatsapp-cloud": [
        Answer(
            200,
            {
                "data": {
                    "granular_scopes": [{"scope": "whatsapp_business_management", "target_ids": ["200000000000001"]}]
                }
            },
        ),
        Answer(200, {"success": True}),
    ],
    "telegram": [Answer(200, {"ok": True, "result": True})],
}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider().running() as server:
        yield server


def as_specified(asked: Asked) -> Asked:
    """The request with `recipient` as `to`."""
    if b'"recipient":' not in asked.body:
        return asked
    fields = asked.fields()
    return replace(asked, body=json.dumps(fields | {"to": fields.pop("recipient")}).encode())


def by_name(value: object) -> str:
    return value.channel if isinstance(value, Table) else value.label if isinstance(value, Sending) else str(value)


@pytest.mark.parametrize(("table", "row"), SENT, ids=by_name)
async def test_a_message(table: Table, row: Sending, provider: FakeProvider, providers: dict[str, Provider]) -> None:
    provider.will_answer(*row.answers)
    channel = make_channel(table.channel, provider.url)
    await channel.send(row.message)
    await channel.aclose()
    (asked,) = provider.asked
    providers[table.channel].check_request(as_specified(asked))


@pytest.mark.parametrize("table", TABLES, ids=by_name)
async def test_a_message_as_full_as_it_may_be(
    table: Table, provider: FakeProvider, providers: dict[str, Provider]
) -> None:
    provider.will_answer(table.taken)
    channel = make_channel(table.channel, provider.url)
    limits = channel.limits
    for count, width in ((limits.max_buttons, limits.max_button_label), (limits.max_rows, limits.max_row_label)):
        options = tuple(Option("t" * 60 + f"{n:04}", f"{n:02}" + "ش" * (width - 2)) for n in range(count))
        text = "ш" * limits.max_text
        await channel.send(replace(table.message, text=text, options=options, list_button="b" * 20))
    await channel.aclose()
    for asked in provider.asked:
        providers[table.channel].check_request(asked)


@pytest.mark.parametrize("name", CONNECTING)
async def test_connecting(name: str, provider: FakeProvider, providers: dict[str, Provider]) -> None:
    provider.will_answer(*CONNECTING[name])
    channel = make_channel(name, provider.url)
    await channel.connect(PUBLIC)
    await channel.aclose()
    checked = [asked for asked in provider.asked if not asked.path.endswith("/debug_token")]
    assert checked
    for asked in checked:
        providers[name].check_request(asked)


async def test_catching_up(provider: FakeProvider, providers: dict[str, Provider]) -> None:
    provider.will_answer(Answer(200, {"messages": [], "next_page_uri": None}))
    for name in ("sms-twilio", "whatsapp-twilio"):
        channel = make_channel(name, provider.url)
        await channel.catch_up(datetime(2025, 11, 23, tzinfo=UTC))
        await channel.aclose()
    assert len(provider.asked) == 2
    for asked in provider.asked:
        providers["sms-twilio"].check_request(asked)


async def test_stopping_the_spinner(provider: FakeProvider, providers: dict[str, Provider]) -> None:
    provider.will_answer(Answer(200, {"ok": True, "result": True}))
    channel = make_channel("telegram", provider.url)
    table = next(table for table in TABLES if table.channel == "telegram")
    (tap,) = channel.receive(table.request(table.body("tap.json")))
    assert isinstance(tap, Incoming)
    await channel.acknowledge(tap)
    await channel.aclose()
    (asked,) = provider.asked
    providers["telegram"].check_request(asked)


@pytest.mark.parametrize("table", TABLES, ids=by_name)
async def test_the_specification_would_notice(
    table: Table, provider: FakeProvider, providers: dict[str, Provider]
) -> None:
    provider.will_answer(table.taken)
    channel = make_channel(table.channel, provider.url)
    await channel.send(replace(table.message, validity_s=60))
    await channel.aclose()
    (asked,) = provider.asked
    providers[table.channel].check_request(asked)
    for wrong in spoilt(table, asked):
        with pytest.raises(Broken):
            providers[table.channel].check_request(wrong)


def spoilt(table: Table, asked: Asked) -> list[Asked]:
    """The same request, wrong in one point each."""
    if "twilio" in table.channel:
        return [
            replace(asked, body=asked.body.replace(b"ValidityPeriod=60", b"ValidityPeriod=soon")),
            replace(asked, target=asked.target.replace("/AC", "/XX")),
            replace(asked, body=b"{}", headers={**asked.headers, "content-type": "application/json"}),
        ]
    if table.channel == "telegram":
        return [
            replace(asked, body=asked.body.replace(b"chat_id=", b"chat=")),
            replace(asked, body=asked.body.replace(b"protect_content=true", b"protect_content=maybe")),
            replace(asked, body=asked.body.replace(b"is_disabled", b"is_off")),
            replace(asked, target=asked.target.replace("sendMessage", "sendText")),
        ]
    return [
        replace(asked, body=asked.body.replace(b'"to":', b'"two":')),
        replace(asked, body=asked.body.replace(b'"recipient_type":"individual",', b"")),
        replace(asked, body=asked.body.replace(b'"body":', b'"bodi":')),
        replace(asked, headers={**asked.headers, "authorization": ""}),
    ]


def test_a_title_that_is_too_long_would_be_noticed(providers: dict[str, Provider]) -> None:
    reply = {"type": "reply", "reply": {"id": "1", "title": "t" * 21}}
    interactive = {"type": "button", "body": {"text": "x"}, "action": {"buttons": [reply]}}
    body = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550001111"}
    content = json.dumps(body | {"type": "interactive", "interactive": interactive}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer x", "user-agent": "Amana/1.0.0"}
    with pytest.raises(Broken):
        providers["whatsapp-cloud"].check_request(Asked("POST", "/v23.0/100000000000001/messages", headers, content))


@pytest.mark.parametrize("table", TABLES, ids=by_name)
def test_the_answers_in_the_tables_are_answers_of_the_provider(table: Table, providers: dict[str, Provider]) -> None:
    row = next(row for row in table.outgoing if row.expect_requests)
    method, path, fields = row.expect_requests[0]
    content_type = "application/json" if table.channel == "whatsapp-cloud" else "application/x-www-form-urlencoded"
    headers = {"content-type": content_type, "authorization": "Bearer x", "user-agent": "Amana/1.0.0"}
    asked = Asked(method, path, headers, json.dumps(fields).encode())
    providers[table.channel].check_answer(asked, table.taken.status, table.taken.body)
