"""`amana nlu parse`: lines in, the same lines with what they were taken for out, in order, none lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from handoff.assistant.client import Ranking
from handoff.core.control import ControlWords
from handoff.core.ports import AssistantDown
from handoff.nlu import LINES_AT_ONCE, Line, Understanding, through
from tests.commands import amana
from tests.rasa_server import ensure_model

WORDS = ControlWords.load()


@dataclass
class FakeModel:
    """Takes every text for an intent of its own; `down` from that call on."""

    down_from: int = 99
    asked: list[list[str]] = field(default_factory=list)
    hears: str = ""

    async def parse(self, texts: Sequence[str]) -> list[Ranking]:
        self.asked.append(list(texts))
        if len(self.asked) > self.down_from:
            raise AssistantDown("unreachable")
        return [((self.hears or f"meant_{text}", 0.75), ("greet", 0.1)) for text in texts]


async def lines_of(
    raw: Iterable[bytes], model: FakeModel | None = None, words: ControlWords | None = WORDS
) -> list[Any]:
    """What comes out, as objects."""
    out: list[Line] = []
    await through(Understanding(model or FakeModel(), words, "en"), raw, out.append)
    return [json.loads(line.written()) for line in out]


def line(text: str, **more: object) -> bytes:
    """One line of the input."""
    return json.dumps({"text": text, "locale": "en", **more}).encode() + b"\n"


async def test_the_line_comes_back_with_intent_and_confidence() -> None:
    (found,) = await lines_of([line("a job", id=7)])
    assert found == {"text": "a job", "locale": "en", "id": 7, "intent": "meant_a job", "confidence": 0.75}


async def test_our_own_words_decide_first() -> None:
    model = FakeModel()
    found = await lines_of([line("he will kill me"), line("stop")], model)
    assert [(each["intent"], each["confidence"]) for each in found] == [("in_danger", 1.0), ("stop", 1.0)]
    assert model.asked == [["he will kill me"]]


async def test_words_of_danger_are_named_by_what_they_are_part_of_and_the_card_is_told() -> None:
    (found,) = await lines_of([line("they will kill my brother, they want money")], FakeModel(hears="report_ransom"))
    assert (found["intent"], found["confidence"], found["card"]) == ("report_ransom", 0.75, "in_danger")


async def test_words_of_danger_need_no_assistant() -> None:
    (found,) = await lines_of([line("he will kill me")], FakeModel(down_from=0))
    assert (found["intent"], "error" in found) == ("in_danger", False)


async def test_the_model_alone_when_asked_for() -> None:
    (found,) = await lines_of([line("stop")], words=None)
    assert found["intent"] == "meant_stop"


async def test_thousands_of_lines_keep_their_order() -> None:
    count = LINES_AT_ONCE * 40 + 7
    found = await lines_of(line(f"text {number}") for number in range(count))
    assert [each["intent"] for each in found] == [f"meant_text {number}" for number in range(count)]


@pytest.mark.parametrize(
    ("raw", "kept", "why"),
    [
        (b"nope\n", {"line": "nope"}, "not JSON"),
        (b"\n", {"line": ""}, "empty"),
        (b"\xff\xfe{\n", {"line": "\ufffd\ufffd{"}, "not JSON"),
        (b"[" * 100_000, {"line": "[" * 100_000}, "not JSON"),
        (b'["a"]\n', {"line": ["a"]}, "not a JSON object"),
        (b'{"locale": "en"}', {"locale": "en"}, "text is missing"),
        (b'{"text": 5}', {"text": 5}, "text is not a string"),
        (b'{"text": "a", "locale": 5}', {"text": "a", "locale": 5}, "locale is not a string"),
        (b'{"text": "\\ud83d"}', {"text": "\ud83d"}, "text holds half a character"),
    ],
)
async def test_a_bad_line_comes_back_with_its_number_and_the_others_are_worked(
    raw: bytes, kept: dict[str, Any], why: str
) -> None:
    before, bad, after = await lines_of([line("a"), raw, line("b")])
    assert bad == {**kept, "error": f"line 2: {why}"}
    assert [before["intent"], after["intent"]] == ["meant_a", "meant_b"]


async def test_a_line_without_a_language_is_read_in_the_first() -> None:
    (found,) = await lines_of([b'{"text": "a"}'])
    assert found == {"text": "a", "intent": "meant_a", "confidence": 0.75}


async def test_when_the_assistant_goes_away_no_line_is_lost() -> None:
    count = LINES_AT_ONCE * 2
    found = await lines_of((line(f"t{number}") for number in range(count)), FakeModel(down_from=1))
    assert [each["text"] for each in found] == [f"t{number}" for number in range(count)]
    assert [each.get("error") for each in found[LINES_AT_ONCE : LINES_AT_ONCE + 1]] == [
        f"line {LINES_AT_ONCE + 1}: the assistant gave no answer (unreachable)"
    ]


@pytest.mark.rasa
def test_it_runs_in_a_fresh_copy_with_an_assistant_of_its_own(tmp_path: Path) -> None:
    """No settings, no database, nothing that listens."""
    ensure_model()
    given = '{"text": "hello", "locale": "en"}\nnope\n{"text": "سيقتلني", "locale": "ar"}\n'
    done = amana(tmp_path, None, "nlu", "parse", given=given, rasa_url="http://127.0.0.1:9")
    found = [json.loads(each) for each in done.out.splitlines()]
    assert [each.get("intent") for each in found] == ["greet", None, "in_danger"]
    assert (done.code, found[1]["error"]) == (1, "line 2: not JSON")
    assert "1 bad lines" in done.err
