"""`amana nlu parse`: what messages are taken for end to end, line by line, with an assistant of its own if need be."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any, Protocol

from handoff.assistant.client import Ranking, RasaClient
from handoff.core.control import ControlWords
from handoff.core.ports import AssistantFailed
from handoff.core.understanding import Understood, by_words, told_apart
from handoff.settings import Settings
from handoff.store.children import ended, spawn
from handoff.supervisor import CannotRun, Child, Program, last_lines, wait_until_ready

BOT = Path(__file__).resolve().parent.parent / "bot"
BOT_PYTHON = BOT / ".venv" / "bin" / "python"
LINES_AT_ONCE = 64
IN_FLIGHT = 3
TIMEOUT_S = 30.0
TRAIN_LIMIT_S = 300.0
HANDED_ON = ("PATH", "HOME", "LANG", "AMANA_MODEL", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
SAY_QUIETLY_S = 5.0


class BadLine(ValueError):
    """A line that is no message; says why, and never what stood in it."""


@dataclass(slots=True)
class Line:
    """One line of the input: what it holds, and what was found. `text` is None for a bad line."""

    number: int
    fields: dict[str, Any]
    text: str | None = None
    locale: str = ""
    error: str = ""

    def found(self, intent: str, confidence: float, card: str = "") -> None:
        """Add what was understood, and the intent whose card goes out at once where that is another."""
        self.fields |= {"intent": intent, "confidence": round(confidence, 4)}
        if card not in ("", intent):
            self.fields["card"] = card

    def failed(self, why: str) -> None:
        """Say on the line what is wrong with it."""
        self.error = f"line {self.number}: {why}"
        self.fields["error"] = self.error

    def written(self) -> bytes:
        """The line of the output: as it came in, escaped where it holds half a character."""
        try:
            return json.dumps(self.fields, ensure_ascii=False).encode() + b"\n"
        except UnicodeEncodeError:
            return json.dumps(self.fields).encode() + b"\n"


class Model(Protocol):
    """The assistant, as far as it only understands."""

    async def parse(self, texts: Sequence[str]) -> list[Ranking]:
        """The intents of each text, likeliest first. Raises AssistantFailed."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """Lines in, lines out. With `words` None the model alone decides."""

    model: Model
    words: ControlWords | None
    default_locale: str

    async def work(self, lines: Iterable[tuple[int, bytes]]) -> list[Line]:
        """A few lines, understood. Raises nothing: what cannot be understood says so."""
        read = [read_line(number, raw, self.default_locale) for number, raw in lines]
        left: list[tuple[Line, Understood | None]] = []
        for line in read:
            if line.text is None:
                continue
            decided = self._by_words(line)
            if decided is None or decided.card:
                left.append((line, decided))
        try:
            rankings = await self.model.parse([str(line.text) for line, _ in left])
        except AssistantFailed as error:
            for line in (line for line, decided in left if decided is None):
                line.failed(f"the assistant gave no answer ({error.code})")
            return read
        for (line, decided), ranking in zip(left, rankings, strict=True):
            understood = told_apart(decided, ranking) if decided else Understood(*ranking[0])
            line.found(understood.intent, understood.confidence, understood.card)
        return read

    def _by_words(self, line: Line) -> Understood | None:
        """What our own words decide, noted at once: the assistant may not answer."""
        understood = by_words(self.words, str(line.text), line.locale) if self.words else None
        if understood:
            line.found(understood.intent, understood.confidence)
        return understood


async def parse(settings: Settings, *, model_only: bool) -> int:
    """Understand stdin and write to stdout. Returns the exit code: 1 when any line was bad. Raises ValueError."""
    words = None if model_only else ControlWords.load()
    bad: list[Line] = []

    def write(line: Line) -> None:
        sys.stdout.buffer.write(line.written())
        if line.error:
            bad.append(line)

    try:
        async with some_rasa(settings, say) as rasa:
            understanding = Understanding(rasa, words, settings.default_locale)
            await through(understanding, sys.stdin.buffer, write)
    except CannotRun as error:
        raise ValueError(str(error)) from None
    sys.stdout.buffer.flush()
    if bad:
        say(f"{len(bad)} bad lines, marked with an error; the first: {bad[0].error}")
    return 1 if bad else 0


async def through(understanding: Understanding, raw: Iterable[bytes], write: Callable[[Line], None]) -> None:
    """Work all lines, a few batches at a time, and write them in their order."""
    waiting: deque[asyncio.Task[list[Line]]] = deque()

    async def write_oldest() -> None:
        for line in await waiting.popleft():
            write(line)

    batches = batched(enumerate(raw, start=1), LINES_AT_ONCE)
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        waiting.append(asyncio.create_task(understanding.work(batch)))
        if len(waiting) >= IN_FLIGHT:
            await write_oldest()
    while waiting:
        await write_oldest()


def read_line(number: int, raw: bytes, default_locale: str) -> Line:
    """One line of the input. A bad one keeps what it held, with an error that names its number."""
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        line = Line(number, {"line": raw.decode(errors="replace").rstrip("\r\n")})
        line.failed("not JSON" if raw.strip() else "empty")
        return line
    if not isinstance(fields, dict):
        line = Line(number, {"line": fields})
        line.failed("not a JSON object")
        return line
    line = Line(number, fields, locale=default_locale)
    try:
        line.text, line.locale = _text_and_locale(fields, default_locale)
    except BadLine as error:
        line.failed(str(error))
    return line


def _text_and_locale(fields: dict[str, Any], default_locale: str) -> tuple[str, str]:
    text, locale = fields.get("text"), fields.get("locale", default_locale)
    if not isinstance(text, str):
        raise BadLine("text is missing" if text is None else "text is not a string")
    if not isinstance(locale, str):
        raise BadLine("locale is not a string")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadLine("text holds half a character") from None
    return text, locale


def say(text: str) -> None:
    """A line for the person at the terminal, beside the output."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


@asynccontextmanager
async def some_rasa(settings: Settings, say: Callable[[str], None]) -> AsyncIterator[RasaClient]:
    """The assistant that runs, if it takes our token; else one of our own for as long as needed. Raises CannotRun."""
    running = RasaClient(settings.rasa_url, settings.rasa_token.get_secret_value(), TIMEOUT_S)
    async with aclosing(running):
        if await _answers(running, settings.rasa_url, say):
            yield running
            return
    async with own_rasa(say) as rasa:
        yield rasa


async def _answers(rasa: RasaClient, url: str, say: Callable[[str], None]) -> bool:
    try:
        await rasa.parse([""])
    except AssistantFailed as error:
        if error.code == "http_401":
            say(f"The assistant at {url} does not take AMANA_RASA_TOKEN; starting another.")
        return False
    return True


@asynccontextmanager
async def own_rasa(say: Callable[[str], None]) -> AsyncIterator[RasaClient]:
    """Train if the inputs changed, start the assistant on a free port, stop it afterwards. Raises CannotRun."""
    if not BOT_PYTHON.exists():
        raise CannotRun("The assistant is not set up here: run `make setup`.")
    with tempfile.TemporaryDirectory(prefix="amana-nlu-") as folder:
        await _train(Path(folder) / "train.log", say)
        token, port = secrets.token_urlsafe(32), _free_port()
        child = Child(_program(Path(folder) / "assistant.log", token, port), say)
        running = asyncio.create_task(child.keep())
        try:
            await _until_ready(child, running, say)
            async with aclosing(RasaClient(f"http://127.0.0.1:{port}", token, TIMEOUT_S)) as rasa:
                yield rasa
        finally:
            running.cancel()
            await child.stop()


async def _until_ready(child: Child, running: asyncio.Task[None], say: Callable[[str], None]) -> None:
    """Wait until it answers. Raises CannotRun, also when it keeps ending."""
    ready = asyncio.create_task(wait_until_ready([child], say, SAY_QUIETLY_S))
    await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        ready.cancel()
        running.result()
    await ready


async def _train(log: Path, say: Callable[[str], None]) -> None:
    process = spawn([str(BOT_PYTHON), str(BOT / "train.py")], env=_environment(), log=log)
    if not await ended(process, SAY_QUIETLY_S):
        say("The assistant's data changed: training it first …")
    try:
        await ended(process, TRAIN_LIMIT_S)
    finally:
        process.kill()
    if await asyncio.to_thread(process.wait):
        raise CannotRun(f"The assistant could not be trained. Its last lines:\n{last_lines(log)}")


def _program(log: Path, token: str, port: int) -> Program:
    env = _environment() | {
        "AMANA_RASA_TOKEN": token,
        "AMANA_INTERNAL_TOKEN": token,
        "AMANA_ACTIONS_URL": "http://127.0.0.1:9/",
    }
    command = [str(BOT_PYTHON), str(BOT / "run.py"), "-i", "127.0.0.1", "-p", str(port)]
    return Program("assistant", command, env, f"http://127.0.0.1:{port}/webhooks/amana/", log)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in HANDED_ON if name in os.environ}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
