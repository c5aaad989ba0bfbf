"""Everything that can be said, from its files: content/prompts.yml, and content/cards/ with what can be read."""

from __future__ import annotations

from pathlib import Path

from handoff.core.cards import load_cards
from handoff.core.content import CONTENT_DIR, PromptTable, parse_prompts


def load_prompts(folder: Path = CONTENT_DIR) -> PromptTable:
    """The whole table. Raises BadContent naming the entry, OSError."""
    table = parse_prompts((folder / "prompts.yml").read_text(encoding="utf-8"))
    return table.adding(load_cards(folder / "cards").prompts())
