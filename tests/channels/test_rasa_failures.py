"""What Rasa's own connectors do wrong, as far as an adapter is concerned; each test is named after the failure.

The rest of the list (a duplicate processed twice, the webhook held for the whole turn) needs the whole path and is
tested there.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from handoff.core.channel import BadSignature, SendError, Throttled
from handoff.core.message import Incoming, Kind, Option, Outgoing, Reachability
from tests.channels.fake_server import FakeProvider
from tests.channels.harness import SMS_NUMBER, Table, make_channel
from tests.channels.tables import sms_twilio, telegram, whatsapp_cloud, whatsapp_twilio


@pytest.mark.parametrize("table", [sms_twilio.TABLE, whatsapp_twilio.TABLE], ids=lambda table: table.channel)
@pytest.mark.parametrize("signature", [{}, {"x-twilio-signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}])
def test_a_twilio_post_with_no_or_a_wrong_signature_was_processed(table: Table, signature: dict[str, str]) -> None:
    request = table.request(table.body(table.valid))
    with pytest.raises(BadSignature):
        make_channel(table.channel).receive(replace(request, headers=signature))


def test_the_same_message_sid_twice_was_two_messages() -> None:
    table = sms_twilio.TABLE
    channel = make_channel(table.channel)
    request = table.request(table.body(table.valid))
    (first,), (second,) = channel.receive(request), channel.receive(request)
    assert first == second
    assert isinstance(first, Incoming)
    assert first.provider_id == sms_twilio.SID


def test_whatsapp_media_with_an_empty_body_was_a_500() -> None:
    table = whatsapp_twilio.TABLE
    (event,) = make_channel(table.channel).receive(table.request(table.body("photo_without_text.form")))
    assert isinstance(event, Incoming)
    assert (event.kind, event.text) == (Kind.PHOTO, "")


def test_media_without_any_body_field_was_a_500() -> None:
    table = whatsapp_twilio.TABLE
    body = b"MessageSid=SM1&From=whatsapp%3A%2B15550001111&NumMedia=1&MediaContentType0=image%2Fjpeg"
    (event,) = make_channel(table.channel).receive(table.request(body))
    assert isinstance(event, Incoming)
    assert event.kind is Kind.PHOTO


async def test_a_429_lost_the_message_and_said_nothing(provider: FakeProvider) -> None:
    table = sms_twilio.TABLE
    provider.will_answer(table.throttled, table.taken)
    channel = make_channel(table.channel, provider.url)
    with pytest.raises(Throttled) as caught:
        await channel.send(table.message)
    assert not caught.value.maybe_sent
    assert (await channel.send(table.message)).provider_id == "SM" + "0" * 31 + "9"
    await channel.aclose()


async def test_a_blank_line_and_two_buttons_were_four_sms_with_a_raw_payload(provider: FakeProvider) -> None:
    table = sms_twilio.TABLE
    provider.will_answer(table.taken)
    channel = make_channel(table.channel, provider.url)
    options = (Option('/affirm{"handoff":"yes"}', "Yes"), Option("/deny", "No"))
    text = "A person can write here.\n\nShall they?\n1 Yes\n2 No"
    await channel.send(Outgoing(SMS_NUMBER, table.message.address, text, options))
    await channel.aclose()
    assert [asked.fields()["Body"] for asked in provider.asked] == [text]


@pytest.mark.parametrize("secret", [None, "", "wrong", telegram.BOT])
def test_a_forged_telegram_update_without_secret_was_processed(secret: str | None) -> None:
    table = telegram.TABLE
    headers = {} if secret is None else {"x-telegram-bot-api-secret-token": secret}
    with pytest.raises(BadSignature):
        make_channel(table.channel).receive(replace(table.request(table.body(table.valid)), headers=headers))


def test_a_telegram_voice_note_was_silently_dropped() -> None:
    table = telegram.TABLE
    (event,) = make_channel(table.channel).receive(table.request(table.body("voice.json")))
    assert isinstance(event, Incoming)
    assert event.kind is Kind.VOICE


def test_the_person_blocking_the_bot_was_a_500() -> None:
    table = telegram.TABLE
    (event,) = make_channel(table.channel).receive(table.request(table.body("blocked.json")))
    assert event == Reachability("telegram", telegram.BOT, "telegram", telegram.CHAT, blocked=True)


# Further failures that are named beside the table


def test_telegram_must_be_reachable_for_the_service_to_start() -> None:
    """Ours is built, ready to receive, with nobody listening at Telegram's address."""
    channel = make_channel("telegram", "http://127.0.0.1:9")
    assert channel.name == "telegram"
    assert channel.handshake({}) is None


async def test_a_tapped_button_kept_spinning(provider: FakeProvider) -> None:
    table = telegram.TABLE
    channel = make_channel(table.channel, provider.url)
    provider.will_answer(replace(table.taken, body={"ok": True, "result": True}))
    (tap,) = channel.receive(table.request(table.body("tap.json")))
    assert isinstance(tap, Incoming)
    await channel.acknowledge(tap)
    await channel.aclose()
    (asked,) = provider.asked
    assert asked.path.endswith("/answerCallbackQuery")
    assert asked.fields() == {"callback_query_id": tap.ack_token}


async def test_a_spinner_that_cannot_be_stopped_is_no_failure(provider: FakeProvider) -> None:
    table = telegram.TABLE
    channel = make_channel(table.channel, provider.url)
    provider.will_answer(telegram.refused(400, "Bad Request: query is too old"))
    (tap,) = channel.receive(table.request(table.body("tap.json")))
    assert isinstance(tap, Incoming)
    await channel.acknowledge(tap)
    await channel.aclose()
    assert len(provider.asked) == 1


def test_a_bot_command_was_cut_out_of_what_a_person_typed() -> None:
    table = telegram.TABLE
    update = json.loads(table.body("text.json"))
    update["message"]["text"] = "my mail is a/bot@example.org"
    (event,) = make_channel(table.channel).receive(table.request(json.dumps(update).encode()))
    assert isinstance(event, Incoming)
    assert event.text == "my mail is a/bot@example.org"


def test_an_inverted_exclamation_mark_became_an_at_sign() -> None:
    table = sms_twilio.TABLE
    body = b"MessageSid=SM1&From=%2B15550001111&Body=%C2%A1Ayuda%21"
    (event,) = make_channel(table.channel).receive(table.request(body))
    assert isinstance(event, Incoming)
    assert event.text == "¡Ayuda!"


def test_metas_legacy_signature_was_enough() -> None:
    table = whatsapp_cloud.TABLE
    request = table.request(table.body(table.valid))
    legacy = {"x-hub-signature": "sha1=" + "0" * 40}
    for headers in (legacy, {"x-hub-signature-256": request.headers["x-hub-signature-256"].removeprefix("sha256=")}):
        with pytest.raises(BadSignature):
            make_channel(table.channel).receive(replace(request, headers=headers))


async def test_an_error_is_never_an_answer_of_none(provider: FakeProvider) -> None:
    for table in (sms_twilio.TABLE, whatsapp_cloud.TABLE, telegram.TABLE):
        provider.will_answer(table.failing)
        channel = make_channel(table.channel, provider.url)
        with pytest.raises(SendError):
            await channel.send(table.message)
        await channel.aclose()
