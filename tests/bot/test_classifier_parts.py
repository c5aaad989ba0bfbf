"""The parts of the intent classifier: spellings that mean the same look the same, and scores become probabilities."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.rasa_server import BOT, PYTHON

pytestmark = pytest.mark.rasa

SAME = [
    ("HELLLLO there", "helllllllo there"),
    ("QUIÉN eres", "quien eres"),
    ("أين المخيم", "اين المخيم"),
    ("شُكْراً", "شكرا"),
    ("كمک می‌خواهم", "كمك ميخواهم"),
    ("де ёлка", "де елка"),
    ("допоможіть", "допоможить"),
    ("они бьют", "они бъют"),
    ("don't", "dont"),
]
SNIPPET = """
import json, sys; sys.path.insert(0, "bot")
from lean import leave_out_tensorflow; leave_out_tensorflow()
import numpy as np
from components.intent_classifier import Vectors, softmax, temperature
from components.text_features import features
pairs = json.load(sys.stdin)
rng = np.random.default_rng(0)
truth = rng.normal(size=(4000, 5)) * 2
right = np.array([rng.choice(5, p=softmax(row)) for row in truth])
vectors = Vectors.fit([features("stop it now"), features("stop him now")])
columns, weights = vectors.row(features("stop stop now zzz"))
print(json.dumps({
    "same": [features(first) == features(second) for first, second in pairs],
    "stem": [f for f in features("والمدرسة") if f[0] == "s"], "none": features("123 / 456 !"),
    "sum": float(softmax(np.array([1000.0, 0.0, -1000.0])).sum()),
    "scale": temperature(truth / 3, right),
    "blocks": sorted({vectors.vocabulary[column][0] for column in columns}), "length": float(np.linalg.norm(weights)),
    "rare": [f for f in vectors.vocabulary if f[0] != "w" and "him" in f],
}))
"""


@pytest.fixture(scope="module")
def facts() -> dict[str, object]:
    """What the island's own Python says."""
    given = json.dumps(SAME).encode()
    done = subprocess.run([PYTHON, "-c", SNIPPET], cwd=BOT.parent, input=given, capture_output=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_spellings_of_the_same_have_the_same_features(facts: dict[str, object]) -> None:
    assert facts["same"] == [True] * len(SAME)


def test_a_stem_leaves_out_what_is_written_with_the_word(facts: dict[str, object]) -> None:
    assert facts["stem"] == ["s4مدرس", "s5مدرسه"]


def test_a_text_without_a_letter_has_no_features(facts: dict[str, object]) -> None:
    assert facts["none"] == []


def test_each_block_of_features_has_its_own_length(facts: dict[str, object]) -> None:
    assert facts["blocks"] == ["c", "s", "w"]
    assert facts["length"] == pytest.approx((0.5**2 + 1.5**2 + 0.7**2) ** 0.5)


def test_letters_seen_in_one_utterance_only_are_forgotten(facts: dict[str, object]) -> None:
    assert facts["rare"] == []


def test_scores_become_probabilities_at_their_true_scale(facts: dict[str, object]) -> None:
    assert facts["sum"] == pytest.approx(1.0)
    assert facts["scale"] == pytest.approx(3.0, rel=0.15)
