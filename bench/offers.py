"""How well people's own words suggest warning signs: `make offer-report` writes the table of docs/offer-check.md.

Measured on tests/offers/<part>/<locale>.yml: `dev` is what the phrases were tuned on, `test` was written by somebody
who had seen the signs only. A suggestion is confirmed by the person before it counts, so a false one costs a question.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from handoff.core.offers import Offers
from handoff.core.suggest import Suggester

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "offers"
DOCUMENT = ROOT / "docs" / "offer-check.md"
START, END = "<!-- measured: make offer-report -->", "<!-- /measured -->"


@dataclass(frozen=True, slots=True)
class Counts:
    """Signs found rightly, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """The share of suggestions that are right; 1 when there are none."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """The share of signs that are found; 1 when there are none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def fixtures(part: str, locale: str) -> Sequence[dict[str, Any]]:
    """The messages of one language: `text`, and `flags`, the signs that it states."""
    found: list[dict[str, Any]] = yaml.safe_load((FIXTURES / part / f"{locale}.yml").read_text(encoding="utf-8"))
    return found


def compare(wanted: Iterable[str], found: Iterable[str]) -> Counts:
    """Two sets of signs."""
    meant, said = set(wanted), set(found)
    return Counts(len(meant & said), len(said - meant), len(meant - said))


def measure(part: str, locale: str, suggester: Suggester, critical: frozenset[str]) -> tuple[Counts, Counts]:
    """All signs, and the critical ones alone, over a language's messages."""
    everything, grave = Counts(), Counts()
    for entry in fixtures(part, locale):
        wanted = set(entry["flags"])
        found = {suggestion.flag for suggestion in suggester.suggest(entry["text"], locale)}
        everything += compare(wanted, found)
        grave += compare(wanted & critical, found & critical)
    return everything, grave


def table() -> Iterator[str]:
    """The lines of the table, with a line for all languages together."""
    suggester, critical = Suggester(), critical_signs()
    yield "| Language | Messages | All signs: recall | precision | Critical signs: recall | precision |"
    yield "|---|---|---|---|---|---|"
    total, grave_total, messages = Counts(), Counts(), 0
    for locale in sorted(path.stem for path in (FIXTURES / "test").glob("*.yml")):
        everything, grave = measure("test", locale, suggester, critical)
        count = len(fixtures("test", locale))
        total, grave_total, messages = total + everything, grave_total + grave, messages + count
        yield _row(locale, count, everything, grave)
    yield _row("**all**", messages, total, grave_total)


def critical_signs() -> frozenset[str]:
    """The signs of which one is enough."""
    return frozenset(name for name, flag in Offers.load().flags.items() if flag.critical)


def milliseconds(suggester: Suggester, locale: str) -> float:
    """The time that one message takes."""
    texts = [entry["text"] for entry in fixtures("test", locale)]
    suggester.hints(texts[0], locale)
    started = time.perf_counter()
    for text in texts:
        suggester.hints(text, locale)
    return (time.perf_counter() - started) * 1000 / len(texts)


def _row(name: str, count: int, everything: Counts, grave: Counts) -> str:
    figures = (everything.recall, everything.precision, grave.recall, grave.precision)
    return f"| {name} | {count} | {' | '.join(f'{figure:.2f}' for figure in figures)} |"


def main() -> None:
    """Measure, print, and put the table into the document."""
    lines = list(table())
    slowest = max(milliseconds(Suggester(), path.stem) for path in (FIXTURES / "test").glob("*.yml"))
    lines.append(f"\nA message takes {slowest:.1f} ms in the slowest language.")
    measured = "\n".join(lines)
    sys.stdout.write(measured + "\n")
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{START}\n{measured}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
