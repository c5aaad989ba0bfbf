"""What only one provider has: Meta's handshake, Twilio's catch-up, and how each is connected."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from handoff.core.channel import Channel, Misconfigured, RetryLater, SendError
from handoff.core.message import Incoming, Kind, Outgoing
from tests.channels.fake_server import Answer, FakeProvider
from tests.channels.harness import (
    META_TOKEN,
    META_VERIFY,
    PERSON,
    PUBLIC,
    SECRETS,
    SMS_NUMBER,
    TELEGRAM_SECRET,
    TELEGRAM_TOKEN,
    TWILIO_ACCOUNT,
    WHATSAPP_NUMBER,
    make_channel,
    traces,
)
from tests.channels.tables import TABLES, sms_twilio, telegram, whatsapp_cloud
from tests.channels.tables.twilio_answers import MESSAGES, created, refused

SINCE = datetime(2025, 11, 23, 12, 0, tzinfo=UTC)
SERVICE = "MG" + "0" * 31 + "1"


@asynccontextmanager
async def open_channel(name: str, api_url: str, **changes: Any) -> AsyncIterator[Channel]:
    channel = make_channel(name, api_url, **changes)
    try:
        yield channel
    finally:
        await channel.aclose()


# Handshake


def test_meta_gets_its_challenge_for_our_token() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": META_VERIFY, "hub.challenge": "1158201444"}
    assert make_channel("whatsapp-cloud").handshake(query) == "1158201444"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"hub.mode": "subscribe", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "wrong\ud800é", "hub.challenge": "1"},
        {"hub.mode": "unsubscribe", "hub.verify_token": META_VERIFY, "hub.challenge": "1"},
    ],
)
def test_nobody_else_gets_a_challenge(query: dict[str, str]) -> None:
    for table in TABLES:
        assert make_channel(table.channel).handshake(query) is None


def test_twilio_gets_an_empty_answer_that_it_cannot_send_on() -> None:
    for name in ("sms-twilio", "whatsapp-twilio"):
        assert make_channel(name).acknowledgement.media_type == "text/xml"
        assert make_channel(name).acknowledgement.body.endswith("<Response/>")


# Reserved words, where the provider leaves them to us


@pytest.mark.parametrize(
    ("payload", "kind"), [("stop.form", Kind.OPT_OUT), ("help.form", Kind.CARRIER_HELP), ("start.form", Kind.OPT_IN)]
)
def test_with_twilios_words_switched_off_we_answer(payload: str, kind: Kind) -> None:
    table = sms_twilio.TABLE
    channel = make_channel("sms-twilio", twilio_carrier_replies=False)
    (event,) = channel.receive(table.request(table.body(payload)))
    assert isinstance(event, Incoming)
    assert (event.kind, event.provider_replied) == (kind, False)


# Catch-up


def record(sid: str, *, minutes: int = 5, sender: str = PERSON, **fields: Any) -> dict[str, Any]:
    sent = format_datetime(SINCE + timedelta(minutes=minutes))
    return {
        "sid": sid,
        "from": sender,
        "to": SMS_NUMBER,
        "body": "hello",
        "direction": "inbound",
        "num_media": "0",
        "date_sent": sent,
        "date_created": sent,
        "messaging_service_sid": None,
    } | fields


def listing(records: Sequence[dict[str, Any]], next_uri: str | None = None) -> Answer:
    return Answer(200, {"messages": list(records), "next_page_uri": next_uri, "page": 0, "page_size": 1000})


async def test_what_twilio_took_meanwhile_comes_under_its_own_ids(provider: FakeProvider) -> None:
    provider.will_answer(
        listing(
            [
                record("SM3", minutes=9, body="stop"),
                record("SM2", minutes=7, num_media="1", body=""),
                record("SM1", minutes=5),
                record("SM0", minutes=-5),
            ],
            "/2010-04-01/next?Page=1",
        ),
        listing([record("SM5", direction="outbound-reply"), record("SM6", sender="262966")]),
    )
    async with open_channel("sms-twilio", provider.url) as channel:
        found = await channel.catch_up(SINCE)
    assert [(event.provider_id, event.kind) for event in found] == [
        ("SM1", Kind.TEXT),
        ("SM2", Kind.UNKNOWN),
        ("SM3", Kind.OPT_OUT),
    ]
    assert found[0] == Incoming(
        *("sms-twilio", SMS_NUMBER, "sms", PERSON, "SM1", Kind.TEXT),
        text="hello",
        sent_at=SINCE + timedelta(minutes=5),
    )
    first, second = provider.asked
    assert (first.path, first.fields()) == (
        MESSAGES,
        {"To": SMS_NUMBER, "DateSent>": "2025-11-23T12:00:00Z", "PageSize": "1000"},
    )
    assert second.path == "/2010-04-01/next"


async def test_whatsapp_catches_up_by_its_own_address(provider: FakeProvider) -> None:
    provider.will_answer(listing([record("SM1", sender=f"whatsapp:{PERSON}", body="STOP")]))
    async with open_channel("whatsapp-twilio", provider.url) as channel:
        (event,) = await channel.catch_up(SINCE)
    assert (event.address, event.kind) == (PERSON, Kind.TEXT)
    assert provider.asked[0].fields()["To"] == f"whatsapp:{WHATSAPP_NUMBER}"


async def test_a_service_takes_only_its_own_messages(provider: FakeProvider) -> None:
    provider.will_answer(listing([record("SM1", messaging_service_sid=SERVICE), record("SM2")]), created())
    async with open_channel("sms-twilio", provider.url, twilio_sms_from=SERVICE) as channel:
        assert [event.provider_id for event in await channel.catch_up(SINCE)] == ["SM1"]
        await channel.send(Outgoing(SERVICE, PERSON, "hello"))
    listed, sent = provider.asked
    assert "To" not in listed.fields()
    assert sent.fields()["MessagingServiceSid"] == SERVICE
    assert "From" not in sent.fields()


async def test_a_catch_up_that_fails_says_so(provider: FakeProvider) -> None:
    provider.will_answer(refused(20500, 500))
    async with open_channel("sms-twilio", provider.url) as channel:
        with pytest.raises(RetryLater):
            await channel.catch_up(SINCE)


async def test_who_retries_by_itself_has_nothing_to_catch_up() -> None:
    for name in ("whatsapp-cloud", "telegram"):
        async with open_channel(name, "http://127.0.0.1:9") as channel:
            assert list(await channel.catch_up(SINCE)) == []


# Connecting


async def test_telegram_is_told_address_secret_and_kinds(provider: FakeProvider) -> None:
    provider.will_answer(Answer(200, {"ok": True, "result": True}))
    async with open_channel("telegram", provider.url) as channel:
        lines = await channel.connect(PUBLIC + "/")
    (asked,) = provider.asked
    assert asked.path == f"/bot{TELEGRAM_TOKEN}/setWebhook"
    assert asked.fields() == {
        "url": f"{PUBLIC}/webhooks/telegram",
        "secret_token": TELEGRAM_SECRET,
        "max_connections": "40",
        "allowed_updates": json.dumps(["message", "edited_message", "callback_query", "my_chat_member"]),
    }
    assert f"{PUBLIC}/webhooks/telegram" in lines[0]


async def test_twilios_number_is_pointed_at_us_with_retries(provider: FakeProvider) -> None:
    number = {"sid": "PN" + "0" * 31 + "1", "phone_number": SMS_NUMBER}
    listed = {"incoming_phone_numbers": [number], "next_page_uri": None, "page": 0, "page_size": 50}
    provider.will_answer(Answer(200, listed), Answer(200, number))
    async with open_channel("sms-twilio", provider.url) as channel:
        lines = await channel.connect(PUBLIC)
    asked, changed = provider.asked
    assert asked.fields()["PhoneNumber"] == SMS_NUMBER
    assert changed.path == f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}/IncomingPhoneNumbers/{number['sid']}.json"
    assert changed.fields() == {"SmsUrl": f"{PUBLIC}/webhooks/sms-twilio#rc=5&rp=all", "SmsMethod": "POST"}
    assert "#rc=5&rp=all" in lines[0]


async def test_what_the_api_cannot_set_is_said(provider: FakeProvider) -> None:
    provider.will_answer(Answer(200, {"incoming_phone_numbers": [], "next_page_uri": None}))
    async with open_channel("sms-twilio", provider.url) as channel:
        assert f"{PUBLIC}/webhooks/sms-twilio#rc=5&rp=all" in (await channel.connect(PUBLIC))[0]
    async with open_channel("whatsapp-twilio", "http://127.0.0.1:9") as channel:
        assert f"{PUBLIC}/webhooks/whatsapp-twilio#rc=5&rp=all" in (await channel.connect(PUBLIC))[0]


async def test_metas_app_is_subscribed_to_the_accounts_of_the_token(provider: FakeProvider) -> None:
    scopes = [
        {"scope": "whatsapp_business_management", "target_ids": ["200000000000001"]},
        {"scope": "whatsapp_business_messaging", "target_ids": ["200000000000001"]},
        {"scope": "public_profile"},
    ]
    provider.will_answer(Answer(200, {"data": {"granular_scopes": scopes}}), Answer(200, {"success": True}))
    async with open_channel("whatsapp-cloud", provider.url) as channel:
        lines = await channel.connect(PUBLIC)
    asked, subscribed = provider.asked
    assert asked.path == "/v23.0/debug_token"
    assert (subscribed.method, subscribed.path) == ("POST", "/v23.0/200000000000001/subscribed_apps")
    assert subscribed.headers["authorization"] == f"Bearer {META_TOKEN}"
    assert len(lines) == 2
    assert f"{PUBLIC}/webhooks/whatsapp-cloud" in lines[-1]


async def test_a_token_without_an_account_is_said(provider: FakeProvider) -> None:
    provider.will_answer(Answer(200, {"data": {}}))
    async with open_channel("whatsapp-cloud", provider.url) as channel:
        lines = await channel.connect(PUBLIC)
    assert len(provider.asked) == 1
    assert "no WhatsApp account" in lines[0]


async def test_connecting_with_a_wrong_token_fails_without_telling_it(provider: FakeProvider) -> None:
    wrong = {
        "sms-twilio": refused(20003, 401),
        "whatsapp-cloud": whatsapp_cloud.refused(190, 401),
        "telegram": telegram.refused(401, "Unauthorized"),
    }
    for name, answer in wrong.items():
        provider.will_answer(answer)
        async with open_channel(name, provider.url) as channel:
            with pytest.raises(Misconfigured) as caught:
                await channel.connect(PUBLIC)
        assert not traces(f"{caught.value!r}{caught.value.__context__!r}", *SECRETS)


async def test_no_line_of_connecting_holds_a_secret(provider: FakeProvider) -> None:
    for table in TABLES:
        nothing: dict[str, object] = (
            {"incoming_phone_numbers": []} if "twilio" in table.channel else {"ok": True, "result": True}
        )
        provider.will_answer(Answer(200, nothing))
        async with open_channel(table.channel, provider.url) as channel:
            lines = await channel.connect(PUBLIC)
        assert lines
        assert not traces("\n".join(lines), *SECRETS)


# Meta's labels


@pytest.mark.parametrize("labels", [("Same", "Same"), ("A label longer than a button", "No")])
async def test_labels_that_meta_refuses_on_buttons_go_to_a_list(labels: Sequence[str], provider: FakeProvider) -> None:
    provider.will_answer(whatsapp_cloud.TAKEN)
    options = tuple(replace(whatsapp_cloud.OPTIONS[0], token=f"p{n}", label=text) for n, text in enumerate(labels))
    async with open_channel("whatsapp-cloud", provider.url) as channel:
        await channel.send(replace(whatsapp_cloud.HELLO, options=options))
    interactive = provider.asked[0].fields()["interactive"]
    assert interactive["type"] == "list"
    assert interactive["action"]["button"]
    assert [row["id"] for row in interactive["action"]["sections"][0]["rows"]] == ["p0", "p1"]


async def test_what_is_over_is_not_sent(provider: FakeProvider) -> None:
    for table in TABLES:
        async with open_channel(table.channel, provider.url) as channel:
            with pytest.raises(SendError, match="expired"):
                await channel.send(replace(table.message, validity_s=0))
    assert provider.asked == []
