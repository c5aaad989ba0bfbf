"""The trained assistant and its actions as real processes on loopback, for every test that needs them."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from rasa_sdk.interfaces import ActionExecutionRejection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from handoff.assistant.actions import answer_of, build_executor
from handoff.core.sop import Sop
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
BOT = ROOT / "bot"
PYTHON = BOT / ".venv" / "bin" / "python"
TOKEN = "token-of-the-channel-in-tests"
INTERNAL_TOKEN = "token-of-the-actions-in-tests"
START_S = 90.0


def ensure_model() -> None:
    """Train when the inputs changed; the model is cached by their hash."""
    subprocess.run([PYTHON, BOT / "train.py"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@dataclass
class Rasa:
    """A running assistant."""

    port: int
    token: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Its address for `RasaClient`."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, body: bytes, authorization: str | None = None, route: str = "webhook") -> tuple[int, bytes]:
        """One raw request to the channel."""
        headers = {"Authorization": authorization if authorization is not None else f"Bearer {self.token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", f"/webhooks/amana/{route}", body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def take(
        self,
        message: str,
        *,
        kind: str = "text",
        state: Any = None,
        locale: str = "en",
        hints: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """One turn; the answer as parsed JSON."""
        metadata = {"kind": kind, "locale": locale, "hints": hints or {}}
        body = {"message_id": "m-1", "message": message, "metadata": metadata, "state": state or {}}
        status, answer = self.post(json.dumps(body).encode())
        assert status == 200
        return dict(json.loads(answer))

    def parse(self, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
        """What each text means, likeliest first."""
        status, answer = self.post(json.dumps({"texts": list(texts)}).encode(), route="parse")
        assert status == 200
        return list(json.loads(answer)["rankings"])

    def output(self) -> str:
        """Everything that the process has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def _wait_until_up(rasa: Rasa) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if rasa.process.poll() is not None:
            raise RuntimeError(f"the assistant ended with {rasa.process.returncode}:\n{rasa.output()[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", rasa.port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the assistant did not come up in time")


@contextmanager
def start_rasa(
    port: int,
    actions_url: str,
    token: str = TOKEN,
    internal_token: str = INTERNAL_TOKEN,
    *,
    log: Path,
    level: str = "INFO",
    script: Sequence[str | Path] = (BOT / "run.py",),
) -> Iterator[Rasa]:
    """Train if needed, start the assistant on loopback, stop it with SIGTERM. Its output goes to `log`."""
    ensure_model()
    environment = os.environ | {
        "AMANA_ACTIONS_URL": actions_url,
        "AMANA_INTERNAL_TOKEN": internal_token,
        "AMANA_RASA_TOKEN": token,
        "AMANA_LOG_LEVEL": level,
        "AMANA_ACTION_TIMEOUT_S": "0.5",
    }
    with log.open("wb") as out:
        process = subprocess.Popen([PYTHON, *script, "-p", str(port)], env=environment, stdout=out, stderr=out)
    rasa = Rasa(port, token, process, log)
    try:
        _wait_until_up(rasa)
        yield rasa
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class FixedFacts:
    """A deployment for actions, as a test wants it."""

    locales: tuple[str, ...] = ("en", "ar", "es")
    staffed: bool = True
    sop: Sop = field(default_factory=Sop.load)

    def staffed_now(self) -> bool:
        """As the test says."""
        return self.staffed


@dataclass
class ActionServer:
    """The real actions behind a small HTTP server that can be told to fail.

    `failing`: "" | "500" | "slow" | "empty" | "garbage" | "rejects".
    """

    port: int
    facts: FixedFacts = field(default_factory=FixedFacts)
    failing: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What AMANA_ACTIONS_URL is set to."""
        return f"http://127.0.0.1:{self.port}/internal/actions"

    async def serve(self, request: Request) -> Response:
        """One action call."""
        call = await request.json()
        self.calls.append(call)
        if request.headers.get("authorization") != f"Bearer {INTERNAL_TOKEN}":
            return JSONResponse({}, status_code=401)
        return await self._fail(call) if self.failing else await self._run(call)

    async def _run(self, call: dict[str, Any]) -> Response:
        try:
            return JSONResponse(answer_of(await build_executor(self.facts).run(call)))
        except ActionExecutionRejection as error:
            return JSONResponse({"action_name": error.action_name, "error": ""}, status_code=400)

    async def _fail(self, call: dict[str, Any]) -> Response:
        match self.failing:
            case "500":
                return JSONResponse({"text": str(call)}, status_code=500)
            case "slow":
                await asyncio.sleep(1.5)
                return JSONResponse({"events": [], "responses": []})
            case "empty":
                return JSONResponse({"events": [], "responses": []})
            case "rejects":
                return JSONResponse({"action_name": call["next_action"], "error": "no"}, status_code=400)
        return Response("no json at all", media_type="application/json")

    @contextmanager
    def told_to(self, failing: str) -> Iterator[None]:
        """Fail that way for the length of the block."""
        self.failing = failing
        try:
            yield
        finally:
            self.failing = ""


@contextmanager
def serve_actions() -> Iterator[ActionServer]:
    """The action server in a thread of this process."""
    actions = ActionServer(free_port())
    app = Starlette(routes=[Route("/internal/actions", actions.serve, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=actions.port, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield actions
    finally:
        server.should_exit = True
        thread.join(10)
