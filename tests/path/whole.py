"""The whole path in one process: simulated phones, real adapters, the real database, a scripted assistant."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from sqlalchemy import text
from starlette.applications import Starlette

from handoff.app import House, build_house, build_worker
from handoff.core.effects import OpenCase, Say
from handoff.core.ports import AssistantDown, AssistantTurn, Hints, TurnFailed
from handoff.services.work import Worker
from handoff.settings import Settings
from handoff.simulator.app import build as build_simulator
from handoff.simulator.phone import Phone
from handoff.simulator.simulator import Simulator
from handoff.store.wake import listen
from handoff.web.webhooks import Webhooks
from tests.simulator import running as sim

CHANNELS = ("sms-twilio", "whatsapp-twilio", "whatsapp-cloud", "telegram")


@dataclass
class ScriptedAssistant:
    """Stands where Rasa stands. Answers payloads as the trained one does; `broken` makes the next answers fail."""

    heard: list[tuple[str, str]] = field(default_factory=list)
    broken: str = ""
    pause: asyncio.Event | None = None
    delay_s: float = 0.0

    async def ranking(self, text: str) -> tuple[tuple[str, float], ...]:
        if self.broken:
            raise AssistantDown("unreachable")
        return (("scripted", 1.0),)

    async def turn(
        self, message_id: str, message: str, *, kind: str, locale: str, state: Mapping[str, Any], hints: Hints
    ) -> AssistantTurn:
        self.heard.append((kind, message))
        if self.pause:
            await self.pause.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.broken == "down":
            raise AssistantDown("unreachable")
        if self.broken:
            raise TurnFailed(self.broken)
        return AssistantTurn(self._effects(kind, message), {"turns": len(self.heard)}, "scripted")

    def _effects(self, kind: str, message: str) -> tuple[Any, ...]:
        if kind == "payload" and message == "/talk_to_human":
            return (Say("consent.contact"),)
        if kind == "payload" and "consent.write" in message:
            return (OpenCase("write", "consent.contact"),)
        if kind == "payload" and "consent.no" in message:
            return (Say("consent.declined"),)
        if kind == "payload" and message == "/check_offer":
            return (Say("offer.start"),)
        if kind == "text" and message == "may I talk to a person?":
            return (Say("person.offer"),)
        return (Say("greet.hello"),)


@dataclass
class Whole:
    """Everything that runs, and phones to try it with."""

    settings: Settings
    house: House
    worker: Worker
    assistant: ScriptedAssistant
    simulator: Simulator
    gateway_url: str

    def phone(self, channel: str = "sms-twilio", address: str = "") -> Phone:
        """Somebody's phone."""
        return Phone(self.simulator, channel, address)

    async def value(self, query: str, **parameters: Any) -> Any:
        """One value from the database."""
        async with self.house.engine.connect() as connection:
            return (await connection.execute(text(query), parameters)).scalar()

    async def do(self, statement: str, **parameters: Any) -> None:
        """Change the database as an operator could."""
        async with self.house.engine.begin() as connection:
            await connection.execute(text(statement), parameters)

    async def worked(self, count: int, timeout_s: float = 20.0) -> None:
        """Wait until so many messages have been worked."""
        async with asyncio.timeout(timeout_s):
            query = "SELECT count(*) FROM inbound WHERE worked_at IS NOT NULL"
            while await self.value(query) < count:  # noqa: ASYNC110 (only looking tells)
                await asyncio.sleep(0.02)

    async def settle(self, timeout_s: float = 10.0) -> None:
        """Wait until nothing is due and nothing is unsent."""
        busy = (
            "SELECT (SELECT count(*) FROM conversations WHERE due_at <= now() OR leased_until > now())"
            " + (SELECT count(*) FROM inbound WHERE worked_at IS NULL)"
        )
        async with asyncio.timeout(timeout_s):
            while self.simulator.courier.pending or await self.value(busy):  # noqa: ASYNC110 (only looking tells)
                await asyncio.sleep(0.02)


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


@asynccontextmanager
async def _served(*apps: tuple[Any, socket.socket]) -> AsyncIterator[None]:
    servers, tasks = list[uvicorn.Server](), list[asyncio.Task[None]]()
    for app, listener in apps:
        config = uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=1)
        servers.append(uvicorn.Server(config))
        tasks.append(asyncio.create_task(servers[-1].serve(sockets=[listener])))
    await sim.until(lambda: all(server.started for server in servers))
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


def _settings(base: Settings, gateway: str, provider: str, **others: Any) -> Settings:
    given = sim.settings_for(gateway).model_dump(exclude_unset=True)
    values = {
        **base.model_dump(exclude_unset=True),
        **given,
        "channels": CHANNELS,
        "twilio_api_url": provider,
        "meta_api_url": provider,
        "telegram_api_url": provider,
        **others,
    }
    return Settings(_env_file=None, **values)


@asynccontextmanager
async def whole(base: Settings, **others: Any) -> AsyncIterator[Whole]:
    """Start everything; stop everything."""
    web_listener, provider_listener = _listener(), _listener()
    with web_listener, provider_listener:
        async with _running(base, web_listener, provider_listener, others) as running:
            yield running


@asynccontextmanager
async def _running(
    base: Settings, web_listener: socket.socket, provider_listener: socket.socket, others: dict[str, Any]
) -> AsyncIterator[Whole]:
    gateway = f"http://127.0.0.1:{web_listener.getsockname()[1]}"
    provider = f"http://127.0.0.1:{provider_listener.getsockname()[1]}"
    settings = _settings(base, gateway, provider, **others)
    simulator = Simulator(settings, pace=sim.QUICK)
    house = build_house(settings)
    worker, _ = build_worker(house)
    assistant = ScriptedAssistant()
    worker.respond.assistant = assistant
    webhooks = Webhooks(house.channels, house.door, house.meters, settings.public_base_url, Starlette())
    try:
        async with (
            _served((webhooks, web_listener), (build_simulator(settings, simulator=simulator), provider_listener)),
            _working(house, worker),
        ):
            yield Whole(settings, house, worker, assistant, simulator, gateway)
    finally:
        await house.aclose()


@asynccontextmanager
async def _working(house: House, worker: Worker) -> AsyncIterator[None]:
    work = asyncio.create_task(worker.run())
    listening = asyncio.create_task(listen(house.dsn, "amana_due", lambda _: worker.wake.set()))
    try:
        yield
    finally:
        worker.stop()
        await work
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
