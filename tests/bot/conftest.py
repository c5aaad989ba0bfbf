"""One assistant and one action server for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ports import free_port
from tests.rasa_server import ActionServer, Rasa, serve_actions, start_rasa


@pytest.fixture(scope="session")
def action_server() -> Iterator[ActionServer]:
    """The real actions on loopback."""
    with serve_actions() as actions:
        yield actions


@pytest.fixture
def actions(action_server: ActionServer) -> ActionServer:
    """The same, with an ordinary deployment and no calls yet."""
    action_server.facts.staffed = True
    action_server.facts.locales = ("en", "ar", "es")
    action_server.calls.clear()
    return action_server


@pytest.fixture(scope="session")
def rasa_process(action_server: ActionServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rasa]:
    """The trained assistant."""
    log = tmp_path_factory.mktemp("rasa") / "output"
    with start_rasa(free_port(), action_server.url, log=log) as rasa:
        yield rasa


@pytest.fixture
def rasa(rasa_process: Rasa, actions: ActionServer) -> Rasa:
    """The trained assistant with ordinary actions."""
    return rasa_process
