"""The words of danger and self-harm, one file a language: content/danger/<locale>.yml, explained in its README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from handoff.core.content import CONTENT_DIR, BadContent
from handoff.core.lexicon import Block, Level, Lexicon, phrase_lines
from handoff.core.normalise import normalise
from handoff.core.yaml_text import read_yaml

DANGER_DIR = CONTENT_DIR / "danger"
MEANINGS = ("danger", "self_harm")
STATES = ("draft", "native_reviewed")
# Any script can be matched; a script of this table is also guarded against letters that only look like its own.
SCRIPTS = {
    "Arab": re.compile(r"[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]"),
    "Cyrl": re.compile(r"[\u0400-\u052f]"),
    "Latn": re.compile(r"[a-zA-Z\u00c0-\u024f\u1e00-\u1eff]"),
}
_FIELDS = frozenset({"state", "negators", "not_slips", "phrases"})
_BLOCK_FIELDS = frozenset({"script", "romanised", "sets", *Level})
_LETTERS = re.compile(r"[^\W\d_]+")
_SET_NAME = re.compile(r"^\w+: |@\w+")


@dataclass(frozen=True, slots=True)
class DangerWords:
    """All languages together. `not_slips` are in matching form."""

    lexicon: Lexicon
    not_slips: frozenset[str]
    locales: tuple[str, ...]


def load_danger(folder: Path = DANGER_DIR) -> DangerWords:
    """Every language that has a file. Raises BadContent naming file and line, OSError."""
    return _parsed(tuple((path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yml"))))


def parse_danger(sources: Mapping[str, str]) -> DangerWords:
    """From the YAML of each language. Raises BadContent naming file and line."""
    blocks: list[Block] = []
    not_slips: set[str] = set()
    for locale, source in sources.items():
        try:
            raw = _entry(read_yaml(source), _FIELDS)
            blocks += _blocks(raw)
            not_slips |= _words(raw.get("not_slips") or ())
        except KeyError as error:
            raise BadContent(f"danger/{locale}.yml: {error.args[0]} is missing") from error
        except (yaml.YAMLError, TypeError, AttributeError, ValueError) as error:
            raise BadContent(f"danger/{locale}.yml{_line(str(error), source)}: {error}") from error
    try:
        lexicon = Lexicon(blocks)
    except BadContent as error:
        said = str(error)
        raise BadContent(next(filter(None, (_named(said, *item) for item in sources.items())), said)) from error
    return DangerWords(lexicon, frozenset(not_slips), tuple(sources))


@lru_cache(maxsize=4)
def _parsed(sources: tuple[tuple[str, str], ...]) -> DangerWords:
    """Half a second of work: the same texts are read once, whoever asks."""
    return parse_danger(dict(sources))


def _blocks(raw: Mapping[str, Any]) -> Iterator[Block]:
    if raw["state"] not in STATES:
        raise BadContent(f"state is one of {', '.join(STATES)}")
    negators = _words(raw["negators"])
    if several := [word for word in negators if " " in word]:
        raise BadContent(f"negators: {several[0]} is more than one word")
    if set(raw["phrases"]) != set(MEANINGS):
        raise BadContent(f"phrases has the sections {' and '.join(MEANINGS)}")
    for meaning in MEANINGS:
        for number, entry in enumerate(raw["phrases"][meaning], start=1):
            try:
                yield from _levels(meaning, _entry(entry, _BLOCK_FIELDS), negators)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise BadContent(f"{meaning}, block {number}: {error}") from error


def _levels(meaning: str, entry: Mapping[str, Any], negators: frozenset[str]) -> Iterator[Block]:
    script, sets = str(entry["script"]), {str(name): str(words) for name, words in (entry.get("sets") or {}).items()}
    if entry.get("romanised") and script != "Latn":
        raise BadContent("romanised is Latn")
    levels = {level: str(entry.get(level) or "") for level in Level}
    named = (f"{name}: {words}" for name, words in sets.items())
    for text in (*named, *(line for lines in levels.values() for line in phrase_lines(lines))):
        _one_script(text, script)
    yield from (Block(meaning, level, lines, negators, sets) for level, lines in levels.items() if lines)


def _one_script(text: str, script: str) -> None:
    """Letters of two scripts in one word look right to a reader and match nothing that anybody writes."""
    for word in _LETTERS.findall(_SET_NAME.sub("", text)):
        used = [name for name, letters in SCRIPTS.items() if letters.search(word)]
        if script in SCRIPTS and used != [script]:
            raise BadContent(f"{text}: {word} is not written in {script}")


def _entry(raw: Any, fields: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise BadContent("is no table")
    if unknown := sorted(set(map(str, raw)) - fields):
        raise BadContent(f"unknown field {unknown[0]}")
    return raw


def _words(listed: Iterable[object]) -> frozenset[str]:
    """Words in matching form. YAML takes a bare no for False: such words need quotes."""
    if bare := [word for word in listed if not isinstance(word, str)]:
        raise BadContent(f"{bare[0]!r}: write this word in quotes")
    return frozenset(normalise(str(word)) for word in listed)


def _named(error: str, locale: str, source: str) -> str:
    """The error with the file and line that it speaks of, "" when that is another language's."""
    line = _line(error, source)
    return f"danger/{locale}.yml{line}: {error}" if line else ""


def _line(error: str, source: str) -> str:
    """Which line of a file an error quotes."""
    quoted = [
        (len(line), number)
        for number, line in enumerate(map(str.strip, source.splitlines()), start=1)
        if f" {line}: " in f" {error}"
    ]
    return f", line {max(quoted)[1]}" if quoted else ""
