"""Phrases that are looked for anywhere in a message, written as content/control_words.yml explains."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from handoff.core.content import BadContent
from handoff.core.normalise import CLAUSE, fold_letters

_NEGATION_REACH = 2
_GAP = "~"
_CLAUSE_START = r"(?<![^.] )"
_WORD = re.compile(r"[^\W\d_]{6,}")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
_SCRIPTS = {"Arab": _ARABIC, "Latn": re.compile(r"[a-z]")}
# And, so, with, for, as, the: written as one with the word that follows.
_CLITICS = "(?:[وف]?(?:[بكل]?ال|لل|[بكل])?)"


class Level(StrEnum):
    """How much a phrase says by itself; the file explains the three."""

    GRAVE = "grave"
    SURE = "sure"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one language, script and level, as one expression, with that language's words for "not"."""

    level: Level
    script: str
    expression: re.Pattern[str]
    negators: frozenset[str]

    def find(self, said: str) -> Level | None:
        """The strongest level found in a joined message, after weighing negations; None when nothing counts.

        A "not" up to two words before, in the same clause, takes a phrase back; a grave one it only lowers: missed
        danger costs most.
        """
        lowered = None
        for found in self.expression.finditer(said):
            if not self._negated(said[: found.start()], found.group()):
                return self.level
            if self.level is Level.GRAVE:
                lowered = Level.MAYBE
        return lowered

    def _negated(self, before: str, found: str) -> bool:
        """Only grave phrases may hold a "not" within ("he will not kill me"); the others' gaps take none."""
        clause = before.rpartition(CLAUSE)[2].split()
        within = found.split() if self.level is Level.GRAVE else []
        return not self.negators.isdisjoint((*clause[-_NEGATION_REACH:], *within))


def compile_phrases(
    lines: str, *, level: Level, script: str, sets: Mapping[str, str], negators: Iterable[str]
) -> Phrases:
    """One expression for all lines. `script` is "Arab" or "Latn". Raises BadContent naming a line of no sense."""
    words_for_not = frozenset(negators)
    stops = "" if level is Level.GRAVE else f"(?!(?:{'|'.join(sorted(words_for_not))}) )"
    sets = {**sets, _GAP: rf"(?:{stops}[^\s.]+ ){{0,3}}"}
    try:
        expressions = [_sequence(line, sets) for line in phrase_lines(lines)]
        whole = re.compile(rf"(?<!\S)(?:{'|'.join(expressions)})")
    except (re.error, KeyError) as error:
        raise BadContent(f"phrases, {level} in {script}: {error}") from error
    return Phrases(level, script, whole, words_for_not)


def scripts_of(text: str) -> frozenset[str]:
    """The scripts that phrases are written in and this text uses: a message is only compared with its own."""
    return frozenset(name for name, letters in _SCRIPTS.items() if letters.search(text))


def phrase_lines(lines: str) -> Iterator[str]:
    """The phrases of a block, without empty lines."""
    return (line.strip() for line in lines.splitlines() if line.strip())


def long_words(lines: str, sets: Mapping[str, str]) -> frozenset[str]:
    """The whole words of six letters or more in phrases: what a slip of the key may have meant."""
    whole = " ".join((lines, *sets.values()))
    plain = (part for part in re.split(r"[\s|\[\]]+", whole) if "%" not in part and ")?" not in part)
    return frozenset(word for part in plain for word in _WORD.findall(fold_letters(part)))


def _sequence(line: str, sets: Mapping[str, str]) -> str:
    """A line as an expression over a message joined with single spaces, each word followed by one."""
    return "".join(_item(item, sets) for item in _split(line))


def _split(line: str) -> list[str]:
    """Items between spaces that are outside brackets and parentheses."""
    items, depth = [""], 0
    for character in line:
        depth += (character in "[(") - (character in "])")
        if character == " " and depth == 0:
            items.append("")
        else:
            items[-1] += character
    return [item for item in items if item]


def _item(item: str, sets: Mapping[str, str]) -> str:
    if item == _GAP:
        return sets[_GAP]
    if item == "^":
        return _CLAUSE_START
    if item.startswith("!"):
        return f"(?!{_item(item[1:], sets)})"
    if item.startswith("[") and item.endswith("]"):
        return f"(?:{_alternatives(item[1:-1], sets)})?"
    if item.startswith("@") or _is_group(item):
        return f"(?:{_alternatives(item.removeprefix('(').removesuffix(')') if _is_group(item) else item, sets)})"
    return _word(item)


def _is_group(item: str) -> bool:
    """Whether one pair of parentheses holds the whole item, so that its alternatives may have several words."""
    if not (item.startswith("(") and item.endswith(")")):
        return False
    depth = 0
    for place, character in enumerate(item):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place == len(item) - 1
    return False


def _alternatives(text: str, sets: Mapping[str, str]) -> str:
    return "|".join(_alternative(part, sets) for part in _split_bars(text))


def _alternative(part: str, sets: Mapping[str, str]) -> str:
    if part.startswith("@") and " " not in part:
        return _alternatives(sets[part[1:]], sets)
    return _sequence(part, sets)


def _split_bars(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _word(word: str) -> str:
    if word == CLAUSE:
        return rf"(?:{re.escape(CLAUSE)} |$)"
    letters = fold_letters(word).replace("%", r"\w*").replace("(", "(?:")
    clitics = _CLITICS if _ARABIC.search(letters) else ""
    return f"{clitics}{letters} "
