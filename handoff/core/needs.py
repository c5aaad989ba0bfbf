"""Which kind of help a message asks for: the words of content/directory/needs.yml, in all languages at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handoff.core.content import CONTENT_DIR, BadContent
from handoff.core.directory import NEEDS
from handoff.core.lexicon import Block, Level, Lexicon
from handoff.core.normalise import tokens
from handoff.core.yaml_text import read_yaml


@dataclass(frozen=True, slots=True)
class NeedWords:
    """The table. Words are found on word borders; `x%` also with any ending."""

    lexicon: Lexicon
    locales: frozenset[str]

    @classmethod
    def load(cls, path: Path = CONTENT_DIR / "directory" / "needs.yml") -> NeedWords:
        """From its file. Raises BadContent naming need and language, OSError."""
        raw = read_yaml(path.read_text(encoding="utf-8"))["needs"]
        if wrong := sorted(set(raw) ^ set(NEEDS)):
            raise BadContent(f"needs.yml: {wrong[0]} is missing or unknown")
        return cls(Lexicon(_blocks(raw)), frozenset(locale for words in raw.values() for locale in words))

    def find(self, text: str) -> tuple[str, ...]:
        """The needs that are named, in the order in which the message names them; of two that overlap the longer."""
        said = tokens(text)
        found = sorted(self.lexicon.places(said), key=lambda place: (place[1] - place[2], place[1]))
        kept: list[tuple[str, int, int]] = []
        for name, start, end in found:
            shorter = any(start < last and first < end and end - start < last - first for _, first, last in kept)
            if not shorter:
                kept.append((name, start, end))
        kept.sort(key=lambda place: place[1])
        return tuple(dict.fromkeys(name for name, _, _ in kept))


def _blocks(raw: dict[str, dict[str, list[str]]]) -> Iterator[Block]:
    for need, by_locale in raw.items():
        for words in by_locale.values():
            yield Block(need, Level.SURE, "\n".join(str(word) for word in words), frozenset())
