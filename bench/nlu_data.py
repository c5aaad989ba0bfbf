"""The utterances to learn from and to measure with, and what must hold of them: `python -m bench.nlu_data`.

What the model learns from is in `nlu/<locale>/<capability>.yml`. What nobody trains on is in
`tests/nlu/<set>/<locale>.yml`: `dev` (to choose by), `test` (to report), `ordinary` (messages without danger, to count
false alarms). With `--forget`, what is learnt from and too like something held apart is taken out of `nlu/`.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from handoff.core.normalise import normalise

ROOT = Path(__file__).resolve().parent.parent
SAFETY = frozenset(
    {
        *("in_danger", "self_harm", "not_safe_now", "stop", "talk_to_human", "sexual_violence", "forced_marriage"),
        *("child_alone", "report_aid_worker", "report_ransom"),
    }
)
NEVER_TYPED = frozenset({"choose", "nlu_fallback"})
HELD_APART = ("dev", "test")
LEAST, LEAST_SAFETY = 20, 40
TOO_LIKE = 0.6
GRAM = 5
# One or two words ("hello", "not now") are everybody's: that two people wrote them is no leak.
LEAST_WORDS = 3

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody may write, in which language, and what they want by it."""

    locale: str
    intent: str
    text: str


def trained(root: Path = ROOT) -> list[Utterance]:
    """Everything that the model learns from."""
    found = []
    for file in sorted((root / "nlu").glob("*/*.yml")):
        for block in _read(file)["nlu"]:
            lines = (line.strip() for line in block["examples"].splitlines())
            found += [Utterance(file.parent.name, block["intent"], line.removeprefix("- ")) for line in lines if line]
    return found


def held_apart(name: str, root: Path = ROOT) -> list[Utterance]:
    """The set `dev` or `test`, in all languages."""
    files = sorted((root / "tests" / "nlu" / name).glob("*.yml"))
    return [
        Utterance(file.stem, intent, text) for file in files for intent, texts in _read(file).items() for text in texts
    ]


def ordinary(root: Path = ROOT) -> list[tuple[str, str]]:
    """(language, message) of messages that speak of no danger, whatever else they mean."""
    files = sorted((root / "tests" / "nlu" / "ordinary").glob("*.yml"))
    return [(file.stem, text) for file in files for text in _read(file)]


def intents(root: Path = ROOT) -> frozenset[str]:
    """What can be meant, from the assistant's domain."""
    domains = (_read(file) for file in sorted((root / "bot" / "domain").glob("*.yml")))
    return frozenset(intent for domain in domains for intent in domain.get("intents", ())) - NEVER_TYPED


def problems(root: Path = ROOT) -> Iterator[str]:
    """A sentence for everything that must not be."""
    learnt = trained(root)
    yield from too_few(learnt, intents(root))
    yield from in_two_intents(learnt)
    for name in HELD_APART:
        yield from too_like(learnt, held_apart(name, root), name)


def too_few(learnt: Sequence[Utterance], wanted: frozenset[str]) -> Iterator[str]:
    """Every intent has enough utterances in every language, and there are no others."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in set(learnt):
        counts[each.locale][each.intent] += 1
    for locale, count in sorted(counts.items()):
        for intent in sorted(wanted | set(count)):
            least = LEAST_SAFETY if intent in SAFETY else LEAST
            if intent not in wanted:
                yield f"nlu/{locale}: no such intent: {intent}"
            elif count[intent] < least:
                yield f"nlu/{locale}: {intent} has {count[intent]} utterances of at least {least}"


def in_two_intents(learnt: Sequence[Utterance]) -> Iterator[str]:
    """What is written the same means the same in one language."""
    meanings: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in learnt:
        meanings[each.locale, normalise(each.text)].add(each.intent)
    for (locale, text), meant in sorted(meanings.items()):
        if len(meant) > 1:
            yield f"nlu/{locale}: {text!r} is in {' and '.join(sorted(meant))}"


def too_like(learnt: Sequence[Utterance], apart: Sequence[Utterance], name: str) -> Iterator[str]:
    """Nothing that is measured with was learnt from, nor nearly so."""
    by_locale: dict[str, list[Utterance]] = defaultdict(list)
    for each in learnt:
        by_locale[each.locale].append(each)
    indexes = {locale: Likeness([each.text for each in listed]) for locale, listed in by_locale.items()}
    for each in apart:
        for twin in indexes[each.locale].twins(each.text) if each.locale in indexes else ():
            yield f"tests/nlu/{name}/{each.locale}.yml: {each.text!r} is too like {twin!r}, which is learnt from"


class Likeness:
    """Finds a text that shares more than TOO_LIKE of its runs of letters with another (Jaccard, runs of GRAM)."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._runs = [runs(text) for text in texts]
        self._where: dict[str, list[int]] = defaultdict(list)
        for number, found in enumerate(self._runs):
            for run in found:
                self._where[run].append(number)

    def twins(self, text: str) -> list[str]:
        """The texts that are too like this one; none for a text of one or two words."""
        if len(text.split()) < LEAST_WORDS:
            return []
        mine = runs(text)
        # Who shares that much shares one of any (1 - TOO_LIKE) of the runs: the rarest are looked up, in little time.
        rarest = sorted(mine, key=lambda run: len(self._where.get(run, ())))
        tried = rarest[: int(len(mine) * (1 - TOO_LIKE)) + 1]
        candidates = {number for run in tried for number in self._where.get(run, ())}
        return [self._texts[number] for number in sorted(candidates) if _jaccard(mine, self._runs[number]) > TOO_LIKE]


def runs(text: str) -> frozenset[str]:
    """All runs of GRAM letters of a text in matching form, its ends counting as spaces; a short text is one run."""
    marked = f" {normalise(text)} "
    return frozenset(marked[start : start + GRAM] for start in range(max(1, len(marked) - GRAM + 1)))


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second)


def _read(file: Path) -> Any:
    with file.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader=Loader) or {}  # noqa: S506 - CSafeLoader


def forget(root: Path = ROOT) -> int:
    """Take out of `nlu/` what is too like something held apart. Returns how many utterances."""
    learnt, taken = trained(root), 0
    out: dict[str, set[str]] = defaultdict(set)
    for locale in {each.locale for each in learnt}:
        likeness = Likeness([each.text for each in learnt if each.locale == locale])
        apart = (each for name in HELD_APART for each in held_apart(name, root) if each.locale == locale)
        out[locale] = {twin for each in apart for twin in likeness.twins(each.text)}
    for file in sorted((root / "nlu").glob("*/*.yml")):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.strip().removeprefix("- ") not in out[file.parent.name]]
        if len(kept) < len(lines):
            file.write_text("".join(kept), encoding="utf-8")
            taken += len(lines) - len(kept)
    return taken


def main() -> None:
    """Print every problem; exit with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forget", action="store_true", help="first take near-copies out of nlu/")
    if parser.parse_args().forget:
        print(f"{forget()} utterances taken out of nlu/")
    found = list(problems())
    print("\n".join([*found, f"{len(found)} problems of the utterances"]))
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
