"""What a person tells in a report: codes from closed answers only, never their words (domain rules §3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

WHOM = ("self", "child", "other")
AGES = ("adult", "minor", "unknown")
SHARED = ("yes", "no", "unsure")


@dataclass(frozen=True, slots=True)
class Report:
    """Answers so far; "" or empty: not asked, or skipped.

    `concerns` are codes of content/pathways/routing.yml, `signs` reason codes of the SOP that were answered or plainly
    said (`locked_in`, `soon`, …), `flags` warning signs of an offer that were answered yes, `organizations` ids of the
    directory that an aid worker belongs to (empty with `sea_by_aid_worker`: skipped or unknown). `skipped` names the
    fields that were asked and not answered: the desk keeps that apart from what was never asked.
    """

    for_whom: str = ""
    age_band: str = ""
    concerns: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    place_code: str = ""
    shared_phone: str = ""
    worker_gender: str = ""
    skipped: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For the state of a conversation; only what was answered."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Report:
        """The way back; what is unknown is left out."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in raw.items() if name in known
        }
        return cls(**values)

    def told(self, name: str) -> str:
        """An answer's code; where there is none, why: "skipped" or "not_asked". An age that was kept back is
        "age_unknown"."""
        value = str(getattr(self, name))
        if name == "age_band" and value == "unknown":
            return "age_unknown"
        return value or self.unknown(name)

    def unknown(self, name: str) -> str:
        """Why there is no answer."""
        return "skipped" if name in self.skipped else "not_asked"

    @property
    def about_child(self) -> bool:
        """A child is concerned, as somebody said: an unknown age changes neither routing nor triage (SAFETY §6)."""
        return self.age_band == "minor" or self.for_whom == "child"

    @property
    def against_aid_worker(self) -> bool:
        """The allegation is against somebody of an aid group or a peace force (SAFETY §7)."""
        return "sea_by_aid_worker" in self.concerns
