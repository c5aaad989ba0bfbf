"""What Rasa calls: custom actions, run here by rasa-sdk's own executor. On a second port that is never published."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handoff.services.work import place_of

log = structlog.get_logger(__name__)

type Execute = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Actions:
    """POST /internal/actions with a bearer token."""

    def __init__(self, execute: Execute, token: str) -> None:
        self._execute = execute
        self._expected = f"Bearer {token}".encode()

    def routes(self) -> list[Route]:
        """The one route."""
        return [Route("/internal/actions", self.run, methods=["POST"])]

    async def run(self, request: Request) -> Response:
        """Run one action. A rejection is 400 in rasa-sdk's own shape, anything else 500 without a word of detail."""
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._expected):
            return JSONResponse({"error": "unauthorised"}, 401)
        try:
            call = json.loads(await request.body())
            answer = await self._execute(call)
        except ActionExecutionRejection as error:
            return JSONResponse({"error": "", "action_name": error.action_name}, 400)
        except ActionNotFoundException as error:
            return JSONResponse({"error": "", "action_name": error.action_name}, 404)
        except Exception as error:
            log.error("action_failed", error=type(error).__name__, place=place_of(error))
            return JSONResponse({}, 500)
        return JSONResponse(answer)
