"""What a person writes is in no line that the assistant prints, at DEBUG, whatever fails."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.bot import FAULTY
from tests.ports import free_port
from tests.rasa_server import ActionServer, Rasa, start_rasa

pytestmark = pytest.mark.rasa
WORDS = "zanzibarcanary"
NUMBER = "+15550142857"
CANARY = f"{WORDS} {NUMBER}"


def leaks(output: str) -> list[str]:
    """The forms in which the canary is in the output: plain, URL-encoded, base64 at any offset, digits only."""
    found = [form for form in (WORDS, NUMBER, quote(NUMBER)) if form.lower() in output.lower()]
    if re.search(r"1\D?555\D{0,2}0142857", output):
        found.append("digits")
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + WORDS.encode()).decode()[4:-4]
        if encoded in output:
            found.append("base64")
    return found


def go_through_everything(rasa: Rasa, actions: ActionServer) -> None:
    """Good turns and every way to fail."""
    consent = {"v": 1, "asked": "consent", "slots": {}, "loop": None, "requested": None, "turns": []}
    for text in (CANARY, f"hello {CANARY}", f"i want to talk to a person {CANARY}", f"/affirm {CANARY}"):
        rasa.take(text)
        rasa.take(text, state=consent)
    for part in ("classifier", "policy", "response", "listening"):
        rasa.take(f"hello {CANARY} break the {part}")
    for failing in ("500", "slow", "empty", "garbage", "rejects"):
        with actions.told_to(failing):
            rasa.take(f"i want to talk to a person {CANARY}")
    rasa.take(f"/{CANARY}", kind="payload")
    rasa.take(f'/choose{{"option":"{CANARY}"}}', kind="payload")
    rasa.post(f'{{"message": "{CANARY}"'.encode())
    rasa.post(json.dumps({"message": CANARY, "metadata": {"kind": CANARY, "locale": CANARY}}).encode())
    rasa.post(b'{"message": "' + CANARY.encode() * 9000 + b'"}')
    rasa.post(CANARY.encode(), f"Bearer {WORDS}")


@pytest.mark.parametrize(
    "output",
    [
        f"said {WORDS.upper()}",
        "to=%2B15550142857",
        "1-555-0142857",
        base64.b64encode(f"ab{WORDS}".encode()).decode(),
        base64.b64encode(f"a{WORDS} and more".encode()).decode(),
    ],
)
def test_the_search_finds_every_form(output: str) -> None:
    assert leaks(output)


def test_no_word_is_printed_at_debug(action_server: ActionServer, tmp_path: Path) -> None:
    log = tmp_path / "output"
    with start_rasa(free_port(), action_server.url, log=log, level="DEBUG", script=[FAULTY]) as rasa:
        go_through_everything(rasa, action_server)
    output = log.read_text(encoding="utf-8", errors="replace")
    assert leaks(output) == []
    assert '"turn": "action_timeout"' in output
    assert "Traceback" not in output


def test_with_shipped_logging_the_same_run_leaks(action_server: ActionServer, tmp_path: Path) -> None:
    log = tmp_path / "output"
    with start_rasa(free_port(), action_server.url, log=log, level="DEBUG", script=[FAULTY, "--leak"]) as rasa:
        go_through_everything(rasa, action_server)
    assert WORDS in leaks(log.read_text(encoding="utf-8", errors="replace"))
