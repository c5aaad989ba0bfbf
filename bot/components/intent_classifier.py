"""One intent classifier for all languages: TF-IDF of words, letters and stems, a linear SVM, calibrated, a threshold.

What that is unsure of, a sentence encoder looks at too, where there is one (components/second_opinion.py). Measured
against other models before it was chosen (docs/nlu.md). What is stored is a word list and a few arrays, read without
unpickling anything; the first opinion needs numpy only and takes well under a millisecond, the second about 15.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.second_opinion import Encoder, Networks, log_softmax
from components.text_features import features

log = logging.getLogger("amana")
FALLBACK = "nlu_fallback"
RANKING = 3
# Blocks of features, their lengths, and in how many utterances a feature must occur.
BLOCKS = {"w": (0.5, 1), "c": (1.5, 2), "s": (0.7, 2)}
# A missed one costs most (SAFETY §9): these win already when somewhat less likely than the likeliest other.
SAFETY = frozenset(
    {
        *("in_danger", "self_harm", "not_safe_now", "stop", "talk_to_human", "sexual_violence", "forced_marriage"),
        *("child_alone", "report_aid_worker", "report_ransom"),
    }
)
# What shows the numbers to call. Our own words find most of it before; a guess of less than the alarm threshold is
# offered as the first answer of a question instead (SAFETY §9).
ALARMS = frozenset({"in_danger", "self_harm"})
DEFAULTS = {
    **{"threshold": 0.3, "alarm_threshold": 0.85, "inverse_regularisation": 0.3, "safety_weight": 1.6},
    **{"sure_alone": 0.9, "second_opinion": 0.7, "sharpness": 0.7},
}
# Certainty is for payloads, which nobody types.
MOST_SURE = 0.9999
# The share of the training data that the probabilities are fitted on.
HELD_OUT = 0.2
TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(40), 80))

Row = Tuple[np.ndarray, np.ndarray]


class Vectors:
    """TF-IDF over a fixed vocabulary; each block of features is scaled to its own length, so none drowns another."""

    def __init__(self, vocabulary: Sequence[str], idf: np.ndarray) -> None:
        self.vocabulary = list(vocabulary)
        self.idf = idf
        self._index = {feature: number for number, feature in enumerate(self.vocabulary)}

    @classmethod
    def fit(cls, documents: Sequence[Sequence[str]]) -> Vectors:
        """Learn vocabulary and rarities, smoothed as scikit-learn does."""
        seen = Counter(feature for document in documents for feature in set(document))
        vocabulary = sorted(feature for feature, count in seen.items() if count >= BLOCKS[feature[0]][1])
        counts = np.array([seen[feature] for feature in vocabulary], dtype=np.float64)
        return cls(vocabulary, np.log((1 + len(documents)) / (1 + counts)) + 1)

    def row(self, document: Sequence[str]) -> Row:
        """Column numbers and weights of one document."""
        columns: List[int] = []
        weights: List[float] = []
        for block, (wanted, _) in BLOCKS.items():
            known = Counter(f for f in document if f[0] == block and f in self._index)
            numbers = [self._index[feature] for feature in known]
            values = (1 + np.log(np.array(list(known.values()), dtype=np.float64))) * self.idf[numbers] if known else []
            scale = wanted / (float(np.linalg.norm(values)) or 1.0)
            columns += numbers
            weights += [value * scale for value in values]
        return np.array(columns, dtype=np.intp), np.array(weights)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AmanaIntentClassifier(IntentClassifier, GraphComponent):
    """Sets `intent` and a short `intent_ranking`; below the threshold the intent is `nlu_fallback`."""

    def __init__(self, config: Dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config = {**DEFAULTS, **config}
        self._storage = storage
        self._resource = resource
        self._vectors = Vectors([], np.zeros(0))
        self._labels: List[str] = []
        self._weights = np.zeros((0, 0), dtype=np.float16)
        self._bias = np.zeros(0, dtype=np.float32)
        self._networks: Optional[Networks] = None
        self._encoder: Optional[Encoder] = None

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """What may be set in config.yml.

        `threshold`: least weighted probability of an intent; `alarm_threshold`: least probability of danger and
        self-harm; `inverse_regularisation`: scikit-learn's C; `safety_weight`: what the probabilities of the safety
        intents are multiplied by before the likeliest is taken; `sure_alone`: from this probability on the first
        opinion stands; `second_opinion`: the weight of the other beside it; `sharpness`: the exponent that makes the
        probabilities of both together believable.
        """
        return dict(DEFAULTS)

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> AmanaIntentClassifier:
        """A new, untrained component."""
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on every example of every language."""
        from scipy.sparse import csr_matrix

        examples = [(e.get(TEXT), e.get(INTENT)) for e in training_data.intent_examples if e.get(TEXT)]
        documents = [features(text) for text, _ in examples]
        self._vectors = Vectors.fit(documents)
        rows = [self._vectors.row(document) for document in documents]
        ends = np.cumsum([0] + [len(columns) for columns, _ in rows])
        columns, weights = np.concatenate([c for c, _ in rows]), np.concatenate([w for _, w in rows])
        matrix = csr_matrix((weights, columns, ends), shape=(len(rows), len(self._vectors.vocabulary)))
        self._fit(matrix, np.array([intent for _, intent in examples]))
        self._persist()
        return self._resource

    def _fit(self, matrix: Any, intents: np.ndarray) -> None:
        """A linear SVM, its scores scaled so that they are good probabilities of utterances it was not fitted on."""
        from sklearn.model_selection import train_test_split
        from sklearn.svm import LinearSVC

        model = LinearSVC(C=float(self._config["inverse_regularisation"]), class_weight="balanced", random_state=0)
        split = train_test_split(np.arange(len(intents)), test_size=HELD_OUT, stratify=intents, random_state=0)
        seen, unseen = map(np.sort, split)
        scores = model.fit(matrix[seen], intents[seen]).decision_function(matrix[unseen])
        scale = temperature(scores, np.searchsorted(model.classes_, intents[unseen]))
        model.fit(matrix, intents)
        self._labels = [str(label) for label in model.classes_]
        networks = Networks.load()
        if networks.labels == self._labels:
            self._networks = networks
        else:
            log.warning("second_opinion_of_other_intents")
        # Halves what a language more costs in memory, and changes no answer.
        self._weights = np.ascontiguousarray(model.coef_.T * scale, dtype=np.float16)
        self._bias = (model.intercept_ * scale).astype(np.float32)

    def process(self, messages: List[Message]) -> List[Message]:
        """Classify the messages that are no payloads (those have an intent already)."""
        for message in messages:
            if not message.get(INTENT):
                ranking = self.rank(message.get(TEXT) or "")
                message.set(INTENT, ranking[0], add_to_output=True)
                message.set("intent_ranking", ranking, add_to_output=True)
        return messages

    def rank(self, text: str) -> List[Dict[str, Any]]:
        """The likeliest intents with probabilities; the fallback comes first when none is likely enough."""
        columns, weights = self._vectors.row(features(text))
        if not len(columns):
            return [{"name": FALLBACK, "confidence": 1.0}]
        scores = weights.astype(np.float32) @ self._weights[columns].astype(np.float32) + self._bias
        chances = softmax(scores)
        if chances.max() < self._config["sure_alone"] and self._networks and self._encoder:
            second = self._networks.answer(self._encoder.vectors([text])[0])
            together = log_softmax(scores) + self._config["second_opinion"] * second
            chances = softmax(self._config["sharpness"] * together)
        wanted = chances * [self._config["safety_weight"] if label in SAFETY else 1.0 for label in self._labels]
        best = np.argsort(-wanted, kind="stable")[:RANKING]
        ranking = [{"name": self._labels[i], "confidence": min(MOST_SURE, float(chances[i]))} for i in best]
        alarm = ranking[0]["name"] in ALARMS and ranking[0]["confidence"] < self._config["alarm_threshold"]
        if alarm or wanted[best[0]] < self._config["threshold"]:
            ranking.insert(0, {"name": FALLBACK, "confidence": 1.0 - ranking[0]["confidence"]})
        return ranking

    def _persist(self) -> None:
        with self._storage.write_to(self._resource) as folder:
            words = {"labels": self._labels, "vocabulary": self._vectors.vocabulary}
            (folder / "words.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
            np.savez(folder / "arrays.npz", idf=self._vectors.idf, weights=self._weights, bias=self._bias)
            if self._networks:
                self._networks.save(folder / "networks.npz")

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> AmanaIntentClassifier:
        """The trained component, from plain JSON and arrays."""
        loaded = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
            with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
                loaded._vectors = Vectors(words["vocabulary"], arrays["idf"])
                loaded._weights, loaded._bias = arrays["weights"], arrays["bias"]
            if (folder / "networks.npz").exists():
                loaded._networks = Networks.load(folder / "networks.npz")
                loaded._encoder = Encoder.find()
        loaded._labels = words["labels"]
        return loaded


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from scores, along the last axis."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def temperature(scores: np.ndarray, right: np.ndarray) -> float:
    """The factor by which scores must be multiplied for the softmax to give what was right its likelihood."""

    def loss(factor: float) -> float:
        return -float(np.mean(np.log(softmax(scores * factor)[np.arange(len(right)), right] + 1e-12)))

    return float(min(TEMPERATURES, key=loss))
