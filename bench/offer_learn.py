"""Learns the weights of handoff.core.learned for every language: `make offer-learn` writes content/offers/learned/.

From: the examples of content/offers/examples (what English and Arabic ones teach of meanings holds in every language),
the phrases written out, the dev messages of all languages, and what people say who speak of no offer. Never from
tests/offers/test. A ridge of one answer for each sign; the thresholds are the same for all languages, chosen by
`python -m bench.offer_learn --choose` (docs/offer-check.md).
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.offers import FIXTURES, ROOT, Counts, compare, critical_signs, fixtures
from handoff.core.learned import SIZE, Eyes, Floats, Places, clauses, scaled
from handoff.core.normalise import tokens
from handoff.core.offers import Offers
from handoff.core.phrases import is_group, split_outside
from handoff.core.suggest import PHRASES_DIR, Suggester, eyes
from handoff.core.yaml_text import read_yaml

OFFERS = ROOT / "content" / "offers"
LEARNED = OFFERS / "learned"
NLU = ROOT / "nlu"
FLAGS = tuple(Offers.load().flags)
CRITICAL = critical_signs()
LOCALES = tuple(sorted(path.stem for path in PHRASES_DIR.glob("*.yml")))
# Scores from which a sign is suggested, critical ones and others.
LEAST_CRITICAL, LEAST = 0.36, 0.42
_MOST_WAYS, _SAMPLES, _NONE = 4, 3, 250
_SOFT = 0.3
_UNIT = 1 / 127
_GROUP = re.compile(r"\(([^()]*\|[^()]*)\)")
_NO_OFFER = ("out_of_scope", "harmless", "greet", "language", "menu", "find_help", "learn", "feedback", "about")


@dataclass(frozen=True, slots=True)
class Example:
    """A message, the signs that it states, the language it is looked at in, and which line it comes from."""

    text: str
    flags: frozenset[str]
    locale: str
    line: str = ""


def examples(locale: str, most: int = _MOST_WAYS) -> Iterator[Example]:
    """The examples of a language, each line with at most so many of its alternatives. Raises OSError."""
    raw = _yaml(OFFERS / "examples" / f"{locale}.yml")
    for flag, lines in [*raw["flags"].items(), ("", raw["none"])]:
        for number, line in enumerate(filter(None, map(str.strip, lines.splitlines()))):
            for text in list(_written_out(line))[:most]:
                yield Example(text, frozenset(filter(None, (flag,))), locale, f"{locale}{flag}{number}")


def _written_out(line: str) -> Iterator[str]:
    groups = [found[1].split("|") for found in _GROUP.finditer(line)]
    for number in range(max(map(len, groups), default=1)):
        left = iter(groups)

        def pick(_: re.Match[str], number: int = number, left: Iterator[list[str]] = left) -> str:
            group = next(left)
            return group[number % len(group)].strip()

        yield _GROUP.sub(pick, line)


def dev(locale: str) -> Iterator[Example]:
    """The messages that the phrases were tuned on."""
    return (Example(entry["text"], frozenset(entry["flags"]), locale, "dev") for entry in fixtures("dev", locale))


def no_offer(locale: str) -> list[Example]:
    """What people say who speak of no offer."""
    found = []
    for path in (NLU / locale / f"{name}.yml" for name in _NO_OFFER):
        blocks = _yaml(path)["nlu"] if path.is_file() else ()
        lines = [line for block in blocks if "intent" in block for line in block["examples"].splitlines()]
        plain = (re.sub(r"\[([^\]]*)\]\S*", r"\1", line.strip().removeprefix("- ")) for line in lines)
        found += [Example(text, frozenset(), locale) for text in plain if text]
    random.Random(0).shuffle(found)
    return found[:_NONE]


class Phrases:
    """A language's phrases, some of their ways written out at random."""

    def __init__(self, locale: str) -> None:
        self._locale, self._raw, self._random = locale, _yaml(PHRASES_DIR / f"{locale}.yml"), random.Random(0)
        self._sets: Mapping[str, str] = self._raw.get("sets") or {}

    def examples(self) -> Iterator[Example]:
        """Some of each line."""
        for flag, lines in self._raw["flags"].items():
            for line in filter(None, map(str.strip, str(lines).splitlines())):
                for _ in range(_SAMPLES):
                    yield Example(self._line(line), frozenset((flag,)), self._locale)

    def _line(self, line: str) -> str:
        items = (self._item(item) for item in split_outside(line, " ") if item)
        return " ".join(filter(None, items))

    def _item(self, item: str) -> str:
        if item in ("~", "^", "%", ".") or item.startswith("!"):
            return ""
        if item.startswith("@"):
            return self._one_of(self._sets[item[1:]])
        if item.startswith("["):
            return self._one_of(item[1:].removesuffix("?").removesuffix("]")) if self._random.random() < 0.4 else ""
        if is_group(item):
            return self._one_of(item[1:-1])
        return self._word(item)

    def _one_of(self, text: str) -> str:
        return self._line(self._random.choice(split_outside(text, "|")).strip())

    def _word(self, word: str) -> str:
        while (found := re.search(r"\(([^()]*)\)(\??)", word)) is not None:
            left_out = found[2] and self._random.random() < 0.5
            chosen = "" if left_out else self._random.choice(found[1].split("|"))
            word = word[: found.start()] + chosen + word[found.end() :]
        word = re.sub(r"(\S)\?", lambda found: found[1] if self._random.random() < 0.7 else "", word)
        return word.replace("%", "")


class Ridge:
    """Looks at examples and learns from them."""

    def __init__(self) -> None:
        self._eyes: dict[str, Eyes] = {}

    def eyes(self, locale: str) -> Eyes:
        """The language's own."""
        if locale not in self._eyes:
            also = tuple(_yaml(PHRASES_DIR / f"{locale}.yml").get("also") or ())
            self._eyes[locale] = eyes(PHRASES_DIR / f"{locale}.yml", also)
        return self._eyes[locale]

    def learn(self, given: Sequence[Example]) -> tuple[list[Floats], list[Floats]]:
        """How rare the features of both kinds are, and their weights for each sign."""
        seen = [self.eyes(example.locale).see(tokens(example.text)) for example in given]
        answers = np.array([[flag in example.flags for flag in FLAGS] for example in given], np.float32)
        rarity = [_rarity([features[block] for features in seen]) for block in (0, 1)]
        tables = [_table([one[block] for one in seen], rarity[block]) for block in (0, 1)]
        alike = sum(table @ table.T for table in tables)
        solved = np.linalg.solve(alike + _SOFT * np.eye(len(given), dtype=np.float32), answers)
        return rarity, [table.T @ solved for table in tables]

    def scores(self, example: Example, learned: tuple[list[Floats], list[Floats]]) -> Floats:
        """The most that any clause says of each sign."""
        said = tokens(example.text)
        best = np.zeros(len(FLAGS), np.float32)
        for start, end in clauses(said):
            total = np.zeros(len(FLAGS), np.float32)
            for seen, rarity, weights in zip(self.eyes(example.locale).see(said[start:end]), *learned, strict=True):
                if len(seen[0]):
                    total += scaled(*seen, rarity) @ weights[seen[0]]
            best = np.maximum(best, total)
        return best


def _rarity(seen: Sequence[tuple[Places, Floats]]) -> Floats:
    counts = np.zeros(SIZE, np.float32)
    for places, _ in seen:
        counts[places] += 1
    return np.log((1 + len(seen)) / (1 + counts)).astype(np.float16).astype(np.float32)


def _table(seen: Sequence[tuple[Places, Floats]], rarity: Floats) -> Floats:
    table = np.zeros((len(seen), SIZE), np.float32)
    for row, (places, values) in enumerate(seen):
        table[row, places] = scaled(places, values, rarity)
    return table


def everything(locale: str, with_dev: bool = True) -> list[Example]:
    """What one language's weights are learned from."""
    others = [path.stem for path in sorted((OFFERS / "examples").glob("*.yml"))]
    given = [example for other in others for example in examples(other)]
    given += [*Phrases(locale).examples(), *no_offer(locale)]
    return given + [example for other in LOCALES if with_dev or other != locale for example in dev(other)]


def fingerprint() -> str:
    """Of all that is learned from, so that old weights are noticed."""
    files = [*OFFERS.glob("examples/*.yml"), *OFFERS.glob("words/*.yml"), *OFFERS.glob("phrases/*.yml")]
    files += [*(FIXTURES / "dev").glob("*.yml"), ROOT / "handoff" / "core" / "learned.py"]
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def write(locale: str, ridge: Ridge) -> None:
    """Learn one language and write it, the weights as small whole numbers."""
    rarity, weights = ridge.learn(everything(locale))
    unit = np.float32(max(float(np.abs(table).max()) for table in weights) * _UNIT)
    small = [np.round(table / unit).astype(np.int8) for table in weights]
    np.savez_compressed(
        LEARNED / f"{locale}.npz",
        flags=np.array(FLAGS),
        least=np.array([LEAST_CRITICAL if flag in CRITICAL else LEAST for flag in FLAGS], np.float32),
        unit=unit,
        rarity0=rarity[0].astype(np.float16),
        rarity1=rarity[1].astype(np.float16),
        weights0=small[0],
        weights1=small[1],
    )


def choose(locale: str, ridge: Ridge) -> None:
    """Print what thresholds reach, with the phrases, on messages and examples that were not learned from."""
    held = [example for path in (OFFERS / "examples").glob(f"{locale}.yml") for example in examples(path.stem, 2)]
    lines = sorted({example.line for example in held})
    random.Random(1).shuffle(lines)
    asked, rows = [], []
    for part in range(3 if lines else 0):
        out = frozenset(lines[part::3])
        learned = ridge.learn([example for example in everything(locale) if example.line not in out])
        for example in (example for example in held if example.line in out):
            asked.append(example)
            rows.append(ridge.scores(example, learned))
    _report(f"{locale} examples", asked, rows)
    asked = list(dev(locale))
    learned = ridge.learn(everything(locale, with_dev=False))
    _report(f"{locale} dev", asked, [ridge.scores(example, learned) for example in asked])


def _report(name: str, asked: Sequence[Example], rows: Sequence[Floats]) -> None:
    phrases = Suggester()
    found = [frozenset(phrases.by_phrases(example.text, example.locale)) for example in asked]
    for least in (0.26, 0.3, 0.34, 0.38, 0.42, 0.46, 0.5, 9.0):
        line = f"{name:12} {least:.2f}"
        for named, with_phrases in (("both", True), ("learned", False)):
            total, grave = Counts(), Counts()
            for example, row, known in zip(asked, rows, found, strict=True):
                said = {flag for flag, score in zip(FLAGS, row, strict=True) if score >= least}
                said |= known if with_phrases else frozenset()
                total += compare(example.flags, said)
                grave += compare(example.flags & CRITICAL, said & CRITICAL)
            figures = (total.recall, total.precision, grave.recall, grave.precision)
            line += f"  {named} " + " ".join(f"{figure:.2f}" for figure in figures)
        if asked:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def _yaml(path: Path) -> Any:
    return read_yaml(path.read_text(encoding="utf-8"))


def main() -> None:
    """Write the weights, or with --choose print what thresholds reach."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("locales", nargs="*", default=LOCALES)
    asked = parser.parse_args()
    ridge = Ridge()
    LEARNED.mkdir(exist_ok=True)
    for locale in asked.locales:
        (choose if asked.choose else write)(locale, ridge)
    if not asked.choose:
        (LEARNED / "fingerprint").write_text(fingerprint() + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
