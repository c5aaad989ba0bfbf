"""Which language somebody probably writes in. A suggestion only: the person's own choice is the truth (DESIGN §3).

Letters first, then words that are too short for statistics, then py3langid among the offered languages. It abstains
rather than guess: digits, "ok", a thumb and romanised messages give None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import yaml
from py3langid.langid import LanguageIdentifier, _load_identifier

from handoff.core.content import CONTENT_DIR
from handoff.core.normalise import normalise

MARGIN_PER_LETTER = 0.6
MIN_LETTERS = 5


@lru_cache(maxsize=2)
def _identifier(codes: tuple[str, ...]) -> LanguageIdentifier:
    """Loading takes most of a second; the model does not change."""
    identifier: LanguageIdentifier = _load_identifier()  # type: ignore[no-untyped-call]
    identifier.set_languages(list(codes))  # type: ignore[no-untyped-call]
    return identifier


class Detector:
    """Suggests one of the offered languages, or None."""

    def __init__(self, locales: Sequence[str], path: Path = CONTENT_DIR / "languages.yml") -> None:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        offered = {locale: table[locale] for locale in locales if locale in table}
        self._letters = {
            locale: re.compile(f"[{entry['letters']}]") for locale, entry in offered.items() if entry["letters"]
        }
        self._words = {normalise(word): locale for locale, entry in offered.items() for word in entry["words"]}
        self._identifier = _identifier(tuple(locale.split("_")[0] for locale in offered))
        self._by_code = {locale.split("_")[0]: locale for locale in offered}

    def detect(self, text: str) -> str | None:
        """The likely locale of a message, None when it does not say enough."""
        for locale, letters in self._letters.items():
            if letters.search(text):
                return locale
        known = self._words.get(normalise(text))
        return known or self._guess(text)

    def _guess(self, text: str) -> str | None:
        letters = sum(character.isalpha() for character in text)
        if letters < MIN_LETTERS or len(self._by_code) < 2:
            return None
        (best, score), (_, second), *_ = self._identifier.rank(text)  # type: ignore[no-untyped-call]
        return self._by_code[best] if (score - second) / letters >= MARGIN_PER_LETTER else None
