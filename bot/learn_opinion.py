"""Learn the second opinion anew: `make opinion`. Needed after larger changes of nlu/.

Turns every utterance of nlu/ into a vector, on all cores (minutes; what was done once is kept in bot/models), trains
the networks on them, and writes bot/components/second_opinion.npz, which is part of the repository: training the
assistant itself takes no longer for it, and one without the encoder is trained alike.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
# One thread a process: the processes are as many as the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import yaml  # noqa: E402
from components.second_opinion import ARRAYS, NETWORKS, SIZE, Encoder, Networks, centred, readable_part  # noqa: E402

NLU = HERE.parent / "nlu"
KEPT = HERE / "models" / "vectors.npz"
AT_ONCE = 32
SAY_EVERY_S = 10.0
HOW_MANY, HIDDEN, EPOCHS, BATCH = 3, 512, 20, 256
RATE, DECAY, WARM_UP = 1e-3, 1e-3, 100
Layers = List[np.ndarray]


def say(text: str) -> None:
    """Progress for who waits."""
    print(text, flush=True)  # noqa: T201


def utterances() -> List[Tuple[str, str]]:
    """Text and intent of all that is learnt from, in a stable order."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for file in sorted(NLU.glob("*/*.yml")):
        for block in yaml.load(file.read_text(encoding="utf-8"), Loader=loader)["nlu"]:  # noqa: S506
            lines = (line.strip() for line in block["examples"].splitlines())
            found += [(line[2:].strip(), block["intent"]) for line in lines if line.startswith("- ")]
    return [(text, intent) for text, intent in found if text]


def key(text: str) -> str:
    """What a text's vector is kept under."""
    return hashlib.sha256(readable_part(text).encode()).hexdigest()[:24]


def kept() -> Dict[str, np.ndarray]:
    """The vectors of earlier times."""
    if not KEPT.exists():
        return {}
    with np.load(KEPT, allow_pickle=False) as arrays:
        return dict(zip(arrays["keys"].tolist(), arrays["vectors"], strict=True))


def keep(vectors: Dict[str, np.ndarray]) -> None:
    """Write them so that a reader sees the old file or the new one."""
    KEPT.parent.mkdir(exist_ok=True)
    unfinished = KEPT.with_name(f".vectors-{os.getpid()}.npz")
    np.savez(unfinished, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
    os.replace(unfinished, KEPT)


_encoder: Optional[Encoder] = None


def _open() -> None:
    global _encoder
    _encoder = Encoder.find()


def _encode(texts: Sequence[str]) -> np.ndarray:
    if _encoder is None:
        raise SystemExit("opinion: the encoder does not run on this machine (Linux on x86-64 with AVX2 is needed)")
    return _encoder.vectors(texts).astype(np.float16)


def vectors_of(texts: Sequence[str]) -> np.ndarray:
    """One row a text; only what is new is worked on."""
    known = kept()
    new = {key(text): text for text in texts if key(text) not in known}
    # Texts of one length together: the engine works on them as one.
    todo = sorted(new.items(), key=lambda item: (len(item[1]), item[0]))
    groups = [todo[start : start + AT_ONCE] for start in range(0, len(todo), AT_ONCE)]
    began = said = time.monotonic()
    done = 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=_open) as pool:
        found = pool.map(_encode, ([text for _, text in group] for group in groups))
        for group, vectors in zip(groups, found, strict=True):
            known.update(zip((name for name, _ in group), vectors, strict=True))
            done += len(group)
            if time.monotonic() - said > SAY_EVERY_S:
                said = time.monotonic()
                say(f"opinion: {done} of {len(todo)} new utterances read ({said - began:.0f} s)")
    if todo:
        keep(known)
    return np.stack([known[key(text)] for text in texts]).astype(np.float32)


def batches(count: int, random: np.random.RandomState) -> Iterator[np.ndarray]:
    """All rows in random order, a few at a time, as often as there are epochs."""
    for _ in range(EPOCHS):
        order = random.permutation(count)
        yield from (order[start : start + BATCH] for start in range(0, count, BATCH))


def network(vectors: np.ndarray, right: np.ndarray, labels: int, seed: int) -> Layers:
    """One hidden layer, trained by Adam with decay; the rate rises over the first steps and falls to nothing."""
    random = np.random.RandomState(seed)
    first = random.randn(SIZE, HIDDEN) * np.sqrt(2 / SIZE)
    second = random.randn(HIDDEN, labels) * 0.02
    layers = [each.astype(np.float32) for each in (first, np.zeros(HIDDEN), second, np.zeros(labels))]
    means, squares = [np.zeros_like(each) for each in layers], [np.zeros_like(each) for each in layers]
    steps = EPOCHS * -(-len(vectors) // BATCH)
    for step, chosen in enumerate(batches(len(vectors), random), start=1):
        rate = RATE * min(1.0, step / WARM_UP) * (1 - step / (steps + 1))
        slopes = _slopes(layers, vectors[chosen], right[chosen])
        for layer, slope, mean, square in zip(layers, slopes, means, squares, strict=True):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope**2 - square)
            layer -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
            if layer.ndim > 1:
                layer -= rate * DECAY * layer
    return layers


def _slopes(layers: Layers, vectors: np.ndarray, right: np.ndarray) -> Layers:
    """Of the mean cross entropy, by layer."""
    first, first_bias, second, second_bias = layers
    hidden = np.maximum(vectors @ first + first_bias, 0)
    scores = hidden @ second + second_bias
    slope = np.exp(scores - scores.max(axis=1, keepdims=True))
    slope /= slope.sum(axis=1, keepdims=True)
    slope[np.arange(len(right)), right] -= 1
    slope /= np.float32(len(right))
    deeper = (slope @ second.T) * (hidden > 0)
    return [vectors.T @ deeper, deeper.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)]


def learn() -> Networks:
    """From nlu/ to networks."""
    examples = utterances()
    vectors = vectors_of([text for text, _ in examples])
    labels, right = np.unique([intent for _, intent in examples], return_inverse=True)
    mean = vectors.mean(axis=0)
    ready = centred(vectors, mean).astype(np.float32)
    trained = []
    for seed in range(HOW_MANY):
        say(f"opinion: network {seed + 1} of {HOW_MANY} learns from {len(examples)} utterances")
        trained.append(network(ready, right, len(labels), seed))
    layers = [np.stack(layer).astype(np.float16) for layer in zip(*trained, strict=True)]
    return Networks(dict(zip(ARRAYS, (labels, mean.astype(np.float32), *layers), strict=True)))


if __name__ == "__main__":
    learn().save(NETWORKS)
    say(f"opinion: {NETWORKS.name} written")
