"""Words to know each other by: everyday things in each language, and what may be chosen as one's own (SAFETY §4)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from handoff.core.content import CONTENT_DIR, AnswerWords, BadContent
from handoff.core.control import ControlWords
from handoff.core.digits import read_number
from handoff.core.normalise import CLAUSE, normalise, tokens

LEAST = 30
PIN = 4
_SHORTEST, _LONGEST, _MOST = 3, 24, 2


@lru_cache
def load_words(folder: Path = CONTENT_DIR) -> Mapping[str, tuple[str, ...]]:
    """The words by language. Raises BadContent when a language has too few, or one twice."""
    found = {}
    for path in sorted((folder / "words").glob("*.yml")):
        words = tuple(map(str, yaml.safe_load(path.read_text(encoding="utf-8"))["words"]))
        if len({normalise(word) for word in words}) < max(LEAST, len(words)):
            raise BadContent(f"{path.name}: at least {LEAST} different words")
        found[path.stem] = words
    return found


def offered(locale: str) -> str:
    """One of them, by chance."""
    words = load_words()
    return secrets.choice(words.get(locale) or words["en"])


def sign(locale: str) -> str:
    """Two of them, by which a person knows us."""
    words = list(load_words().get(locale) or load_words()["en"])
    first = secrets.choice(words)
    return f"{first} {secrets.choice([word for word in words if word != first])}".upper()


def may_be_chosen(said: str, control: ControlWords, answers: AnswerWords, locale: str, network: str) -> bool:
    """Whether this can be somebody's word: one or two words or four digits, and nothing that means something here."""
    number = read_number(said)
    if number is not None:
        return len(number) == PIN
    words = [token for token in tokens(said) if token != CLAUSE]
    form = normalise(said)
    if not 0 < len(words) <= _MOST or not _SHORTEST <= len(form) <= _LONGEST:
        return False
    taken = answers.affirm | answers.deny | set(answers.numbers)
    return form not in taken and control.match(said, locale, network) is None
