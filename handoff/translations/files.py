"""The .pot and .po files: written anew from what there is to translate, with nothing lost that somebody wrote."""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po

from handoff.i18n import (
    DRAFT,
    ENGLISH_COMMENT,
    SOURCE,
    STATE_COMMENT,
    Text,
    categories,
    comment,
    key_of,
    placeholders_of,
    source_of,
    texts_of,
)
from handoff.translations.extract import ENGLISH_NOTE, Entry

# Where Babel's own table and CLDR differ, CLDR counts.
_PLURALS = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
    "fa_AF": "nplurals=2; plural=(n > 1);",
}
_POT_HEADER = 'msgid ""\nmsgstr ""\n"Project-Id-Version: amana\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
_PLURAL_LINE = re.compile(r'^"Plural-Forms: .*"\n?', re.MULTILINE)
_PLURAL_RULE = re.compile(r"nplurals=(\d+); *plural=(.*?);?$")
_SMS = "#sms"


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps a catalogue from compiling, or makes its forms say different things."""

    file: str
    key: str
    what: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.what) if part)


def path_of(root: Path, locale: str, domain: str) -> Path:
    """Where a language's catalogue is."""
    return root / locale / "LC_MESSAGES" / f"{domain}.po"


def locales_with(root: Path, domain: str) -> list[str]:
    """The languages that have this catalogue."""
    return sorted(path.parent.parent.name for path in root.glob(f"*/LC_MESSAGES/{domain}.po"))


def read(path: Path) -> Catalog:
    """One catalogue. Raises OSError, PoFileError."""
    return read_po(io.BytesIO(path.read_bytes()), abort_invalid=True)


def plural_forms(locale: str) -> str:
    """What a header says after "Plural-Forms:"."""
    return _PLURALS.get(locale) or str(get_plural(locale))


def write_template(path: Path, catalogue: Catalog) -> None:
    """The .pot file, without dates: the same words give the same file."""
    path.write_text(f"{_POT_HEADER}\n{_body(catalogue)}", encoding="utf-8")


def update(
    path: Path,
    locale: str,
    entries: Mapping[str, Entry],
    english: Mapping[str, Text],
    *,
    accepted: Collection[str] = (),
) -> None:
    """One language's file from the entries there are: comments anew, words and states kept.

    What is new is added without words, what nothing says any more is kept as obsolete, and what has words but no mark
    of its English, or is `accepted`, gets that of today's. What English has in plural forms starts with its words.
    """
    old = read(path)
    new = Catalog(locale=locale, fuzzy=False)
    known = {key_of(message): message for message in old if key_of(message)}
    known |= {key: message for key, message in _obsolete(old) if key not in known}
    for key, message in _wanted(entries, known):
        words = message.string if message else ""
        several = bool(english[key].forms) if key in english else False
        comments = [*_own(locale, key, message, english, key in accepted), *_notes(locale, key, entries)]
        where = entries[key].where if key in entries else []
        user = message.user_comments if message else []
        forms = _spread(words or "", locale) if several else words
        new.add((key, key) if several else key, forms, locations=where, auto_comments=comments, user_comments=user)
    body = _body(new)
    rest = {key: message for key, message in known.items() if key not in new}
    header = _header(path.read_text(encoding="utf-8"), locale)
    path.write_text(f"{header}\n\n{body}{_graveyard(rest, locale)}", encoding="utf-8")


def faults(path: Path, locale: str) -> Iterator[Fault]:
    """What is wrong with a catalogue as a catalogue: the compiler's own complaints, plural forms, placeholders."""
    name = f"{locale}/{path.name}"
    try:
        catalogue = read(path)
        write_mo(io.BytesIO(), catalogue)
        list(texts_of(catalogue))
    except ValueError as error:
        yield Fault(name, "", str(error))
        return
    yield from (Fault(name, "", what) for what in _wrong_rule(path.read_text(encoding="utf-8"), locale))
    for message in catalogue:
        yield from (Fault(name, key_of(message), str(problem)) for problem in message.check(catalogue))
        if message.pluralizable and message.string and not isinstance(message.string, str):
            yield from (Fault(name, key_of(message), what) for what in _wrong_forms(message.string, locale))


def _wanted(entries: Mapping[str, Entry], known: Mapping[str, Message]) -> Iterator[tuple[str, Message | None]]:
    """The keys of a file in the order of the template, each followed by its short form if the language has one."""
    for key in entries:
        yield key, known.get(key)
        short = f"{key}{_SMS}"
        if short in known and short not in entries:
            yield short, known[short]


def _own(locale: str, key: str, message: Message | None, english: Mapping[str, Text], accepted: bool) -> Iterator[str]:
    """The comments that belong to the words: their state, and which English they translate."""
    comments = message.auto_comments if message else []
    yield f"{STATE_COMMENT} {comment(comments, STATE_COMMENT) or DRAFT}"
    source = source_of(key, english)
    has_words = message is not None and message.string and all(message.string)
    if locale != SOURCE and has_words and source:
        yield f"{ENGLISH_COMMENT} {(not accepted and comment(comments, ENGLISH_COMMENT)) or source.mark}"


def _notes(locale: str, key: str, entries: Mapping[str, Entry]) -> list[str]:
    if key in entries:
        return [note for note in entries[key].notes if locale != SOURCE or not note.startswith(ENGLISH_NOTE)]
    return [f"the shorter text for SMS of {key.removesuffix(_SMS)}"]


def _spread(words: str | tuple[str, ...] | list[str], locale: str) -> tuple[str, ...]:
    """As many forms as the language has: a text that had one form begins with it in all."""
    count = len(categories(locale))
    if isinstance(words, str):
        return (words,) * count
    return (*words[:count], *[""] * (count - len(words)))


def _body(catalogue: Catalog) -> str:
    stream = io.BytesIO()
    write_po(stream, catalogue, width=0, omit_header=True, ignore_obsolete=True)
    return stream.getvalue().decode("utf-8").lstrip("\n")


def _obsolete(catalogue: Catalog) -> Iterator[tuple[str, Message]]:
    for message in catalogue.obsolete.values():
        yield key_of(message), message


def _graveyard(rest: Mapping[str, Message], locale: str) -> str:
    """What nothing says any more, as "#~" lines: it comes back if its key does."""
    catalogue = Catalog(locale=locale, fuzzy=False)
    for key, message in rest.items():
        if message.string:
            own = [
                f"{name} {found}"
                for name in (STATE_COMMENT, ENGLISH_COMMENT)
                if (found := comment(message.auto_comments, name))
            ]
            catalogue.obsolete[key] = Message(message.id, message.string, auto_comments=own)
    stream = io.BytesIO()
    write_po(stream, catalogue, width=0, omit_header=True)
    return stream.getvalue().decode("utf-8")


def _header(source: str, locale: str) -> str:
    header = source.partition("\n\n")[0]
    line = f'"Plural-Forms: {plural_forms(locale)}\\n"'
    if _PLURAL_LINE.search(header) and not list(_wrong_rule(header, locale)):
        return header
    return f"{_PLURAL_LINE.sub('', header).rstrip()}\n{line}"


def _wrong_rule(source: str, locale: str) -> Iterator[str]:
    """Whether the header counts as CLDR does, on which the texts are chosen."""
    line = _PLURAL_LINE.search(source.partition("\n\n")[0])
    rule = _PLURAL_RULE.search(line.group().strip().strip('"').removesuffix("\\n")) if line else None
    if rule is None:
        yield "the header has no Plural-Forms"
        return
    names = categories(locale)
    if int(rule[1]) != len(names):
        yield f"Plural-Forms says {rule[1]} forms; this language has {len(names)}: {', '.join(names)}"
        return
    choose = gettext.c2py(rule[2])
    category = Locale.parse(locale).plural_form
    wrong = next((number for number in range(201) if names[choose(number)] != category(number)), None)
    if wrong is not None:
        yield f"Plural-Forms takes the wrong form for {wrong}"


def _wrong_forms(forms: tuple[str, ...] | list[str], locale: str) -> Iterator[str]:
    names = categories(locale)
    if len(forms) != len(names):
        yield f"{len(forms)} plural forms; this language has {len(names)}: {', '.join(names)}"
        return
    if not any(forms):
        return
    wanted = placeholders_of(forms[-1])
    for name, form in zip(names, forms, strict=True):
        if not form:
            yield f"the form for '{name}' is empty"
        elif missing := wanted - placeholders_of(form) - ({"count"} if _stands_for_one_number(name, locale) else set()):
            yield f"the form for '{name}' leaves out {{{min(missing)}}}"


def _stands_for_one_number(category: str, locale: str) -> bool:
    """Whether a form may say its number in words: Arabic has one for two alone, Russian takes "one" for 21 too."""
    rule = Locale.parse(locale).plural_form
    return sum(rule(number) == category for number in range(201)) == 1
