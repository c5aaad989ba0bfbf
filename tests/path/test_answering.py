"""What a person on a phone sees when they write."""

from __future__ import annotations

import asyncio

import pytest

from handoff.core.rate import Rate
from handoff.simulator.exchange import Act
from handoff.simulator.phone import NoReply
from tests.path.whole import CHANNELS, Whole


@pytest.mark.parametrize("channel", CHANNELS)
async def test_somebody_writes_and_is_answered_once(path: Whole, channel: str) -> None:
    phone = path.phone(channel)
    phone.send("hello")
    reply = await phone.next_reply()
    assert "Amana" in reply.text or "1" in reply.text
    with pytest.raises(NoReply):
        await phone.next_reply(0.3)


async def test_a_digit_answers_the_menu_on_a_feature_phone(path: Whole) -> None:
    phone = path.phone("sms-twilio")
    phone.send("hello")
    menu = await phone.next_reply()
    assert "\n1 " in menu.text
    phone.send("2")
    await phone.next_reply()
    assert path.assistant.heard[-1] == ("payload", "/check_offer")


async def test_an_arabic_digit_answers_too(path: Whole) -> None:
    phone = path.phone("sms-twilio")
    phone.send("مرحبا")
    await phone.next_reply()
    phone.send("٢")
    await phone.next_reply()
    assert path.assistant.heard[-1] == ("payload", "/check_offer")


async def test_who_writes_arabic_is_answered_in_arabic_and_stays_so(path: Whole) -> None:
    phone = path.phone("telegram")
    phone.send("وظيفة في الخارج، طلبوا جواز سفري")
    first = await phone.next_reply()
    phone.send("2")
    second = await phone.next_reply()
    for reply in (first, second):
        assert any("\u0600" <= letter <= "\u06ff" for letter in reply.text)


async def test_the_chosen_language_wins_over_what_is_written(path: Whole) -> None:
    phone = path.phone("sms-twilio")
    phone.send("hello")
    await phone.next_reply()
    phone.send("language")
    choice = await phone.next_reply()
    assert "العربية" in choice.text
    assert "Español" in choice.text
    phone.send("4")
    answer = await phone.next_reply()
    assert await path.value("SELECT locale FROM conversations") == "es"
    assert "idioma" in answer.text.lower() or "español" in answer.text.lower()


async def test_a_tap_on_telegram_and_whatsapp_chooses(path: Whole) -> None:
    for channel in ("telegram", "whatsapp-cloud"):
        phone = path.phone(channel)
        phone.send("hello")
        menu = await phone.next_reply()
        phone.tap(menu.choices[1].token)
        await phone.next_reply()
        assert path.assistant.heard[-1] == ("payload", "/check_offer")


@pytest.mark.parametrize("text", ["/affirm", "/restart", ' /choose{"option":"consent.write"}', "/start now"])
async def test_what_looks_like_a_payload_is_text(path: Whole, text: str) -> None:
    phone = path.phone("whatsapp-cloud")
    phone.send(text)
    await phone.next_reply()
    assert path.assistant.heard in ([("text", text)], [])


@pytest.mark.parametrize("channel", ["whatsapp-cloud", "whatsapp-twilio", "telegram"])
@pytest.mark.parametrize("kind", ["voice", "photo", "location", "contact"])
async def test_what_is_not_text_gets_a_kind_sentence(path: Whole, channel: str, kind: str) -> None:
    phone = path.phone(channel)
    phone.act(Act(kind))
    reply = await phone.next_reply()
    assert len(reply.text) > 20
    assert path.assistant.heard == []


async def test_duplicated_webhooks_are_answered_once(path: Whole) -> None:
    for channel in CHANNELS:
        path.simulator.exchange.faults[channel].duplicate = 2
    phones = [path.phone(channel) for channel in CHANNELS]
    for phone in phones:
        phone.send("hello")
    for phone in phones:
        await phone.next_reply()
    await path.settle()
    assert await path.value("SELECT count(*) FROM outbound") == len(phones)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("fault", [429, 500])
async def test_a_provider_that_refuses_is_asked_again_until_it_takes_the_reply(
    path: Whole, channel: str, fault: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.services.send.FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr("handoff.services.work.IDLE_S", 0.1)
    path.simulator.exchange.faults[channel].next = [fault, fault]
    phone = path.phone(channel)
    phone.send("hello")
    reply = await phone.next_reply(15)
    assert reply.text
    await path.settle()
    assert await path.value("SELECT count(*) FROM outbound WHERE sent_at IS NOT NULL") == 1


async def test_the_webhook_is_answered_before_the_assistant_has_thought(path: Whole) -> None:
    path.assistant.pause = asyncio.Event()
    phone = path.phone("sms-twilio")
    entry = phone.send("hello")
    async with asyncio.timeout(5):
        while path.simulator.courier.pending:  # noqa: ASYNC110 (only looking tells)
            await asyncio.sleep(0.01)
    assert entry.webhook is not None
    assert entry.webhook.state == "accepted"
    path.assistant.pause.set()
    await phone.next_reply()


@pytest.mark.parametrize("broken", ["down", "action_failed", "action_timeout", "nothing_said", "exception"])
async def test_when_the_assistant_fails_the_card_offers_a_person(path: Whole, broken: str) -> None:
    path.assistant.broken = broken
    path.worker.respond.sleep = lambda seconds: asyncio.sleep(0)
    phone = path.phone("sms-twilio")
    phone.send("hello")
    card = await phone.next_reply()
    assert "+15550100" in card.text
    phone.send("1")
    await phone.next_reply()
    phone.send("1")
    consent = await phone.next_reply()
    assert "Demo Aid" in consent.text
    phone.send("1")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM cases WHERE state = 'waiting'") == 1


async def test_one_flooder_does_not_delay_fifty_others(path: Whole) -> None:
    path.assistant.delay_s = 0.02
    flooder = path.phone("sms-twilio")
    for number in range(60):
        flooder.send(f"hello {number}")
    others = [path.phone("telegram") for _ in range(50)]
    for phone in others:
        phone.send("hello")
    await asyncio.gather(*(phone.next_reply(10) for phone in others))


async def test_a_flooder_gets_one_neutral_line_then_quiet_but_danger_passes(path: Whole) -> None:
    swift = {**path.worker.send.rates, "telegram": Rate(1000, 1000)}  # Telegram's own pace is not what is looked at
    path.worker.send.rates = swift
    phone = path.phone("telegram")
    for number in range(30):
        phone.send(f"this is sentence {number}")
    await path.worked(30)
    await path.settle()
    answered = len(path.assistant.heard)
    assert answered == path.settings.sender_per_minute
    assert await path.value("SELECT count(*) FROM outbound WHERE key = 'flood.slow'") == 1
    assert await path.value("SELECT count(*) FROM inbound WHERE outcome = 'quiet'") == 10
    phone.send("99")
    await path.settle()
    assert await path.value("SELECT count(*) FROM outbound WHERE key = 'danger.card'") == 1


async def test_no_words_are_kept_after_the_assistant_has_answered(path: Whole) -> None:
    phone = path.phone("sms-twilio")
    phone.send("a secret sentence")
    await phone.next_reply()
    await path.settle()
    assert await path.value("SELECT count(*) FROM inbound WHERE cipher IS NOT NULL") == 0
    assert await path.value("SELECT count(*) FROM outbound WHERE cipher IS NOT NULL") == 0


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE conversations SET prompts = '[{}]'",
        "UPDATE vault.data_keys SET master_id = 'lost'",
        "UPDATE addresses SET cipher = 'x'",
    ],
)
async def test_a_conversation_that_cannot_be_read_holds_up_nobody_else(path: Whole, spoil: str) -> None:
    first, second = path.phone("telegram"), path.phone("telegram")
    first.send("hello")
    await first.next_reply()
    await path.settle()
    await path.do(spoil)
    first.send("hello again")
    second.send("hello")
    await second.next_reply(3)
