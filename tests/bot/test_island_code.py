"""What can be known of the island without talking to it: pins, refusals, and the promise of a textless state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.rasa_server import BOT, PYTHON, ensure_model

pytestmark = pytest.mark.rasa

REFUSALS = """
import sys, json; sys.path.insert(0, "bot")
from lean import leave_out_tensorflow; leave_out_tensorflow()
from rasa.shared.core.domain import Domain
from components.action_validator import PINNED, check_remote_actions
from components.state import UnsafeDomain, check_slots
import rasa.core.agent, rasa.core.policies.rule_policy
def refused(slot):
    try:
        check_slots(Domain.from_dict({"entities": ["e"], "slots": {"s": slot}}))
    except UnsafeDomain as error:
        return str(error)
    return ""
custom = [{"type": "custom"}]
from rasa.core.actions.action import RemoteAction
shipped = RemoteAction._validate_action_result
check_remote_actions()
print(json.dumps({
    "version": rasa.__version__, "pinned": PINNED, "tensorflow": "tensorflow" in sys.modules,
    "text": refused({"type": "text", "mappings": custom}),
    "any": refused({"type": "any", "mappings": custom}),
    "list": refused({"type": "list", "mappings": custom}),
    "from_text": refused({"type": "categorical", "values": ["a"], "mappings": [{"type": "from_text"}]}),
    "bool": refused({"type": "bool", "mappings": custom}),
    "codes": refused({"type": "categorical", "values": ["a"], "mappings": [{"type": "from_entity", "entity": "e"}]}),
    "replaced": RemoteAction._validate_action_result is not shipped,
}))
"""


@pytest.fixture(scope="module")
def facts() -> dict[str, object]:
    """What the island's own Python says."""
    done = subprocess.run([PYTHON, "-c", REFUSALS], cwd=BOT.parent, capture_output=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_rasa_is_the_version_whose_methods_we_replace(facts: dict[str, object]) -> None:
    assert facts["version"] == facts["pinned"] == "3.6.21"
    assert facts["replaced"]
    assert "rasa==3.6.21" in (BOT / "requirements.in").read_text()


def test_tensorflow_stays_out(facts: dict[str, object]) -> None:
    assert facts["tensorflow"] is False


@pytest.mark.parametrize("kind", ["text", "any", "list", "from_text"])
def test_a_slot_that_could_hold_words_is_refused(facts: dict[str, object], kind: str) -> None:
    assert str(facts[kind]).startswith("slot s: ")


@pytest.mark.parametrize("kind", ["bool", "codes"])
def test_a_slot_of_closed_values_is_allowed(facts: dict[str, object], kind: str) -> None:
    assert facts[kind] == ""


def test_unchanged_inputs_train_nothing() -> None:
    ensure_model()
    done = subprocess.run([PYTHON, BOT / "train.py"], capture_output=True, check=True, text=True)
    assert done.stdout.strip().endswith("is up to date")


def test_the_data_is_clean() -> None:
    done = subprocess.run([PYTHON, BOT / "train.py", "--check"], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["assistant: the data is clean"])


def test_a_mistake_in_the_data_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for name in ("bot", "nlu", "stories"):
        shutil.copytree(BOT.parent / name, copy / name, ignore=shutil.ignore_patterns(".venv", "models", ".rasa"))
    rule = "  - rule: a slip\n    steps:\n      - intent: gret\n      - action: utter_greet\n"
    (copy / "stories" / "slip.yml").write_text('version: "3.1"\nrules:\n' + rule)
    done = subprocess.run([PYTHON, copy / "bot" / "train.py", "--check"], capture_output=True, check=False, text=True)
    assert done.returncode != 0
    assert "'gret'" in done.stdout


@pytest.mark.parametrize("missing", ["AMANA_RASA_TOKEN", "AMANA_INTERNAL_TOKEN", "AMANA_ACTIONS_URL"])
def test_it_does_not_start_without_a_secret(missing: str) -> None:
    given = {"AMANA_RASA_TOKEN": "a", "AMANA_INTERNAL_TOKEN": "b", "AMANA_ACTIONS_URL": "http://127.0.0.1:9/"}
    environment = os.environ | given
    del environment[missing]
    done = subprocess.run([PYTHON, BOT / "run.py"], env=environment, capture_output=True, check=False, text=True)
    assert done.returncode != 0
    assert f"{missing} is not set" in done.stdout + done.stderr
