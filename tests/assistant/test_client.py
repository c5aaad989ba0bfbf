"""The client of the assistant: good turns, and what each way of failing is called."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from handoff.assistant.breaker import HANGS
from handoff.assistant.client import RasaClient
from handoff.core.effects import OpenCase, Say, SetLocale, Stop
from handoff.core.ports import Assistant, AssistantDown, TurnFailed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
GOOD = {"ok": True, "messages": [{"say": "menu.main"}], "state": {"v": 1}, "intent": "greet", "confidence": 0.9}


@asynccontextmanager
async def assistant(handler: Handler) -> AsyncIterator[RasaClient]:
    """A client to a stand-in that answers with `handler`."""
    app = web.Application()
    app.router.add_post("/webhooks/amana/webhook", handler)
    app.router.add_post("/webhooks/amana/parse", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    client = RasaClient(f"http://127.0.0.1:{runner.addresses[0][1]}/", "the-token", timeout_s=0.4)
    try:
        yield client
    finally:
        await client.aclose()
        await runner.cleanup()


def answering(body: Any, status: int = 200) -> Handler:
    """A stand-in that always answers this."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=body if isinstance(body, str) else json.dumps(body), status=status)

    return handler


async def take(client: Assistant, state: dict[str, Any] | None = None) -> Any:
    """One turn."""
    return await client.turn("m-1", "hello", kind="text", locale="ar", state=state or {})


async def test_a_turn_carries_the_message_and_the_state() -> None:
    seen: list[Any] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((await request.json(), request.headers["Authorization"]))
        return web.json_response(GOOD)

    async with assistant(handler) as client:
        turn = await take(client, {"v": 1, "asked": "consent"})
    metadata = {"kind": "text", "locale": "ar", "hints": {"flags": [], "kind": "", "about": "", "report": []}}
    sent = {"message_id": "m-1", "message": "hello", "metadata": metadata, "state": {"v": 1, "asked": "consent"}}
    assert seen == [(sent, "Bearer the-token")]
    assert (turn.effects, turn.state, turn.intent) == ((Say("menu.main"),), {"v": 1}, "greet")


async def test_effects_come_in_order() -> None:
    messages = [
        {"do": "set_locale", "locale": "es"},
        {"say": "menu.main"},
        {"do": "open_case", "modality": "call", "consent_key": "consent.contact"},
        {"do": "stop"},
    ]
    async with assistant(answering(GOOD | {"messages": messages})) as client:
        turn = await take(client)
    assert turn.effects == (SetLocale("es"), Say("menu.main"), OpenCase("call", "consent.contact"), Stop())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ok": False, "code": "action_timeout", "messages": [], "state": {}}, "action_timeout"),
        (GOOD | {"messages": []}, "unknown_effect"),
        (GOOD | {"messages": [{"text": "hi"}]}, "unknown_effect"),
        (GOOD | {"messages": [{"do": "launch"}]}, "unknown_effect"),
        (GOOD | {"state": None}, "bad_answer"),
        ([], "bad_answer"),
        ({"ok": "yes"}, "bad_answer"),
    ],
)
async def test_a_bad_turn_has_failed(body: Any, code: str) -> None:
    async with assistant(answering(body)) as client:
        with pytest.raises(TurnFailed) as failure:
            await take(client)
    assert failure.value.code == code


@pytest.mark.parametrize(
    ("body", "status", "code"), [({}, 401, "http_401"), ("oops", 500, "http_500"), ("<html>", 200, "not_json")]
)
async def test_an_answer_that_is_none_means_down(body: Any, status: int, code: str) -> None:
    async with assistant(answering(body, status)) as client:
        with pytest.raises(AssistantDown) as failure:
            await take(client)
    assert failure.value.code == code


async def test_a_slow_assistant_is_down() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(2)
        return web.json_response(GOOD)

    async with assistant(handler) as client:
        with pytest.raises(AssistantDown) as failure:
            await take(client)
    assert failure.value.code == "timeout"


async def test_an_assistant_that_hangs_is_left_alone_for_a_while() -> None:
    asked: list[int] = []

    async def handler(_: web.Request) -> web.Response:
        asked.append(1)
        await asyncio.sleep(2)
        return web.json_response(GOOD)

    async with assistant(handler) as client:
        for _ in range(HANGS + 4):
            with pytest.raises(AssistantDown) as failure:
                await take(client)
            assert failure.value.code == "timeout"
    assert len(asked) == HANGS


async def test_an_assistant_that_is_not_there_is_down() -> None:
    client = RasaClient("http://127.0.0.1:9", "the-token", timeout_s=0.4)
    with pytest.raises(AssistantDown) as failure:
        await take(client)
    await client.aclose()
    assert failure.value.code == "unreachable"


async def test_a_connection_that_broke_is_opened_anew() -> None:
    answers = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal answers
        answers += 1
        if answers == 1:
            assert request.transport
            request.transport.abort()
        return web.json_response(GOOD)

    async with assistant(handler) as client:
        with pytest.raises(AssistantDown):
            await take(client)
        assert (await take(client)).intent == "greet"


async def test_neither_the_token_nor_the_words_are_in_an_error() -> None:
    async with assistant(answering({}, 500)) as client:
        with pytest.raises(AssistantDown) as failure:
            await take(client)
        shown = repr(client) + repr(failure.value) + str(failure.value)
    assert "the-token" not in shown
    assert "hello" not in shown
    assert failure.value.__suppress_context__ or failure.value.__context__ is None


async def test_only_the_two_kinds_are_taken() -> None:
    client = RasaClient("http://127.0.0.1:9", "the-token", timeout_s=0.4)
    with pytest.raises(ValueError, match="text or payload"):
        await client.turn("m", "x", kind="voice", locale="en", state={})


def ranked(*intents: str) -> dict[str, Any]:
    """What the assistant answers for texts of these intents."""
    return {"ok": True, "rankings": [[{"name": intent, "confidence": 0.8}] for intent in intents]}


async def test_texts_are_parsed_in_their_order() -> None:
    async with assistant(answering(ranked("greet", "stop"))) as client:
        assert await client.parse(["hello", "stop"]) == [(("greet", 0.8),), (("stop", 0.8),)]


async def test_long_texts_go_in_requests_that_the_assistant_takes() -> None:
    sizes: list[tuple[int, int]] = []

    async def handler(request: web.Request) -> web.Response:
        texts = json.loads(raw := await request.read())["texts"]
        sizes.append((len(texts), len(raw)))
        return web.json_response(ranked(*texts))

    texts = [letter * 9000 for letter in "abcdefghijklmnop"] + ["ж" * 4000, "short"]
    async with assistant(handler) as client:
        found = await client.parse(texts)
    assert [ranking[0][0] for ranking in found] == [text[:4096] for text in texts]
    assert len(sizes) > 1
    assert sum(count for count, _ in sizes) == len(texts)
    assert max(size for _, size in sizes) < 65_536


@pytest.mark.parametrize(
    "body", [ranked("greet"), {"ok": False}, {"rankings": [[], []]}, {"rankings": [[{"name": "greet"}]] * 2}, []]
)
async def test_an_answer_that_does_not_fit_the_texts_is_none(body: Any) -> None:
    async with assistant(answering(body)) as client:
        with pytest.raises(TurnFailed):
            await client.parse(["hello", "stop"])


async def test_nothing_is_asked_about_nothing() -> None:
    async with assistant(answering("", 500)) as client:
        assert await client.parse([]) == []
