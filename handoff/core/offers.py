"""The offer check: warning signs as data, what to ask next, and what the answers add up to (reference/domain §2).

Pure rules over `content/offers/flags.yml`. No words of a person, no texts: flags are codes, answers are codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from handoff.core.content import CONTENT_DIR, BadContent
from handoff.core.yaml_text import read_yaml

MAX_QUESTIONS = 8
MAX_REASONS = 3
FLAG_FIELDS = frozenset({"weight", "palermo", "critical", "child", "now", "source"})


class Weight(StrEnum):
    """How much a sign says by itself."""

    STRONG = "strong"
    MEDIUM = "medium"
    WEAK = "weak"


class Palermo(StrEnum):
    """Which part of the definition in the Palermo Protocol a sign points to. Never said to a person."""

    ACT = "act"
    MEANS = "means"
    PURPOSE = "purpose"


class Answer(StrEnum):
    """What the person said of a sign."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


class Level(StrEnum):
    """What the answers add up to. Never "safe", never a percentage, never a name for a crime."""

    STOP = "stop"
    CAREFUL = "careful"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Flag:
    """One warning sign. `critical`: one yes is enough for STOP and the offer of a person. `now`: it already happens."""

    id: str
    weight: Weight
    palermo: Palermo
    source: tuple[str, ...]
    critical: bool = False
    now: bool = False
    child: Weight | None = None

    def weight_for(self, kind: str) -> Weight:
        """Its weight in an offer of this kind: some signs say more when it is about a child."""
        return self.child if self.child and kind == "relative" else self.weight


@dataclass(frozen=True, slots=True)
class SignPath:
    """A path of its own that some signs together open: all of `all_of`, and one of `any_of`."""

    all_of: frozenset[str]
    any_of: frozenset[str]

    def opened_by(self, yes: frozenset[str]) -> bool:
        """Whether these signs open it."""
        return self.all_of <= yes and not self.any_of.isdisjoint(yes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is told: the level, at most three reasons (the gravest first), what is still unknown, which path opens.

    `weak` is true when the only sign is too weak to warn of by itself, `now` when something already happens.
    """

    level: Level
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]
    critical: bool
    weak: bool
    now: bool
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Offers:
    """All warning signs, and what is asked for each kind of offer."""

    flags: Mapping[str, Flag]
    kinds: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, SignPath]

    @classmethod
    def load(cls, path: Path = CONTENT_DIR / "offers" / "flags.yml") -> Offers:
        """From the file. Raises BadContent naming the entry, OSError."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, source: str) -> Offers:
        """From YAML. Raises BadContent naming the entry."""
        raw = read_yaml(source)
        try:
            flags = {str(name): _flag(str(name), entry) for name, entry in raw["flags"].items()}
            kinds = {str(kind): tuple(map(str, asked)) for kind, asked in raw["kinds"].items()}
            paths = {
                str(name): SignPath(frozenset(entry["all"]), frozenset(entry["any"]))
                for name, entry in (raw.get("paths") or {}).items()
            }
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadContent(f"offers/flags.yml: {error}") from error
        named = {flag for asked in kinds.values() for flag in asked}
        named |= {flag for path in paths.values() for flag in path.all_of | path.any_of}
        if unknown := sorted(named - set(flags)):
            raise BadContent(f"offers/flags.yml: unknown flag {unknown[0]}")
        return cls(flags, kinds, paths)

    def next_question(self, kind: str, answers: Mapping[str, Answer], suggested: Iterable[str] = ()) -> str | None:
        """The flag to ask about now; None when it is time for the verdict.

        What the person wrote of comes first, then the kind's own list; a critical yes ends it, and so do eight
        answers. Kinds that do not exist are asked as `other`.
        """
        if len(answers) >= MAX_QUESTIONS or any(self._critical(flag, answers) for flag in answers):
            return None
        open_signs = [flag for flag in suggested if flag in self.flags and flag not in answers]
        if open_signs:
            return min(open_signs, key=lambda flag: self._rank(flag, kind))
        asked = self.kinds.get(kind) or self.kinds["other"]
        return next((flag for flag in asked if flag not in answers), None)

    def verdict(self, kind: str, answers: Mapping[str, Answer]) -> Verdict:
        """What these answers add up to."""
        yes = frozenset(flag for flag, answer in answers.items() if answer is Answer.YES and flag in self.flags)
        reasons = tuple(sorted(yes, key=lambda flag: self._rank(flag, kind)))[:MAX_REASONS]
        unknown = tuple(flag for flag, answer in answers.items() if answer is Answer.UNSURE and flag in self.flags)
        level = self.level(yes, kind)
        return Verdict(
            level=level,
            reasons=reasons,
            unknown=unknown,
            critical=any(self.flags[flag].critical for flag in yes),
            weak=level is Level.NONE and bool(yes),
            now=any(self.flags[flag].now for flag in yes),
            paths=tuple(name for name, path in self.paths.items() if path.opened_by(yes)),
        )

    def level(self, yes: Iterable[str], kind: str = "other") -> Level:
        """The level rule: any critical sign or the ILO rule is STOP; one strong, one medium or two weak, CAREFUL."""
        flags = [self.flags[flag] for flag in set(yes)]
        weights = [flag.weight_for(kind) for flag in flags]
        strong, medium, weak = (weights.count(weight) for weight in (Weight.STRONG, Weight.MEDIUM, Weight.WEAK))
        if any(flag.critical for flag in flags) or meets_ilo_rule(strong, medium, weak):
            return Level.STOP
        return Level.CAREFUL if strong or medium or weak >= 2 else Level.NONE

    def _critical(self, flag: str, answers: Mapping[str, Answer]) -> bool:
        return answers[flag] is Answer.YES and flag in self.flags and self.flags[flag].critical

    def _rank(self, flag: str, kind: str) -> tuple[bool, bool, int, str]:
        """What is graver comes first: happening now, critical, then weight; the id settles ties."""
        sign = self.flags[flag]
        return not sign.now, not sign.critical, list(Weight).index(sign.weight_for(kind)), flag


def meets_ilo_rule(strong: int, medium: int, weak: int) -> bool:
    """The ILO-EC rule (2009): two strong; one strong with any other; three medium; or two medium and one weak."""
    return strong >= 2 or (strong >= 1 and medium + weak >= 1) or medium >= 3 or (medium >= 2 and weak >= 1)


def _flag(name: str, entry: Mapping[str, Any]) -> Flag:
    if unknown := set(entry) - FLAG_FIELDS:
        raise ValueError(f"{name}: unknown field {sorted(unknown)[0]}")
    source: Sequence[Any] = entry["source"]
    return Flag(
        id=name,
        weight=Weight(entry["weight"]),
        palermo=Palermo(entry["palermo"]),
        source=tuple(map(str, source)),
        critical=bool(entry.get("critical", False)),
        now=bool(entry.get("now", False)),
        child=Weight(entry["child"]) if "child" in entry else None,
    )
