"""Reading the Babel catalogues in locales/, and dates as each language writes them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from string import Formatter
from threading import Lock

import structlog
from babel import Locale
from babel.dates import format_datetime
from babel.messages.pofile import PoFileError, read_po

LOCALES_DIR = Path(__file__).resolve().parents[1] / "locales"
LAST_RESORT = "fallback.ask"
DRAFT = "draft"
STATES = ("draft", "native_reviewed", "survivor_reviewed")
_STATE_COMMENT = "state:"
_CHECK_EVERY_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Text:
    """One entry: its words, its review state, and which placeholders it uses."""

    words: str
    state: str
    placeholders: frozenset[str]


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
        default_locale: str = "en",
        root: Path = LOCALES_DIR,
        domain: str = "messages",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.locales = tuple(dict.fromkeys((*locales, default_locale)))
        self.default_locale = default_locale
        self._clock = clock
        self._lock = Lock()
        self._files = {name: _File(root / name / "LC_MESSAGES" / f"{domain}.po") for name in self.locales}
        for file in self._files.values():
            _read(file)
        self._checked_at = clock()

    def text(self, key: str, locale: str, variant: str | None = None, /, **args: str) -> str:
        """The words of a key, else in the default language, else the last resort: never a bare key on a phone.

        A line whose argument is missing or empty is left out (an empty hotline must not read "Call now: ").
        """
        self._refresh()
        entry = self._find(key, locale, variant) or self._find(LAST_RESORT, locale, variant)
        if entry is None:
            raise LookupError(LAST_RESORT)
        return _fill(entry, args)

    def state(self, key: str, locale: str) -> str:
        """The review state of a key in a language: "draft" when it has none of its own."""
        self._refresh()
        entry = self._texts(locale).get(key)
        return entry.state if entry else DRAFT

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

    def _find(self, key: str, locale: str, variant: str | None) -> Text | None:
        for name in (locale, self.default_locale):
            texts = self._texts(name)
            entry = (texts.get(f"{key}#{variant}") if variant else None) or texts.get(key)
            if entry:
                return entry
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


def _fill(entry: Text, args: Mapping[str, str]) -> str:
    if not entry.placeholders:
        return entry.words
    empty = {name for name in entry.placeholders if not args.get(name)}
    if not empty:
        return entry.words.format_map(args)
    kept = [line for line in entry.words.splitlines() if not placeholders_of(line) & empty]
    template = "\n".join(kept) if any(line.strip() for line in kept) else entry.words
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
    with file.path.open("rb") as stream:
        catalogue = read_po(stream, abort_invalid=True)
    texts = {}
    for message in catalogue:
        key, words = message.id, message.string
        if key and isinstance(key, str) and isinstance(words, str) and words:
            texts[key] = Text(words, _state(message.auto_comments), placeholders_of(words))
    file.texts, file.mtime_ns = texts, mtime_ns


def _state(comments: Sequence[str]) -> str:
    for comment in comments:
        if comment.startswith(_STATE_COMMENT):
            return comment.removeprefix(_STATE_COMMENT).strip()
    return DRAFT
