"""How well the language of a message is told: `python -m bench.language` rewrites its table in docs/nlu.md.

Of `tests/nlu/language/<locale>.yml`: sentences in native writing, messages of one or two words, and messages of another
script in Latin letters. A wrong language is worse than none: without one the person is answered as before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml

from bench.nlu_data import ROOT
from handoff.core.language import Detector
from handoff.services.language import MIN_WORDS

KINDS = ("sentences", "short", "romanised")
BEGIN, END = "<!-- measured by python -m bench.language -->", "<!-- end of measured languages -->"


@dataclass(frozen=True, slots=True)
class Told:
    """One message: its language, what kind it is, and what it was taken for (None: not said)."""

    locale: str
    kind: str
    found: str | None
    words: int

    @property
    def outcome(self) -> str:
        """right, none or wrong."""
        return "none" if self.found is None else "right" if self.found == self.locale else "wrong"

    @property
    def asked_wrongly(self) -> bool:
        """Whether somebody who is answered in this language would be asked about another."""
        return self.outcome == "wrong" and self.words >= MIN_WORDS


def messages() -> Mapping[str, Mapping[str, list[str]]]:
    """The set: language → kind → messages."""
    files = sorted((ROOT / "tests" / "nlu" / "language").glob("*.yml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def tell(said: Mapping[str, Mapping[str, list[str]]]) -> list[Told]:
    """Every message, with all languages of the set on offer."""
    detector = Detector(tuple(said))
    return [
        Told(locale, kind, detector.detect(text), len(text.split()))
        for locale, kinds in said.items()
        for kind in KINDS
        for text in kinds.get(kind) or ()
    ]


def table(told: Iterable[Told]) -> str:
    """One row a language: right, not said and wrong, of each kind; and who would be asked about a wrong language."""
    every = list(told)
    head = [
        "",
        *(f"{kind}: right" if n == 0 else ("none", "wrong")[n - 1] for kind in KINDS for n in range(3)),
        "asked wrongly",
    ]
    rows = [head, ["---"] * len(head)]
    for locale in (*sorted({each.locale for each in every}), ""):
        own = [each for each in every if locale in ("", each.locale)]
        cells = []
        for kind in KINDS:
            count = Counter(each.outcome for each in own if each.kind == kind)
            total = count.total()
            cells += [f"{count[name] / total:.2f}" if total else "" for name in ("right", "none", "wrong")]
        rows.append([locale or "**all**", *cells, str(sum(each.asked_wrongly for each in own))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def rewritten(document: str, part: str) -> str:
    """The document with its table of languages replaced. Raises ValueError when it has no markers."""
    before, _, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no {BEGIN} … {END} to write between")
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def write() -> str:
    """Measure, rewrite docs/nlu.md, and give the table."""
    page = ROOT / "docs" / "nlu.md"
    part = table(tell(messages()))
    page.write_text(rewritten(page.read_text(encoding="utf-8"), part), encoding="utf-8")
    return part


if __name__ == "__main__":
    print(write())
