"""The sentence encoder beside the classifier: what it brings, and that everything goes on where it cannot run."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from bench import nlu_data
from tests.rasa_server import BOT, PYTHON

pytestmark = pytest.mark.rasa

SNIPPET = """
import json, logging, sys, tempfile; sys.path.insert(0, "bot")
from pathlib import Path
from lean import leave_out_tensorflow; leave_out_tensorflow()
import numpy as np
import components.second_opinion as second
from components.intent_classifier import AmanaIntentClassifier, Vectors
said = []
class Keep(logging.Handler):
    def emit(self, record): said.append([record.msg, getattr(record, "fields", {})])
logging.getLogger("amana").addHandler(Keep()); logging.getLogger("amana").setLevel("INFO")
folder = Path(tempfile.mkdtemp())
(folder / "old").write_text("flags : fpu sse2\\n"); (folder / "new").write_text("flags : fpu avx2 fma\\n")
class Broken:
    def query(self, texts): raise OSError
class Wrong:
    def query(self, texts): return np.ones((len(texts), 384))
class Right:
    asked = []
    def query(self, texts):
        self.asked += texts
        return np.stack([np.eye(384)[len(text) % 384] for text in texts])
found = {"old": second.Encoder.find(folder / "old"), "none": second.Encoder.find(folder / "none")}
for name, engine in (("broken", Broken()), ("wrong", Wrong()), ("right", Right())):
    second._engine = lambda engine=engine: engine
    found[name] = second.Encoder.find(folder / "new")
found["right"].vectors(["a\\0b \\ud800 c", "word " * 9000])
networks = second.Networks.load()
networks.save(folder / "again.npz")
again = second.Networks.load(folder / "again.npz")
vector = np.eye(384)[3]
def ranking(encoder, sure_alone=1.0):
    one = AmanaIntentClassifier({"safety_weight": 1.0, "threshold": 0.0, "sure_alone": sure_alone}, None, None)
    one._labels = networks.labels
    one._vectors = Vectors(["whello"], np.ones(1))
    one._weights = np.zeros((1, len(one._labels)), dtype=np.float32)
    one._bias = np.zeros(len(one._labels), dtype=np.float32)
    one._networks, one._encoder = networks, encoder
    return [each["confidence"] for each in one.rank("hello")]
print(json.dumps({
    "found": {name: encoder is not None for name, encoder in found.items()}, "said": said,
    "read": [Right.asked[-2], len(Right.asked[-1])], "labels": networks.labels,
    "same": bool(np.array_equal(networks.answer(vector), again.answer(vector))),
    "sum": float(np.exp(second.log_softmax(np.array([900.0, 0.0, 3.0]))).sum()),
    "alone": ranking(None), "both": ranking(found["right"]), "sure": ranking(found["right"], sure_alone=0.0),
}))
"""


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """What the island's own Python says."""
    done = subprocess.run([PYTHON, "-c", SNIPPET], cwd=BOT.parent, capture_output=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_where_the_engine_cannot_run_the_first_opinion_stands_and_the_log_says_why(facts: dict[str, Any]) -> None:
    assert facts["found"] == {"old": False, "none": False, "broken": False, "wrong": False, "right": True}
    refusals = [["no_second_opinion", {"why": why}] for why in ("cpu", "cpu", "OSError", "wrong_vectors")]
    assert facts["said"] == [*refusals, ["second_opinion", {}]]
    assert facts["alone"] == pytest.approx([1 / len(facts["labels"])] * 3)


def test_both_count_only_where_the_first_is_unsure(facts: dict[str, Any]) -> None:
    assert facts["both"][0] > facts["alone"][0]
    assert facts["sure"] == facts["alone"]


def test_any_text_can_be_read_and_none_takes_long(facts: dict[str, Any]) -> None:
    assert facts["read"][0] == "a b c"
    assert facts["read"][1] <= 400


def test_what_was_learnt_is_kept_as_it_is(facts: dict[str, Any]) -> None:
    assert facts["same"] is True
    assert facts["sum"] == pytest.approx(1.0)


def test_it_was_learnt_from_the_intents_that_there_are(facts: dict[str, Any]) -> None:
    assert facts["labels"] == sorted({each.intent for each in nlu_data.trained()})
