"""Our own door into Rasa: `POST /webhooks/amana/webhook`, with a bearer token and the dialogue state in the body.

    {message_id, message, metadata: {kind: "text" | "payload", locale, hints}, state}
    → {ok, messages, state, intent, confidence}

Rasa keeps nothing: the same request gives the same answer, byte for byte, however often it is sent. `ok` is false
(with a `code`, no messages, and the state as it came) when anything failed or nothing was said.

`POST /webhooks/amana/parse` understands without a turn: `{texts: […]}` → `{ok, rankings: [[{name, confidence}]]}`.
"""

from __future__ import annotations

import hmac
import logging
import re
from typing import Any, Dict, List, Optional

from logs import OURS, place_of
from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, json, text

from components.action_validator import ActionEndpoint, check_remote_actions
from components.turn import Answer, Island, Message, TurnFailed

log = logging.getLogger(OURS)
KINDS = frozenset({"text", "payload"})
LOCALE_LENGTH = 12
CODE = re.compile(r"[A-Za-z0-9_.]{0,40}")
MAX_FLAGS = 64


class BadRequest(Exception):
    """The body is not what `handoff` sends."""


class OpenIsland:
    """The island and its connections to the action endpoint, for as long as the server runs."""

    def __init__(self, island: Island, endpoint: Optional[ActionEndpoint]) -> None:
        self.take = island.take
        self.parse = island.parse
        self._endpoint = endpoint

    async def aclose(self) -> None:
        """Close the connections."""
        if self._endpoint:
            await self._endpoint.aclose()


def open_island(agent: Agent) -> OpenIsland:
    """Make a loaded agent safe to talk to. Raises UnsafeDomain, RuntimeError."""
    check_remote_actions()
    endpoint = ActionEndpoint.of(agent.action_endpoint) if agent.action_endpoint else None
    agent.action_endpoint = endpoint
    return OpenIsland(Island(agent), endpoint)


class AmanaChannel(InputChannel):
    """The only channel of the assistant."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    @classmethod
    def name(cls) -> str:
        """The name in Rasa's events."""
        return "amana"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[str, Any]]) -> AmanaChannel:
        """Raises SystemExit when no token is configured: an open door is never a default."""
        token = str((credentials or {}).get("token") or "")
        if not token or token.startswith("${"):
            raise SystemExit("AMANA_RASA_TOKEN is not set")
        return cls(token)

    def blueprint(self, on_new_message: object = None) -> Blueprint:
        """The routes: a health check, the webhook, and understanding alone."""
        routes = Blueprint("amana_webhook")

        async def receive(request: Request) -> HTTPResponse:
            return await self.receive(request)

        async def parse(request: Request) -> HTTPResponse:
            return await self.parse(request)

        routes.add_route(health, "/", methods=["GET"])
        routes.add_route(receive, "/webhook", methods=["POST"])
        routes.add_route(parse, "/parse", methods=["POST"])
        return routes

    def allowed(self, request: Request) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), self._expected)

    async def receive(self, request: Request) -> HTTPResponse:
        """One message in, one turn out. 401 without the token, 400 for a malformed body, else 200."""
        if not self.allowed(request):
            return json({"ok": False, "code": "unauthorized"}, status=401)
        try:
            message, state = read_body(request)
        except BadRequest:
            return json({"ok": False, "code": "bad_request"}, status=400)
        try:
            return json(good(await request.app.ctx.island.take(message, state)))
        except TurnFailed as error:
            return json(bad(error.code, error.__cause__ or error, state))
        except Exception as error:
            return json(bad("broken", error, state))

    async def parse(self, request: Request) -> HTTPResponse:
        """What texts mean. 401 without the token, 400 for a malformed body, else 200; the texts are in no log."""
        if not self.allowed(request):
            return json({"ok": False, "code": "unauthorized"}, status=401)
        try:
            texts = read_texts(request)
        except BadRequest:
            return json({"ok": False, "code": "bad_request"}, status=400)
        try:
            return json({"ok": True, "rankings": [request.app.ctx.island.parse(text) for text in texts]})
        except Exception as error:
            return json(bad("broken", error, {}))


async def health(_: Request) -> HTTPResponse:
    """Up, with a model loaded: the server listens only after that."""
    return text("ok")


def read_body(request: Request) -> tuple[Message, Any]:
    """The message and the carried state. Raises BadRequest."""
    try:
        body = request.json
        metadata = body["metadata"]
        locale = metadata["locale"]
        kept = {"locale": locale, "hints": read_hints(metadata.get("hints") or {})}
        message = Message(body["message_id"], body["message"], metadata["kind"], kept)
    except Exception as error:
        raise BadRequest from error
    texts = (message.message_id, message.text, message.kind, locale)
    if not all(isinstance(value, str) for value in texts) or message.kind not in KINDS or len(locale) > LOCALE_LENGTH:
        raise BadRequest
    return message, body.get("state")


def read_hints(hints: Any) -> Dict[str, Any]:
    """What `handoff` found in the message, for the actions: codes, checked to be no words. Raises BadRequest."""
    flags, kind, about = hints.get("flags") or [], hints.get("kind") or "", hints.get("about") or ""
    report = hints.get("report") or []
    if max(len(flags), len(report)) > MAX_FLAGS:
        raise BadRequest
    if not all(CODE.fullmatch(code) for code in (*flags, *report, kind, about)):
        raise BadRequest
    return {"flags": list(flags), "kind": kind, "about": about, "report": list(report)}


def read_texts(request: Request) -> List[str]:
    """The texts to parse. Raises BadRequest."""
    try:
        texts = request.json["texts"]
    except Exception as error:
        raise BadRequest from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRequest
    return texts


def good(answer: Answer) -> Dict[str, Any]:
    """The body of a good turn."""
    return {
        "ok": True,
        "messages": answer.messages,
        "state": answer.state,
        "intent": answer.intent,
        "confidence": answer.confidence,
    }


def bad(code: str, error: BaseException, state: Any) -> Dict[str, Any]:
    """The body of a failed turn: the state is unchanged. Logs type, place and code."""
    fields = {"turn": code, "type": type(error).__name__, "raised": place_of(error.__traceback__)}
    log.error("turn_failed", extra={"fields": fields})
    return {"ok": False, "code": code, "messages": [], "state": state, "intent": "", "confidence": 0.0}
