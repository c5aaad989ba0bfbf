"""Every answer of the simulator is one that the provider's official specification allows.

Meta's description leaves `debug_token` out, and Twilio's leaves out errors, which are the official client's to judge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from handoff.simulator.app import build
from handoff.simulator.exchange import Act
from handoff.simulator.phone import Phone
from handoff.simulator.simulator import Simulator
from tests.channels.fake_server import Asked
from tests.contract.specs import Broken, Provider
from tests.simulator.running import (
    ACCOUNT,
    META_TOKEN,
    NUMBER_ID,
    QUICK,
    SMS_FROM,
    TELEGRAM_TOKEN,
    TWILIO_TOKEN,
    WHATSAPP_FROM,
    FakeClock,
    ScriptedPost,
    settings_for,
    until,
)

NUMBER = "+15550100044"
CHAT = 700000044
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
CLOUD = f"/v23.0/{NUMBER_ID}/messages"
BOT = f"/bot{TELEGRAM_TOKEN}"
TEXT = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": NUMBER, "type": "text"}
HELLO = TEXT | {"text": {"body": "Hello"}}


@dataclass
class Caller:
    """Calls the simulator and holds each exchange against the specification."""

    simulator: Simulator
    client: httpx.AsyncClient
    providers: dict[str, Provider]
    answers: list[tuple[int, Any]] = field(default_factory=list)

    async def __call__(self, channel: str, method: str, path: str, **request: Any) -> Any:
        answer = await self.client.request(method, path, **request)
        body = answer.json() if answer.content else None
        self.answers.append((answer.status_code, body))
        sent = answer.request
        target = sent.url.raw_path.decode()
        self.providers[channel].check_answer(
            Asked(method, target, dict(sent.headers), sent.content), answer.status_code, body
        )
        return body

    async def twilio(self, **fields: str) -> Any:
        form = {"To": NUMBER, "From": SMS_FROM, "Body": "Hello"} | fields
        return await self("sms-twilio", "POST", MESSAGES, data=form, auth=(ACCOUNT, TWILIO_TOKEN))

    async def cloud(self, message: Any, path: str = CLOUD, token: str = META_TOKEN) -> Any:
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "Amana/1.0.0"}
        return await self("whatsapp-cloud", "POST", path, json=message, headers=headers)

    async def telegram(self, name: str, **fields: Any) -> Any:
        return await self("telegram", "POST", f"{BOT}/{name}", json=fields)


@pytest.fixture
async def caller(providers: dict[str, Provider]) -> AsyncIterator[Caller]:
    clock = FakeClock()
    simulator = Simulator(settings_for("https://gateway.example"), clock=clock, post=ScriptedPost(clock), pace=QUICK)
    transport = httpx.ASGITransport(app=build(simulator.settings, simulator=simulator))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        yield Caller(simulator, client, providers)
    await simulator.aclose()


async def test_twilio_messages_sent_listed_redacted_and_deleted(caller: Caller) -> None:
    sid = (await caller.twilio())["sid"]
    Phone(caller.simulator, "sms-twilio", NUMBER).act(Act("photo", "a caption"))
    await until(lambda: caller.simulator.courier.pending == 0)
    login = (ACCOUNT, TWILIO_TOKEN)
    one = MESSAGES.replace("Messages.json", f"Messages/{sid}.json")
    await caller("sms-twilio", "GET", MESSAGES, params={"To": NUMBER, "PageSize": "1"}, auth=login)
    listed = await caller("sms-twilio", "GET", MESSAGES, params={"PageSize": "1"}, auth=login)
    assert listed["next_page_uri"]
    await caller("sms-twilio", "GET", one, auth=login)
    await caller("sms-twilio", "POST", one, data={"Body": ""}, auth=login)
    assert [status for status, _ in caller.answers] == [201, 200, 200, 200, 200]


async def test_twilio_by_messaging_service_and_for_whatsapp(caller: Caller) -> None:
    by_service = await caller.twilio(From="", MessagingServiceSid="MG" + "0" * 32)
    assert by_service["status"] == "accepted"
    await caller.twilio(To=f"whatsapp:{NUMBER}", From=f"whatsapp:{WHATSAPP_FROM}")


async def test_twilio_phone_numbers(caller: Caller) -> None:
    login = (ACCOUNT, TWILIO_TOKEN)
    root = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers"
    found = await caller("sms-twilio", "GET", f"{root}.json", auth=login)
    sid = found["incoming_phone_numbers"][0]["sid"]
    form = {"SmsUrl": "https://gateway.example/webhooks/sms-twilio"}
    await caller("sms-twilio", "POST", f"{root}/{sid}.json", data=form, auth=login)


def interactive(kind: str, action: dict[str, Any]) -> dict[str, Any]:
    return TEXT | {"type": "interactive", "interactive": {"type": kind, "body": {"text": "x"}, "action": action}}


BUTTONS = interactive("button", {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Menu"}}]})
LIST = interactive("list", {"button": "Open", "sections": [{"title": "All", "rows": [{"id": "1", "title": "Menu"}]}]})


@pytest.mark.parametrize("message", [HELLO, BUTTONS, LIST])
async def test_meta_takes_a_message(caller: Caller, message: dict[str, Any]) -> None:
    Phone(caller.simulator, "whatsapp-cloud", NUMBER).send("hello")
    assert (await caller.cloud(message))["messages"][0]["id"].startswith("wamid.")


async def test_meta_subscribes(caller: Caller) -> None:
    assert await caller.cloud({}, "/v23.0/100000000000001/subscribed_apps") == {"success": True}


async def test_meta_refuses(caller: Caller) -> None:
    """The description has errors for subscribing, none for messages; Meta writes all of them alike."""
    path = "/v23.0/100000000000001/subscribed_apps"
    await caller.cloud({"override_callback_uri": "http://127.0.0.1:9/nobody", "verify_token": "x"}, path)
    await caller.cloud({}, path, token="wrong")
    caller.simulator.exchange.faults["whatsapp-cloud"].next = [429, 500]
    await caller.cloud({}, path)
    await caller.cloud({}, path)
    assert [status for status, _ in caller.answers] == [400, 401, 429, 500]


async def test_telegram_methods(caller: Caller) -> None:
    phone = Phone(caller.simulator, "telegram", str(CHAT))
    phone.send("hello")
    await caller.telegram("getMe")
    keyboard = {"inline_keyboard": [[{"text": "Menu", "callback_data": "t1"}]]}
    sent = await caller.telegram("sendMessage", chat_id=CHAT, text="Pick", reply_markup=keyboard)
    tap = phone.tap("t1")
    await caller.telegram("answerCallbackQuery", callback_query_id=tap.provider_id)
    number = sent["result"]["message_id"]
    await caller.telegram("editMessageReplyMarkup", chat_id=CHAT, message_id=number)
    await caller.telegram("sendChatAction", chat_id=CHAT, action="typing")
    await caller.telegram("deleteMessage", chat_id=CHAT, message_id=number)
    await caller.telegram("deleteMessages", chat_id=CHAT, message_ids=[number])
    await caller.telegram("setWebhook", url="https://gateway.example/webhooks/telegram", secret_token="s")
    await caller.telegram("getWebhookInfo")
    await caller.telegram("deleteWebhook")
    await caller.telegram("leaveChat", chat_id=-CHAT)
    assert {status for status, _ in caller.answers} == {200}


async def test_telegram_refuses(caller: Caller) -> None:
    await caller.telegram("sendMessage", chat_id=CHAT, text="x")
    caller.simulator.exchange.faults["telegram"].next = [429, 500, 403]
    for _ in range(3):
        await caller.telegram("sendMessage", chat_id=CHAT, text="x")
    assert [status for status, _ in caller.answers] == [400, 429, 500, 403]


@pytest.mark.parametrize(
    ("channel", "method", "path", "status", "body"),
    [
        ("sms-twilio", "POST", MESSAGES, 201, {"sid": "SM1"}),
        ("sms-twilio", "POST", MESSAGES, 201, {"status": "nearly"}),
        ("whatsapp-cloud", "POST", CLOUD, 200, {"messages": "one"}),
        ("telegram", "POST", f"{BOT}/sendMessage", 200, {"ok": True, "result": {"message_id": 1}}),
        ("telegram", "POST", f"{BOT}/sendMessage", 429, {"ok": True, "result": True}),
    ],
)
def test_a_wrong_answer_would_be_noticed(
    providers: dict[str, Provider], channel: str, method: str, path: str, status: int, body: object
) -> None:
    kind = "application/json" if channel != "sms-twilio" else "application/x-www-form-urlencoded"
    headers = {"content-type": kind, "authorization": "Bearer x", "user-agent": "Amana/1.0.0"}
    with pytest.raises(Broken):
        providers[channel].check_answer(Asked(method, path, headers, b"{}"), status, body)


@pytest.mark.parametrize("kind", ["text", "voice", "photo", "location", "contact", "sticker", "unknown", "edit"])
async def test_updates_are_what_telegram_describes(caller: Caller, kind: str) -> None:
    await updates_fit(caller, Act("text", "/start"), Act(kind, "hello" if kind in ("text", "edit") else ""))


async def updates_fit(caller: Caller, *acts: Act) -> None:
    """getUpdates returns what webhooks carry, so its description is theirs."""
    phone = Phone(caller.simulator, "telegram", str(CHAT))
    for act in acts:
        phone.act(act)
    await until(lambda: caller.simulator.courier.pending == 0)
    post = caller.simulator.courier._post
    assert isinstance(post, ScriptedPost)
    updates = post.documents()
    assert len(updates) == len(acts)
    asked = Asked("POST", f"{BOT}/getUpdates", {"content-type": "application/json"}, b"{}")
    caller.providers["telegram"].check_answer(asked, 200, {"ok": True, "result": updates})
