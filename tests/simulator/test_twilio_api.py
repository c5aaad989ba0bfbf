"""Twilio's own client talks to the stand-in; status callbacks come back signed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from handoff.simulator.exchange import Act
from handoff.simulator.phone import Phone
from tests.simulator.conftest import Stage
from tests.simulator.running import ACCOUNT, SMS_FROM, TWILIO_TOKEN, WHATSAPP_FROM, until

PERSON = "+15550100077"


class OfficialClient:
    """The official client, pointed at the stand-in, in a thread."""

    def __init__(self, stage: Stage, token: str = TWILIO_TOKEN) -> None:
        self._http = TwilioHttpClient(timeout=5)
        self.rest: Any = Client(ACCOUNT, token, http_client=self._http)  # type: ignore[no-untyped-call]
        self.rest.api.base_url = stage.url

    async def __call__(self, work: Callable[[Client], Any]) -> Any:
        try:
            return await asyncio.to_thread(work, self.rest)
        finally:
            if self._http.session:
                self._http.session.close()

    async def send(self, to: str = PERSON, body: str = "Hello", **fields: Any) -> Any:
        sender = f"whatsapp:{WHATSAPP_FROM}" if to.startswith("whatsapp:") else SMS_FROM
        return await self(lambda rest: rest.messages.create(**({"to": to, "from_": sender, "body": body} | fields)))

    async def refused(self, **fields: Any) -> tuple[int, int | None]:
        with pytest.raises(TwilioRestException) as caught:
            await self.send(**fields)
        return caught.value.status, caught.value.code


async def test_a_message_reaches_the_phone_and_its_states_come_back(stage: Stage) -> None:
    phone = Phone(stage.simulator, "sms-twilio", PERSON)
    url = f"{stage.gateway.url}/webhooks/sms-twilio/status"
    sent = await OfficialClient(stage).send(body="Hello", status_callback=url)
    assert sent.status == "queued"
    assert (await phone.next_reply()).text == "Hello"
    reports = [each.data for each in await stage.gateway.wait(2)]
    assert [each["MessageStatus"] for each in reports] == ["sent", "delivered"]
    assert {each["MessageSid"] for each in reports} == {sent.sid}
    assert "RawDlrDoneDate" in reports[1]
    assert stage.gateway.forged == 0


async def test_whatsapp_is_also_read(stage: Stage) -> None:
    phone = Phone(stage.simulator, "whatsapp-twilio", PERSON)
    phone.send("hello")
    await stage.gateway.wait(1)
    url = f"{stage.gateway.url}/webhooks/whatsapp-twilio/status"
    await OfficialClient(stage).send(to=f"whatsapp:{PERSON}", status_callback=url)
    reports = [each.data for each in (await stage.gateway.wait(4))[1:]]
    assert [each["MessageStatus"] for each in reports] == ["sent", "delivered", "read"]
    assert reports[2]["EventType"] == "READ"
    assert {each["ChannelPrefix"] for each in reports} == {"whatsapp"}


async def test_outside_24_hours_whatsapp_fails_later_with_63016(stage: Stage) -> None:
    url = f"{stage.gateway.url}/webhooks/whatsapp-twilio/status"
    sent = await OfficialClient(stage).send(to=f"whatsapp:{PERSON}", status_callback=url)
    report = (await stage.gateway.wait(1))[0].data
    assert (report["MessageStatus"], report["ErrorCode"], report["MessageSid"]) == ("failed", "63016", sent.sid)
    assert not list(stage.simulator.ledger.select(channel="whatsapp-twilio"))


async def test_a_person_who_blocked_us_gets_nothing(stage: Stage) -> None:
    phone = Phone(stage.simulator, "whatsapp-twilio", PERSON)
    phone.send("hello")
    phone.act(Act("block"))
    url = f"{stage.gateway.url}/webhooks/whatsapp-twilio/status"
    await OfficialClient(stage).send(to=f"whatsapp:{PERSON}", status_callback=url)
    report = (await stage.gateway.wait(2))[1].data
    assert (report["MessageStatus"], report["ErrorCode"]) == ("undelivered", "63033")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": ""}, 21604),
        ({"to": "12345"}, 21211),
        ({"to": "+15550100077 "}, 21211),
        ({"to": SMS_FROM}, 21266),
        ({"from_": "+15550999999"}, 21606),
        ({"to": f"whatsapp:{PERSON}", "from_": SMS_FROM}, 63007),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"validity_period": 0}, 90007),
        ({"validity_period": 36001}, 90007),
        ({"status_callback": "http://no_underscore.example/x"}, 21609),
    ],
)
async def test_what_twilio_would_refuse_is_refused(stage: Stage, fields: dict[str, Any], code: int) -> None:
    assert await OfficialClient(stage).refused(**fields) == (400, code)


async def test_the_longest_body_is_taken(stage: Stage) -> None:
    sent = await OfficialClient(stage).send(body="x" * 1600)
    assert sent.num_segments == "11"


async def test_a_wrong_token_is_not_let_in(stage: Stage) -> None:
    assert await OfficialClient(stage, "wrong").refused() == (401, 20003)


async def test_stop_blocks_and_start_opens_again(stage: Stage) -> None:
    phone = Phone(stage.simulator, "sms-twilio", PERSON)
    phone.send(" stop ")
    assert (await phone.next_reply()).author == "carrier"
    assert await OfficialClient(stage).refused() == (400, 21610)
    phone.send("START")
    assert (await phone.next_reply()).author == "carrier"
    await OfficialClient(stage).send()
    bodies = [each.data["Body"] for each in await stage.gateway.wait(2)]
    assert bodies == [" stop ", "START"]


async def test_stop_inside_a_sentence_is_only_a_sentence(stage: Stage) -> None:
    Phone(stage.simulator, "sms-twilio", PERSON).send("stop please")
    await OfficialClient(stage).send()


async def test_a_missed_message_can_be_listed(stage: Stage) -> None:
    stage.gateway.answers.extend([500] * 9)
    phone = Phone(stage.simulator, "sms-twilio", PERSON)
    before = datetime.now(UTC) - timedelta(seconds=2)
    lost = phone.send("nobody took this")
    await OfficialClient(stage).send(body="ours")
    found = await OfficialClient(stage)(
        lambda rest: rest.messages.list(to=SMS_FROM, date_sent_after=before, page_size=1)
    )
    assert [(each.sid, each.body, each.direction) for each in found] == [
        (lost.provider_id, "nobody took this", "inbound")
    ]
    later = datetime.now(UTC) + timedelta(seconds=10)
    assert await OfficialClient(stage)(lambda rest: rest.messages.list(date_sent_after=later)) == []


async def test_lists_come_in_pages_newest_first(stage: Stage) -> None:
    phone = Phone(stage.simulator, "sms-twilio", PERSON)
    for number in range(5):
        phone.send(f"message {number}")
    found = await OfficialClient(stage)(lambda rest: rest.messages.list(to=SMS_FROM, page_size=2))
    assert [each.body for each in found] == [f"message {number}" for number in (4, 3, 2, 1, 0)]


async def test_redact_and_delete_only_after_the_end(stage: Stage) -> None:
    stage.simulator.exchange.pace = type(stage.simulator.exchange.pace)(0.3, 0.0, 0.0)
    official = OfficialClient(stage)
    phone = Phone(stage.simulator, "sms-twilio", PERSON)
    sid = (await official.send(body="private")).sid
    with pytest.raises(TwilioRestException) as early:
        await official(lambda rest: rest.messages(sid).update(body=""))
    assert early.value.code == 20009
    await until(lambda: stage.simulator.courier.pending == 0)
    assert (await official(lambda rest: rest.messages(sid).update(body=""))).body == ""
    assert (await official(lambda rest: rest.messages(sid).fetch())).body == ""
    assert (await phone.next_reply()).text == "private"
    assert await official(lambda rest: rest.messages(sid).delete()) is True
    with pytest.raises(TwilioRestException) as gone:
        await official(lambda rest: rest.messages(sid).fetch())
    assert gone.value.status == 404


async def test_the_webhook_of_the_number_can_be_set(stage: Stage) -> None:
    def connect(rest: Client) -> None:
        number = rest.incoming_phone_numbers.list(phone_number=SMS_FROM, limit=1)[0]
        number.update(sms_url=f"{stage.gateway.url}/webhooks/twilio-elsewhere#rc=1", sms_method="POST")

    await OfficialClient(stage)(connect)
    Phone(stage.simulator, "sms-twilio", PERSON).send("hello")
    assert (await stage.gateway.wait(1))[0].path == "/webhooks/twilio-elsewhere"
