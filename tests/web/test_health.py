"""Alive, ready, and counted without a label that could identify anybody."""

from __future__ import annotations

import re

import httpx
from starlette.applications import Starlette

from handoff.services.meters import Meters
from handoff.web.health import health_routes, metrics_route
from tests.path.whole import Whole

LABELS = {"channel", "result", "outcome", "state", "event", "le"}


async def get(app: Starlette, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://internal") as client:
        return await client.get(path)


async def test_alive_without_a_database_but_not_ready() -> None:
    async def away() -> None:
        raise ConnectionError("host=10.0.0.1 password=canary")

    app = Starlette(routes=health_routes(away))
    assert (await get(app, "/healthz")).status_code == 200
    ready = await get(app, "/readyz")
    assert (ready.status_code, ready.text) == (503, "not ready: ConnectionError")


async def test_ready_when_the_database_answers(path: Whole) -> None:
    assert (await get(Starlette(routes=health_routes(path.house.upkeep.ready)), "/readyz")).status_code == 200


async def test_metrics_name_channels_outcomes_and_states_only(path: Whole) -> None:
    phone = path.phone("whatsapp-cloud")
    phone.send("velvet canary")
    await phone.next_reply()
    await path.settle()
    app = Starlette(routes=[metrics_route(path.house.meters, path.house.refresh_gauges)])
    shown = (await get(app, "/metrics")).text
    assert set(re.findall(r"(\w+)=\"", shown)) <= LABELS
    assert phone.address.lstrip("+") not in shown
    assert "canary" not in shown
    for name in ("amana_queue_depth 0.0", "amana_dead_letters 0.0", 'amana_outbound_total{channel="whatsapp-cloud"'):
        assert name in shown


def test_segments_are_counted_only_when_sent() -> None:
    meters = Meters()
    meters.sent("sms-twilio", "queued", 2)
    meters.sent("sms-twilio", "sent", 2)
    value = meters.registry.get_sample_value("amana_sms_segments_total", {"channel": "sms-twilio"})
    assert value == 2
