"""The control API: phones send, faults are set, every message is accounted for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from handoff.simulator.exchange import CHANNELS
from tests.simulator.conftest import Stage
from tests.simulator.running import ACCOUNT, META_TOKEN, NUMBER_ID, SMS_FROM, TELEGRAM_TOKEN, TWILIO_TOKEN, until

NUMBER = "+15550100022"
SMS = {"channel": "sms-twilio", "address": NUMBER, "text": "hello"}


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stage.url, timeout=10) as found:
        yield found


async def set_faults(client: httpx.AsyncClient, **faults: Any) -> None:
    assert (await client.post("/control/faults", json=faults)).status_code == 200


async def sms_out(client: httpx.AsyncClient, stage: Stage, **fields: str) -> httpx.Response:
    form = {"To": NUMBER, "From": SMS_FROM, "Body": "ours"} | fields
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return await client.post(path, data=form, auth=(ACCOUNT, TWILIO_TOKEN))


async def test_a_message_and_its_reply_can_be_paired(client: httpx.AsyncClient, stage: Stage) -> None:
    sent = (await client.post("/control/send", json=SMS)).json()["entries"]
    await stage.gateway.wait(1)
    await sms_out(client, stage)
    found = (await client.get("/control/messages", params={"since": sent[0] - 1, "address": NUMBER})).json()
    mine, reply = found["entries"]
    assert (mine["direction"], mine["text"], reply["direction"], reply["text"]) == ("sent", "hello", "got", "ours")
    assert reply["at_ms"] > mine["at_ms"]
    later = (await client.get("/control/messages", params={"since": found["last"]})).json()
    assert later["entries"] == []


async def test_every_message_has_a_fate(client: httpx.AsyncClient, stage: Stage) -> None:
    stage.gateway.answers.extend([500] * 6)
    await client.post("/control/send", json=SMS)
    await until(lambda: stage.simulator.courier.pending == 0)
    await client.post("/control/send", json=SMS)
    await until(lambda: stage.simulator.courier.pending == 0)
    lost, taken = [each["webhook"] for each in (await client.get("/control/messages")).json()["entries"]]
    assert (lost["state"], lost["attempts"], lost["last"]) == ("given_up", 6, "500")
    assert (taken["state"], taken["attempts"]) == ("accepted", 1)
    attempts = (await client.get("/control/webhooks")).json()["attempts"]
    assert [each["result"] for each in attempts] == ["500"] * 6 + ["200"]
    since = attempts[-1]["at_ms"]
    assert len((await client.get("/control/webhooks", params={"since_ms": since})).json()["attempts"]) == 1


async def test_many_phones_send_in_one_request(client: httpx.AsyncClient, stage: Stage) -> None:
    many = [SMS | {"address": f"+1555020{number:04d}"} for number in range(150)]
    answer = await client.post("/control/send", json={"messages": many})
    assert answer.status_code == 202
    assert len(await stage.gateway.wait(150)) == 150
    assert stage.gateway.forged == 0


async def test_phones_can_be_listed_and_added(client: httpx.AsyncClient) -> None:
    before = (await client.get("/control/phones")).json()["phones"]
    wanted = {"channel": "telegram", "name": "Nadia", "language": "uk"}
    added = await client.post("/control/phones", json=wanted)
    assert added.status_code == 201
    assert added.json()["address"] not in {phone["address"] for phone in before}
    after = (await client.get("/control/phones")).json()["phones"]
    assert len(after) == len(before) + 1


@pytest.mark.parametrize("text", ["hello", "€" * 81, "привет", "👋🏽" * 20, ""])
async def test_segments_are_counted_as_carriers_do(client: httpx.AsyncClient, text: str) -> None:
    expected = {"hello": ("gsm7", 1, 5), "€" * 81: ("gsm7", 2, 162), "привет": ("ucs2", 1, 6)}
    expected |= {"👋🏽" * 20: ("ucs2", 2, 80), "": ("gsm7", 0, 0)}
    found = (await client.post("/control/segments", json={"text": text})).json()
    assert (found["encoding"], found["parts"], found["units"]) == expected[text]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("status", [429, 500])
async def test_the_next_answers_can_be_errors(
    client: httpx.AsyncClient, stage: Stage, channel: str, status: int
) -> None:
    await set_faults(client, channel=channel, next=[status])
    answer = await provider_call(client, channel)
    assert answer.status_code == status
    assert stage.simulator.exchange.faults[channel].next == []
    codes = {429: {"20429", "130429", "retry_after"}, 500: {"20500", "131000", '"error_code":500'}}
    assert any(code in answer.text for code in codes[status])


async def provider_call(client: httpx.AsyncClient, channel: str) -> httpx.Response:
    if channel == "telegram":
        return await client.post(f"/bot{TELEGRAM_TOKEN}/sendMessage", json={"chat_id": 700000022, "text": "x"})
    if channel == "whatsapp-cloud":
        headers = {"Authorization": f"Bearer {META_TOKEN}"}
        return await client.post(f"/v23.0/{NUMBER_ID}/messages", json={"to": NUMBER}, headers=headers)
    prefix = "whatsapp:" if channel == "whatsapp-twilio" else ""
    form = {"To": f"{prefix}{NUMBER}", "From": SMS_FROM, "Body": "x"}
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return await client.post(path, data=form, auth=(ACCOUNT, TWILIO_TOKEN))


@pytest.mark.parametrize(("fault", "taken"), [("timeout", 0), ("lost", 1)])
async def test_an_answer_can_get_lost_before_or_after_the_message_is_taken(
    client: httpx.AsyncClient, stage: Stage, fault: str, taken: int
) -> None:
    await set_faults(client, channel="sms-twilio", next=[fault])
    with pytest.raises(httpx.ReadTimeout):
        await client.post(
            f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
            data={"To": NUMBER, "From": SMS_FROM, "Body": "x"},
            auth=(ACCOUNT, TWILIO_TOKEN),
            timeout=0.2,
        )
    assert len(list(stage.simulator.ledger.select(address=NUMBER))) == taken


async def test_answers_can_be_slow_or_fail_at_a_rate(client: httpx.AsyncClient, stage: Stage) -> None:
    await set_faults(client, channel="sms-twilio", delay_ms=80, fail_rate=1.0)
    began = asyncio.get_running_loop().time()
    assert (await sms_out(client, stage)).status_code == 500
    assert asyncio.get_running_loop().time() - began >= 0.08
    await set_faults(client, channel="sms-twilio")
    assert (await sms_out(client, stage)).status_code == 201


@pytest.mark.parametrize("channel", CHANNELS)
async def test_webhooks_can_be_doubled(client: httpx.AsyncClient, stage: Stage, channel: str) -> None:
    await set_faults(client, channel=channel, duplicate=2)
    address = "700000022" if channel == "telegram" else NUMBER
    await client.post("/control/send", json=SMS | {"channel": channel, "address": address})
    bodies = [each.data for each in await stage.gateway.wait(3)]
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_message_can_be_overtaken(client: httpx.AsyncClient, stage: Stage) -> None:
    await set_faults(client, channel="whatsapp-twilio", reorder=True)
    acts = [SMS | {"channel": "whatsapp-twilio", "text": text} for text in ("first", "second")]
    await client.post("/control/send", json={"messages": acts})
    assert [each.data["Body"] for each in await stage.gateway.wait(2)] == ["second", "first"]


async def test_a_message_can_come_late(client: httpx.AsyncClient, stage: Stage) -> None:
    await set_faults(client, channel="sms-twilio", late_ms=150)
    await client.post("/control/send", json=SMS)
    await asyncio.sleep(0.05)
    assert stage.gateway.arrived == []
    await stage.gateway.wait(1)


async def test_status_reports_can_be_dropped_or_shuffled(client: httpx.AsyncClient, stage: Stage) -> None:
    url = f"{stage.gateway.url}/webhooks/sms-twilio/status"
    await set_faults(client, channel="sms-twilio", drop_statuses=True)
    await sms_out(client, stage, StatusCallback=url)
    await until(lambda: stage.simulator.courier.pending == 0)
    assert stage.gateway.arrived == []
    await set_faults(client, channel="sms-twilio", shuffle_statuses=True)
    for _ in range(8):
        await sms_out(client, stage, StatusCallback=url)
    words = [each.data["MessageStatus"] for each in await stage.gateway.wait(16)]
    assert sorted(words) == ["delivered"] * 8 + ["sent"] * 8
    sids = [each.data["MessageSid"] for each in stage.gateway.arrived]
    first = [words[sids.index(sid)] for sid in dict.fromkeys(sids)]
    assert "delivered" in first


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/control/faults", {"channel": "pigeon"}),
        ("/control/faults", {"colour": 1}),
        ("/control/faults", {"delay_ms": "soon"}),
        ("/control/faults", {"delay_ms": -1}),
        ("/control/faults", {"reorder": 1}),
        ("/control/faults", {"next": [418]}),
        ("/control/faults", []),
        ("/control/send", {"channel": "pigeon", "address": "1"}),
        ("/control/send", {"channel": "telegram", "address": "@name", "text": "x"}),
        ("/control/send", SMS | {"text": 1}),
        ("/control/send", {"messages": "many"}),
        ("/control/phones", {"channel": "pigeon"}),
        ("/control/segments", {"text": 1}),
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, stage: Stage, path: str, body: Any
) -> None:
    before = (await client.get("/control/faults")).json()
    assert (await client.post(path, json=body)).status_code == 400
    assert (await client.get("/control/faults")).json() == before
    assert stage.simulator.ledger.entries == []


@pytest.mark.parametrize("path", ["/control/send", "/control/faults", "/control/reset", "/control/phones"])
async def test_a_foreign_page_cannot_send_a_plain_form(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, content="{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400


async def test_reset_forgets_everything_but_the_people_who_get_new_numbers(
    client: httpx.AsyncClient, stage: Stage
) -> None:
    people = (await client.get("/control/phones")).json()["phones"]
    await set_faults(client, channel="all", fail_rate=1.0)
    await client.post("/control/send", json=SMS)
    assert (await client.post("/control/reset", json={})).json() == {"ok": True}
    again = (await client.get("/control/phones")).json()["phones"]
    assert [(each["name"], each["channel"]) for each in again] == [(each["name"], each["channel"]) for each in people]
    assert not {each["address"] for each in again} & {each["address"] for each in people}
    assert (await client.get("/control/messages")).json() == {"entries": [], "last": 0}
    health = (await client.get("/control/health")).json()
    assert (health["ok"], health["entries"], health["pending"]) == (True, 0, 0)
    assert (await sms_out(client, stage)).status_code == 201


async def test_watchers_are_told_at_once(client: httpx.AsyncClient, stage: Stage) -> None:
    async with client.stream("GET", "/control/events") as events:
        lines = events.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        await client.post("/control/send", json=SMS)
        seen = [await anext(lines) for _ in range(5)]
    assert "event: phone" in seen
    assert "event: entry" in seen
