"""Which sector is responsible for a concern, and who when it is not there: content/pathways/routing.yml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handoff.core.content import CONTENT_DIR, BadContent
from handoff.core.directory import NEEDS
from handoff.core.yaml_text import read_yaml

NONE = "none"
FIELDS = frozenset({"owner", "fallback", "under_18", "men", "survivor_help", "needs"})


@dataclass(frozen=True, slots=True)
class Route:
    """Who is responsible for one concern. `chain` is in order, and never empty: its last is the owner of the gap.

    `gap`: Table 1 names nobody for it. `joint` is responsible with the owner for a child; `men` for a man.
    """

    concern: str
    chain: tuple[str, ...]
    gap: bool
    joint: str = ""
    men: str = ""
    survivor_help: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Who is asked first."""
        return self.chain[0]


@dataclass(frozen=True, slots=True)
class Pathways:
    """All routes."""

    owners: Mapping[str, str]
    gap_owner: str
    routes: Mapping[str, Route]

    @classmethod
    def load(cls, path: Path = CONTENT_DIR / "pathways" / "routing.yml") -> Pathways:
        """From the file. Raises BadContent naming the concern and what is wrong, OSError."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, source: str) -> Pathways:
        """From YAML. Raises BadContent."""
        raw = read_yaml(source)
        try:
            owners, gap_owner = dict(raw["owners"]), str(raw["gap_owner"])
            concerns = dict(raw["concerns"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadContent(f"pathways: {error} is missing or no table") from error
        if gap_owner not in owners:
            raise BadContent(f"pathways: gap_owner {gap_owner} is none of the owners: nobody would have the gap")
        routes = {name: _route(name, entry, owners, gap_owner) for name, entry in concerns.items()}
        return cls(owners, gap_owner, routes)

    def of(self, concern: str) -> Route:
        """The route of a concern; what is unknown belongs to the owner of the gap, never to nobody."""
        return self.routes.get(concern) or Route(concern, (self.gap_owner,), gap=True)


def _route(name: str, entry: Mapping[str, Any], owners: Mapping[str, str], gap_owner: str) -> Route:
    if not isinstance(entry, Mapping) or "owner" not in entry:
        raise BadContent(f"pathways: {name} has no owner")
    if unknown := set(entry) - FIELDS:
        raise BadContent(f"pathways: {name}: unknown field {sorted(unknown)[0]}")
    gap = entry["owner"] == NONE
    chain = (*(() if gap else (entry["owner"],)), *entry.get("fallback", ()))
    chain = chain if gap_owner in chain else (*chain, gap_owner)
    joint, men = entry.get("under_18", {}).get("joint", ""), entry.get("men", "")
    helping = tuple(entry.get("survivor_help", ()))
    for owner in filter(None, (*chain, joint, men, *helping)):
        if owner not in owners:
            raise BadContent(f"pathways: {name}: {owner} is none of the owners")
    needs = tuple(entry.get("needs", ()))
    if wrong := sorted(set(needs) - set(NEEDS)):
        raise BadContent(f"pathways: {name}: {wrong[0]} is no need")
    return Route(name, chain, gap, joint, men, helping, needs)
