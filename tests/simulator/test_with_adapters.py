"""The project's own adapters in front of the simulator, both ways: the road that every demonstration takes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from channels import CHANNELS, build_channels
from handoff.core.channel import Channel, OptedOut, RawRequest, Rejected, Throttled, WindowClosed
from handoff.core.message import Incoming, Kind, Option, Outgoing, SendState, StatusUpdate
from handoff.simulator.exchange import Act
from handoff.simulator.phone import Phone
from tests.simulator.conftest import Stage
from tests.simulator.running import Arrived, settings_for

NUMBER = "+15550100066"
OPTIONS = (Option("tok-1", "Menu"), Option("tok-2", "A person"))


def adapter(stage: Stage, name: str) -> Channel:
    urls = dict.fromkeys(("twilio_api_url", "meta_api_url", "telegram_api_url"), stage.url)
    return build_channels(settings_for(stage.gateway.url, channels=(name,), **urls))[name]


def address(name: str) -> str:
    return "700000066" if name == "telegram" else NUMBER


def raw(stage: Stage, arrived: Arrived, body: bytes) -> RawRequest:
    return RawRequest("POST", stage.gateway.url + arrived.path, arrived.headers, body)


async def received(stage: Stage, channel: Channel, place: int = 0) -> Incoming:
    arrived = (await stage.gateway.wait(place + 1))[place]
    (event,) = channel.receive(raw(stage, arrived, arrived.body))
    assert isinstance(event, Incoming)
    return event


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_conversation_of_two_messages(stage: Stage, name: str) -> None:
    channel = adapter(stage, name)
    phone = Phone(stage.simulator, name, address(name))
    sent = phone.send("مرحبا 👋🏽")
    incoming = await received(stage, channel)
    assert (incoming.kind, incoming.text, incoming.address) == (Kind.TEXT, "مرحبا 👋🏽", address(name))
    assert incoming.provider_id
    receipt = await channel.send(Outgoing(channel.account, incoming.address, "Hello"))
    reply = await phone.next_reply()
    assert reply.text == "Hello"
    assert reply.provider_id in receipt.provider_id
    assert sent.webhook is not None
    await channel.aclose()


CASES = [
    ("whatsapp-twilio", "voice", Kind.VOICE),
    ("whatsapp-twilio", "photo", Kind.PHOTO),
    ("whatsapp-twilio", "location", Kind.LOCATION),
    ("whatsapp-twilio", "contact", Kind.CONTACT),
    ("whatsapp-cloud", "voice", Kind.VOICE),
    ("whatsapp-cloud", "photo", Kind.PHOTO),
    ("whatsapp-cloud", "location", Kind.LOCATION),
    ("whatsapp-cloud", "contact", Kind.CONTACT),
    ("whatsapp-cloud", "unknown", Kind.UNKNOWN),
    ("telegram", "voice", Kind.VOICE),
    ("telegram", "photo", Kind.PHOTO),
    ("telegram", "location", Kind.LOCATION),
    ("telegram", "contact", Kind.CONTACT),
    ("telegram", "unknown", Kind.UNKNOWN),
]


@pytest.mark.parametrize(("name", "kind", "read_as"), CASES)
async def test_every_kind_is_read_as_what_it_is(stage: Stage, name: str, kind: str, read_as: Kind) -> None:
    channel = adapter(stage, name)
    Phone(stage.simulator, name, address(name)).act(Act(kind))
    assert (await received(stage, channel)).kind is read_as
    await channel.aclose()


@pytest.mark.parametrize("name", ["whatsapp-cloud", "telegram"])
async def test_a_tap_brings_back_our_token(stage: Stage, name: str) -> None:
    channel = adapter(stage, name)
    phone = Phone(stage.simulator, name, address(name))
    phone.send("hello")
    await channel.send(Outgoing(channel.account, address(name), "Pick", options=OPTIONS, list_button="Open"))
    await phone.next_reply()
    tap = phone.choose("A person")
    taps: list[Incoming] = []
    while not taps:
        await asyncio.sleep(0.01)
        events = [event for each in stage.gateway.arrived for event in channel.receive(raw(stage, each, each.body))]
        taps = [event for event in events if isinstance(event, Incoming) and event.kind is Kind.TAP]
    assert taps[0].payload == "tok-2"
    await channel.acknowledge(taps[0])
    assert name != "telegram" or tap.statuses == ["answered"]
    await channel.aclose()


@pytest.mark.parametrize(("name", "last"), [("sms-twilio", "delivered"), ("whatsapp-twilio", "read")])
async def test_status_callbacks_are_understood(stage: Stage, name: str, last: str) -> None:
    channel = adapter(stage, name)
    Phone(stage.simulator, name, NUMBER).send("hello")
    await stage.gateway.wait(1)
    receipt = await channel.send(Outgoing(channel.account, NUMBER, "Hello"))
    count = 3 if last == "delivered" else 4
    arrived = (await stage.gateway.wait(count))[-1]
    assert arrived.path == f"/webhooks/{name}/status"
    (status,) = channel.receive_status(raw(stage, arrived, arrived.body))
    assert isinstance(status, StatusUpdate)
    assert (status.provider_id, status.state) == (receipt.provider_id, SendState(last))
    await channel.aclose()


async def test_refusals_are_understood(stage: Stage) -> None:
    sms, cloud = adapter(stage, "sms-twilio"), adapter(stage, "whatsapp-cloud")
    Phone(stage.simulator, "sms-twilio", NUMBER).send("STOP")
    with pytest.raises(OptedOut):
        await sms.send(Outgoing(sms.account, NUMBER, "Hello"))
    with pytest.raises(WindowClosed):
        await cloud.send(Outgoing(cloud.account, "+15550100067", "Hello"))
    with pytest.raises(Rejected):
        await sms.send(Outgoing(sms.account, "+15550100067", "x" * 1601))
    await sms.aclose()
    await cloud.aclose()


@pytest.mark.parametrize("name", CHANNELS)
async def test_too_many_requests_are_understood(stage: Stage, name: str) -> None:
    channel = adapter(stage, name)
    Phone(stage.simulator, name, address(name)).send("hello")
    stage.simulator.exchange.faults[name].next = [429]
    with pytest.raises(Throttled):
        await channel.send(Outgoing(channel.account, address(name), "Hello"))
    await channel.aclose()


@pytest.mark.parametrize("name", ["telegram", "whatsapp-cloud"])
async def test_someone_who_blocked_us_is_noticed(stage: Stage, name: str) -> None:
    channel = adapter(stage, name)
    phone = Phone(stage.simulator, name, address(name))
    phone.send("hello")
    phone.act(Act("block"))
    if name == "telegram":
        with pytest.raises(OptedOut):
            await channel.send(Outgoing(channel.account, address(name), "Hello"))
    else:
        await channel.send(Outgoing(channel.account, address(name), "Hello"))
        arrived = (await stage.gateway.wait(2))[1]
        (status,) = channel.receive(raw(stage, arrived, arrived.body))
        assert isinstance(status, StatusUpdate)
        assert status.state is SendState.FAILED
    await channel.aclose()


@pytest.mark.parametrize("name", ["sms-twilio", "whatsapp-twilio"])
async def test_what_was_lost_is_caught_up_with_under_the_same_id(stage: Stage, name: str) -> None:
    stage.gateway.answers.extend([500] * 6)
    channel = adapter(stage, name)
    lost = Phone(stage.simulator, name, NUMBER).send("nobody took this")
    found = await channel.catch_up(datetime.now(UTC) - timedelta(seconds=5))
    assert [(each.provider_id, each.text, each.address) for each in found] == [
        (lost.provider_id, "nobody took this", NUMBER)
    ]
    await channel.aclose()


@pytest.mark.parametrize("name", CHANNELS)
async def test_connecting_leaves_the_webhooks_working(stage: Stage, name: str) -> None:
    channel = adapter(stage, name)
    assert await channel.connect(stage.gateway.url)
    Phone(stage.simulator, name, address(name)).send("hello")
    assert (await received(stage, channel)).text == "hello"
    await channel.aclose()
