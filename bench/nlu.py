"""How well messages are understood, and at what cost: `make nlu-report`.

Trains the assistant from the inputs as they are, starts it, lets it understand `tests/nlu/{dev,test,ordinary}` alone
and end to end, and rewrites the measured part of docs/nlu.md and the pictures beside it. Says what misses the bars.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from bench import danger, nlu_data
from bench.nlu_data import Utterance
from bench.nlu_pages import Measured, missed_bars, page, write
from bench.nlu_score import Heard
from bench.stack import pss_mb
from handoff.assistant.client import Ranking, RasaClient
from handoff.core.control import ControlWords
from handoff.core.understanding import by_words, told_apart
from handoff.nlu import BOT, BOT_PYTHON, own_rasa

SETS = ("dev", "test")
AT_ONCE = 64
MB = 1024 * 1024


def say(text: str) -> None:
    """Progress for who waits."""
    print(text, file=sys.stderr, flush=True)


def train(model: Path) -> float:
    """Train into this file, whatever there was before; returns the seconds that took. Raises CalledProcessError."""
    os.environ["AMANA_MODEL"] = str(model)
    began = time.monotonic()
    subprocess.run([BOT_PYTHON, BOT / "train.py"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


async def understand(rasa: RasaClient, texts: Sequence[str]) -> list[Ranking]:
    """What the model makes of each text."""
    found: list[Ranking] = []
    for start in range(0, len(texts), AT_ONCE):
        found += await rasa.parse(texts[start : start + AT_ONCE])
    return found


def ordinary() -> list[Utterance]:
    """Messages without danger; what else they mean does not matter."""
    return [Utterance(locale, "", text) for locale, text in nlu_data.ordinary()]


def heard_as(words: ControlWords, each: Utterance, ranking: Ranking) -> Heard:
    """An utterance with what the product takes it for: our own words (and the model what of it), else the model."""
    decided = by_words(words, each.text, each.locale)
    product = told_apart(decided, ranking).intent if decided else ranking[0][0]
    return Heard(each.locale, each.text, each.intent, ranking, product, decided.card if decided else "")


async def hear(rasa: RasaClient, words: ControlWords, name: str) -> list[Heard]:
    """One set, understood."""
    apart = nlu_data.held_apart(name)
    rankings = await understand(rasa, [each.text for each in apart])
    return [heard_as(words, each, ranking) for each, ranking in zip(apart, rankings, strict=True)]


def assistant_mb() -> float:
    """The assistant's proportional set size in MB."""
    children = psutil.Process().children(recursive=True)
    return sum(pss_mb(child.pid) for child in children if any("run.py" in word for word in child.cmdline()))


async def measure() -> Measured:
    """Train, start, understand everything. Raises CannotRun, CalledProcessError."""
    words = ControlWords.load()
    with tempfile.TemporaryDirectory(prefix="amana-nlu-") as folder:
        model = Path(folder) / "model.tar.gz"
        say("training …")
        seconds = train(model)
        say(f"trained in {seconds:.0f} s; starting the assistant …")
        async with own_rasa(say) as rasa:
            quiet = ordinary()
            began = time.monotonic()
            rankings = await understand(rasa, [each.text for each in quiet])
            each_ms = (time.monotonic() - began) * 1000 / max(1, len(quiet))
            return Measured(
                sets={name: await hear(rasa, words, name) for name in SETS},
                ordinary=[heard_as(words, each, ranking) for each, ranking in zip(quiet, rankings, strict=True)],
                learnt=len(nlu_data.trained()),
                train_s=seconds,
                message_ms=each_ms,
                process_mb=assistant_mb(),
                model_mb=model.stat().st_size / MB,
                words=danger.table(words),
            )


def main() -> None:
    """Measure, write, and say what falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="print the tables; write nothing")
    chosen = parser.parse_args()
    measured = asyncio.run(measure())
    if chosen.print:
        print(page(measured))
    else:
        write(measured, nlu_data.ROOT / "docs")
    short = missed_bars(measured)
    print("\n".join(["short of the bars:", *short] if short else ["all bars are met"]))


if __name__ == "__main__":
    main()
