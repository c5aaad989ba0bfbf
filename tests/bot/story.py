"""Plays a story file against the running assistant: what is typed or tapped, and exactly what is said and done.

staffed: false                      # optional facts of the deployment
steps:
  - text: hello                     # typed, or `payload: /talk_to_human`
    answers: [{say: greet.hello}]   # all effects of the turn, in order
    intent: greet                   # optional
    hints: {flags: [C1]}            # optional: what `handoff` found in the message
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.rasa_server import ActionServer, Rasa

STORIES = Path(__file__).resolve().parent.parent / "stories"


class StoryFailed(AssertionError):
    """The assistant did something else than the story says."""


def play(story: dict[str, Any], rasa: Rasa, actions: ActionServer) -> None:
    """Play all steps, carrying the state. Raises StoryFailed, naming the step."""
    actions.facts.staffed = story.get("staffed", True)
    actions.facts.locales = tuple(story.get("locales", ("en", "ar", "es")))
    state: Any = {}
    for number, step in enumerate(story["steps"], 1):
        kind = "payload" if "payload" in step else "text"
        answer = rasa.take(step[kind], kind=kind, state=state, hints=step.get("hints"))
        if not answer["ok"] or answer["messages"] != step["answers"]:
            raise StoryFailed(f"step {number} ({step[kind]!r}): {answer.get('code')} {answer['messages']}")
        if answer["intent"] != step.get("intent", answer["intent"]):
            raise StoryFailed(f"step {number} ({step[kind]!r}): understood as {answer['intent']}")
        state = answer["state"]


def load(path: Path) -> dict[str, Any]:
    """A story file."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
