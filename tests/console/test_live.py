"""Live pages, without a browser: what is sent, to whom, and when nothing is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy.exc import OperationalError

from handoff.console import live
from handoff.console.live import Feed, Parts, SessionEnded, event, stream, version_of


class Bell:
    """Stands in for LISTEN, and never rings by itself."""

    def __init__(self) -> None:
        self.listeners = 0

    async def listen(self, _: Callable[[str], None]) -> None:
        """For ever."""
        self.listeners += 1
        await asyncio.Event().wait()


class Page:
    """A page whose parts a test changes."""

    def __init__(self, **parts: str) -> None:
        self.parts: dict[str, str] = parts
        self.error: Exception | None = None

    async def read(self) -> Parts:
        """The parts now."""
        if self.error:
            raise self.error
        return dict(self.parts)


async def following(stream_: AsyncIterator[str]) -> tuple[str, dict[str, str]]:
    """The next event: its name and the parts in it. A ping is ("", {})."""
    words = await asyncio.wait_for(anext(stream_), 5)
    if words.startswith(":"):
        return "", {}
    lines = dict(line.split(": ", 1) for line in words.strip().splitlines())
    return lines["event"], json.loads(lines["data"]).get("parts", {})


async def test_only_what_changed_is_sent() -> None:
    page = Page(alarm="", queue="one")
    feed = Feed(Bell().listen)
    events = stream(feed, page.read, about="", seen="")
    assert await following(events) == ("parts", {"alarm": "", "queue": "one"})
    page.parts["queue"] = "two"
    feed.heard("queue")
    assert await following(events) == ("parts", {"queue": "two"})
    await feed.close()


async def test_a_line_that_was_erased_is_no_longer_among_the_ids() -> None:
    page = Page(one="1", two="2")
    feed = Feed(Bell().listen)
    events = stream(feed, page.read, about="", seen="")
    await following(events)
    del page.parts["one"]
    feed.heard("")
    assert '"ids": ["two"]' in await anext(events)
    await feed.close()


async def test_a_page_that_is_up_to_date_is_sent_nothing() -> None:
    page = Page(queue="one")
    feed = Feed(Bell().listen)
    assert await following(stream(feed, page.read, about="", seen=version_of(page.parts))) == ("", {})
    await feed.close()


async def test_a_notice_that_changes_nothing_for_this_user_sends_nothing() -> None:
    page = Page(queue="one")
    feed = Feed(Bell().listen)
    events = stream(feed, page.read, about="", seen=version_of(page.parts))
    await following(events)
    coming = asyncio.ensure_future(anext(events))
    for _ in range(3):
        feed.heard("a case of somebody else")
        await asyncio.sleep(0.3)
    assert not coming.done()
    page.parts["queue"] = "two"
    feed.heard("a case of theirs")
    assert '"queue": "two"' in await coming
    await feed.close()


async def test_pings_come_at_their_own_times_whatever_happens_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PING_S", 1.0)
    page = Page(queue="one")
    feed = Feed(Bell().listen)
    events = stream(feed, page.read, about="", seen=version_of(page.parts))
    await following(events)
    began = time.monotonic()
    coming = asyncio.ensure_future(following(events))
    while not coming.done():
        feed.heard("a case of somebody else")
        await asyncio.sleep(0.1)
    assert await coming == ("", {})
    assert time.monotonic() - began >= 0.95
    await feed.close()


async def test_a_case_page_wakes_for_its_own_case_and_for_gaps() -> None:
    feed = Feed(Bell().listen)
    with feed.page("mine") as changed:
        feed.heard("other")
        assert not changed.is_set()
        feed.heard("mine")
        assert changed.is_set()
        changed.clear()
        feed.heard("")
        assert changed.is_set()
    await feed.close()


async def test_many_pages_share_one_listener() -> None:
    bell = Bell()
    feed = Feed(bell.listen)
    with feed.page(), feed.page(), feed.page():
        await asyncio.sleep(0)
        assert bell.listeners == 1
    await feed.close()


async def test_a_session_that_ended_ends_the_stream_with_a_word() -> None:
    page = Page(queue="one")
    feed = Feed(Bell().listen)
    events = stream(feed, page.read, about="", seen="")
    await following(events)
    page.error = SessionEnded()
    feed.heard("")
    assert await following(events) == ("gone", {})
    assert [left async for left in events] == []
    await feed.close()


async def test_a_database_that_is_away_ends_the_stream_and_the_browser_comes_again() -> None:
    page = Page()
    page.error = OperationalError("SELECT secret", {}, Exception("secret"))
    feed = Feed(Bell().listen)
    assert [left async for left in stream(feed, page.read, about="", seen="")] == []
    await feed.close()


async def test_closing_the_feed_ends_open_streams() -> None:
    page = Page(queue="one")
    feed = Feed(Bell().listen)
    events = stream(feed, page.read, about="", seen="")
    await following(events)
    await feed.close()
    assert [left async for left in events] == []


def test_an_event_stays_one_event_whatever_the_words() -> None:
    words = event("parts", {"line-1": "a\n\nevent: gone\ndata: {}\n\n"}, "v1")
    assert words.count("\n\n") == 1
    assert len(words.splitlines()) == 4
