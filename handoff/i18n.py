"""Reading the Babel catalogues in locales/, and dates as each language writes them.

A .po file is read as it is, and again when it changes: a mended text is live within a second, which a compiled .mo
that somebody has to build and ship would not be.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from string import Formatter
from threading import Lock

import structlog
from babel import Locale
from babel.dates import format_datetime
from babel.messages.catalog import Catalog as PoCatalogue
from babel.messages.catalog import Message
from babel.messages.pofile import PoFileError, read_po

LOCALES_DIR = Path(__file__).resolve().parents[1] / "locales"
LAST_RESORT = "fallback.ask"
SOURCE = "en"
DRAFT = "draft"
STATES = ("draft", "native_reviewed", "survivor_reviewed")
STATE_COMMENT = "state:"
ENGLISH_COMMENT = "english:"
# As CLDR names them, in the order of msgstr[0], msgstr[1] …
CATEGORIES = ("zero", "one", "two", "few", "many", "other")
_CHECK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Text:
    """One entry: its words, its review state, and which placeholders it uses.

    `english` marks the English text that it translates ("" when nobody said). `forms` are its plural forms in the
    order of `categories`, empty where it has none; `words` is then the last.
    """

    words: str
    state: str
    placeholders: frozenset[str]
    english: str = ""
    forms: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What a translation of this text remembers: a changed text has another mark."""
        return mark_of(self.forms or (self.words,))


@dataclass(slots=True)
class _File:
    path: Path
    mtime_ns: int = 0
    texts: Mapping[str, Text] = field(default_factory=dict)


class Catalogue:
    """The texts of one domain in all offered languages, read at start and again when a file changes.

    Raises OSError at start when a catalogue is missing, PoFileError or ValueError when it cannot be read. A file that
    breaks later keeps its last good texts.
    """

    def __init__(
        self,
        locales: Sequence[str],
        *,
        default_locale: str = SOURCE,
        root: Path = LOCALES_DIR,
        domain: str = "messages",
        clock: Callable[[], float] = time.monotonic,
        fallbacks: Mapping[str, Sequence[str]] | None = None,
        fresh_only: Collection[str] = (),
    ) -> None:
        self.locales = tuple(dict.fromkeys((*locales, default_locale)))
        self.default_locale = default_locale
        self._clock = clock
        self._lock = Lock()
        self._fresh_only = frozenset(fresh_only)
        self._chains = {name: self._chain(name, (fallbacks or {}).get(name, ())) for name in self.locales}
        read = dict.fromkeys(name for chain in self._chains.values() for name in chain)
        paths = {name: root / name / "LC_MESSAGES" / f"{domain}.po" for name in (*read, SOURCE)}
        self._files = {name: _File(path) for name, path in paths.items() if name in read or path.is_file()}
        for file in self._files.values():
            _read(file)
        self._checked_at = clock()

    def text(
        self, key: str, locale: str, variant: str | None = None, /, *, count: int | str | None = None, **args: str
    ) -> str:
        """The words of a key, else in a language that the person reads, else the last resort: never a bare key.

        `count` chooses the plural form and fills {count}. A line whose argument is missing or empty is left out (an
        empty hotline must not read "Call now: ").

        A stale text, whose English has changed since, is still said: in a person's own language an old sentence helps
        more than a new one that they cannot read. Not so consent and danger (`fresh_only`): who agrees must agree to
        what is true now (SAFETY §6), and a card must not promise what we no longer do (SAFETY §2). Those are treated
        as if they were not there, and `state` calls them drafts, so that where drafts may not be sent the card with
        the number alone takes their place.
        """
        self._refresh()
        found = self._find(key, locale, variant) or self._find(LAST_RESORT, locale, variant)
        if found is None:
            raise LookupError(LAST_RESORT)
        name, entry = found
        if count is None:
            return _fill(entry.words, entry.placeholders, args)
        return _fill(_form(entry, int(count), name), entry.placeholders, {**args, "count": str(count)})

    def state(self, key: str, locale: str) -> str:
        """The review state of a key in a language: "draft" when it has none of its own, or is stale."""
        self._refresh()
        entry = self._texts(locale).get(key)
        return entry.state if entry and not self.is_stale(key, locale) else DRAFT

    def is_stale(self, key: str, locale: str) -> bool:
        """Whether the English of this key ("key#sms" too) has changed since it was translated."""
        entry = self._texts(locale).get(key)
        source = source_of(key, self._texts(SOURCE))
        return bool(entry and source and locale != SOURCE and entry.english and entry.english != source.mark)

    def said_in(self, key: str, locale: str) -> str:
        """The language in which somebody who reads this one is told this key; "" when there is none."""
        found = self._find(key, locale, None)
        return found[0] if found else ""

    def entries(self, locale: str) -> Mapping[str, Text]:
        """All entries of one language, variants included ("key#sms"). Raises KeyError for a language not offered."""
        self._refresh()
        return self._files[locale].texts

    def labels(self, option_id: str) -> tuple[str, ...]:
        """What an option is called, in every offered language and form."""
        self._refresh()
        key = f"option.{option_id}"
        found = (self._texts(name).get(form) for name in self.locales for form in (key, f"{key}#sms"))
        return tuple(entry.words for entry in found if entry)

    def _texts(self, locale: str) -> Mapping[str, Text]:
        file = self._files.get(locale)
        return file.texts if file else {}

    def _chain(self, locale: str, fallbacks: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((locale, *fallbacks, self.default_locale)))

    def _find(self, key: str, locale: str, variant: str | None) -> tuple[str, Text] | None:
        chain = self._chains.get(locale, (self.default_locale,))
        for name in dict.fromkeys((*chain, SOURCE)):
            for form in (f"{key}#{variant}", key) if variant else (key,):
                entry = self._texts(name).get(form)
                if entry and not (key in self._fresh_only and self.is_stale(form, name)):
                    return name, entry
        return None

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._checked_at < _CHECK_EVERY_S:
            return
        with self._lock:
            self._checked_at = now
            for file in self._files.values():
                _read_again(file)


def day_and_time(when: datetime, locale: str, timezone: tzinfo) -> str:
    """A moment as this language writes it, short and with ASCII digits ("3 May, 14:05")."""
    babel_locale = Locale.parse(locale)
    return format_datetime(when.astimezone(timezone), "d MMM HH:mm", locale=babel_locale)


def placeholders_of(words: str) -> frozenset[str]:
    """The names in braces. Raises ValueError when the braces do not pair up."""
    return frozenset(name for _, name, _, _ in Formatter().parse(words) if name is not None)


def mark_of(forms: Sequence[str]) -> str:
    """Eight hexadecimal digits for an English text, by which a translation knows it again."""
    return hashlib.sha256("\0".join(forms).encode()).hexdigest()[:8]


def source_of(key: str, english: Mapping[str, Text]) -> Text | None:
    """The English that an entry translates: for a short form the English short form, else the whole text."""
    return english.get(key) or english.get(key.partition("#")[0])


@lru_cache(maxsize=64)
def categories(locale: str) -> tuple[str, ...]:
    """The plural categories (CLDR) that whole numbers take in a language, in the order of its plural forms.

    Taken from the numbers of everyday life: French and Spanish have a category for millions that no text here needs.
    """
    rule = Locale.parse(locale).plural_form
    taken = {rule(number) for number in range(201)}
    return tuple(name for name in CATEGORIES if name in taken)


def _form(entry: Text, count: int, locale: str) -> str:
    if not entry.forms:
        return entry.words
    names = categories(locale)
    category = Locale.parse(locale).plural_form(count)
    place = names.index(category) if category in names else len(names) - 1
    return entry.forms[min(place, len(entry.forms) - 1)]


def _fill(words: str, placeholders: frozenset[str], args: Mapping[str, str]) -> str:
    if not placeholders:
        return words
    empty = {name for name in placeholders if not args.get(name)}
    if not empty:
        return words.format_map(args)
    kept = [line for line in words.splitlines() if not placeholders_of(line) & empty]
    template = "\n".join(kept) if any(line.strip() for line in kept) else words
    return template.format_map(defaultdict(str, args)).strip()


def _read_again(file: _File) -> None:
    try:
        if file.path.stat().st_mtime_ns != file.mtime_ns:
            _read(file)
            log.info("catalogue_read", locale=file.path.parent.parent.name)
    except (OSError, ValueError, PoFileError) as error:
        log.warning("catalogue_not_read", locale=file.path.parent.parent.name, error=type(error).__name__)


def _read(file: _File) -> None:
    mtime_ns = file.path.stat().st_mtime_ns
    file.texts, file.mtime_ns = _parsed(file.path.read_bytes()), mtime_ns


@lru_cache(maxsize=32)
def _parsed(source: bytes) -> Mapping[str, Text]:
    """The same words are read once, however many catalogues are opened."""
    return dict(texts_of(read_po(BytesIO(source), abort_invalid=True)))


def texts_of(catalogue: PoCatalogue) -> Iterator[tuple[str, Text]]:
    """Every entry of a file that has words, by its key. Raises ValueError when braces do not pair up."""
    for message in catalogue:
        key = key_of(message)
        string = message.string or ""
        forms = (string,) if isinstance(string, str) else tuple(string)
        if not key or not all(forms):
            continue
        comments = message.auto_comments
        state, english = comment(comments, STATE_COMMENT) or DRAFT, comment(comments, ENGLISH_COMMENT)
        used = frozenset[str]().union(*map(placeholders_of, forms))
        yield key, Text(forms[-1], state, used, english, forms if message.pluralizable else ())


def key_of(message: Message) -> str:
    """The key of an entry, "" for the header. An entry with plural forms has its key twice."""
    return message.id if isinstance(message.id, str) else message.id[0]


def comment(comments: Sequence[str], name: str) -> str:
    """What a comment like "state: draft" says, "" when there is none."""
    return next((line.removeprefix(name).strip() for line in comments if line.startswith(name)), "")
