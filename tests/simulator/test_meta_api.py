"""The stand-in for Meta's Cloud API: what it takes, what it refuses, and what it reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from handoff.simulator.exchange import Act
from handoff.simulator.phone import Phone
from tests.simulator.conftest import Stage
from tests.simulator.running import META_TOKEN, META_VERIFY, NUMBER_ID

PERSON = "+15550100055"
TEXT = {"messaging_product": "whatsapp", "to": PERSON, "type": "text", "text": {"body": "Hello"}}


def buttons(*titles: str, **over: Any) -> dict[str, Any]:
    options = [{"type": "reply", "reply": {"id": f"t{place}", "title": each}} for place, each in enumerate(titles)]
    interactive = {"type": "button", "body": {"text": "Pick"}, "action": {"buttons": options}} | over
    return TEXT | {"type": "interactive", "interactive": interactive}


def rows(count: int, title: str = "Row", **over: Any) -> dict[str, Any]:
    found = [{"id": f"t{number}", "title": f"{title} {number}", "description": "More"} for number in range(count)]
    action = {"button": "Open", "sections": [{"title": "All", "rows": found}]} | over
    return TEXT | {"type": "interactive", "interactive": {"type": "list", "body": {"text": "Pick"}, "action": action}}


class Api:
    """Calls the stand-in as an app of ours would."""

    def __init__(self, stage: Stage, client: httpx.AsyncClient) -> None:
        self._url = f"{stage.url}/v23.0/{NUMBER_ID}/messages"
        self._client = client

    async def send(self, message: Any, token: str = META_TOKEN) -> httpx.Response:
        return await self._client.post(self._url, json=message, headers={"Authorization": f"Bearer {token}"})

    async def code(self, message: Any) -> int:
        answer = await self.send(message)
        assert answer.status_code == 400
        found = answer.json()["error"]
        assert found["type"] == "OAuthException"
        assert isinstance(found["code"], int)
        return int(found["code"])


@pytest.fixture
async def api(stage: Stage) -> AsyncIterator[Api]:
    async with httpx.AsyncClient() as client:
        yield Api(stage, client)


@pytest.fixture
async def phone(stage: Stage) -> Phone:
    found = Phone(stage.simulator, "whatsapp-cloud", PERSON)
    found.send("hello")
    return found


async def test_a_text_arrives_and_its_states_come_back(stage: Stage, api: Api, phone: Phone) -> None:
    answer = await api.send(TEXT)
    assert answer.status_code == 200
    assert answer.json()["contacts"] == [{"input": PERSON, "wa_id": "15550100055"}]
    assert (await phone.next_reply()).text == "Hello"
    values = [each.data["entry"][0]["changes"][0]["value"] for each in (await stage.gateway.wait(4))[1:]]
    assert [value["statuses"][0]["status"] for value in values] == ["sent", "delivered", "read"]
    assert {value["statuses"][0]["id"] for value in values} == {answer.json()["messages"][0]["id"]}


async def test_a_button_can_be_tapped(stage: Stage, api: Api, phone: Phone) -> None:
    await api.send(buttons("Menu", "A person"))
    await phone.next_reply()
    phone.choose("A person")
    arrived = [each.data["entry"][0]["changes"][0]["value"] for each in await stage.gateway.wait(5)]
    tap = next(value["messages"][0] for value in arrived if "interactive" in value.get("messages", [{}])[0])
    assert tap["interactive"] == {"type": "button_reply", "button_reply": {"id": "t1", "title": "A person"}}
    assert tap["context"]["id"].startswith("wamid.")


async def test_a_list_row_can_be_picked(stage: Stage, api: Api, phone: Phone) -> None:
    await api.send(rows(10))
    shown = await phone.next_reply()
    assert (shown.list_button, len(shown.choices)) == ("Open", 10)
    phone.tap("t9")
    arrived = [each.data["entry"][0]["changes"][0]["value"] for each in await stage.gateway.wait(5)]
    tap = next(value["messages"][0] for value in arrived if "interactive" in value.get("messages", [{}])[0])
    assert tap["interactive"]["list_reply"] == {"id": "t9", "title": "Row 9", "description": "More"}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([], 100),
        (TEXT | {"messaging_product": "sms"}, 100),
        (TEXT | {"to": "15550100055"}, 131009),
        ({**TEXT, "to": ""}, 131008),
        (TEXT | {"text": {"body": ""}}, 131008),
        (TEXT | {"text": {"body": "x" * 4097}}, 131009),
        (TEXT | {"type": "template"}, 131051),
        (buttons(), 131009),
        (buttons("1", "2", "3", "4"), 131009),
        (buttons("x" * 21), 131009),
        (buttons("Same", "Same"), 131009),
        (buttons("Menu", body={"text": "x" * 1025}), 131009),
        (buttons("Menu", footer={"text": "x" * 61}), 131009),
        (rows(11), 131009),
        (rows(1, title="x" * 23), 131009),
        (rows(1, button="x" * 21), 131009),
        (rows(1, sections=[]), 131009),
    ],
)
async def test_what_meta_would_refuse_is_refused(api: Api, phone: Phone, message: Any, code: int) -> None:
    assert await api.code(message) == code


async def test_the_largest_of_everything_is_taken(api: Api, phone: Phone) -> None:
    largest = (TEXT | {"text": {"body": "x" * 4096}}, buttons("x" * 20, "y" * 20, "z" * 20), rows(10, title="x" * 22))
    for message in largest:
        assert (await api.send(message)).status_code == 200


async def test_nothing_is_taken_for_someone_who_never_wrote(api: Api) -> None:
    assert await api.code(TEXT) == 131047


async def test_one_person_gets_45_at_once_and_then_one_in_six_seconds(stage: Stage, api: Api, phone: Phone) -> None:
    for _ in range(45):
        assert (await api.send(TEXT)).status_code == 200
    assert await api.code(TEXT) == 131056
    stage.simulator.exchange.faults["whatsapp-cloud"].pair_limit = False
    assert (await api.send(TEXT)).status_code == 200


async def test_a_wrong_token_is_not_let_in(api: Api) -> None:
    answer = await api.send(TEXT, token="wrong")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


async def test_a_business_scoped_id_stands_in_for_the_number(stage: Stage, api: Api) -> None:
    hidden = Phone(stage.simulator, "whatsapp-cloud", "US.9000000000000000001")
    hidden.send("hello")
    value = (await stage.gateway.wait(1))[0].data["entry"][0]["changes"][0]["value"]
    assert "from" not in value["messages"][0]
    assert "wa_id" not in value["contacts"][0]
    scoped = value["messages"][0]["from_user_id"]
    message = {name: part for name, part in TEXT.items() if name != "to"} | {"recipient": scoped}
    assert (await api.send(message)).status_code == 200
    assert (await hidden.next_reply()).text == "Hello"


async def test_to_wins_over_recipient(api: Api, phone: Phone) -> None:
    assert (await api.send(TEXT | {"recipient": "US.1"})).status_code == 200
    assert (await phone.next_reply()).text == "Hello"


async def test_someone_who_blocked_us_is_reported_as_undeliverable(stage: Stage, api: Api, phone: Phone) -> None:
    phone.act(Act("block"))
    assert (await api.send(TEXT)).status_code == 200
    value = (await stage.gateway.wait(2))[1].data["entry"][0]["changes"][0]["value"]
    assert value["statuses"][0]["status"] == "failed"
    assert value["statuses"][0]["errors"][0]["code"] == 131026


async def test_a_message_can_be_marked_as_read(stage: Stage, api: Api, phone: Phone) -> None:
    mine = phone.handset.entries[0]
    mark = {"messaging_product": "whatsapp", "status": "read", "message_id": mine.provider_id}
    answer = await api.send(mark | {"typing_indicator": {"type": "text"}})
    assert answer.json() == {"success": True}
    assert mine.statuses == ["read"]
    assert await api.code(mark | {"message_id": "wamid.unknown"}) == 131009


@pytest.mark.parametrize(("token", "status"), [(META_VERIFY, 200), ("wrong", 400)])
async def test_a_callback_is_verified_before_it_is_taken(stage: Stage, token: str, status: int) -> None:
    body = {"override_callback_uri": f"{stage.gateway.url}/webhooks/whatsapp-cloud", "verify_token": token}
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {META_TOKEN}"}) as client:
        answer = await client.post(f"{stage.url}/v23.0/100000000000001/subscribed_apps", json=body)
    assert answer.status_code == status


async def test_the_token_names_the_account_to_subscribe(stage: Stage) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {META_TOKEN}"}) as client:
        answer = await client.get(f"{stage.url}/v23.0/debug_token", params={"input_token": META_TOKEN})
        scope = answer.json()["data"]["granular_scopes"][0]
        assert scope["scope"] == "whatsapp_business_management"
        done = await client.post(f"{stage.url}/v23.0/{scope['target_ids'][0]}/subscribed_apps")
    assert done.json() == {"success": True}
