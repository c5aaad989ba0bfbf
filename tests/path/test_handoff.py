"""From "a person, please" to a caseworker and back; and danger, whoever is speaking."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from handoff.app import build_desk, now
from handoff.core.message import SendState, StatusUpdate
from handoff.core.staff import User
from handoff.services.claim import claim
from handoff.services.close import close
from handoff.services.reply import Reply, reply
from handoff.services.sign_in import add_staff
from handoff.simulator.ledger import Entry
from handoff.simulator.phone import NoReply, Phone
from handoff.store.staff import StaffBook
from tests.path.whole import CHANNELS, Whole


async def reach_queue(path: Whole, channel: str = "sms-twilio", address: str = "") -> Phone:
    """Somebody asks for a person and says yes; they have read everything that was sent."""
    phone = path.phone(channel, address)
    consent = await asked_for_consent(phone)
    assert "Demo Aid" in consent.text
    answer(phone, consent, 1)
    queued = await phone.next_reply()
    number = await path.value("SELECT number FROM cases ORDER BY created_at DESC LIMIT 1")
    assert number in queued.text
    await path.settle()
    await read_all(phone)
    return phone


async def asked_for_consent(phone: Phone) -> Entry:
    """They want a person, and can write safely now: the consent."""
    phone.send("9")
    answer(phone, await phone.next_reply(), 1)
    return await phone.next_reply()


async def read_all(phone: Phone) -> None:
    """Read until nothing comes any more."""
    with contextlib.suppress(NoReply):
        while await phone.next_reply(0.2):
            pass


def answer(phone: Phone, prompt: object, digit: int) -> None:
    """Tap the option where there are buttons, else type its digit."""
    choices = getattr(prompt, "choices", ())
    if choices:
        phone.tap(choices[digit - 1].token)
    else:
        phone.send(str(digit))


async def caseworker(path: Whole, login: str = "casey") -> User:
    async with path.house.engine.begin() as connection:
        staff_id = await add_staff(
            StaffBook(),
            connection,
            login=login,
            name=f"{login.title()} (fictional)",
            password="correct horse battery",
            role="caseworker",
            organisation="demo-aid",
            organisation_name="Demo Aid (fictional)",
        )
    return User(staff_id, login, f"{login.title()} (fictional)")


async def claim_newest(path: Whole, user: User) -> uuid.UUID:
    case_id: uuid.UUID = await path.value("SELECT id FROM cases ORDER BY created_at DESC LIMIT 1")
    async with path.house.engine.begin() as connection:
        await claim(build_desk(path.house), connection, user, case_id, now())
    return case_id


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_whole_loop(path: Whole, channel: str) -> None:
    phone = await reach_queue(path, channel)
    user = await caseworker(path)
    case_id = await claim_newest(path, user)
    claimed = await phone.next_reply()
    assert "Demo Aid" in claimed.text
    phone.send("are you there?")
    await path.settle()
    desk = build_desk(path.house)
    async with path.house.engine.begin() as connection:
        lines = await desk.cases.lines(connection, case_id)
        assert [line.text for line in lines if line.speaker == "person"] == ["are you there?"]
        await reply(desk, connection, user, case_id, form=Reply("Yes, I am here.", lines[-1].id), now=now())
    assert (await phone.next_reply()).text == "Yes, I am here."
    heard = len(path.assistant.heard)
    async with path.house.engine.begin() as connection:
        await close(desk, connection, user, case_id, code="helped", now=now())
    assert (await phone.next_reply()).text
    phone.send("hello")
    await phone.next_reply()
    assert len(path.assistant.heard) == heard + 1
    assert await path.value("SELECT owner FROM conversations") == "assistant"


async def test_no_means_no_case(path: Whole) -> None:
    phone = path.phone()
    await asked_for_consent(phone)
    phone.send("3")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM cases") == 0
    assert await path.value("SELECT count(*) FROM consents") == 0


async def test_a_yes_to_an_old_consent_is_asked_again(path: Whole) -> None:
    phone = path.phone()
    await asked_for_consent(phone)
    await path.do(
        "UPDATE conversations SET prompts = jsonb_set(prompts, '{0,asked_at}', to_jsonb(CAST(:old AS text)))",
        old=(now() - timedelta(days=2)).isoformat(),
    )
    phone.send("yes")
    await phone.next_reply()
    await path.settle()
    assert await path.value("SELECT count(*) FROM cases") == 0


@pytest.mark.parametrize("slow", ["the assistant", "the provider"])
async def test_pressing_twice_is_no_consent_to_a_question_that_was_not_shown_yet(path: Whole, slow: str) -> None:
    phone = path.phone()
    phone.send("may I talk to a person?")
    await phone.next_reply()
    phone.send("1")
    await phone.next_reply()
    path.assistant.delay_s = 0.4 if slow == "the assistant" else 0.0
    path.simulator.exchange.faults["sms-twilio"].next = [500, 500] if slow == "the provider" else []
    for _ in range(2):
        phone.send("1")
        await asyncio.sleep(0.1)
    consent = await phone.next_reply(10)
    assert "Demo Aid" in consent.text
    await path.settle()
    assert await path.value("SELECT count(*) FROM consents") == 0
    await read_all(phone)
    phone.send("1")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM cases") == 1


async def test_a_question_that_the_carrier_could_not_deliver_was_not_asked(path: Whole) -> None:
    phone = path.phone()
    phone.send("may I talk to a person?")
    for _ in range(2):
        await phone.next_reply()
        phone.send("1")
    await phone.next_reply()
    await path.settle()
    index = await path.value("SELECT provider_index FROM outbound WHERE key = 'consent.contact'")
    lost = StatusUpdate("sms-twilio", path.house.channels["sms-twilio"].account, "SMlost", SendState.FAILED, "30005")
    await path.do(
        "UPDATE outbound SET provider_index = :index, state = 'sent' WHERE provider_index = :old",
        index=path.house.vault.index("out", "sms-twilio", "SMlost"),
        old=index,
    )
    await path.house.door.receive([lost])
    phone.send("1")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM consents") == 0


async def test_while_waiting_messages_are_kept_for_the_caseworker_and_acknowledged_once_an_hour(path: Whole) -> None:
    phone = await reach_queue(path)
    for words in ("it is cold here", "when will you come"):
        phone.send(words)
    await path.settle()
    assert await path.value("SELECT count(*) FROM case_messages WHERE speaker = 'person'") == 2
    acknowledged = "SELECT count(*) FROM outbound WHERE key = 'handoff.waiting_ack'"
    assert await path.value(acknowledged) == 1
    await path.do("UPDATE conversations SET waiting_ack_at = now() - interval '61 minutes'")
    for words in ("still here", "please answer"):
        phone.send(words)
    await path.settle()
    assert await path.value(acknowledged) == 2


async def test_the_assistant_is_not_asked_while_a_person_has_the_word(path: Whole) -> None:
    phone = await reach_queue(path)
    heard = len(path.assistant.heard)
    await claim_newest(path, await caseworker(path))
    for words in ("hello", "menu", "0", "what is this?"):
        phone.send(words)
    await path.settle()
    assert len(path.assistant.heard) == heard


@pytest.mark.parametrize("owner", ["assistant", "waiting", "caseworker", "closed", "stopped", "down"])
async def test_danger_brings_the_card_in_every_state(path: Whole, owner: str) -> None:
    phone = path.phone()
    if owner in {"waiting", "caseworker", "closed"}:
        phone = await reach_queue(path)
    if owner in {"caseworker", "closed"}:
        user = await caseworker(path)
        case_id = await claim_newest(path, user)
        await phone.next_reply()
    if owner == "closed":
        async with path.house.engine.begin() as connection:
            await close(build_desk(path.house), connection, user, case_id, code="helped", now=now())
        await phone.next_reply()
    if owner == "stopped":
        phone.send("hello")
        await phone.next_reply()
        await path.do("UPDATE addresses SET stopped_at = now()")
    if owner == "down":
        path.assistant.broken = "down"
    phone.send("help me he will kill me")
    card = await phone.next_reply()
    assert "+15550100" in card.text
    if owner in {"waiting", "caseworker"}:
        assert await path.value("SELECT level FROM cases") == "P0"
        assert await path.value("SELECT alarm_at IS NOT NULL FROM cases") is True


async def test_yes_on_the_danger_card_queues_at_once_at_the_highest_level(path: Whole) -> None:
    phone = path.phone()
    phone.send("99")
    await phone.next_reply()
    phone.send("1")
    await phone.next_reply()
    assert await path.value("SELECT level FROM cases") == "P0"


async def test_a_case_after_a_closed_one_is_somebody_elses(path: Whole) -> None:
    phone = await reach_queue(path)
    user = await caseworker(path)
    case_id = await claim_newest(path, user)
    await phone.next_reply()
    async with path.house.engine.begin() as connection:
        await close(build_desk(path.house), connection, user, case_id, code="helped", now=now())
    await phone.next_reply()
    phone.send("99")
    await phone.next_reply()
    phone.send("1")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM cases") == 2
    assert await path.value("SELECT count(DISTINCT person_id) FROM cases") == 2


async def test_not_what_i_meant_opens_nothing(path: Whole) -> None:
    phone = path.phone()
    phone.send("99")
    await phone.next_reply()
    phone.send("2")
    await phone.next_reply()
    assert await path.value("SELECT count(*) FROM cases") == 0


async def test_stop_is_one_line_then_one_notice_then_quiet_and_start_brings_it_back(path: Whole) -> None:
    phone = path.phone("telegram")
    phone.send("hello")
    await phone.next_reply()
    phone.send("stop")
    await phone.next_reply()
    heard = len(path.assistant.heard)
    for words in ("hello", "hello again"):
        phone.send(words)
    await path.settle()
    assert len(path.assistant.heard) == heard
    assert await path.value("SELECT count(*) FROM outbound WHERE key = 'control.off'") == 1
    phone.send("start")
    await path.settle()
    assert await path.value("SELECT count(*) FROM addresses WHERE stopped_at IS NOT NULL") == 0


async def test_taking_the_consent_back_ends_the_case(path: Whole) -> None:
    phone = await reach_queue(path)
    for said in ("88", "1", "1"):
        phone.send(said)
        await phone.next_reply()
    assert await path.value("SELECT state FROM cases") == "withdrawn"
    assert await path.value("SELECT withdrawn_at IS NOT NULL FROM consents") is True
    assert await path.value("SELECT owner FROM conversations") == "assistant"


async def test_a_case_without_a_live_consent_is_refused_by_the_database(path: Whole) -> None:
    await reach_queue(path)
    await path.do("UPDATE consents SET withdrawn_at = now()")
    with pytest.raises(Exception, match="live contact consent"):
        await path.do(
            "INSERT INTO cases (id, number, person_id, organisation_id, consent_id, level, modality, locale)"
            " SELECT gen_random_uuid(), 'ZZZZZZ', person_id, organisation_id, consent_id, 'P3', 'write', 'en'"
            " FROM cases"
        )


async def test_what_a_caseworker_writes_late_waits_until_the_person_writes_again(path: Whole) -> None:
    phone = await reach_queue(path)
    user = await caseworker(path)
    case_id = await claim_newest(path, user)
    await phone.next_reply()
    await path.do("UPDATE conversations SET last_inbound_at = now() - interval '20 minutes'")
    async with path.house.engine.begin() as connection:
        await reply(build_desk(path.house), connection, user, case_id, form=Reply("Late words."), now=now())
    with pytest.raises(NoReply):
        await phone.next_reply(0.6)
    assert await path.value("SELECT state FROM outbound WHERE speaker = 'human'") == "held"
    phone.send("I am back")
    assert (await phone.next_reply()).text == "Late words."


async def test_who_could_not_be_told_that_the_case_is_closed_is_told_when_they_write(path: Whole) -> None:
    phone = await reach_queue(path)
    user = await caseworker(path)
    case_id = await claim_newest(path, user)
    await phone.next_reply()
    await path.do("UPDATE conversations SET last_inbound_at = now() - interval '20 minutes'")
    desk = build_desk(path.house)
    async with path.house.engine.begin() as connection:
        await reply(desk, connection, user, case_id, form=Reply("Late words."), now=now())
    await path.settle()
    async with path.house.engine.begin() as connection:
        await close(desk, connection, user, case_id, code="helped", now=now())
    await path.settle()
    await read_all(phone)
    phone.send("are you there?")
    await path.settle()
    said = [await phone.next_reply(), await phone.next_reply()]
    closing = path.house.voice.texts.text("handoff.closed", "en", "sms").splitlines()[0]
    assert closing in said[0].text
    assert all("Late words." not in message.text for message in said)
    assert await path.value("SELECT count(*) FROM outbound WHERE state = 'held'") == 0
    answer(phone, await asked_for_consent(phone), 1)
    await phone.next_reply()
    phone.send("I am cold")
    await path.settle()
    await read_all(phone)
    assert await path.value("SELECT state FROM outbound WHERE speaker = 'human'") == "cancelled"


async def test_who_may_be_written_to_any_time_is(path: Whole) -> None:
    phone = path.phone("telegram")
    answer(phone, await asked_for_consent(phone), 1)
    await phone.next_reply()
    answer(phone, await phone.next_reply(), 2)
    await path.settle()
    await read_all(phone)
    user = await caseworker(path)
    case_id = await claim_newest(path, user)
    await phone.next_reply()
    await path.do("UPDATE conversations SET last_inbound_at = now() - interval '20 minutes'")
    async with path.house.engine.begin() as connection:
        await reply(build_desk(path.house), connection, user, case_id, form=Reply("Good evening."), now=now())
    assert (await phone.next_reply()).text == "Good evening."


async def test_the_audit_cannot_be_rewritten(path: Whole) -> None:
    await reach_queue(path)
    await claim_newest(path, await caseworker(path))
    for statement in ("DELETE FROM audit", "UPDATE audit SET actor = 'nobody'"):
        with pytest.raises(Exception, match="append-only"):
            async with path.house.engine.begin() as connection:
                await connection.execute(text(statement))
