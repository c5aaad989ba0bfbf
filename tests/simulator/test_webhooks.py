"""What arrives at the gateway when a person does something: signed, and in each provider's shape."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telegram import Bot, Update

from handoff.simulator.exchange import Act, BadAct
from handoff.simulator.phone import Phone
from handoff.simulator.simulator import Simulator
from tests.simulator.conftest import Stage
from tests.simulator.running import (
    ACCOUNT,
    NUMBER_ID,
    SMS_FROM,
    TELEGRAM_TOKEN,
    WHATSAPP_FROM,
    FakeClock,
    ScriptedPost,
    settings_for,
    until,
)

NUMBER = "+15550100033"


async def meta_message(stage: Stage, place: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    arrived = (await stage.gateway.wait(place + 1))[place]
    change = arrived.data["entry"][0]["changes"][0]
    assert change["field"] == "messages"
    return change["value"], change["value"]["messages"][0]


async def test_an_sms(stage: Stage) -> None:
    entry = Phone(stage.simulator, "sms-twilio", NUMBER).send("Hello 👋🏽")
    form = (await stage.gateway.wait(1))[0].data
    assert {name: form[name] for name in ("From", "To", "Body", "AccountSid", "NumMedia")} == {
        "From": NUMBER,
        "To": SMS_FROM,
        "Body": "Hello 👋🏽",
        "AccountSid": ACCOUNT,
        "NumMedia": "0",
    }
    assert form["MessageSid"] == form["SmsMessageSid"] == entry.provider_id
    assert form["FromCity"] == "FICTIONVILLE"
    assert (entry.encoding, entry.parts) == ("ucs2", 1)
    await until(lambda: entry.webhook is not None and entry.webhook.state == "accepted")
    assert entry.webhook is not None
    assert entry.webhook.ack_ms > 0


async def test_a_picture_by_sms_is_an_mms(stage: Stage) -> None:
    Phone(stage.simulator, "sms-twilio", NUMBER).act(Act("photo"))
    form = (await stage.gateway.wait(1))[0].data
    assert form["MessageSid"].startswith("MM")
    assert (form["NumMedia"], form["MediaContentType0"]) == ("1", "image/jpeg")


async def test_whatsapp_by_twilio(stage: Stage) -> None:
    Phone(stage.simulator, "whatsapp-twilio", NUMBER).send("hola")
    form = (await stage.gateway.wait(1))[0].data
    assert (form["From"], form["To"]) == (f"whatsapp:{NUMBER}", f"whatsapp:{WHATSAPP_FROM}")
    assert form["WaId"] == NUMBER.removeprefix("+")
    assert form["ProfileName"]


async def test_a_pin_by_twilio_has_an_empty_body(stage: Stage) -> None:
    Phone(stage.simulator, "whatsapp-twilio", NUMBER).act(Act("location"))
    form = (await stage.gateway.wait(1))[0].data
    assert form["Body"] == ""
    assert {"Latitude", "Longitude", "Label"} <= set(form)


async def test_someone_without_a_number_on_whatsapp_by_twilio(stage: Stage) -> None:
    Phone(stage.simulator, "whatsapp-twilio", "US.9000000000000000002").send("hello")
    form = (await stage.gateway.wait(1))[0].data
    assert form["From"] == form["ExternalUserId"] == "whatsapp:US.9000000000000000002"
    assert "WaId" not in form


async def test_fields_that_nobody_knows_yet_are_signed_too(stage: Stage) -> None:
    Phone(stage.simulator, "sms-twilio", NUMBER).act(Act("text", "STOP", extra={"OptOutType": "STOP"}))
    assert (await stage.gateway.wait(1))[0].data["OptOutType"] == "STOP"


async def test_whatsapp_by_meta(stage: Stage) -> None:
    entry = Phone(stage.simulator, "whatsapp-cloud", NUMBER).send("مرحبا")
    value, message = await meta_message(stage)
    assert value["metadata"]["phone_number_id"] == NUMBER_ID
    assert message["from"] == value["contacts"][0]["wa_id"] == NUMBER.removeprefix("+")
    assert message["from_user_id"] == value["contacts"][0]["user_id"]
    assert message["id"] == entry.provider_id
    assert message["text"] == {"body": "مرحبا"}
    assert message["timestamp"].isdigit()


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("voice", "audio"),
        ("photo", "image"),
        ("sticker", "sticker"),
        ("location", "location"),
        ("contact", "contacts"),
        ("reaction", "reaction"),
        ("new_number", "system"),
    ],
)
async def test_other_kinds_by_meta(stage: Stage, kind: str, named: str) -> None:
    Phone(stage.simulator, "whatsapp-cloud", NUMBER).act(Act(kind))
    value, message = await meta_message(stage)
    assert message["type"] == named
    assert message[named]
    assert ("contacts" in value) == (kind != "new_number")


async def test_a_kind_that_meta_cannot_name_and_a_message_taken_back(stage: Stage) -> None:
    phone = Phone(stage.simulator, "whatsapp-cloud", NUMBER)
    phone.act(Act("unknown"))
    assert (await meta_message(stage))[1]["errors"][0]["code"] == 131051
    mine = phone.send("oh")
    phone.act(Act("revoke"))
    assert (await meta_message(stage, 2))[1]["revoke"] == {"original_message_id": mine.provider_id}


@pytest.mark.parametrize("kind", ["text", "voice", "photo", "location", "contact", "sticker", "unknown"])
async def test_telegram_updates_are_read_by_the_official_library(stage: Stage, kind: str) -> None:
    Phone(stage.simulator, "telegram", "700000033").act(Act(kind, "/start" if kind == "text" else ""))
    update = Update.de_json((await stage.gateway.wait(1))[0].data, Bot(TELEGRAM_TOKEN))
    assert update.message is not None
    assert update.message.chat.id == 700000033
    assert update.message.from_user is not None
    assert not update.message.from_user.is_bot
    part = {"text": update.message.text, "unknown": update.message.dice}.get(kind, getattr(update.message, kind, None))
    assert part


async def test_an_edit_on_telegram(stage: Stage) -> None:
    phone = Phone(stage.simulator, "telegram", "700000033")
    first = phone.send("helo")
    phone.act(Act("edit", "hello"))
    update = Update.de_json((await stage.gateway.wait(2))[1].data, Bot(TELEGRAM_TOKEN))
    assert update.edited_message is not None
    assert update.edited_message.text == "hello"
    assert str(update.edited_message.message_id) == first.provider_id
    assert first.edited


@pytest.mark.parametrize(
    ("channel", "act"),
    [
        ("sms-twilio", Act("location")),
        ("sms-twilio", Act("text", "  ")),
        ("whatsapp-cloud", Act("edit", "x")),
        ("whatsapp-cloud", Act("tap", token="nothing")),
        ("telegram", Act("revoke")),
        ("telegram", Act("edit", "x")),
        ("pigeon", Act("text", "x")),
    ],
)
async def test_what_a_phone_cannot_do(stage: Stage, channel: str, act: Act) -> None:
    address = "700000033" if channel == "telegram" else NUMBER
    with pytest.raises(BadAct):
        stage.simulator.act(channel, address, act)
    await asyncio.sleep(0)
    assert stage.gateway.arrived == []


@pytest.mark.parametrize("channel", ["sms-twilio", "whatsapp-twilio", "whatsapp-cloud", "telegram"])
async def test_ids_of_an_earlier_run_do_not_come_again(channel: str) -> None:
    address = "7001" if channel == "telegram" else NUMBER
    ids: list[str] = []
    for _ in range(2):
        clock = FakeClock()
        clock.pass_by(len(ids))  # the second run begins three seconds after the first
        simulator = Simulator(settings_for("https://gateway.example"), clock=clock, post=ScriptedPost(clock))
        ids += [Phone(simulator, channel, address).send(text).provider_id for text in ("one", "two", "three")]
        await simulator.aclose()
    assert len(set(ids)) == 6
