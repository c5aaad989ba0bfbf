"""The page with the phones, in a real browser: what a stranger sees and does first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from handoff.simulator.app import build
from handoff.simulator.exchange import Pace
from handoff.simulator.simulator import Simulator
from tests.simulator.running import (
    ACCOUNT,
    META_TOKEN,
    NUMBER_ID,
    SMS_FROM,
    TELEGRAM_TOKEN,
    TWILIO_TOKEN,
    Gateway,
    running,
    settings_for,
    until,
)

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
    """An open page, the simulator behind it, and the gateway that takes its webhooks."""

    page: Page
    simulator: Simulator
    gateway: Gateway
    url: str
    complaints: list[str]

    def phone(self, channel: str) -> Locator:
        return self.page.locator(f'.phone[data-channel="{channel}"]')

    def address(self, channel: str) -> str:
        return next(address for known, address in self.simulator.ledger.handsets if known == channel)

    async def write(self, channel: str, text: str) -> None:
        await self.phone(channel).locator("[data-text]").fill(text)
        await self.phone(channel).locator("[data-text]").press("Enter")
        await expect(self.phone(channel).locator(".entry.sent").last).to_contain_text(text)

    async def reply(self, channel: str, text: str, options: list[str] | None = None) -> None:
        """What the assistant would send."""
        options = options or []
        to = self.address(channel)
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer = await {"sms-twilio": _sms, "whatsapp-cloud": _cloud, "telegram": _bot}[channel](
                client, to, text, options
            )
        assert answer.is_success, answer.text


async def _sms(client: httpx.AsyncClient, to: str, text: str, options: list[str]) -> httpx.Response:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    return await client.post(path, data={"To": to, "From": SMS_FROM, "Body": text}, auth=(ACCOUNT, TWILIO_TOKEN))


async def _cloud(client: httpx.AsyncClient, to: str, text: str, options: list[str]) -> httpx.Response:
    rows = [{"id": f"t{place}", "title": label, "description": "more"} for place, label in enumerate(options)]
    action = {"button": "Open", "sections": [{"title": "All", "rows": rows}]}
    message = {"messaging_product": "whatsapp", "to": to, "type": "interactive"}
    message |= {"interactive": {"type": "list", "body": {"text": text}, "action": action}}  # type: ignore[dict-item]
    headers = {"Authorization": f"Bearer {META_TOKEN}"}
    return await client.post(f"/v23.0/{NUMBER_ID}/messages", json=message, headers=headers)


async def _bot(client: httpx.AsyncClient, to: str, text: str, options: list[str]) -> httpx.Response:
    keyboard = [[{"text": label, "callback_data": f"t{place}"}] for place, label in enumerate(options)]
    body = {"chat_id": int(to), "text": text, "reply_markup": {"inline_keyboard": keyboard}}
    return await client.post(f"/bot{TELEGRAM_TOKEN}/sendMessage", json=body)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield found
        await found.close()


@pytest.fixture(scope="module")
async def theatre() -> AsyncIterator[tuple[str, Simulator, Gateway]]:
    gateway = Gateway()
    async with running(gateway.app()) as gateway.url:
        simulator = Simulator(settings_for(gateway.url), pace=Pace(0.0, 0.0, 0.0), dice=random.Random(1))
        async with running(build(simulator.settings, simulator=simulator)) as url:
            yield url, simulator, gateway


@pytest.fixture
async def desk(browser: Browser, theatre: tuple[str, Simulator, Gateway]) -> AsyncIterator[Desk]:
    url, simulator, gateway = theatre
    await simulator.reset()
    gateway.reset()
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(url)
    await expect(page.locator(".phone")).to_have_count(3)
    yield Desk(page, simulator, gateway, url, complaints)
    await page.close()
    assert complaints == []


async def test_three_people_are_there_and_the_desk_is_one_click_away(desk: Desk) -> None:
    await expect(desk.page.locator(".chip")).to_have_count(3)
    link = desk.page.get_by_role("link", name="Open the caseworkers’ desk")
    await expect(link).to_have_attribute("href", f"{desk.gateway.url}/console")


@pytest.mark.parametrize(
    ("channel", "text"), [("sms-twilio", "Hello"), ("whatsapp-cloud", "مرحبا"), ("telegram", "Hola")]
)
async def test_a_conversation_on_each_phone(desk: Desk, channel: str, text: str) -> None:
    await desk.write(channel, text)
    await desk.gateway.wait(1)
    await desk.reply(channel, "We are here.", ["Menu"])
    await expect(desk.phone(channel).locator(".entry.got")).to_contain_text("We are here.")
    others = {"sms-twilio", "whatsapp-cloud", "telegram"} - {channel}
    for other in others:
        await expect(desk.phone(other).locator(".entry")).to_have_count(0)


async def test_the_feature_phone_counts_what_is_typed_and_what_arrives(desk: Desk) -> None:
    phone = desk.phone("sms-twilio")
    await phone.locator("[data-text]").fill("a" * 161)
    await expect(phone.locator(".count")).to_contain_text("GSM-7161/3062 SMS")
    await phone.locator("[data-text]").fill("“a”")
    await expect(phone.locator(".count")).to_contain_text("UCS-23/701 SMS")
    await phone.locator("[data-send]").click()
    await desk.gateway.wait(1)
    await desk.reply("sms-twilio", "€" * 81)
    await expect(phone.locator(".entry.got .meta")).to_contain_text("GSM-7 · 162")
    await expect(phone.locator(".entry.got .meta")).to_contain_text("2 SMS")


async def test_the_keys_of_the_feature_phone_type_digits(desk: Desk) -> None:
    phone = desk.phone("sms-twilio")
    for key in "990":
        await phone.locator(f'[data-key="{key}"]').click()
    await phone.locator("[data-erase]").click()
    await phone.locator("[data-send]").click()
    assert (await desk.gateway.wait(1))[0].data["Body"] == "99"


async def test_a_row_of_a_whatsapp_list_is_picked(desk: Desk) -> None:
    await desk.write("whatsapp-cloud", "hello")
    await desk.reply("whatsapp-cloud", "Pick", ["Menu", "A person"])
    phone = desk.phone("whatsapp-cloud")
    await phone.locator(".buttons button").click()
    await phone.locator(".sheet .option").nth(1).click()
    await expect(phone.locator(".entry.sent").last).to_contain_text("A person")
    await expect(phone.locator("[data-sheet]")).to_be_hidden()
    await until(lambda: any("list_reply" in str(each.data) for each in desk.gateway.arrived))


async def test_a_button_on_telegram_is_tapped(desk: Desk) -> None:
    await desk.write("telegram", "hello")
    await desk.reply("telegram", "Pick", ["Menu", "A person"])
    await desk.phone("telegram").get_by_role("button", name="A person", exact=True).click()
    await until(lambda: any("callback_query" in each.data for each in desk.gateway.arrived))
    assert desk.gateway.arrived[-1].data["callback_query"]["data"] == "t1"


@pytest.mark.parametrize("channel", ["whatsapp-cloud", "telegram"])
async def test_voice_photo_place_contact_and_sticker(desk: Desk, channel: str) -> None:
    phone = desk.phone(channel)
    await phone.locator("[data-voice]").click()
    for kind in ("photo", "location", "contact", "sticker"):
        await phone.locator("[data-attach]").click()
        await phone.locator(f'[data-tray] [data-act="{kind}"]').click()
    await expect(phone.locator(".entry.sent .part")).to_have_count(5)
    await desk.gateway.wait(5)


async def test_a_message_is_changed_and_the_bot_blocked_on_telegram(desk: Desk) -> None:
    await desk.write("telegram", "helo")
    phone = desk.phone("telegram")
    await phone.locator("[data-menu]").click()
    await phone.get_by_role("menuitem", name="Change my last message").click()
    await phone.locator("[data-text]").fill("hello")
    await phone.locator("[data-text]").press("Enter")
    await until(lambda: any("edited_message" in each.data for each in desk.gateway.arrived))
    await phone.locator("[data-menu]").click()
    await phone.get_by_role("menuitem", name="Block Amana").click()
    await expect(phone.locator(".entry.middle")).to_have_text("You blocked Amana.")
    await phone.locator("[data-menu]").click()
    await expect(phone.get_by_role("menuitem", name="Unblock Amana")).to_be_visible()


async def test_arabic_runs_from_the_right_and_spanish_from_the_left(desk: Desk) -> None:
    await desk.write("whatsapp-cloud", "أحتاج مساعدة: +15550100001")
    await desk.write("telegram", "Necesito ayuda")
    for channel, direction in (("whatsapp-cloud", "rtl"), ("telegram", "ltr")):
        text = desk.phone(channel).locator(".entry .text")
        found = await text.evaluate("node => node.matches(':dir(rtl)') ? 'rtl' : 'ltr'")
        assert found == direction


async def test_a_person_is_added_on_a_chosen_network(desk: Desk) -> None:
    await desk.page.get_by_role("button", name="Add a person").click()
    await desk.page.get_by_label("Name").fill("Nadia")
    await desk.page.get_by_role("radio", name="WhatsApp by Twilio").check()
    await desk.page.get_by_label("Language").select_option("uk")
    await desk.page.get_by_role("button", name="Add", exact=True).click()
    phone = desk.phone("whatsapp-twilio")
    await expect(phone).to_be_visible()
    await phone.locator("[data-samples] button").first.click()
    await phone.locator("[data-text]").press("Enter")
    form = (await desk.gateway.wait(1))[0].data
    assert (form["ProfileName"], form["Body"]) == ("Nadia", "Вітаю")


async def test_a_phone_can_be_put_away_and_says_when_something_came(desk: Desk) -> None:
    await desk.write("telegram", "hello")
    chip = desk.page.locator(".chip", has_text="Telegram")
    await chip.click()
    await expect(desk.phone("telegram")).to_have_count(0)
    await desk.reply("telegram", "Are you there?")
    await expect(chip.locator(".fresh")).to_be_visible()
    await chip.click()
    await expect(desk.phone("telegram").locator(".entry.got")).to_contain_text("Are you there?")


async def test_a_message_that_nobody_took_is_marked(desk: Desk) -> None:
    desk.gateway.answers.extend([500] * 6)
    await desk.write("sms-twilio", "hello")
    await expect(desk.phone("sms-twilio").locator(".entry.sent .meta")).to_contain_text("✗")


async def test_everything_is_still_there_after_a_reload(desk: Desk) -> None:
    await desk.write("sms-twilio", "hello")
    await desk.page.reload()
    await expect(desk.phone("sms-twilio").locator(".entry.sent")).to_contain_text("hello")


async def test_what_a_message_says_is_never_run(desk: Desk) -> None:
    await desk.write("telegram", "hello")
    await desk.reply("telegram", "<img src=x onerror=alert(1)><b>bold</b>", ["<i>tap</i>"])
    phone = desk.phone("telegram")
    await expect(phone.locator(".entry.got .text")).to_have_text("<img src=x onerror=alert(1)><b>bold</b>")
    await expect(phone.locator(".buttons button")).to_have_text("<i>tap</i>")


async def test_start_over_empties_the_phones(desk: Desk) -> None:
    await desk.write("sms-twilio", "hello")
    desk.page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await desk.page.get_by_role("button", name="Start over").click()
    await expect(desk.page.locator(".entry")).to_have_count(0)
    await expect(desk.page.locator(".phone")).to_have_count(3)


@pytest.mark.parametrize("width", [320, 390, 768])
async def test_nothing_sticks_out_on_a_small_screen(desk: Desk, width: int) -> None:
    await desk.page.set_viewport_size({"width": width, "height": 800})
    assert await desk.page.evaluate("document.documentElement.scrollWidth") <= width
