"""What the assistant calls: only with the token, and never a word of detail when it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from starlette.applications import Starlette

from handoff.app import build_house, build_internal
from handoff.settings import Settings
from handoff.web.internal import Actions


async def post(execute: Any, *, token: str = "right", body: bytes = b"{}") -> httpx.Response:

    app = Starlette(routes=Actions(execute, "right").routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://internal") as client:
        return await client.post("/internal/actions", content=body, headers={"Authorization": f"Bearer {token}"})


async def raising(error: Exception) -> httpx.Response:
    async def execute(call: dict[str, Any]) -> dict[str, Any]:
        raise error

    return await post(execute)


async def echo(call: dict[str, Any]) -> dict[str, Any]:
    return {"events": [], "responses": [call]}


@pytest.mark.parametrize("token", ["", "wrong", "right ", "rightx"])
async def test_a_wrong_token_is_401(token: str) -> None:
    answer = await post(echo, token=token)
    assert answer.status_code == 401
    assert "events" not in answer.text


async def test_the_right_one_gets_the_answer() -> None:
    assert (await post(echo, body=b'{"a": 1}')).json() == {"events": [], "responses": [{"a": 1}]}


async def test_each_failure_has_its_status_and_no_detail() -> None:
    rejected = await raising(ActionExecutionRejection("action_x", "canary"))
    assert (rejected.status_code, rejected.json()["action_name"]) == (400, "action_x")
    unknown = await raising(ActionNotFoundException("action_y", "canary"))
    assert unknown.status_code == 404
    broken = await raising(RuntimeError("canary"))
    assert (broken.status_code, broken.json()) == (500, {})
    unreadable = await post(echo, body=b"{canary")
    assert (unreadable.status_code, unreadable.json()) == (500, {})
    assert not [answer for answer in (rejected, unknown, broken) if "canary" in answer.text]


@pytest.fixture
async def internal(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    house = build_house(settings)
    transport = httpx.ASGITransport(build_internal(house))
    headers = {"Authorization": f"Bearer {settings.secret('internal_token')}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://internal", headers=headers) as client:
        yield client
    await house.aclose()


async def test_the_real_actions_run_here(internal: httpx.AsyncClient) -> None:
    tracker = {
        "sender_id": "x",
        "slots": {},
        "latest_message": {"intent": {"name": "talk_to_human"}, "entities": [], "text": ""},
        "events": [],
        "paused": False,
        "followup_action": None,
        "active_loop": {},
        "latest_action_name": "action_listen",
    }
    unknown = await internal.post("/internal/actions", json={"next_action": "action_no_such", "tracker": tracker})
    assert unknown.status_code == 404
    assert (await internal.get("/readyz")).status_code == 200
    assert "amana_queue_depth" in (await internal.get("/metrics")).text
