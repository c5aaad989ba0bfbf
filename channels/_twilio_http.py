"""The transport under Twilio's official client, which offers `AsyncHttpClient` for exactly this.

Its own asynchronous one ignores its time-out; the synchronous one needs a thread for each call and keeps the last text
and number in memory for its tests.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from aiohttp import encode_basic_auth
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from channels._http import Transport


class TwilioTransport(AsyncHttpClient):
    """Twilio's client speaks, `Transport` carries."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(logging.getLogger("twilio.http_client"), True)
        self._transport = transport

    async def request(  # type: ignore[override]  # the library annotates its own async client so too
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (the library's signature)
        allow_redirects: bool = False,
    ) -> Response:
        """One call. Raises RetryLater where no answer came."""
        fields = dict(headers or {})
        if auth:
            fields["Authorization"] = encode_basic_auth(*auth)
        answer = await self._transport.call(
            method,
            f"{uri}?{urlencode(params, doseq=True)}" if params else uri,
            headers=fields,
            body=urlencode(data, doseq=True).encode() if data else None,
        )
        return Response(answer.status, answer.body.decode("utf-8", "replace"), answer.headers)
