"""How far each language is: what is there, what is missing or stale and said in another language, what is reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from handoff.core.content import CONTENT_DIR
from handoff.core.content_check import OVER_BUDGET, check
from handoff.core.prompt_table import load_fallbacks, load_prompts, safety_keys
from handoff.i18n import LOCALES_DIR, SOURCE, STATES, Catalogue
from handoff.translations import extract, files

SAFETY, OTHER, DESK = "safety", "other", "desk"
COLUMNS = ("language", "texts", "keys", "complete", "missing", "stale", "draft", "native", "survivor", "over budget")


@dataclass(frozen=True, slots=True)
class Row:
    """One language and one set of its texts. `complete` counts what is there and not stale.

    `missing` and `stale` name keys with the language that people are told them in, "" for stale ones that are still
    said in their own. `over` counts what costs more on SMS than it may.
    """

    locale: str
    texts: str
    keys: int
    missing: dict[str, str]
    stale: dict[str, str]
    states: Counter[str]
    over: int

    @property
    def complete(self) -> int:
        """How many are there and translate today's English."""
        return self.keys - len(self.missing) - len(self.stale)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        counts = (self.keys, self.complete, len(self.missing), len(self.stale))
        return (self.locale, self.texts, *map(str, (*counts, *(self.states[state] for state in STATES), self.over)))


def rows(content_dir: Path = CONTENT_DIR, locales_dir: Path = LOCALES_DIR, only: str = "") -> list[Row]:
    """Every language, or one: its safety set first, then the rest, then the desk. Raises BadContent, OSError."""
    safety = safety_keys(load_prompts(content_dir))
    phones = list(extract.messages(content_dir, locales_dir))
    desk = list(extract.console(locales_dir=locales_dir))
    catalogues = {
        domain: Catalogue(
            files.locales_with(locales_dir, domain),
            root=locales_dir,
            domain=domain,
            fallbacks=_known(load_fallbacks(content_dir), files.locales_with(locales_dir, domain)),
            fresh_only=safety,
        )
        for domain in extract.DOMAINS
    }
    over = _over_budget(content_dir, locales_dir)
    found = []
    for locale in catalogues["messages"].locales:
        if only in ("", locale):
            said = catalogues["messages"]
            for name, keys in (
                (SAFETY, [k for k in phones if k in safety]),
                (OTHER, [k for k in phones if k not in safety]),
            ):
                found.append(_row(said, locale, name, keys, sum(over[locale, key] for key in keys)))
            if locale in catalogues["console"].locales:
                found.append(_row(catalogues["console"], locale, DESK, desk, 0))
    return found


def table(shown: Sequence[Row]) -> str:
    """The rows under their headings, then a line for each text that people are not told in their language as it is."""
    cells = [COLUMNS, *(row.cells for row in shown)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(COLUMNS))]
    lines = ["  ".join(_aligned(line, widths)).rstrip() for line in cells]
    return "\n".join([*lines, *(line for row in shown for line in _remarks(row))])


def unsafe(shown: Iterable[Row], offered: Iterable[str]) -> list[str]:
    """The offered languages in which a safety text is missing: people would be told it in another."""
    wanted = set(offered)
    return [row.locale for row in shown if row.texts == SAFETY and row.missing and row.locale in wanted]


def _row(catalogue: Catalogue, locale: str, name: str, keys: Sequence[str], over: int) -> Row:
    entries = catalogue.entries(locale)
    missing = {key: catalogue.said_in(key, locale) for key in keys if key not in entries}
    forms = [form for key in keys for form in (key, f"{key}#sms") if form in entries]
    stale: dict[str, str] = {}
    for form in forms:
        if catalogue.is_stale(form, locale):
            key = form.partition("#")[0]
            said = catalogue.said_in(key, locale)
            stale.setdefault(key, said if said != locale else "")
    states = Counter(catalogue.state(key, locale) for key in keys if key in entries)
    return Row(locale, name, len(keys), missing, stale, states, over)


def _over_budget(content_dir: Path, locales_dir: Path) -> Counter[tuple[str, str]]:
    prompts = load_prompts(content_dir)
    problems = (p for p in check(content_dir=content_dir, locales_dir=locales_dir) if p.rule == OVER_BUDGET)
    return Counter((p.locale, prompts[p.key].text_key) for p in problems)


def _known(fallbacks: dict[str, tuple[str, ...]], locales: Sequence[str]) -> dict[str, list[str]]:
    return {name: [other for other in chain if other in locales] for name, chain in fallbacks.items()}


def _aligned(line: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for place, (cell, width) in enumerate(zip(line, widths, strict=True)):
        yield cell.ljust(width) if place < 2 else cell.rjust(width)


def _remarks(row: Row) -> Iterator[str]:
    for key, said in row.missing.items():
        yield f"{row.locale}: {key}: missing, {f'said in {said}' if said else 'nothing to say instead'}"
    for key, said in row.stale.items():
        if row.locale != SOURCE:
            yield f"{row.locale}: {key}: stale, {f'said in {said}' if said else 'still said'}"
