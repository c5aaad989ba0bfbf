"""The desk's words in one language, for the templates: texts, codes, dates, names of languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from babel import Locale, UnknownLocaleError

from handoff.i18n import LOCALES_DIR, Catalogue, day_and_time

RIGHT_TO_LEFT = frozenset({"ar", "fa", "ps", "ckb", "ur", "he"})


def desk_locales(root: Path = LOCALES_DIR) -> tuple[str, ...]:
    """The languages in which the desk has a catalogue, English first."""
    found = {path.parent.parent.name for path in root.glob("*/LC_MESSAGES/console.po")}
    return ("en", *sorted(found - {"en"}))


def direction_of(locale: str) -> str:
    """ "rtl" or "ltr", for the dir attribute."""
    return "rtl" if locale.split("_")[0] in RIGHT_TO_LEFT else "ltr"


def preferred(header: str, offered: Iterable[str]) -> str | None:
    """The first offered language of an Accept-Language header (browsers list them in order of preference)."""
    known = {locale.split("_")[0]: locale for locale in offered}
    wanted = (part.split(";")[0].strip().split("-")[0].lower() for part in header.split(","))
    return next((known[language] for language in wanted if language in known), None)


@dataclass(frozen=True, slots=True)
class Words:
    """What a template can say. `t` is one text; `code` is the text of a code, or a text that shows the code."""

    catalogue: Catalogue
    locale: str
    timezone: tzinfo

    @property
    def direction(self) -> str:
        """The direction of this language."""
        return direction_of(self.locale)

    @property
    def tag(self) -> str:
        """The language as HTML and browsers name it: "fa-AF". They refuse "fa_AF"."""
        return self.locale.replace("_", "-")

    def t(self, key: str, count: int | None = None, **args: str) -> str:
        """The text of a key; `count` chooses its plural form."""
        return self.catalogue.text(key, self.locale, None, count=count, **args)

    def code(self, family: str, code: str) -> str:
        """The text of `family.code`, else of its kind ("media.voice": "media").

        A code that has neither (a provider's) is shown as it is, in a sentence.
        """
        known = self.catalogue.entries("en")
        keys = (f"{family}.{code}", f"{family}.{code.partition('.')[0]}")
        found = next((key for key in keys if key in known), None)
        return self.t(found) if found else self.t(f"{family}.unknown", code=code)

    def when(self, moment: datetime) -> str:
        """A moment in the deployment's time zone."""
        return day_and_time(moment, self.locale, self.timezone)

    def language(self, locale: str) -> str:
        """What a language is called here."""
        try:
            return Locale.parse(locale).get_display_name(self.locale) or locale
        except (UnknownLocaleError, ValueError):
            return locale

    def own_name(self, locale: str) -> str:
        """What a language calls itself."""
        return Locale.parse(locale).get_display_name(locale) or locale
