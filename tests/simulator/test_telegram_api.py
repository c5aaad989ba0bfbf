"""The official library's Bot talks to the stand-in for Telegram."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Forbidden, InvalidToken
from telegram.request import HTTPXRequest

from handoff.simulator.exchange import Act
from handoff.simulator.phone import Phone
from handoff.simulator.telegram_api import DELETABLE_S
from tests.simulator.conftest import Stage
from tests.simulator.running import TELEGRAM_SECRET, TELEGRAM_TOKEN

CHAT = 700000055


@pytest.fixture
async def bot(stage: Stage) -> AsyncIterator[Bot]:
    async with Bot(TELEGRAM_TOKEN, base_url=f"{stage.url}/bot", base_file_url=f"{stage.url}/file/bot") as found:
        yield found


@pytest.fixture
async def phone(stage: Stage) -> Phone:
    found = Phone(stage.simulator, "telegram", str(CHAT))
    found.send("hello")
    return found


def keyboard(*data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(f"Button {each}", callback_data=each)] for each in data])


async def test_the_bot_knows_itself(bot: Bot) -> None:
    me = await bot.get_me()
    assert me.is_bot
    assert me.id == 700000000


async def test_a_message_with_buttons_arrives_and_can_be_tapped(stage: Stage, bot: Bot, phone: Phone) -> None:
    sent = await bot.send_message(CHAT, "Pick one", reply_markup=keyboard("a", "b"), protect_content=True)
    assert sent.text == "Pick one"
    shown = await phone.next_reply()
    assert [each.label for each in shown.choices] == ["Button a", "Button b"]
    phone.choose("Button b")
    update = Update.de_json((await stage.gateway.wait(2))[1].data, bot)
    assert update.callback_query is not None
    assert update.callback_query.data == "b"
    assert await bot.answer_callback_query(update.callback_query.id)
    edited = await bot.edit_message_reply_markup(CHAT, sent.message_id, reply_markup=None)
    assert isinstance(edited, object)
    assert shown.choices == []


@pytest.mark.parametrize(
    ("text", "markup", "reason"),
    [
        ("x" * 4097, None, "Message is too long"),
        ("  ", None, "Message text is empty"),
        ("x", keyboard("x" * 65), "Button_data_invalid"),
        ("x", keyboard("ш" * 33), "Button_data_invalid"),
    ],
)
async def test_what_telegram_would_refuse_is_refused(
    bot: Bot, phone: Phone, text: str, markup: Any, reason: str
) -> None:
    with pytest.raises(BadRequest, match=reason):
        await bot.send_message(CHAT, text, reply_markup=markup)


async def test_the_longest_text_is_taken_and_text_that_looks_like_json_stays_text(bot: Bot, phone: Phone) -> None:
    await bot.send_message(CHAT, "x" * 4096)
    await bot.send_message(CHAT, "12345")
    assert len((await phone.next_reply()).text) == 4096
    assert (await phone.next_reply()).text == "12345"


async def test_nobody_is_written_to_who_never_wrote(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(CHAT, "hello")


async def test_a_block_stops_messages_and_is_told(stage: Stage, bot: Bot, phone: Phone) -> None:
    phone.act(Act("block"))
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(CHAT, "hello")
    update = Update.de_json((await stage.gateway.wait(2))[1].data, bot)
    assert update.my_chat_member is not None
    assert update.my_chat_member.new_chat_member.status == "kicked"
    phone.act(Act("unblock"))
    await bot.send_message(CHAT, "hello again")


async def test_a_wrong_token_is_not_let_in(stage: Stage) -> None:
    connection = HTTPXRequest()
    stranger = Bot("700000000:wrong", base_url=f"{stage.url}/bot", request=connection)
    with pytest.raises(InvalidToken):
        await stranger.get_me()
    await connection.shutdown()


async def test_both_sides_of_a_chat_can_be_deleted(bot: Bot, phone: Phone) -> None:
    sent = await bot.send_message(CHAT, "private")
    mine = int(phone.handset.entries[0].provider_id)
    assert await bot.delete_messages(CHAT, [mine, sent.message_id, 999999])
    assert [(each.deleted, each.text) for each in phone.handset.entries] == [(True, ""), (True, "")]
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(CHAT, sent.message_id)


async def test_after_48_hours_nothing_can_be_deleted(stage: Stage, bot: Bot, phone: Phone) -> None:
    mine = phone.handset.entries[0]
    mine.at_ms -= DELETABLE_S * 1000 + 1
    with pytest.raises(BadRequest, match="can't be deleted for everyone"):
        await bot.delete_message(CHAT, int(mine.provider_id))
    await bot.delete_messages(CHAT, [int(mine.provider_id)])
    assert not mine.deleted


async def test_a_tap_expires(bot: Bot, stage: Stage, phone: Phone) -> None:
    await bot.send_message(CHAT, "Pick one", reply_markup=keyboard("a"))
    tap = phone.tap("a")
    tap.at_ms -= timedelta(seconds=151).total_seconds() * 1000
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(tap.provider_id)


async def test_the_webhook_is_what_the_bot_sets(stage: Stage, bot: Bot) -> None:
    url = f"{stage.gateway.url}/webhooks/elsewhere"
    await bot.set_webhook(url, secret_token=TELEGRAM_SECRET, allowed_updates=["message"], max_connections=10)
    info = await bot.get_webhook_info()
    assert (info.url, info.max_connections, info.allowed_updates) == (url, 10, ("message",))
    phone = Phone(stage.simulator, "telegram", str(CHAT))
    phone.send("hello")
    assert (await stage.gateway.wait(1))[0].path == "/webhooks/elsewhere"
    assert phone.act(Act("edit", text="changed")).webhook is None
    await bot.delete_webhook()
    assert phone.send("into the void").webhook is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://gateway.example/x"},
        {"url": "https://gateway.example:8000/x"},
        {"secret_token": "no spaces"},
        {"max_connections": 101},
    ],
)
async def test_a_webhook_that_telegram_would_refuse_is_refused(bot: Bot, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        await bot.set_webhook(**({"url": "https://gateway.example/x"} | wrong))


async def test_typing_and_leaving_a_group(bot: Bot, stage: Stage, phone: Phone) -> None:
    assert await bot.send_chat_action(CHAT, "typing")
    phone.act(Act("group"))
    update = Update.de_json((await stage.gateway.wait(2))[1].data, bot)
    assert update.my_chat_member is not None
    assert await bot.leave_chat(update.my_chat_member.chat.id)
    with pytest.raises(BadRequest):
        await bot.leave_chat(-1)


async def test_an_unknown_method_is_404(stage: Stage) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{stage.url}/bot{TELEGRAM_TOKEN}/makeCoffee")
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found: method not found"}
