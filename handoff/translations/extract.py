"""What there is to translate: templates of the two catalogues, each entry with what its translator must know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file

from handoff.core.content import CONTENT_DIR, PromptSpec, PromptTable, Speaker, Weight
from handoff.core.content_check import MAX_LABEL, MAX_WORDS, needed_keys
from handoff.core.prompt_table import load_prompts
from handoff.i18n import LAST_RESORT, LOCALES_DIR, Catalogue, Text

CONSOLE_DIR = Path(__file__).resolve().parents[1] / "console"
DOMAINS = ("messages", "console")
# How many characters 1, 2, 3 and 4 short messages hold: in GSM-7 letters only, else.
ROOM = {1: (160, 70), 2: (306, 134), 3: (459, 201), 4: (612, 268)}
LONGEST_SIGN = {"ask": 85, "why": 45, "do": 110}
SIGN_USES = {
    "ask": "asked about an offer, answered with yes or no",
    "why": "a reason in a list, after 'because'",
    "do": "what to do about it, in a list",
}
PLACEHOLDERS = {
    "actions": "lines of what to do (flag.<id>.do)",
    "code": "a code of six letters, or a code that has no words here",
    "count": "a number, in ASCII digits",
    "date": "day and time, as the language writes them",
    "hotline": "the emergency number of this place",
    "hours": "when people are at work",
    "language": "what the language calls itself",
    "name": "the colleague's name",
    "notes": "lines about a service",
    "org": "the organisation's name",
    "phones": "telephone numbers of a service",
    "question": "the question about a sign (flag.<id>.ask)",
    "reasons": "lines of reasons (flag.<id>.why)",
    "reporting": "whether we must report what somebody says",
    "service": "the name of a service",
    "staffing": "whether people are at work now (staffing.now, staffing.later)",
    "unknown": "a question that nobody has answered yet (flag.<id>.ask)",
    "waiting": "that a person has been told (waiting.now)",
}
ENGLISH_NOTE = "en: "
_FAMILY = re.compile(r"""\bt\(["']([\w.]+)\.["'] ~|words\.code\(["'](\w+)["']""")
_KEY = re.compile(r"[a-z_]+(\.\w+)+")


@dataclass(slots=True)
class Entry:
    """One text to translate. `where` are files and lines; `notes` are for the translator."""

    key: str
    notes: list[str] = field(default_factory=list)
    where: list[tuple[str, int]] = field(default_factory=list)


def messages(content_dir: Path = CONTENT_DIR, locales_dir: Path = LOCALES_DIR) -> dict[str, Entry]:
    """Every text that is said on phones, in a steady order. Raises BadContent, OSError."""
    prompts = load_prompts(content_dir)
    english = Catalogue(("en",), root=locales_dir).entries("en")
    said: dict[str, list[PromptSpec]] = {}
    for key in prompts:
        said.setdefault(prompts[key].text_key, []).append(prompts[key])
    labelled = _labelled(prompts)
    needed = needed_keys(prompts)
    order = {key: place for place, key in enumerate(english)}
    return {
        key: Entry(key, [*_notes(key, said, labelled, english), *_english(english.get(key))])
        for key in sorted(needed, key=lambda key: (order.get(key, len(order)), key))
    }


def console(folder: Path = CONSOLE_DIR, locales_dir: Path = LOCALES_DIR) -> dict[str, Entry]:
    """Every text of the desk: what templates name, what code names, and the codes of the families that they show."""
    english = Catalogue(("en",), root=locales_dir, domain="console").entries("en")
    found: dict[str, Entry] = {LAST_RESORT: Entry(LAST_RESORT, ["said where a text is missing"])}
    families: dict[str, tuple[str, int]] = {}
    for path in sorted((folder / "templates").glob("*.html")):
        name = f"handoff/console/templates/{path.name}"
        for line, key, _, _ in extract_from_file("jinja2", path, keywords={"t": None}):
            if isinstance(key, str):
                found.setdefault(key, Entry(key)).where.append((name, line))
        for line, words in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for match in _FAMILY.finditer(words):
                families.setdefault(match[1] or match[2], (name, line))
    for path in sorted(folder.glob("*.py")):
        for key, line in _keys_in(path):
            if key in english:
                found.setdefault(key, Entry(key)).where.append((f"handoff/console/{path.name}", line))
    for key in english:
        family, _, code = key.partition(".")
        if family in families:
            found.setdefault(key, Entry(key, [f"shown for the code {code}"], [families[family]]))
    for key, entry in found.items():
        entry.notes += [*_meanings(english.get(key)), *_english(english.get(key))]
    order = {key: place for place, key in enumerate(english)}
    return {key: found[key] for key in sorted(found, key=lambda key: (order.get(key, len(order)), key))}


def template(entries: Mapping[str, Entry], plural: Iterable[str]) -> Catalog:
    """A catalogue without words, for write_po: the .pot file."""
    catalogue = Catalog(fuzzy=False)
    several = set(plural)
    for key, entry in entries.items():
        catalogue.add((key, key) if key in several else key, locations=entry.where, auto_comments=entry.notes)
    return catalogue


def _keys_in(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _KEY.fullmatch(node.value):
            yield node.value, node.lineno


def _labelled(prompts: PromptTable) -> dict[str, list[str]]:
    """Which entries show a label."""
    shown: dict[str, list[str]] = {}
    for key in prompts:
        spec = prompts[key]
        guessed = (*spec.guesses.first, *spec.guesses.then) if spec.guesses else ()
        for option in (*spec.options, *guessed):
            shown.setdefault(f"option.{option.id}", []).append(key)
    return shown


def _notes(
    key: str, said: Mapping[str, list[PromptSpec]], labelled: Mapping[str, list[str]], english: Mapping[str, Text]
) -> Iterator[str]:
    if key in labelled:
        first = labelled[key][:3]
        more = f" and {len(labelled[key]) - 3} more" if len(labelled[key]) > 3 else ""
        yield f"an answer to choose, at most {MAX_LABEL} characters; shown under {', '.join(first)}{more}"
    elif key.startswith("flag."):
        part = key.rpartition(".")[2]
        yield f"{SIGN_USES[part]}; at most {LONGEST_SIGN[part]} characters"
    for spec in said.get(key, ())[:1]:
        yield from _of_prompt(spec, english)
    yield from _meanings(english.get(key), said.get(key, ()))


def _of_prompt(spec: PromptSpec, english: Mapping[str, Text]) -> Iterator[str]:
    who = "an automatic notice" if spec.speaker is Speaker.SYSTEM else "the assistant"
    weight = "" if spec.weight is Weight.PLAIN else f"; weight: {spec.weight}, needs a second reader"
    yield f"said by {who}{weight}"
    if spec.options:
        labels = (english.get(f"option.{option.id}") for option in spec.options)
        yield "answers: " + ", ".join(f"{n} {label.words}" for n, label in enumerate(labels, start=1) if label)
    latin, other = ROOM[spec.budget]
    yield (
        f"on SMS with its answers at most {spec.budget} segments: {latin} characters of GSM-7, else {other}; "
        f'a shorter text for SMS is a further entry "{spec.text_key}#sms"'
    )
    yield f"sentences of at most {MAX_WORDS} words"


def _meanings(text: Text | None, specs: Iterable[PromptSpec] = ()) -> Iterator[str]:
    names = {*(text.placeholders if text else ()), *(name for spec in specs for name in spec.args)}
    for name in sorted(names):
        yield f"{{{name}}}: {PLACEHOLDERS.get(name, 'filled in')}"


def _english(text: Text | None) -> Iterator[str]:
    if text is None:
        return
    for form in text.forms or (text.words,):
        yield from (f"{ENGLISH_NOTE}{line}" for line in form.splitlines())
