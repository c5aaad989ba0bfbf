"""The HTTP client that carries webhooks: kept connections and nothing else.

Providers are not what the benchmark measures, and they share the machine with what it does: this client costs a third
of the CPU of a general one.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast
from urllib.parse import urlencode, urlsplit

import httptools

from handoff.simulator.retries import Outcome, Timeouts

MOST_CONNECTIONS = 256
PATIENCE = Timeouts(5.0, 10.0)
# Below uvicorn's own 5 s, so that no request meets a connection that the gateway is just closing.
KEEP_ALIVE_S = 3.0


class CannotConnect(Exception):
    """Nobody listens there, or not within the time-out."""


class NoAnswer(Exception):
    """The request may have been taken, but no answer came."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads."""

    host: str
    port: int
    secure: bool


@dataclass(slots=True)
class Answer:
    """One HTTP answer."""

    status: int = 0
    retry_after: str = ""
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self) -> None:
        self._open = True
        self._used_at = 0.0
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._waiting: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From here on requests can be written."""
        self._transport = cast(asyncio.Transport, transport)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent here."""
        return self._open and time.monotonic() - self._used_at < KEEP_ALIVE_S

    async def ask(self, request: bytes, read_s: float) -> Answer:
        """Send a request and wait for its answer. Raises NoAnswer."""
        loop = asyncio.get_running_loop()
        self._answer, self._waiting = Answer(), loop.create_future()
        alarm = loop.call_later(read_s, self._fail)
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            alarm.cancel()
            self._waiting, self._used_at = None, time.monotonic()

    def data_received(self, data: bytes) -> None:
        """A piece of an answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail()

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that was waited for will not come."""
        self._fail()

    def close(self) -> None:
        """No further request."""
        self._open = False
        self._transport.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser found a header."""
        if name.lower() == b"retry-after":
            self._answer.retry_after = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """The parser found a piece of the body."""
        self._answer.body += body

    def on_message_complete(self) -> None:
        """The parser found the end of the answer."""
        self._answer.status = self._parser.get_status_code()
        self._open = self._open and self._parser.should_keep_alive()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(self._answer)

    def _fail(self) -> None:
        self.close()
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(NoAnswer())


class HttpPost:
    """Posts over kept connections. `reroute` sends what is addressed to the public base URL to another address."""

    def __init__(self, public_base_url: str, gateway_url: str = "") -> None:
        self._public = public_base_url.rstrip("/")
        self._gateway = (gateway_url or public_base_url).rstrip("/")
        self._idle: dict[Place, list[Connection]] = {}
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str], timeouts: Timeouts) -> Outcome:
        """One attempt. Never raises for a network failure: that is an outcome."""
        try:
            answer = await self._ask("POST", self.address(url), timeouts, headers, body)
        except CannotConnect:
            return Outcome(failure="ct")
        except NoAnswer:
            return Outcome(failure="rt")
        return Outcome(answer.status, retry_after_s=_seconds(answer.retry_after))

    async def get(self, url: str, query: Mapping[str, str]) -> tuple[int, str]:
        """Meta's handshake: (status, body); (0, "") when no answer came."""
        try:
            answer = await self._ask("GET", f"{self.address(url)}?{urlencode(query)}", PATIENCE, {}, b"")
        except (CannotConnect, NoAnswer):
            return 0, ""
        return answer.status, answer.body.decode("utf-8", "replace")

    def address(self, url: str) -> str:
        """Where a public URL is really reached; the fragment never leaves the provider."""
        bare = url.partition("#")[0]
        return self._gateway + bare.removeprefix(self._public) if bare.startswith(self._public) else bare

    async def aclose(self) -> None:
        """Close the connections that nobody uses."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _ask(self, method: str, url: str, timeouts: Timeouts, headers: Mapping[str, str], body: bytes) -> Answer:
        place, start = _parts(url)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = f"{method} {start}{lines}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
        async with self._room:
            connection = await self._connection(place, timeouts.connect_s)
            try:
                return await connection.ask(request, timeouts.read_s)
            except asyncio.CancelledError:
                connection.close()
                raise
            finally:
                if connection.reusable:
                    self._idle.setdefault(place, []).append(connection)

    async def _connection(self, place: Place, connect_s: float) -> Connection:
        """A kept connection, else a new one. Raises CannotConnect."""
        idle = self._idle.get(place, [])
        while idle:
            connection = idle.pop()
            if connection.reusable:
                return connection
            connection.close()
        context = ssl.create_default_context() if place.secure else None
        try:
            async with asyncio.timeout(connect_s):
                loop = asyncio.get_running_loop()
                return (await loop.create_connection(Connection, place.host, place.port, ssl=context))[1]
        except (OSError, TimeoutError):
            raise CannotConnect from None


@lru_cache(maxsize=64)
def _parts(url: str) -> tuple[Place, str]:
    """Where the URL leads, and what stands in the request after the method up to our own headers."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    place = Place(parts.hostname or "", parts.port or (443 if secure else 80), secure)
    return place, f"{target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"


def _seconds(header: str) -> float:
    return float(header) if header.isdigit() else 0.0
