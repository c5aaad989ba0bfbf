"""The adapters and the simulator were written apart, each from the providers' documents: here they meet."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels import CHANNELS
from handoff.core.channel import Channel, OptedOut, RawRequest
from handoff.core.message import Event, Incoming, Kind, Option, Outgoing, SendState, StatusUpdate
from handoff.simulator.app import build
from handoff.simulator.phone import Phone
from handoff.simulator.simulator import Simulator
from tests.simulator.running import QUICK, running, settings_for, until

PEOPLE = {"sms-twilio": "+15550181111", "whatsapp-twilio": "", "whatsapp-cloud": "", "telegram": ""}


class Meeting:
    """A gateway that only reads webhooks, with the real adapters; the simulator stands where the providers are."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.events: list[Event] = []
        self.gateway = ""

    async def take(self, request: Request) -> Response:
        channel = self.channels[request.path_params["name"]]
        body = await request.body()
        raw = RawRequest(request.method, self.gateway + request.url.path, dict(request.headers), body)
        is_status = request.url.path.endswith("/status")
        self.events += channel.receive_status(raw) if is_status else channel.receive(raw)
        return Response(channel.acknowledgement.body, media_type=channel.acknowledgement.media_type)

    def app(self) -> Starlette:
        paths = ("/webhooks/{name}", "/webhooks/{name}/status")
        return Starlette(routes=[Route(path, self.take, methods=["POST"]) for path in paths])

    def came(self) -> list[Incoming]:
        return [event for event in self.events if isinstance(event, Incoming)]

    def states(self) -> set[SendState]:
        return {event.state for event in self.events if isinstance(event, StatusUpdate)}


@pytest.fixture
async def meeting() -> AsyncIterator[tuple[Meeting, Simulator]]:
    met = Meeting()
    async with running(met.app()) as met.gateway:
        simulator = Simulator(settings_for(met.gateway), pace=QUICK, dice=random.Random(1))
        async with running(build(simulator.settings, simulator=simulator)) as url:
            apis: dict[str, Any] = {"twilio_api_url": url, "meta_api_url": url, "telegram_api_url": url}
            settings = settings_for(met.gateway, **apis)
            met.channels = {name: make(settings) for name, make in CHANNELS.items()}
            yield met, simulator
            for channel in met.channels.values():
                await channel.aclose()


def reply(channel: Channel, to: Incoming, text: str) -> Outgoing:
    """An answer with as many options as the channel shows."""
    options = (Option("p1.1", "Check"), Option("p1.2", "Help"))[: channel.limits.max_buttons]
    return Outgoing(channel.account, to.address, text, options, list_button="Open" if options else "")


@pytest.mark.parametrize("name", CHANNELS)
async def test_a_message_there_and_back(name: str, meeting: tuple[Meeting, Simulator]) -> None:
    met, simulator = meeting
    phone = Phone(simulator, name, PEOPLE[name])
    phone.send("¿Me puedes ayudar? مرحبا")
    await until(lambda: bool(met.came()))
    (came,) = met.came()
    assert (came.text, came.kind, came.address) == ("¿Me puedes ayudar? مرحبا", Kind.TEXT, phone.address)
    await met.channels[name].send(reply(met.channels[name], came, "Hello"))
    shown = await phone.next_reply()
    assert shown.text == "Hello"
    if met.channels[name].limits.max_buttons:
        phone.choose("Help")
        await until(lambda: len(met.came()) == 2)
        assert (met.came()[1].kind, met.came()[1].payload) == (Kind.TAP, "p1.2")
        await met.channels[name].acknowledge(met.came()[1])


@pytest.mark.parametrize("name", [name for name in CHANNELS if name != "telegram"])
async def test_delivery_is_reported(name: str, meeting: tuple[Meeting, Simulator]) -> None:
    met, simulator = meeting
    phone = Phone(simulator, name, PEOPLE[name])
    phone.send("hello")
    await until(lambda: bool(met.came()))
    receipt = await met.channels[name].send(reply(met.channels[name], met.came()[0], "Hello"))
    await until(lambda: SendState.DELIVERED in met.states())
    reported = {event.provider_id for event in met.events if isinstance(event, StatusUpdate)}
    assert reported == {receipt.provider_id}


async def test_stop_by_sms_closes_the_way_back(meeting: tuple[Meeting, Simulator]) -> None:
    met, simulator = meeting
    phone = Phone(simulator, "sms-twilio", PEOPLE["sms-twilio"])
    phone.send("STOP")
    await until(lambda: bool(met.came()))
    assert (met.came()[0].kind, met.came()[0].provider_replied) == (Kind.OPT_OUT, True)
    with pytest.raises(OptedOut):
        await met.channels["sms-twilio"].send(reply(met.channels["sms-twilio"], met.came()[0], "Hello"))
