"""What `amana translations …` does."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from handoff.core.content import CONTENT_DIR
from handoff.i18n import LOCALES_DIR, SOURCE, Catalogue
from handoff.translations import extract, files
from handoff.translations.extract import Entry


def update(content_dir: Path = CONTENT_DIR, locales_dir: Path = LOCALES_DIR, *, only: str = "") -> list[str]:
    """Write both .pot files and bring the .po files up to date; the faults that remain, one a line.

    Raises BadContent, OSError, and ValueError when a file cannot be read or `only` names no language.
    """
    for domain, entries in _entries(content_dir, locales_dir):
        english = Catalogue((SOURCE,), root=locales_dir, domain=domain).entries(SOURCE)
        several = [key for key, text in english.items() if text.forms]
        files.write_template(locales_dir / f"{domain}.pot", extract.template(entries, several))
        locales = files.locales_with(locales_dir, domain)
        if only and domain == extract.DOMAINS[0] and only not in locales:
            raise ValueError(f"no catalogue for {only}: there are {', '.join(locales)}")
        for locale in locales:
            path = files.path_of(locales_dir, locale, domain)
            if only in ("", locale):
                files.update(path, locale, entries, english)
    return faults(locales_dir)


def faults(locales_dir: Path = LOCALES_DIR) -> list[str]:
    """Every catalogue as Babel compiles it, and the desk's texts as complete as those for phones have to be."""
    found: list[str] = []
    for domain in extract.DOMAINS:
        for locale in files.locales_with(locales_dir, domain):
            found += map(str, files.faults(files.path_of(locales_dir, locale, domain), locale))
    return found or list(_desk(locales_dir))


def accept(
    locale: str, keys: Collection[str], content_dir: Path = CONTENT_DIR, locales_dir: Path = LOCALES_DIR
) -> None:
    """Somebody compared these texts with today's English: they are no longer stale. Raises as `update`, and for a key
    that has no words in this language."""
    left = set(keys)
    for domain, entries in _entries(content_dir, locales_dir):
        if locale not in files.locales_with(locales_dir, domain):
            continue
        texts = Catalogue((SOURCE, locale), root=locales_dir, domain=domain)
        mine = left & set(texts.entries(locale))
        path = files.path_of(locales_dir, locale, domain)
        files.update(path, locale, entries, texts.entries(SOURCE), accepted=mine)
        left -= mine
    if left:
        raise ValueError(f"{locale} has no text {', '.join(sorted(left))}")


def _desk(locales_dir: Path) -> Iterator[str]:
    domain = extract.DOMAINS[1]
    catalogue = Catalogue(files.locales_with(locales_dir, domain), root=locales_dir, domain=domain)
    english = catalogue.entries(SOURCE)
    needed = extract.console(locales_dir=locales_dir)
    for locale in catalogue.locales:
        entries = catalogue.entries(locale)
        for key in needed:
            if key not in entries:
                yield f"{locale}/{domain}.po: {key}: missing"
            elif key in english and entries[key].placeholders != english[key].placeholders:
                yield f"{locale}/{domain}.po: {key}: other placeholders than in English"


def _entries(content_dir: Path, locales_dir: Path) -> Iterator[tuple[str, dict[str, Entry]]]:
    yield extract.DOMAINS[0], extract.messages(content_dir, locales_dir)
    yield extract.DOMAINS[1], extract.console(locales_dir=locales_dir)
