"""Cards to read and the menus that lead to them: content/cards/ as prompts. Their words are in locales/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from handoff.core.content import FIND, SHOW, BadContent, PromptOption, PromptSpec
from handoff.core.yaml_text import read_yaml

CARD = "card."
MENU = "learn."
NEED = "need."
MENU_TEXT = "learn.topic"
MENUS_FILE = "menus.yml"
MAX_NEXT = 2
FIELDS = frozenset({"key", "source", "reviewed_on", "audience", "phase", "next"})
AUDIENCES = frozenset(
    {
        *("everyone", "women", "men", "young", "children", "parents", "older", "workers", "minorities", "stateless"),
        *("returnees", "hosts", "staff"),
    }
)
PHASES = frozenset({"before", "during", "after"})
# What a card may lead to, other than a card, a menu or a need.
ELSEWHERE = {
    "person": PromptOption(id="person", send="talk_to_human"),
    "about.who": PromptOption(id="who", send="ask_identity"),
    "find": PromptOption(id="help", do="find"),
    "offer": PromptOption(id="offer", send="check_offer"),
}
BACK_TO_MENU = PromptOption(id="menu", do="menu")


@dataclass(frozen=True, slots=True)
class Card:
    """One card. `source` are the documents it answers to; `reviewed_on` is None until a specialist has read it.

    `audience` and `phase` (before, during or after a crisis) say for whom and when it is meant; `following` is where
    it leads, at most two.
    """

    key: str
    source: tuple[str, ...]
    reviewed_on: date | None
    audience: frozenset[str]
    phase: frozenset[str]
    following: tuple[str, ...]

    @property
    def prompt(self) -> PromptSpec:
        """The card as something to say."""
        options = (*(_option(target) for target in self.following), BACK_TO_MENU)
        return PromptSpec(CARD + self.key, options)


@dataclass(frozen=True, slots=True)
class Cards:
    """All cards and menus."""

    cards: Mapping[str, Card]
    menus: Mapping[str, tuple[str, ...]]

    def prompts(self) -> dict[str, PromptSpec]:
        """Everything here as entries of the prompt table."""
        menus = {
            key: PromptSpec(key, tuple(_option(target) for target in targets), text=MENU_TEXT)
            for key, targets in self.menus.items()
        }
        return menus | {card.prompt.key: card.prompt for card in self.cards.values()}


def load_cards(folder: Path) -> Cards:
    """All cards of a folder. Raises BadContent naming file and card, OSError."""
    cards: dict[str, Card] = {}
    menus: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.glob("*.yml")):
        raw = read_yaml(path.read_text(encoding="utf-8"))
        if path.name == MENUS_FILE:
            menus = {str(key): tuple(map(str, targets)) for key, targets in raw["menus"].items()}
            continue
        for card in _cards(path.name, raw):
            if card.key in cards:
                raise BadContent(f"cards/{path.name}: {card.key} exists already")
            cards[card.key] = card
    _check_targets(cards, menus)
    return Cards(cards, menus)


def _cards(file: str, raw: Mapping[str, Any]) -> Iterator[Card]:
    for entry in raw["cards"]:
        name = entry.get("key", "?")
        if wrong := set(entry) ^ FIELDS:
            raise BadContent(f"cards/{file}: {name}: field {sorted(wrong)[0]} is missing or unknown")
        card = Card(
            key=str(name),
            source=tuple(map(str, entry["source"])),
            reviewed_on=entry["reviewed_on"],
            audience=frozenset(entry["audience"]),
            phase=frozenset(entry["phase"]),
            following=tuple(map(str, entry["next"])),
        )
        if not card.source:
            raise BadContent(f"cards/{file}: {name}: a card without a source is an opinion")
        if not card.audience <= AUDIENCES or not card.phase <= PHASES:
            raise BadContent(f"cards/{file}: {name}: unknown audience or phase")
        if len(card.following) > MAX_NEXT:
            raise BadContent(f"cards/{file}: {name}: leads to more than {MAX_NEXT}")
        yield card


def _check_targets(cards: Mapping[str, Card], menus: Mapping[str, tuple[str, ...]]) -> None:
    leading = {CARD + card.key: card.following for card in cards.values()} | dict(menus)
    for key, targets in leading.items():
        for target in targets:
            known = target in ELSEWHERE or target.startswith(NEED) or target in menus
            if not known and target.removeprefix(CARD) not in cards:
                raise BadContent(f"cards: {key} leads to {target}, which does not exist")
    reached = {target for targets in leading.values() for target in targets}
    if lost := sorted(set(leading) - reached - {f"{MENU}main"}):
        raise BadContent(f"cards: nothing leads to {lost[0]}")


def _option(target: str) -> PromptOption:
    if target in ELSEWHERE:
        return ELSEWHERE[target]
    if target.startswith(NEED):
        return PromptOption(id=target, do=FIND + target)
    return PromptOption(id=target, do=SHOW + target)
