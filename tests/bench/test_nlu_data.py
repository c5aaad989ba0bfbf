"""What must hold of the utterances: enough of them, one meaning each, and nothing measured with was learnt from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.nlu_data import (
    LEAST,
    LEAST_SAFETY,
    Likeness,
    forget,
    held_apart,
    ordinary,
    problems,
    trained,
)

LEARNT = "they promised me work in {}"
PLACES = [f"{first}{second}ville" for first in "abcdefgh" for second in "aeiou"]


class Copy:
    """A small project folder: two intents in one language, and its sets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.learn("check_offer", [f"{place} work {place[::-1]}" for place in PLACES[:LEAST]])
        self.learn("in_danger", [f"{place} danger {place[::-1]}" for place in PLACES[:LEAST_SAFETY]])
        self.put("bot/domain/offer.yml", {"intents": ["check_offer", "in_danger", "choose", "nlu_fallback"]})
        self.hold("test", {"check_offer": ["is this contract normal"], "in_danger": ["he is at the door with a knife"]})

    def put(self, name: str, data: object) -> None:
        """Write a YAML file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(data, allow_unicode=True))

    def learn(self, intent: str, texts: list[str]) -> None:
        """Write a file of training data."""
        examples = "".join(f"- {text}\n" for text in texts)
        self.put(f"nlu/en/{intent}.yml", {"version": "3.1", "nlu": [{"intent": intent, "examples": examples}]})

    def hold(self, name: str, texts: dict[str, list[str]]) -> None:
        """Write a set that is held apart."""
        self.put(f"tests/nlu/{name}/en.yml", texts)

    def found(self) -> list[str]:
        """Every problem."""
        return list(problems(self.root))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_good_data_has_no_problem(copy: Copy) -> None:
    assert copy.found() == []
    assert len(trained(copy.root)) == LEAST + LEAST_SAFETY
    assert [each.intent for each in held_apart("test", copy.root)] == ["check_offer", "in_danger"]


@pytest.mark.parametrize(("intent", "least"), [("check_offer", LEAST), ("in_danger", LEAST_SAFETY)])
def test_an_intent_with_too_few_utterances_is_named(copy: Copy, intent: str, least: int) -> None:
    texts = [f"{place} {intent}" for place in PLACES[: least - 1]]
    copy.learn(intent, [*texts, texts[0]])
    assert copy.found() == [f"nlu/en: {intent} has {least - 1} utterances of at least {least}"]


def test_an_intent_that_nobody_knows_is_named(copy: Copy) -> None:
    copy.learn("gret", ["hi there"])
    assert copy.found() == ["nlu/en: no such intent: gret"]


def test_the_same_words_with_two_meanings_are_refused(copy: Copy) -> None:
    copy.learn(
        "in_danger", [f"{place} danger {place[::-1]}" for place in PLACES] + [f"{PLACES[0].upper()} work ellivaa!"]
    )
    assert copy.found() == [f"nlu/en: '{PLACES[0]} work ellivaa' is in check_offer and in_danger"]


@pytest.mark.parametrize(
    "learnt",
    ["is this contract normal", "Is this contract normal??", "is this contract normal pls", "ìs this cöntract normal"],
)
@pytest.mark.parametrize("name", ["dev", "test"])
def test_what_is_measured_with_must_not_be_learnt_from(copy: Copy, name: str, learnt: str) -> None:
    copy.hold("test", {})
    copy.hold(name, {"check_offer": ["is this contract normal"]})
    copy.learn("check_offer", [*(f"{place} work {place[::-1]}" for place in PLACES), learnt])
    (problem,) = copy.found()
    assert problem.startswith(f"tests/nlu/{name}/en.yml: 'is this contract normal' is too like")
    assert forget(copy.root) == 1
    assert copy.found() == []


@pytest.mark.parametrize("learnt", ["is this salary normal where you live", "a contract is normal for this", "normal"])
def test_what_only_shares_words_is_no_copy(learnt: str) -> None:
    assert Likeness([learnt]).twins("is this contract normal") == []


def test_one_or_two_words_are_everybodys() -> None:
    assert Likeness(["good morning"]).twins("Good morning") == []


def test_a_copy_is_found_whatever_its_length() -> None:
    long = "they took our passports the first night and said we owe them for the bus and the beds and the food"
    assert Likeness([long]).twins(long.replace("first", "second")) == [long]


def test_ordinary_messages_are_read(copy: Copy) -> None:
    copy.put("tests/nlu/ordinary/en.yml", ["this heat kills me"])
    assert ordinary(copy.root) == [("en", "this heat kills me")]
