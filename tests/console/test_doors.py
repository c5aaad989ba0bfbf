"""Who gets in, and what every answer carries."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import httpx
import pytest
from fastapi.routing import APIRoute

from handoff.console import case, queue, sign_in
from tests.console.world import ORIGIN, OTHER, PASSWORD, Browser, World

OPEN_TO_ALL = {("GET", "/sign-in"), ("POST", "/sign-in")}
ROUTES = [
    (method, route.path)
    for module in (sign_in, queue, case)
    for route in module.routes.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
CLOSED = [route for route in ROUTES if route not in OPEN_TO_ALL]
FORMS = [path for method, path in CLOSED if method == "POST"]
DEEDS = [path for path in FORMS if "{case_id}" in path]


def test_the_routes_were_found() -> None:
    assert len(ROUTES) >= 11
    assert len(DEEDS) == 7


async def test_anonymous_is_refused_at_every_door(world: World) -> None:
    case_id = await world.case("ABC234")
    client = Browser(world.console()).client
    for method, path in CLOSED:
        answer = await client.request(method, "/console" + path.replace("{case_id}", str(case_id)))
        assert answer.status_code in {303, 401}, path
        assert answer.headers.get("location", "/console/sign-in") == "/console/sign-in", path
        assert "ABC234" not in answer.text, path


async def test_a_form_without_its_token_is_refused(world: World) -> None:
    await world.staff("mina")
    case_id = await world.case("ABC234")
    browser = await world.browser(world.console(), "mina")
    for path in FORMS:
        address = "/console" + path.replace("{case_id}", str(case_id))
        for token in ({}, {"csrf": "guessed"}, {"csrf": ""}):
            answer = await browser.client.post(address, data={"text": "hello", "code": "helped", **token})
            assert answer.status_code == 403, path
    assert await world.one("SELECT state FROM cases") == "waiting"


async def test_forms_are_taken_from_our_own_pages_only(world: World) -> None:
    await world.staff("mina")
    claim = f"/console/cases/{await world.case('ABC234')}/claim"
    browser = await world.browser(world.console(), "mina")
    foreign = ({"origin": "https://elsewhere.test"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"})
    own = ({"origin": ORIGIN}, {"origin": "null"}, {"sec-fetch-site": "same-origin"})
    for headers, status in [(each, 403) for each in foreign] + [(each, 303) for each in own]:
        answer = await browser.client.post(claim, data={"csrf": browser.csrf}, headers=headers)
        assert answer.status_code == status, headers


async def test_a_huge_form_is_refused_unread(world: World) -> None:
    await world.staff("mina")
    case_id = await world.case("ABC234")
    browser = await world.browser(world.console(), "mina")
    assert (await browser.post(f"/cases/{case_id}/reply", text="x" * 40_000)).status_code == 403


async def test_another_organisations_case_is_as_unknown_as_a_random_id(world: World) -> None:
    await world.staff("mina")
    theirs = await world.case("HIDDEN", organisation=OTHER)
    browser = await world.browser(world.console(), "mina")
    for method, path in [route for route in CLOSED if "{case_id}" in route[1]]:
        answers = []
        for case_id in (str(theirs), str(uuid.uuid4()), "no-id-at-all"):
            form = {"csrf": browser.csrf, "text": "hello", "code": "helped"} if method == "POST" else None
            address = "/console" + path.replace("{case_id}", case_id)
            answer = await browser.client.request(method, address, data=form)
            answers.append((answer.status_code, answer.text.replace(case_id, "")))
        assert answers[0][0] == 404, path
        assert answers[0] == answers[1] == answers[2], path
    assert await world.one("SELECT count(*) FROM audit WHERE object_id = :id", id=str(theirs)) == 0


async def test_every_answer_is_shielded(world: World) -> None:
    await world.staff("mina")
    case_id = await world.case("ABC234")
    browser = await world.browser(world.console(), "mina")
    for path in ("/", f"/cases/{case_id}", "/sign-in", "/nowhere", "/static/desk.css", "/static/desk.js"):
        headers = (await browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert path.startswith("/static") or headers["cache-control"] == "no-store"


async def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(world: World) -> None:
    await world.staff("mina")
    case_id = await world.case("ABC234", alarm_at=world.clock())
    browser = await world.browser(world.console(), "mina")
    await browser.post(f"/cases/{case_id}/claim")
    for path in ("/", f"/cases/{case_id}", "/sign-in", "/nowhere"):
        page = (await browser.get(path)).text
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", page)
        assert not re.search(r"<style|<script(?! src=)", page)
        assert "://" not in page


async def test_pages_are_small_enough_for_a_slow_line(world: World) -> None:
    await world.staff("mina")
    case_id = await world.case("ABC234")
    browser = await world.browser(world.console(), "mina")
    assets = [(await browser.get(f"/static/{name}")).content for name in ("desk.css", "desk.js", "mark.svg")]
    page = (await browser.get(f"/cases/{case_id}")).content
    assert sum(map(len, assets)) < 25_000
    assert len(page) < 12_000


async def test_an_unknown_page_looks_like_an_unknown_case(world: World) -> None:
    await world.staff("mina")
    browser = await world.browser(world.console(), "mina")
    answers = [(await browser.get(path)).status_code for path in ("/nowhere", "/cases", "/static/none.css")]
    assert answers == [404, 404, 404]


async def test_a_crash_shows_and_logs_nothing_of_its_words(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    await world.staff("mina")
    app = world.console()
    browser = await world.browser(app, "mina")
    await world.run("ALTER TABLE cases RENAME COLUMN reasons TO canary_words")
    answer = await browser.get("/")
    assert answer.status_code == 500
    assert answer.text == "500"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "canary_words" not in "".join(capsys.readouterr())


class TestSignIn:
    """The way in."""

    async def test_the_cookie_is_for_the_desk_alone(self, world: World) -> None:
        await world.staff("mina")
        cookie = (await Browser(world.console()).sign_in("mina", PASSWORD)).headers["set-cookie"]
        for part in ("amana_desk=", "HttpOnly", "SameSite=strict", "Path=/console", "Max-Age=43200"):
            assert part in cookie

    async def test_the_cookie_is_secure_in_production(self, world: World) -> None:
        await world.staff("mina")
        world.settings = world.settings.model_copy(update={"environment": "production"})
        browser = Browser(world.console())
        browser.client = httpx.AsyncClient(transport=browser.client._transport, base_url="https://desk.test")
        answer = await browser.sign_in("mina", PASSWORD)
        assert answer.status_code == 303
        assert "; Secure" in answer.headers["set-cookie"]

    async def test_only_a_hash_of_the_token_is_kept(self, world: World) -> None:
        await world.staff("mina")
        browser = await world.browser(world.console(), "mina")
        token = browser.client.cookies["amana_desk"]
        assert token.encode() not in await world.one("SELECT token_hash FROM staff_sessions")

    async def test_wrong_and_unknown_get_the_same_answer(self, world: World) -> None:
        await world.staff("mina")
        browser = Browser(world.console())
        pages = []
        for login, password in (("mina", "wrong password"), ("nobody", PASSWORD)):
            answer = await browser.sign_in(login, password)
            assert answer.status_code == 401
            pages.append(re.sub(r'value="[^"]*"', "", answer.text))
        assert pages[0] == pages[1]

    async def test_after_six_tries_even_the_right_password_waits(self, world: World) -> None:
        await world.staff("mina")
        browser = Browser(world.console())
        answers = [(await browser.sign_in("mina", "wrong password")).status_code for _ in range(6)]
        locked = await browser.sign_in("mina", PASSWORD)
        world.clock.ahead = timedelta(minutes=16)
        later = await browser.sign_in("mina", PASSWORD)
        assert answers == [401] * 6
        assert (locked.status_code, later.status_code) == (401, 303)

    async def test_signing_out_ends_the_session_on_the_server(self, world: World) -> None:
        await world.staff("mina")
        browser = await world.browser(world.console(), "mina")
        token = browser.client.cookies["amana_desk"]
        answer = await browser.post("/sign-out")
        browser.client.cookies.set("amana_desk", token)
        assert answer.headers["location"] == "/console/sign-in"
        assert (await browser.get("/")).headers["location"] == "/console/sign-in"

    @pytest.mark.parametrize(("step", "times"), [(timedelta(minutes=61), 1), (timedelta(minutes=50), 15)])
    async def test_a_session_ends_when_idle_and_after_twelve_hours(
        self, world: World, step: timedelta, times: int
    ) -> None:
        await world.staff("mina")
        browser = await world.browser(world.console(), "mina")
        for _ in range(times):
            world.clock.ahead += step
            answer = await browser.get("/")
        assert answer.status_code == 303

    async def test_pages_keep_a_session_alive(self, world: World) -> None:
        await world.staff("mina")
        browser = await world.browser(world.console(), "mina")
        for _ in range(10):
            world.clock.ahead += timedelta(minutes=50)
            assert (await browser.get("/")).status_code == 200

    async def test_somebody_who_is_no_longer_active_is_out_at_once(self, world: World) -> None:
        await world.staff("mina")
        browser = await world.browser(world.console(), "mina")
        await world.run("UPDATE staff SET active = false")
        assert (await browser.get("/")).status_code == 303

    async def test_signing_in_is_on_record_without_names(self, world: World) -> None:
        mina = await world.staff("mina")
        browser = Browser(world.console())
        await browser.sign_in("mina", "wrong password")
        await browser.sign_in("someone-else", "wrong password")
        await browser.sign_in("mina", PASSWORD)
        kept = await world.one("SELECT string_agg(action || ':' || object_id, ' ' ORDER BY id) FROM audit")
        assert kept == f"staff.save:{mina.id} sign_in.refused:{mina.id} sign_in.refused: sign_in:{mina.id}"
