"""The only file that speaks Rasa's HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import aiohttp

from handoff.assistant.breaker import Breaker
from handoff.core.effects import BadEffect, parse_effects
from handoff.core.ports import AssistantDown, AssistantTurn, Hints, TurnFailed

PATH = "/webhooks/amana/webhook"
PARSE_PATH = "/webhooks/amana/parse"
# Of one request that parses: texts longer than the first are cut, as they are in a turn; the second is in bytes.
LONGEST_TEXT = 4096
LARGEST_REQUEST = 48_000
CONNECTIONS = 32
KINDS = ("text", "payload")
NO_HINTS = Hints()

# Intents with their probabilities, the one that counts first.
type Ranking = tuple[tuple[str, float], ...]


class RasaClient:
    """One assistant over kept connections. `timeout_s` is for a whole turn, connecting included."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._breaker = Breaker()

    def __repr__(self) -> str:
        return "RasaClient()"

    async def turn(
        self,
        message_id: str,
        message: str,
        *,
        kind: str,
        locale: str,
        state: Mapping[str, Any],
        hints: Hints = NO_HINTS,
    ) -> AssistantTurn:
        """Work one message. Raises AssistantDown (no answer, time-out, status ≠ 200) or TurnFailed, with our codes."""
        if kind not in KINDS:
            raise ValueError("kind is text or payload")
        metadata = {"kind": kind, "locale": locale, "hints": asdict(hints)}
        body = {"message_id": message_id, "message": message, "metadata": metadata, "state": dict(state)}
        return _read(await self._post(PATH, json.dumps(body).encode()))

    async def parse(self, texts: Sequence[str]) -> list[Ranking]:
        """What the model alone takes each text for, likeliest first. Raises AssistantDown or TurnFailed."""
        found: list[Ranking] = []
        for part in _parts([text[:LONGEST_TEXT] for text in texts]):
            answer = await self._post(PARSE_PATH, json.dumps({"texts": part}, ensure_ascii=False).encode())
            found += _read_rankings(answer, len(part))
        return found

    async def ranking(self, text: str) -> Ranking:
        """The same of one text."""
        return (await self.parse([text]))[0]

    async def _post(self, path: str, body: bytes) -> Any:
        if not self._breaker.lets_through():
            raise AssistantDown("timeout")
        try:
            async with self._open().post(self._url + path, data=body) as response:
                answer = await response.read()
        except TimeoutError:
            self._breaker.hung()
            raise AssistantDown("timeout") from None
        except (aiohttp.ClientError, OSError):
            self._breaker.answered()
            raise AssistantDown("unreachable") from None
        self._breaker.answered()
        if response.status != 200:
            raise AssistantDown(f"http_{response.status}")
        try:
            return json.loads(answer)
        except ValueError:
            raise AssistantDown("not_json") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, timeout=self._timeout, trust_env=False
            )
        return self._session

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, in as many requests as their size asks for."""
    part: list[str] = []
    size = 0
    for text in texts:
        length = len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) + 2
        if part and size + length > LARGEST_REQUEST:
            yield part
            part, size = [], 0
        part.append(text)
        size += length
    if part:
        yield part


def _read_rankings(answer: Any, wanted: int) -> list[Ranking]:
    try:
        rankings = answer["rankings"]
        found = [tuple((str(one["name"]), float(one["confidence"])) for one in ranking) for ranking in rankings]
    except (KeyError, TypeError, ValueError):
        raise TurnFailed("bad_answer") from None
    if len(found) != wanted or not all(found):
        raise TurnFailed("bad_answer")
    return found


def _read(answer: Any) -> AssistantTurn:
    match answer:
        case {"ok": True, "messages": list(messages), "state": dict(state), "intent": str(intent)}:
            try:
                return AssistantTurn(parse_effects(messages), state, intent)
            except BadEffect:
                raise TurnFailed("unknown_effect") from None
        case {"ok": False, "code": str(code)}:
            raise TurnFailed(code)
    raise TurnFailed("bad_answer")
