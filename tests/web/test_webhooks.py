"""Where providers knock: what is verified, stored, refused and said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import pytest
from prometheus_client import generate_latest
from starlette.applications import Starlette

from handoff.core.channel import Acknowledgement, BadSignature, RawRequest
from handoff.core.message import Event, Poison
from handoff.services.meters import Meters
from handoff.web.webhooks import MAX_BODY, Webhooks
from tests.services.scene import FakeChannel

PUBLIC = "https://amana.example/in"


@dataclass
class Provider(FakeChannel):
    """Genuine is what carries x-proof: yes; each message is one event with its body."""

    requests: list[RawRequest] = field(default_factory=list)

    def handshake(self, query: Mapping[str, str]) -> str | None:
        return query.get("challenge")

    def receive(self, request: RawRequest) -> Sequence[Event]:
        self.requests.append(request)
        if request.headers.get("x-proof") != "yes":
            raise BadSignature
        return [Poison("sms-twilio", "+15550190000", "bad_json", request.body)] if request.body else []

    def receive_status(self, request: RawRequest) -> Sequence[Event]:
        return self.receive(request)


@dataclass
class Door:
    received: list[Event] = field(default_factory=list)
    failure: Exception | None = None

    async def receive(self, events: Sequence[Event]) -> int:
        if self.failure:
            raise self.failure
        self.received += events
        return len(events)


@dataclass
class Gate:
    """The routes over fakes, and a client."""

    client: httpx.AsyncClient
    channel: Provider
    door: Door
    meters: Meters

    def counted(self) -> str:
        return generate_latest(self.meters.registry).decode()


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    channel, door, meters = Provider(acknowledgement=Acknowledgement("<Response/>", "text/xml")), Door(), Meters()
    app = Webhooks({"sms-twilio": channel}, door, meters, f"{PUBLIC}/", Starlette())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.9:8000") as client:
        yield Gate(client, channel, door, meters)


async def test_what_is_genuine_is_stored_and_acknowledged_as_the_provider_wants(gate: Gate) -> None:
    answer = await gate.client.post("/webhooks/sms-twilio", content=b"Body=hi", headers={"X-Proof": "yes"})
    assert (answer.status_code, answer.text) == (200, "<Response/>")
    assert answer.headers["content-type"].startswith("text/xml")
    assert len(gate.door.received) == 1
    assert 'result="taken"} 1.0' in gate.counted()


async def test_what_is_forged_is_403_and_counted(gate: Gate) -> None:
    for path in ("/webhooks/sms-twilio", "/webhooks/sms-twilio/status"):
        answer = await gate.client.post(path, content=b"Body=canary")
        assert (answer.status_code, answer.text) == (403, "refused")
    assert gate.door.received == []
    assert 'result="forged"} 2.0' in gate.counted()


async def test_the_signed_address_is_the_configured_one_whatever_the_headers_say(gate: Gate) -> None:
    headers = {
        "X-Proof": "yes",
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
    }
    await gate.client.post("/webhooks/sms-twilio/status?a=1&b=2", headers=headers)
    assert gate.channel.requests[0].url == f"{PUBLIC}/webhooks/sms-twilio/status?a=1&b=2"


async def test_nothing_to_do_is_200_and_counted_apart(gate: Gate) -> None:
    answer = await gate.client.post("/webhooks/sms-twilio", headers={"X-Proof": "yes"})
    assert answer.status_code == 200
    assert 'result="ignored"} 1.0' in gate.counted()


async def test_the_handshake_is_answered_or_refused(gate: Gate) -> None:
    assert (await gate.client.get("/webhooks/sms-twilio?challenge=77")).text == "77"
    assert (await gate.client.get("/webhooks/sms-twilio")).status_code == 403


async def test_an_unknown_channel_is_404_and_too_much_is_413(gate: Gate) -> None:
    for path in ("/webhooks/fax", "/webhooks/fax/status"):
        assert (await gate.client.post(path)).status_code == 404
    much = await gate.client.post("/webhooks/sms-twilio", content=b"x" * (MAX_BODY + 1), headers={"X-Proof": "yes"})
    assert much.status_code == 413


async def test_a_body_that_does_not_say_its_length_is_not_read_beyond_the_limit(gate: Gate) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * 500_000

    answer = await gate.client.post("/webhooks/sms-twilio", content=chunks(), headers={"X-Proof": "yes"})
    assert answer.status_code == 413
    assert gate.channel.requests == []


async def test_without_a_database_the_provider_is_told_to_try_again(gate: Gate) -> None:
    gate.door.failure = OSError("canary")
    answer = await gate.client.post("/webhooks/sms-twilio", content=b"Body=hi", headers={"X-Proof": "yes"})
    assert answer.status_code == 500
    assert "canary" not in answer.text
