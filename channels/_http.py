"""What the provider clients share below their own API: quiet loggers, one TLS context, what a broken call means."""

from __future__ import annotations

import logging
import ssl
from functools import cache

import certifi
import httpx

from handoff.core.channel import RetryLater

# As many requests at once as the worker may have in flight, and some for the desk.
POOL_SIZE = 32
# Providers answer a send within a second or two. Longer than a lease makes no sense.
TIMEOUT_S = 10.0

# Each of these writes message texts, numbers or (Telegram's URL) the token at INFO or DEBUG, and python-telegram-bot
# writes unreadable answers at ERROR, so none of them may say anything at any level.
TALKATIVE = ("httpx", "httpcore", "telegram", "twilio", "urllib3", "requests")


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


def broken_call(error: BaseException | None) -> RetryLater:
    """What a failed httpx call means: only where the request cannot have been written is it surely not sent."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return RetryLater("connect")
    if isinstance(error, httpx.TimeoutException):
        return RetryLater("timeout", maybe_sent=True)
    return RetryLater("network", maybe_sent=True)
