"""The desk in a real browser: live without reloading, usable by keyboard, and deaf to what a person's text wants."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import uvicorn
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, async_playwright, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.sms import count_segments
from handoff.settings import Settings
from handoff.store.vault import Vault
from tests.console.world import PASSWORD, World

pytestmark = pytest.mark.browser
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Desk:
    """A served desk and a browser to open it in."""

    world: World
    address: str
    chromium: Chromium

    async def page(self, login: str, *, lang: str = "en") -> Page:
        """A browser of its own, signed in through the form with the keyboard alone, at the queue."""
        context = await self.chromium.new_context()
        page = await context.new_page()
        await page.goto(f"{self.address}/sign-in?lang={lang}")
        await page.keyboard.type(login)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.locator("body[data-connected]")).to_be_attached()
        return page


@pytest.fixture
async def desk(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> AsyncIterator[Desk]:
    """A desk behind a real HTTP server on a free port."""
    world = World(engine, vault, settings, database)
    app = world.console()
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listener]))
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield Desk(world, f"http://127.0.0.1:{listener.getsockname()[1]}/console", chromium)
        await chromium.close()
    await app.state.console.state.console.feed.close()
    server.should_exit = True
    await serving


async def test_a_case_comes_in_is_claimed_answered_and_closed(desk: Desk) -> None:
    world = desk.world
    await world.staff("mina")
    page = await desk.page("mina")
    await expect(page.get_by_text("Nobody is waiting.")).to_be_visible()

    case_id = await world.case("ABC234")
    await world.says(case_id, "Hola, necesito ayuda")
    await expect(page.get_by_role("link", name="ABC234")).to_be_visible()

    await page.get_by_role("button", name="Take the case").click()
    await expect(page.get_by_text("You have this case.")).to_be_visible()
    await expect(page.get_by_text("Hola, necesito ayuda")).to_be_visible()

    await page.get_by_label("Your message").fill("¿Está en un lugar seguro?")
    await page.get_by_role("button", name="Send").click()
    sent = page.locator(".line.human")
    await expect(sent).to_contain_text("Waiting to be sent")
    await world.run("UPDATE outbound SET state = 'delivered' WHERE speaker = 'human'")
    await world.says(case_id, "Sí, ahora sí")
    await expect(sent).to_contain_text("Delivered")
    await expect(page.get_by_text("Sí, ahora sí")).to_be_visible()

    await page.get_by_text("Close the case").click()
    await page.get_by_label("Helped").check()
    await page.get_by_role("button", name="Close", exact=True).click()
    await expect(page.get_by_text("The assistant answers again.")).to_be_visible()
    assert await world.one("SELECT owner FROM conversations") == "closed"


async def test_two_desks_see_each_others_claims_live(desk: Desk) -> None:
    await desk.world.staff("mina")
    await desk.world.staff("omar")
    await desk.world.case("ABC234")
    mina, omar = await desk.page("mina"), await desk.page("omar")
    await mina.get_by_role("button", name="Take the case").click()
    await expect(omar.get_by_text("Mina has it")).to_be_visible()
    await mina.get_by_role("button", name="Give it back to the queue").click()
    await expect(omar.get_by_role("button", name="Take the case")).to_be_visible()


async def test_an_alarm_reaches_an_open_page_and_is_announced(desk: Desk) -> None:
    await desk.world.staff("mina")
    case_id = await desk.world.case("ABC234")
    page = await desk.page("mina")
    await desk.world.run("UPDATE cases SET alarm_at = now(), level = 'P0'")
    await desk.world.says(case_id, "he is here")
    alarm = page.get_by_role("alert").filter(has_text="Danger now")
    await expect(alarm).to_be_visible()
    await expect(alarm).to_contain_text("ABC234")


async def test_what_a_person_writes_stays_text_also_when_it_comes_in_live(desk: Desk) -> None:
    world = desk.world
    await world.staff("mina")
    case_id = await world.case("ABC234")
    attack = "</p><img src=x onerror=document.title='taken'><script>document.title='taken'</script>"
    await world.says(case_id, attack)
    page = await desk.page("mina")
    await page.get_by_role("link", name="ABC234").click()
    await expect(page.locator("body[data-connected]")).to_be_attached()
    await world.says(case_id, f"again {attack}")
    await expect(page.locator(".line.person")).to_have_count(2)
    said = page.locator(".line.person .said")
    assert await said.all_inner_texts() == [attack, f"again {attack}"]
    assert await page.locator(".line img, .line script").count() == 0
    assert "taken" not in await page.title()


async def test_what_is_erased_leaves_the_open_page(desk: Desk) -> None:
    world = desk.world
    await world.staff("mina")
    case_id = await world.case("ABC234")
    await world.says(case_id, "forget this")
    page = await desk.page("mina")
    await page.get_by_role("link", name="ABC234").click()
    await expect(page.get_by_text("forget this")).to_be_visible()
    await world.run("DELETE FROM case_messages")
    await world.run("SELECT pg_notify('amana_desk', :id)", id=str(case_id))
    await expect(page.locator(".line")).to_have_count(0)


async def test_a_draft_survives_what_happens_around_it(desk: Desk) -> None:
    world = desk.world
    await world.staff("mina")
    await world.staff("sara", role="supervisor")
    case_id = await world.case("ABC234")
    mina, sara = await desk.page("mina"), await desk.page("sara")
    await mina.get_by_role("button", name="Take the case").click()
    await expect(mina.locator("body[data-connected]")).to_be_attached()
    await mina.get_by_label("Your message").fill("a long and careful draft")
    await world.says(case_id, "are you there?")
    await expect(mina.get_by_text("are you there?")).to_be_visible()
    await sara.goto(f"{desk.address}/cases/{case_id}")
    await sara.get_by_role("button", name="Supervisor: give it back").click()
    await expect(mina.get_by_text("Waiting. Take the case to write.")).to_be_visible()
    await mina.get_by_role("button", name="Send").click()
    await expect(mina.get_by_text("you do not have this case any more")).to_be_visible()
    await expect(mina.get_by_label("Your message")).to_have_value("a long and careful draft")


async def test_an_open_page_keeps_the_claim_and_signing_out_ends_it(desk: Desk) -> None:
    world = desk.world
    await world.staff("mina")
    await world.case("ABC234")
    page = await desk.page("mina")
    await page.get_by_role("button", name="Take the case").click()
    await expect(page.locator("body[data-connected]")).to_be_attached()
    world.clock.ahead = timedelta(minutes=20)
    await world.run("SELECT pg_notify('amana_desk', '')")
    for _ in range(100):
        if await world.one("SELECT claimed_until > now() + interval '40 minutes' FROM cases"):
            break
        await asyncio.sleep(0.05)
    assert await world.one("SELECT claimed_until > now() + interval '40 minutes' FROM cases")
    await world.run("DELETE FROM staff_sessions")
    await world.run("SELECT pg_notify('amana_desk', '')")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_the_counter_counts_as_carriers_do(desk: Desk) -> None:
    await desk.world.staff("mina")
    await desk.world.case("ABC234")
    page = await desk.page("mina")
    await page.get_by_role("button", name="Take the case").click()
    latin = ("hello", "x" * 160, "x" * 161, "€" * 80, "€" * 81, "x" * 152 + "€" + "x" * 20, "ñ" * 160)
    other = ("á" * 70, "á" * 71, "مرحبا" * 15, "x" * 66 + "🙂" * 3)
    for words in (*latin, *other):
        await page.get_by_label("Your message").fill(words)
        expected = f"{len(words)} characters, {count_segments(words).parts} SMS"
        await expect(page.locator("#count")).to_have_text(expected)


async def test_the_desk_in_arabic_runs_from_right_to_left(desk: Desk) -> None:
    await desk.world.staff("mina")
    await desk.world.case("ABC234")
    page = await desk.page("mina", lang="ar")
    brand, leave = page.locator(".brand"), page.get_by_role("button", name="تسجيل الخروج")
    boxes = [await item.bounding_box() for item in (brand, leave)]
    places = [box["x"] for box in boxes if box]
    assert len(places) == 2
    assert places[0] > places[1]
