"""The transport under all provider clients: kept connections, one TLS context, and what a broken call means.

The official client libraries speak each provider's language; their own transports cost two to five times the CPU of
this one, and each of them tells timeouts and lost connections in its own way.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
from yarl import URL

from handoff.core.channel import RetryLater

# As many requests at once as the worker may have in flight, and some for the desk.
POOL_SIZE = 32
# Providers answer a send within a second or two. Longer than a lease makes no sense.
TIMEOUT_S = 10.0
CONNECT_S = 5.0

# Each of these writes message texts, numbers or (Telegram's URL) the token at INFO or DEBUG, and python-telegram-bot
# writes unreadable answers at ERROR, so none of them may say anything at any level.
TALKATIVE = ("httpx", "httpcore", "telegram", "twilio", "urllib3", "requests", "aiohttp")


def silence_clients() -> None:
    """Switch off the loggers of the client libraries, children included, whatever the root logger's level is."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


@cache
def tls_context() -> ssl.SSLContext:
    """One context for all clients: loading the certificates costs 20 ms and a megabyte each time."""
    return ssl.create_default_context(cafile=certifi.where())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Transport:
    """Connections to one API root, through the environment's proxy where one is set. Opened by the first call."""

    def __init__(self, api_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._proxy = _proxy_for(api_url)
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=timeout_s, sock_connect=min(CONNECT_S, timeout_s), sock_read=timeout_s
        )
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One call. Raises RetryLater where no answer came; redirects are answers."""
        failure: RetryLater
        try:
            async with self._open().request(
                method, URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answer(response.status, await response.read(), response.headers)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            failure = broken_call(error)
        raise failure

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL_SIZE, ssl=tls_context(), keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
                timeout=self._timeout,
                proxy=self._proxy,
            )
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def broken_call(error: BaseException) -> RetryLater:
    """What a failed call means: only where the request cannot have been written is it surely not sent."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL):
        return RetryLater("connect")
    if isinstance(error, TimeoutError):
        return RetryLater("timeout", maybe_sent=True)
    return RetryLater("network", maybe_sent=True)


def _proxy_for(api_url: str) -> str | None:
    root = urlsplit(api_url)
    return None if proxy_bypass(root.hostname or "") else getproxies().get(root.scheme)
