"""Which language somebody probably writes in. A suggestion only: the person's own choice is the truth (DESIGN §3).

Each word that is common in one of the languages alone, or holds a letter of its own, is a vote; where these do not
settle it, py3langid does, among the offered languages of that script; in Latin letters, in which people write every
language, only with a vote. It abstains rather than guess: digits, "ok", a thumb and romanised messages give None.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from py3langid.langid import LanguageIdentifier, _load_identifier

from handoff.core.content import CONTENT_DIR
from handoff.core.danger import SCRIPTS
from handoff.core.normalise import normalise, tokens
from handoff.core.yaml_text import read_yaml

MARGIN_PER_LETTER = 0.6
MIN_LETTERS = 5
# Of the words of a language that we do not know, or in another's letters, chance makes one look like ours.
VOTES = 2
# Nobody needs more than this to show a language.
_LONGEST = 1000
# Languages that the statistical model has never seen.
_UNKNOWN_TO_MODEL = frozenset({"so"})


@lru_cache(maxsize=2)
def _identifier(codes: tuple[str, ...]) -> LanguageIdentifier:
    """Loading takes most of a second; the model does not change."""
    identifier: LanguageIdentifier = _load_identifier()  # type: ignore[no-untyped-call]
    identifier.set_languages(list(codes))  # type: ignore[no-untyped-call]
    return identifier


class Detector:
    """Suggests one of the offered languages, or None."""

    def __init__(self, locales: Sequence[str], path: Path = CONTENT_DIR / "languages.yml") -> None:
        table = read_yaml(path.read_text(encoding="utf-8"))
        offered = {locale: table[locale] for locale in locales if locale in table}
        self._letters = {
            locale: re.compile(f"[{entry['letters']}]") for locale, entry in offered.items() if entry["letters"]
        }
        self._known = {normalise(word): locale for locale, entry in offered.items() for word in entry["words"]}
        self._common = {word: locale for locale, entry in offered.items() for word in tokens(" ".join(entry["common"]))}
        self._written: dict[str, list[str]] = {}
        for locale, entry in offered.items():
            self._written.setdefault(entry["script"], []).append(locale)
        self._latin = frozenset(self._written.get("Latn", ()))
        self._by_code = {locale.split("_")[0]: locale for locale in offered if locale not in _UNKNOWN_TO_MODEL}
        self._identifier = _identifier(tuple(self._by_code))

    def detect(self, text: str) -> str | None:
        """The likely locale of a message, None when it does not say enough."""
        text = text[:_LONGEST]
        if known := self._known.get(normalise(text)):
            return known
        candidates = self.written_like(text)
        if len(candidates) == 1 and candidates[0] not in self._latin:
            return candidates[0]
        votes = self._votes(text, candidates)
        return self._elected(votes) or self._guess(text, candidates, votes)

    def written_like(self, text: str) -> Sequence[str]:
        """The offered languages of the script that a message is written in; none where it has no letters of one."""
        text = text[:_LONGEST]
        script = max(SCRIPTS, key=lambda name: len(SCRIPTS[name].findall(text)))
        return tuple(self._written.get(script, ())) if SCRIPTS[script].search(text) else ()

    def _votes(self, text: str, candidates: Sequence[str]) -> Counter[str]:
        votes: Counter[str] = Counter()
        for word in tokens(text):
            if self._common.get(word) in candidates:
                votes[self._common[word]] += 1
        for word in text.casefold().split():
            votes.update(
                locale for locale in candidates if locale in self._letters and self._letters[locale].search(word)
            )
        return votes

    def _elected(self, votes: Counter[str]) -> str | None:
        """Who has twice the votes of the next, and more than chance gives."""
        (best, most), (_, next_most) = (*votes.most_common(2), ("", 0), ("", 0))[:2]
        return best if most >= max(VOTES, 2 * next_most) else None

    def _guess(self, text: str, candidates: Sequence[str], votes: Counter[str]) -> str | None:
        """By statistics, when these are far enough apart, and no vote speaks against it."""
        letters = sum(character.isalpha() for character in text)
        ranked = self._identifier.rank(text)  # type: ignore[no-untyped-call]
        scores = [(self._by_code[code], score) for code, score in ranked if self._by_code[code] in candidates]
        if letters < MIN_LETTERS or len(scores) < 2:
            return None
        (locale, score), (_, second), *_ = scores
        needed = max(votes.values(), default=0) or (locale in self._latin)
        return locale if votes[locale] >= needed and (score - second) / letters >= MARGIN_PER_LETTER else None
