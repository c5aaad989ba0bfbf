"""Live pages: one LISTEN for the whole process wakes the open pages; each is sent only what changed on it.

A page is made of parts (id → HTML). A notice says nothing about whom it concerns: every page reads again what its own
user may see, and nothing at all is sent when that is unchanged, so that no event betrays a case of others (SAFETY §7):
pings come at their own times, whatever happens meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

import structlog

from handoff.services.access import NotFound

log = structlog.get_logger(__name__)
PING_S = 15.0
GATHER_S = 0.15

type Parts = Mapping[str, str]
type Listen = Callable[[Callable[[str], None]], Awaitable[None]]


class SessionEnded(Exception):
    """The sign-in behind an open page is over."""


class Feed:
    """Fans notices out to open pages. It listens from the first page on, until `close`."""

    def __init__(self, listen: Listen) -> None:
        self._listen = listen
        self._task: asyncio.Future[None] | None = None
        self._pages: dict[asyncio.Event, str] = {}
        self.closed = False

    @contextlib.contextmanager
    def page(self, about: str = "") -> Iterator[asyncio.Event]:
        """An event that is set by a notice about this case (or any case, if `about` is empty)."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._listen(self.heard))
        changed = asyncio.Event()
        self._pages[changed] = about
        try:
            yield changed
        finally:
            del self._pages[changed]

    def heard(self, payload: str) -> None:
        """A notice: a case's id, "queue", or "" when something may have been missed."""
        for changed, about in self._pages.items():
            if not payload or not about or payload == about:
                changed.set()

    async def close(self) -> None:
        """End all pages' streams and stop listening."""
        self.closed = True
        self.heard("")
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


def version_of(parts: Parts) -> str:
    """A short name of exactly this content."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


async def stream(feed: Feed, read: Callable[[], Awaitable[Parts]], *, about: str, seen: str) -> AsyncIterator[str]:
    """Server-sent events: the changed parts, and a ping at its time. `seen` is what the page shows already."""
    with feed.page(about) as changed:
        known: Parts = {}
        ping_at = 0.0
        try:
            while not feed.closed:
                parts = await read()
                version = version_of(parts)
                new = {name: html for name, html in parts.items() if known.get(name) != html}
                if version != seen:
                    # All ids go along: a line that was erased must leave the pages that are open.
                    yield event("parts", {"parts": new, "ids": list(parts)}, version)
                elif time.monotonic() >= ping_at:
                    yield ": ping\n\n"
                if time.monotonic() >= ping_at:
                    ping_at = time.monotonic() + PING_S
                known, seen = parts, version
                await _wait(changed, ping_at - time.monotonic())
        except (NotFound, SessionEnded):
            yield event("gone", {}, "")
        except Exception as error:  # the last edge: the browser comes again, and no words reach a log
            log.warning("live_page_lost", error=type(error).__name__, place=place_of(error))


async def _wait(changed: asyncio.Event, seconds: float) -> None:
    """Until something changed, or until the next ping; several notices in a row are one."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(changed.wait(), max(seconds, 0))
        await asyncio.sleep(GATHER_S)
    changed.clear()


def event(name: str, data: Mapping[str, object], version: str) -> str:
    """One server-sent event. The browser sends `id` back when it connects again."""
    return f"event: {name}\nid: {version}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def place_of(error: BaseException) -> str:
    """Where an exception was raised, without its words (they can hold a person's)."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(frame.filename)}:{frame.lineno}"
