"""The standard operating procedure of a country: content/sop/<country>.yml, checked when it is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from handoff.core.content import CONTENT_DIR, BadContent
from handoff.core.pathways import Pathways
from handoff.core.yaml_text import read_yaml

LEVELS = ("P0", "P1", "P2", "P3")
TELL = ("worker", "supervisor", "backup")
OPERATOR = "operator"
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
DURATION = re.compile(r"^(\d+)([mhd])$")


@dataclass(frozen=True, slots=True)
class Clock:
    """When a human must have answered, and the limit after which that is a failure on record."""

    answer_within: timedelta
    at_most: timedelta


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom to tell once this share of the time has gone by without an answer."""

    at: float
    tell: str


@dataclass(frozen=True, slots=True)
class Duty:
    """What a worker must by law tell a body. Never the assistant: a person and a supervisor decide (SAFETY §6)."""

    about: str
    body: str
    law: str
    reviewed_on: str


@dataclass(frozen=True, slots=True)
class Sop:
    """One version of it. `owners` are slugs of organisations that stand behind each owner of the pathways, in order.

    `medical`: whether people are told that some medicine works only in the first days (SAFETY §8).
    """

    version: str
    country: str
    levels: Mapping[str, Clock]
    reasons: Mapping[str, str]
    escalation: tuple[Escalation, ...]
    owners: Mapping[str, tuple[str, ...]]
    backup: tuple[str, ...]
    duties: tuple[Duty, ...]
    steps: Mapping[str, tuple[str, ...]]
    closed_case: timedelta
    notice: timedelta
    medical: bool = True

    @classmethod
    def load(cls, country: str = "tamaria", folder: Path = CONTENT_DIR / "sop") -> Sop:
        """From its file. Raises BadContent naming the entry and what is wrong, OSError."""
        return cls.parse((folder / f"{country}.yml").read_text(encoding="utf-8"), Pathways.load())

    @classmethod
    def parse(cls, source: str, pathways: Pathways) -> Sop:
        """From YAML. Every owner of the pathways must have an organisation. Raises BadContent."""
        raw = read_yaml(source)
        try:
            return _parse(raw, pathways)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, BadContent):
                raise
            raise BadContent(f"sop: {error} is missing or wrong") from error

    def level(self, reasons: Iterable[str]) -> str:
        """The gravest level of these reasons. When unsure, the higher: an unknown reason counts as P2."""
        return min((self.reasons.get(reason, "P2") for reason in reasons), default="P3")

    def organisations(self, owner: str, operator: str) -> tuple[str, ...]:
        """The slugs that stand behind an owner, in order, with the operator's own in place of its name."""
        return tuple(operator if slug == OPERATOR else slug for slug in self.owners[owner])


def _parse(raw: Mapping[str, Any], pathways: Pathways) -> Sop:
    levels = {
        name: Clock(_time(entry["answer_within"]), _time(entry["at_most"])) for name, entry in raw["levels"].items()
    }
    if tuple(sorted(levels)) != LEVELS:
        raise BadContent("sop: levels must be P0, P1, P2 and P3")
    reasons = {str(name): str(level) for name, level in raw["reasons"].items()}
    if wrong := sorted(name for name, level in reasons.items() if level not in LEVELS):
        raise BadContent(f"sop: reasons: {wrong[0]} has no level of P0–P3")
    owners = {str(name): tuple(map(str, slugs)) for name, slugs in raw["owners"].items()}
    if missing := sorted(set(pathways.owners) - {name for name, slugs in owners.items() if slugs}):
        raise BadContent(f"sop: owners: nobody stands behind {missing[0]}")
    escalation = tuple(Escalation(float(step["at"]), str(step["tell"])) for step in raw["escalation"])
    if any(step.tell not in TELL for step in escalation):
        raise BadContent(f"sop: escalation: tell must be one of {', '.join(TELL)}")
    return Sop(
        version=str(raw["version"]),
        country=str(raw["country"]),
        levels=levels,
        reasons=reasons,
        escalation=tuple(sorted(escalation, key=lambda step: step.at)),
        owners=owners,
        backup=tuple(map(str, raw["backup"])),
        duties=tuple(
            Duty(duty["about"], duty["body"], duty["law"], str(duty["reviewed_on"])) for duty in raw["duty_to_report"]
        ),
        steps={str(name): tuple(steps) for name, steps in raw["steps"].items()},
        closed_case=timedelta(days=int(raw["retention"]["closed_case_days"])),
        notice=timedelta(days=int(raw["retention"]["notice_days"])),
        medical=bool(raw.get("medical_notice", True)),
    )


def _time(value: str) -> timedelta:
    found = DURATION.match(str(value))
    if not found:
        raise BadContent(f"sop: {value!r} is no time such as 15m, 24h or 7d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
