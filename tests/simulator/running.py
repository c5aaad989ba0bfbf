"""Servers for the simulator's tests: the simulator itself, and a gateway that checks every signature on its own."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from handoff.settings import Settings
from handoff.simulator.exchange import Pace
from handoff.simulator.retries import Outcome, Timeouts

ACCOUNT = "AC" + "1" * 32
TWILIO_TOKEN = "fictional-twilio-token"
META_SECRET = "fictional-app-secret"
META_TOKEN = "fictional-access-token"
META_VERIFY = "fictional-verify-token"
TELEGRAM_TOKEN = "700000000:fictional-bot-token"
TELEGRAM_SECRET = "fictional-webhook-secret"
SMS_FROM = "+15550190000"
WHATSAPP_FROM = "+15550190001"
NUMBER_ID = "109999999999999"
QUICK = Pace(0.0, 0.0, 0.0)


def settings_for(gateway: str, **others: Any) -> Settings:
    """A development configuration with fictional secrets."""
    values: dict[str, Any] = {
        "environment": "development",
        "public_base_url": gateway,
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TWILIO_TOKEN,
        "twilio_sms_from": SMS_FROM,
        "twilio_whatsapp_from": WHATSAPP_FROM,
        "meta_phone_number_id": NUMBER_ID,
        "meta_access_token": META_TOKEN,
        "meta_app_secret": META_SECRET,
        "meta_verify_token": META_VERIFY,
        "telegram_token": TELEGRAM_TOKEN,
        "telegram_secret": TELEGRAM_SECRET,
    }
    return Settings(_env_file=None, **(values | others))


class FakeClock:
    """Sleeping takes no time and is written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._steady = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._steady)

    def steady(self) -> float:
        return self._steady

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._steady += seconds
        await asyncio.sleep(0)

    def pass_by(self, seconds: float) -> None:
        """Let time pass without anyone sleeping."""
        self._steady += seconds


class ScriptedPost:
    """Answers webhooks from a list; afterwards always 200. `took_s` passes on the clock with each attempt."""

    def __init__(self, clock: FakeClock, *outcomes: Outcome, took_s: float = 0.0) -> None:
        self.calls: list[tuple[str, bytes, dict[str, str], Timeouts]] = []
        self._outcomes = deque(outcomes)
        self._clock = clock
        self._took_s = took_s

    async def __call__(self, url: str, body: bytes, headers: Any, timeouts: Timeouts) -> Outcome:
        self.calls.append((url, body, dict(headers), timeouts))
        self._clock.pass_by(self._took_s)
        await asyncio.sleep(0)
        return self._outcomes.popleft() if self._outcomes else Outcome(200)

    def forms(self) -> list[dict[str, str]]:
        """The bodies, read as forms."""
        return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, body, _, _ in self.calls]

    def documents(self) -> list[Any]:
        """The bodies, read as JSON."""
        return [json.loads(body) for _, body, _, _ in self.calls]


@dataclass
class Arrived:
    """A webhook that the gateway took for genuine."""

    path: str
    headers: dict[str, str]
    data: Any
    body: bytes = b""


@dataclass
class Gateway:
    """Checks signatures with the official library or the published algorithm; `answers` are the coming statuses."""

    url: str = ""
    arrived: list[Arrived] = field(default_factory=list)
    forged: int = 0
    answers: deque[int] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path
        if request.method == "GET":
            return self._handshake(request)
        data = self._verified(path, request.headers, body)
        if data is None:
            self.forged += 1
            return Response(status_code=403)
        self.arrived.append(Arrived(path, dict(request.headers), data, body))
        self._news.set()
        return Response(status_code=self.answers.popleft() if self.answers else 200)

    def _handshake(self, request: Request) -> Response:
        query = request.query_params
        genuine = query.get("hub.mode") == "subscribe" and query.get("hub.verify_token") == META_VERIFY
        return PlainTextResponse(query["hub.challenge"]) if genuine else Response(status_code=403)

    def _verified(self, path: str, headers: Any, body: bytes) -> Any:
        if "twilio" in path:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True))
            validator: Any = RequestValidator(TWILIO_TOKEN)  # type: ignore[no-untyped-call]
            return form if validator.validate(self.url + path, form, headers["X-Twilio-Signature"]) else None
        if "cloud" in path:
            expected = hmac.new(META_SECRET.encode(), body, hashlib.sha256).hexdigest()
            return json.loads(body) if headers["X-Hub-Signature-256"] == f"sha256={expected}" else None
        return json.loads(body) if headers["X-Telegram-Bot-Api-Secret-Token"] == TELEGRAM_SECRET else None

    def reset(self) -> None:
        """Forget what came, and answer 200 again."""
        self.arrived.clear()
        self.answers.clear()
        self.forged = 0

    async def wait(self, count: int, timeout_s: float = 5.0) -> list[Arrived]:
        """The first `count` webhooks, once they are there."""
        async with asyncio.timeout(timeout_s):
            while len(self.arrived) < count:
                self._news.clear()
                await self._news.wait()
        return self.arrived[:count]

    def app(self) -> Starlette:
        """The gateway as a web application."""
        return Starlette(routes=[Route("/webhooks/{path:path}", self.take, methods=["GET", "POST"])])


async def until(fulfilled: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for something that only looking can tell. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not fulfilled():  # noqa: ASYNC110 (neither uvicorn nor a browser tells)
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(app: Callable[..., Awaitable[None]]) -> AsyncIterator[str]:
    """Serve an application on a free loopback port."""
    # With the protocol named, asyncio switches Nagle's algorithm off; else each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await task
