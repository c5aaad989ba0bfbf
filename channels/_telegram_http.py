"""The transport under python-telegram-bot, which offers `BaseRequest` for exactly this."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from telegram.request import BaseRequest, RequestData

from channels._http import TIMEOUT_S, Transport

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class TelegramTransport(BaseRequest):
    """The library speaks, `Transport` carries. No files are sent."""

    def __init__(self, transport: Transport, *, timeout_s: float = TIMEOUT_S) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    @property
    def read_timeout(self) -> float | None:
        """Seconds; the library adds them to the time-out of a long poll, which this bot never does."""
        return self._timeout_s

    async def initialize(self) -> None:
        """Nothing: connections are opened by the first call."""

    async def shutdown(self) -> None:
        """Close connections."""
        await self._transport.aclose()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """One call. Raises RetryLater where no answer came; the library makes it the cause of its own error."""
        form = request_data.json_parameters if request_data else {}
        answer = await self._transport.call(method, url, headers=FORM, body=urlencode(form).encode())
        return answer.status, answer.body
