"""Whatever fails in a turn makes it a failed turn: never an empty 200, never the next line of the flow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ports import free_port
from tests.rasa_server import ActionServer, Rasa, start_rasa

pytestmark = pytest.mark.rasa
STATE = {"v": 1, "asked": "person", "slots": {}, "loop": None, "requested": None, "turns": [["unsure", []]]}


@pytest.mark.parametrize(
    ("failing", "code"),
    [
        ("500", "action_failed"),
        ("slow", "action_timeout"),
        ("empty", "nothing_said"),
        ("garbage", "action_failed"),
        ("rejects", "action_rejected"),
    ],
)
def test_a_failed_action_fails_the_turn(rasa: Rasa, actions: ActionServer, failing: str, code: str) -> None:
    with actions.told_to(failing):
        answer = rasa.take("yes", state=STATE)
    assert (answer["ok"], answer["code"], answer["messages"], answer["state"]) == (False, code, [], STATE)
    assert rasa.take("yes", state=STATE)["messages"] == [{"say": "consent.contact"}]


@pytest.fixture(scope="module")
def faulty(action_server: ActionServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rasa]:
    """The assistant with a classifier and a policy that raise at certain words."""
    from tests.bot import FAULTY

    log = tmp_path_factory.mktemp("faulty") / "output"
    with start_rasa(free_port(), action_server.url, log=log, script=[FAULTY]) as rasa:
        yield rasa


@pytest.mark.parametrize("where", ["classifier", "policy", "response", "listening"])
def test_an_exception_in_any_component_fails_the_turn(faulty: Rasa, where: str) -> None:
    answer = faulty.take(f"hello break the {where}", state=STATE)
    assert (answer["ok"], answer["messages"], answer["state"]) == (False, [], STATE)
    assert faulty.take("hello", state=STATE)["ok"]


def test_an_assistant_that_cannot_reach_its_actions_fails_the_turn(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/internal/actions"
    with start_rasa(free_port(), nowhere, log=tmp_path_factory.mktemp("alone") / "output") as rasa:
        answer = rasa.take("/talk_to_human", kind="payload")
        assert (answer["ok"], answer["code"]) == (False, "action_failed")
        assert rasa.take("hello")["ok"]
