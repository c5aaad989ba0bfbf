"""What `make nlu-report` writes: the measured part of docs/nlu.md, and a picture of the confusions of each language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from bench.nlu_data import SAFETY
from bench.nlu_score import (
    FALLBACK,
    Heard,
    accuracy,
    alarms_per_thousand,
    calibration_error,
    macro_f1,
    reached,
    recall,
    rejected,
    reliability,
)

BEGIN, END = "<!-- measured by make nlu-report -->", "<!-- end of measured -->"
CELL, MARGIN = 16, 170
BARS = {"f1": 0.88, "recall": 0.90, "pooled": 0.95, "alarms": 20.0}


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that one run found. Times in seconds and milliseconds, sizes in MB.

    `words` is the table of what the danger words find alone (bench/danger.py).
    """

    sets: dict[str, list[Heard]]
    ordinary: list[Heard]
    learnt: int
    train_s: float
    message_ms: float
    process_mb: float
    model_mb: float
    words: str = ""

    def of(self, name: str, locale: str = "") -> list[Heard]:
        """One set, in one language or in all."""
        return [each for each in self.sets[name] if locale in ("", each.locale)]

    def alarms(self, locale: str = "", *, by_model: bool = False) -> float:
        """False alarms of 1,000 ordinary messages: of the product, or of the model alone."""
        heard = [each for each in self.ordinary if locale in ("", each.locale)]
        return alarms_per_thousand([each.model if by_model else each.alarm for each in heard])

    @property
    def locales(self) -> list[str]:
        """The languages of the test set."""
        return sorted({each.locale for each in self.sets["test"]})


def product(heard: Iterable[Heard]) -> list[tuple[str, str]]:
    """(meant, understood) end to end."""
    return [(each.meant, each.product) for each in heard]


def model(heard: Iterable[Heard]) -> list[tuple[str, str]]:
    """(meant, understood) by the model alone, its threshold included."""
    return [(each.meant, each.model) for each in heard]


def sure(heard: Iterable[Heard]) -> list[tuple[float, bool]]:
    """(probability, right) of the likeliest intent."""
    return [(each.likeliest[1], each.likeliest[0] == each.meant) for each in heard]


def missed_bars(measured: Measured) -> list[str]:
    """What falls short of the bars, on the test set, end to end."""
    short = []
    for locale in measured.locales:
        pairs = product(measured.of("test", locale))
        f1, found, alarms = macro_f1(pairs), recall(pairs, SAFETY), measured.alarms(locale)
        short += [f"{locale}: macro-F1 {f1:.3f} < {BARS['f1']}"] if f1 < BARS["f1"] else []
        short += [f"{locale}: safety recall {found:.3f} < {BARS['recall']}"] if found < BARS["recall"] else []
        short += [f"{locale}: {alarms:.0f} false alarms of 1,000"] if alarms > BARS["alarms"] else []
    pooled = recall(product(measured.of("test")), SAFETY)
    return short + ([f"safety recall pooled {pooled:.3f} < {BARS['pooled']}"] if pooled < BARS["pooled"] else [])


def page(measured: Measured) -> str:
    """The measured part of docs/nlu.md."""
    by_words = "### What the danger words find alone\n" + measured.words
    parts = (languages(measured), safety(measured), by_words, certainty(measured), costs(measured), pictures(measured))
    return "\n\n".join((BEGIN, *parts, END))


def rewritten(document: str, part: str) -> str:
    """The document with its measured part replaced. Raises ValueError when it has no markers."""
    before, _, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no {BEGIN} … {END} to write between")
    return before + part + after


def languages(measured: Measured) -> str:
    """One row a language."""
    columns: dict[str, Callable[[str], str]] = {
        "utterances": lambda locale: str(len(measured.of("test", locale))),
        "accuracy": lambda locale: f"{accuracy(product(measured.of('test', locale))):.3f}",
        "**macro-F1**": lambda locale: f"**{macro_f1(product(measured.of('test', locale))):.3f}**",
        "on dev": lambda locale: f"{macro_f1(product(measured.of('dev', locale))):.3f}",
        "model alone": lambda locale: f"{macro_f1(model(measured.of('test', locale))):.3f}",
        "**safety recall**": lambda locale: f"**{recall(product(measured.of('test', locale)), SAFETY):.3f}**",
        "model alone ": lambda locale: f"{recall(model(measured.of('test', locale)), SAFETY):.3f}",
        "or card, or offered": lambda locale: f"{reached(_safety(measured, locale), SAFETY):.3f}",
        "false alarms of 1,000": lambda locale: f"{measured.alarms(locale):.0f}",
        "by the model": lambda locale: f"{measured.alarms(locale, by_model=True):.0f}",
        "out of scope rejected": lambda locale: f"{rejected(product(measured.of('test', locale))):.2f}",
        "not understood": lambda locale: f"{_unclear(measured.of('test', locale)):.2f}",
    }
    rows = [[locale, *(of(locale) for of in columns.values())] for locale in measured.locales]
    rows.append(["all", *(of("") for of in columns.values())])
    return "### By language, on the test set, end to end\n" + table(["", *columns], rows)


def safety(measured: Measured) -> str:
    """The recall of each safety intent in each language, end to end."""
    rows = []
    for intent in sorted(SAFETY):
        found = [recall(product(measured.of("test", locale)), {intent}) for locale in (*measured.locales, "")]
        rows.append([f"`{intent}`", *(f"{share:.2f}" for share in found)])
    return "### Recall of the ten safety intents\n" + table(["", *measured.locales, "all"], rows)


def certainty(measured: Measured) -> str:
    """How far the model's probabilities can be believed."""
    rows = [
        [f"{mean:.2f}", f"{right:.2f}", str(count)] for mean, right, count in reliability(sure(measured.of("test")))
    ]
    errors = ", ".join(f"{name} {calibration_error(sure(measured.of(name))):.3f}" for name in ("dev", "test"))
    unclear = [each for each in measured.of("test") if each.product == FALLBACK]
    guessed = reached(unclear, SAFETY)
    return (
        f"### How sure it is\nCalibration error (ECE, ten bins): {errors}. Of what was not understood, "
        f"{guessed:.0%} was meant as one of the two guesses that are offered.\n\n"
        + table(["says", "is right", "utterances"], rows)
    )


def costs(measured: Measured) -> str:
    """What it costs."""
    return (
        f"### Cost\n{measured.learnt:,} utterances learnt in {measured.train_s:.0f} s, Rasa's start included; "
        f"{measured.message_ms:.2f} ms a message; the model's file has {measured.model_mb:.1f} MB, "
        f"the running assistant {measured.process_mb:.0f} MB (PSS)."
    )


def pictures(measured: Measured) -> str:
    """Links to the pictures."""
    links = " · ".join(f"[{locale}](nlu/confusion-{locale}.svg)" for locale in measured.locales)
    return f"### What is taken for what\n{links} (rows: meant; columns: understood, end to end, on the test set)."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def picture(heard: Sequence[Heard], locale: str) -> str:
    """The confusions of one language as SVG: one square for each pair that occurs, the darker the more often."""
    counts = Counter((each.meant, each.product) for each in heard)
    rows = sorted({each.meant for each in heard})
    columns = [*rows, *sorted({each.product for each in heard} - set(rows))]
    totals = Counter(each.meant for each in heard)
    width, height = MARGIN + CELL * len(columns) + 8, MARGIN + CELL * len(rows) + 8
    drawn = [f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for place, name in enumerate(columns):
        x = MARGIN + CELL * place + 12
        drawn.append(f'<text transform="translate({x},{MARGIN - 6}) rotate(-90)">{escape(name)}</text>')
    for place, name in enumerate(rows):
        y = MARGIN + CELL * place + 12
        drawn.append(f'<text x="{MARGIN - 6}" y="{y}" text-anchor="end">{escape(name)}</text>')
    for (meant, found), count in sorted(counts.items()):
        drawn.append(_square(rows.index(meant), columns.index(found), count, count / totals[meant], meant == found))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="10" role="img" aria-label="Confusions, {locale}">' + "".join(drawn) + "</svg>\n"
    )


def write(measured: Measured, docs: Path) -> None:
    """Rewrite the document and the pictures. Raises ValueError, OSError."""
    document = docs / "nlu.md"
    document.write_text(rewritten(document.read_text("utf-8"), page(measured)), "utf-8")
    (docs / "nlu").mkdir(exist_ok=True)
    for locale in measured.locales:
        drawn = picture(measured.of("test", locale), locale)
        (docs / "nlu" / f"confusion-{locale}.svg").write_text(drawn, "utf-8")


def _square(row: int, column: int, count: int, share: float, right: bool) -> str:
    x, y = MARGIN + CELL * column, MARGIN + CELL * row
    colour = "#1a7f37" if right else "#b42318"
    ink = "#fff" if share > 0.5 else "#000"
    return (
        f'<rect x="{x}" y="{y}" width="{CELL - 1}" height="{CELL - 1}" fill="{colour}" fill-opacity="{share:.2f}"/>'
        f'<text x="{x + 7}" y="{y + 11}" text-anchor="middle" fill="{ink}">{count}</text>'
    )


def _safety(measured: Measured, locale: str) -> list[Heard]:
    return [each for each in measured.of("test", locale) if each.meant in SAFETY]


def _unclear(heard: Sequence[Heard]) -> float:
    return sum(each.product == FALLBACK for each in heard) / len(heard) if heard else 0.0
