"""Conflict of interest (SAFETY §7): whoever works for an implicated organisation cannot list, open, search, count,
time, hear of or guess a case against it. Every route of the running desk and every command is walked, from their
registries."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import event, text
from starlette.routing import Mount

from handoff.cli import app as amana_app
from handoff.settings import Settings
from tests.commands import amana
from tests.console.world import HOME, PSEA, Browser, World

# Of every route: how the test below treats it. A new one fails the test until somebody has thought about it.
CASE, LIST, STREAM, NO_CASE = "opens one case", "lists cases", "streams a list", "knows no case"
ROUTES = {
    ("GET", "/sign-in"): NO_CASE,
    ("POST", "/sign-in"): NO_CASE,
    ("POST", "/sign-out"): NO_CASE,
    ("GET", "/"): LIST,
    ("GET", "/live"): STREAM,
    ("GET", "/cases/{case_id}"): CASE,
    ("GET", "/cases/{case_id}/live"): CASE,
    ("POST", "/cases/{case_id}/claim"): CASE,
    ("POST", "/cases/{case_id}/release"): CASE,
    ("POST", "/cases/{case_id}/seen"): CASE,
    ("POST", "/cases/{case_id}/reply"): CASE,
    ("POST", "/cases/{case_id}/close"): CASE,
    ("POST", "/cases/{case_id}/reveal"): CASE,
    ("POST", "/cases/{case_id}/level"): CASE,
}
# Of every command that reads the database and prints: what to call it with. It must print the same with and without
# a case. The others print nothing that is read from there.
PRINTS: dict[str, tuple[str, ...]] = {
    "dead-letters list": (),
    "directory check": (),
    "doctor": (),
    "audit verify": (),
    "purge": ("--dry-run",),
    "keys rotate": (),
    "erased list": (),
}
PRINTS_NO_ROWS = {
    *("serve", "worker", "simulator", "demo", "migrate", "staff add", "dead-letters redrive", "channels connect"),
    *("content check", "translations update", "translations accept", "translations status", "offer check", "nlu parse"),
    *("directory import", "directory verify", "directory unverify", "directory done", "places import"),
    "erased apply",
}
FORM = {"text": "hello", "code": "helped", "what": "number", "reason": "danger", "level": "P1", "after": ""}


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Every route of the running desk; static files are the same for everybody."""
    for route in app.routes:
        if isinstance(route, APIRoute):
            yield from ((method, route.path) for method in sorted(route.methods or ()))
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router)
        else:
            assert isinstance(route, Mount), route
            assert route.path == "/static"


def commands_of(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


async def implicated_desk(world: World) -> tuple[FastAPI, Browser]:
    """Sara has every role there is at the operator, against which a report comes in, and at the network to which it
    goes: only the conflict of interest keeps it from her. Nia at the network may read it."""
    sara = await world.staff("sara", role="admin", focal=("psea", "gbv", "cp", "vot"))
    await world.also_works_for(sara, PSEA, role="admin", focal=("psea",))
    await world.staff("nia", organisation=PSEA, focal=("psea",))
    await world.case("SEEN22", owner="psea")
    app = world.console()
    return app, await world.browser(app, "sara")


async def allegation(world: World) -> uuid.UUID:
    """A report against somebody of the operator: urgent, with an alarm, so that nothing hides it but who asks."""
    case_id = await world.case(
        *("PSEA22",), organisation=PSEA, owner="psea", excluded=[HOME], level="P0", alarm_at=world.clock()
    )
    await world.run("SELECT pg_notify('amana_desk', :id)", id=str(case_id))
    return case_id


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(world.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(world.engine.sync_engine, "before_cursor_execute", note)


def plain(page: str, *ids: str) -> str:
    """A page without what differs at every opening."""
    for each in ids:
        page = page.replace(each, "")
    return re.sub(r'name="csrf" value="[^"]*"', "", page)


def test_every_route_of_the_desk_is_walked(world: World) -> None:
    found = list(routes_of(world.console().state.console))
    assert len(found) == len(set(found)) == len(ROUTES)
    assert set(found) == set(ROUTES)


def test_every_command_is_thought_of() -> None:
    found = list(commands_of(typer.main.get_command(amana_app)))
    assert len(found) == len(PRINTS) + len(PRINTS_NO_ROWS)
    assert set(found) == {*PRINTS, *PRINTS_NO_ROWS}


async def test_the_case_is_there_for_whoever_may_know_of_it(world: World) -> None:
    app, _ = await implicated_desk(world)
    case_id = await allegation(world)
    nia = await world.browser(app, "nia")
    assert "PSEA22" in (await nia.get("/")).text
    assert (await nia.get(f"/cases/{case_id}")).status_code == 200


@pytest.mark.parametrize(("method", "path"), [route for route, kind in ROUTES.items() if kind == CASE])
async def test_opening_it_takes_the_same_path_and_gets_the_same_answer_as_a_case_that_never_was(
    world: World, method: str, path: str
) -> None:
    _, sara = await implicated_desk(world)
    hidden = await allegation(world)
    answers, asked = [], []
    async with busy(world, hidden):
        for case_id in (str(hidden), str(uuid.uuid4()), str(hidden), str(uuid.uuid4())):
            form = {"csrf": sara.csrf, **FORM} if method == "POST" else None
            with statements(world) as seen:
                address = "/console" + path.replace("{case_id}", case_id)
                answer = await asyncio.wait_for(sara.client.request(method, address, data=form), 10)
            headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
            answers.append((answer.status_code, plain(answer.text, case_id), headers))
            asked.append(seen)
    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert asked[0]
    assert asked[0] == asked[1] == asked[2] == asked[3]
    assert await world.one("SELECT count(*) FROM audit WHERE object_id = :id", id=str(hidden)) == 0
    assert await world.one("SELECT state FROM cases WHERE id = :id", id=hidden) == "waiting"


@asynccontextmanager
async def busy(world: World, case_id: uuid.UUID) -> AsyncIterator[None]:
    """Somebody else works on the case: whoever had to wait for them would know that it exists."""
    async with world.engine.connect() as connection:
        for query in ("SELECT 1 FROM conversations WHERE case_id = :id", "SELECT 1 FROM cases WHERE id = :id"):
            await connection.execute(text(f"{query} FOR UPDATE"), {"id": case_id})
        yield


@pytest.mark.parametrize(("method", "path"), [route for route, kind in ROUTES.items() if kind == LIST])
async def test_lists_counts_alarms_and_flags_are_the_same_with_and_without_it(
    world: World, method: str, path: str
) -> None:
    app, sara = await implicated_desk(world)
    before = plain((await sara.get(path)).text)
    hidden = await allegation(world)
    nia = await world.browser(app, "nia")
    await nia.get(f"/cases/{hidden}")
    await nia.post(f"/cases/{hidden}/claim")
    assert plain((await sara.get(path)).text) == before
    assert "SEEN22" in before


@pytest.mark.parametrize(("method", "path"), [route for route, kind in ROUTES.items() if kind == STREAM])
async def test_an_open_page_hears_nothing_of_it(world: World, method: str, path: str) -> None:
    app, sara = await implicated_desk(world)
    nia = await world.browser(app, "nia")
    async with following(app, sara, path) as hers, following(app, nia, path) as nias:
        await until(lambda: "SEEN22" in hers.text and nias.text)
        quiet = hers.text
        hidden = await allegation(world)
        await nia.get("/")
        await nia.post(f"/cases/{hidden}/claim")
        await world.says(hidden, "my words")
        await until(lambda: "PSEA22" in nias.text)
        await asyncio.sleep(0.5)
        assert hers.text == quiet


async def test_a_notice_to_all_desks_names_nothing_but_a_random_id(world: World) -> None:
    heard: list[str] = []
    async with world.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw
        await raw.set_autocommit(True)
        await raw.execute("LISTEN amana_desk")
        hidden = await allegation(world)
        heard = [notice.payload async for notice in raw.notifies(timeout=5, stop_after=1)]
        await raw.execute("UNLISTEN *")
        await raw.set_autocommit(False)
    assert heard == [str(hidden)]


@pytest.mark.parametrize("command", PRINTS)
async def test_a_command_prints_the_same_with_and_without_it(
    tmp_path: Path, settings: Settings, world: World, command: str
) -> None:
    await implicated_desk(world)
    before = await asyncio.to_thread(amana, tmp_path, settings, *command.split(), *PRINTS[command])
    await allegation(world)
    assert await asyncio.to_thread(amana, tmp_path, settings, *command.split(), *PRINTS[command]) == before
    assert before.out or command in {"dead-letters list", "erased list"}


class Following:
    """A page that stays open: what the desk has sent to it."""

    def __init__(self) -> None:
        self.text = ""

    async def send(self, message: dict[str, Any]) -> None:
        """As a server takes it."""
        self.text += message.get("body", b"").decode()


@asynccontextmanager
async def following(app: FastAPI, browser: Browser, path: str) -> AsyncIterator[Following]:
    """The stream of a page as the server sends it (httpx would wait for its end)."""
    page, asked = Following(), asyncio.Event()
    cookies = "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/console{path}",
        "raw_path": f"/console{path}".encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [(b"cookie", cookies.encode()), (b"host", b"desk.test")],
        "server": ("desk.test", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }

    async def receive() -> dict[str, Any]:
        if asked.is_set():
            await asyncio.Event().wait()
        asked.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    running = asyncio.create_task(app(scope, receive, page.send))  # type: ignore[arg-type]
    try:
        yield page
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await app.state.console.state.console.feed.close()


async def until(true: Any, seconds: float = 10) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
