"""The control API under /control: phones send, faults are set, everything is counted. JSON in and out.

A body must be `application/json`: no foreign web page can send that here without asking the browser first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from handoff.core.sms import count_segments
from handoff.simulator.exchange import CHANNELS, Act, BadAct
from handoff.simulator.faults import BadFault, Faults
from handoff.simulator.ledger import END, Change
from handoff.simulator.simulator import Simulator

HEARTBEAT_S = 15.0

type Body = dict[str, object]


class Control:
    """The routes of the control API."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Paths and what answers them."""
        return [
            Route("/control/health", self.health, methods=["GET"]),
            Route("/control/messages", self.messages, methods=["GET"]),
            Route("/control/webhooks", self.webhooks, methods=["GET"]),
            Route("/control/events", self.events, methods=["GET"]),
            Route("/control/phones", self.phones, methods=["GET", "POST"]),
            Route("/control/segments", self.segments, methods=["POST"]),
            Route("/control/send", self.send, methods=["POST"]),
            Route("/control/faults", self.faults, methods=["GET", "POST"]),
            Route("/control/reset", self.reset, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """Whether the simulator answers, and how much it has under way."""
        ledger = self._simulator.ledger
        counts = {"phones": len(ledger.handsets), "entries": len(ledger.entries)}
        return JSONResponse({"ok": True, "pending": self._simulator.courier.pending, **counts})

    async def messages(self, request: Request) -> Response:
        """Entries numbered above `since`, of one `channel` and `address` if given; `last` is the next `since`."""
        query = request.query_params
        since = query.get("since", "0")
        if not since.isdigit():
            return _wrong("since: a number")
        ledger = self._simulator.ledger
        found = ledger.select(since=int(since), channel=query.get("channel", ""), address=query.get("address", ""))
        return JSONResponse({"entries": [entry.describe() for entry in found], "last": len(ledger.entries)})

    async def webhooks(self, request: Request) -> Response:
        """Every attempt of every webhook since `since_ms`: channel, purpose, when, how long, with what result."""
        try:
            since = float(request.query_params.get("since_ms", "0"))
        except ValueError:
            return _wrong("since_ms: a number")
        found = [asdict(each) for each in self._simulator.courier.attempts if each.at_ms >= since]
        return JSONResponse({"attempts": found})

    async def phones(self, request: Request) -> Response:
        """List the phones, or switch one on: `channel`, and if wanted `name`, `language`, `address`."""
        if request.method == "GET":
            found = self._simulator.ledger.handsets.values()
            return JSONResponse({"phones": [handset.describe() for handset in found]})
        body = await _read(request)
        if body is None:
            return _wrong("a JSON object")
        try:
            wanted = {name: _text(body, name) for name in ("name", "language", "address")}
            wanted["language"] = wanted["language"] or "en"
            handset = self._simulator.add_phone(_text(body, "channel"), **wanted)
        except BadAct as error:
            return _wrong(str(error))
        return JSONResponse(handset.describe(), 201)

    async def segments(self, request: Request) -> Response:
        """What a text would cost as SMS: encoding, parts, units."""
        body = await _read(request)
        text = (body or {}).get("text")
        if not isinstance(text, str):
            return _wrong("text: a text")
        return JSONResponse(asdict(count_segments(text)))

    async def send(self, request: Request) -> Response:
        """A phone does something (see `Act`), or many do: {"messages": [...]}. Answers 202 with entry numbers."""
        body = await _read(request)
        if body is None:
            return _wrong("a JSON object")
        acts = body.get("messages", [body])
        if not isinstance(acts, list) or not all(isinstance(each, dict) for each in acts):
            return _wrong("messages: a list of objects")
        try:
            numbers = [self._act(each) for each in acts]
        except BadAct as error:
            return _wrong(str(error))
        return JSONResponse({"entries": numbers}, 202)

    def _act(self, body: Body) -> int:
        entry = body.get("entry", 0)
        extra = body.get("extra", {})
        if not isinstance(entry, int) or not isinstance(extra, dict):
            raise BadAct("entry: a number; extra: an object")
        act = Act(_text(body, "kind") or "text", _text(body, "text"), _text(body, "token"), entry, extra)
        return self._simulator.act(_text(body, "channel"), _text(body, "address"), act).number

    async def faults(self, request: Request) -> Response:
        """Show the faults, or replace those of one `channel` (or "all"); what is left out is as it should be."""
        present = self._simulator.exchange.faults
        if request.method == "POST":
            body = await _read(request)
            if body is None:
                return _wrong("a JSON object")
            channel = body.pop("channel", "all")
            if channel not in (*CHANNELS, "all"):
                return _wrong(f"channel: all, {', '.join(CHANNELS)}")
            try:
                names = CHANNELS if channel == "all" else (str(channel),)
                present.update({name: Faults.parse(body) for name in names})
            except BadFault as error:
                return _wrong(str(error))
        return JSONResponse({name: faults.describe() for name, faults in present.items()})

    async def reset(self, request: Request) -> Response:
        """As after a fresh start."""
        if await _read(request) is None:
            return _wrong("a JSON object")
        await self._simulator.reset()
        return JSONResponse({"ok": True})

    async def events(self, request: Request) -> Response:
        """Server-sent events: entry, phone, reset."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

    async def _stream(self) -> AsyncIterator[str]:
        changes = self._simulator.ledger.watch()
        try:
            yield "retry: 1000\n\n"
            while (change := await _next_change(changes)) is not END:
                yield _event(change)
        finally:
            self._simulator.ledger.unwatch(changes)


async def _next_change(changes: asyncio.Queue[Change]) -> Change | None:
    """The next change, or None when it is time to show that the line is still open."""
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            return await changes.get()
    except TimeoutError:
        return None


def _event(change: Change | None) -> str:
    if change is None:
        return ": still here\n\n"
    return f"event: {change.event}\ndata: {json.dumps(change.data, ensure_ascii=False)}\n\n"


async def _read(request: Request) -> Body | None:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return None
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _text(body: Body, name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise BadAct(f"{name}: a text")
    return value


def _wrong(what: str) -> Response:
    return JSONResponse({"error": what}, 400)
