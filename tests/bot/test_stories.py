"""Whole dialogues through the real channel, a real model and the real actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.story import STORIES, StoryFailed, load, play
from tests.rasa_server import ActionServer, Rasa

pytestmark = pytest.mark.rasa
FILES = sorted(STORIES.glob("*/test_*.yml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_story_is_told_as_written(path: Path, rasa: Rasa, actions: ActionServer) -> None:
    play(load(path), rasa, actions)


@pytest.mark.parametrize(
    "step",
    [
        {"text": "hello", "answers": [{"say": "goodbye"}]},
        {"text": "hello", "answers": []},
        {"text": "hello", "answers": [{"say": "greet.hello"}, {"say": "menu.main"}]},
        {"text": "hello", "answers": [{"say": "greet.hello"}], "intent": "thanks"},
        {"payload": "/restart", "answers": [{"say": "greet.hello"}]},
    ],
)
def test_a_wrong_story_fails(step: dict[str, object], rasa: Rasa, actions: ActionServer) -> None:
    with pytest.raises(StoryFailed):
        play({"steps": [step]}, rasa, actions)


def test_every_capability_has_a_story() -> None:
    told = {path.parent.name for path in FILES}
    assert told >= {path.stem for path in (STORIES.parent.parent / "stories").glob("*.yml")}
