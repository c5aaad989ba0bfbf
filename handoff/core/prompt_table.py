"""Everything that can be said, from its files: content/prompts.yml, and content/cards/ with what can be read."""

from __future__ import annotations

from pathlib import Path

from handoff.core.cards import load_cards
from handoff.core.content import CONTENT_DIR, PromptTable, Weight, parse_prompts
from handoff.core.yaml_text import read_yaml


def load_prompts(folder: Path = CONTENT_DIR) -> PromptTable:
    """The whole table. Raises BadContent naming the entry, OSError."""
    table = parse_prompts((folder / "prompts.yml").read_text(encoding="utf-8"))
    return table.adding(load_cards(folder / "cards").prompts())


def safety_keys(prompts: PromptTable) -> frozenset[str]:
    """The texts on which somebody's safety or consent hangs: consents, danger, their labels, what is said in them."""
    specs = [prompts[key] for key in prompts if prompts[key].weight in (Weight.CONSENT, Weight.DANGER)]
    parts = {name for spec in specs for name in spec.args}
    return frozenset(
        {
            *(spec.text_key for spec in specs),
            *(f"option.{option.id}" for spec in specs for option in spec.options),
            *(prompts[key].text_key for key in prompts if key.partition(".")[0] in parts),
            *(key for name, key in prompts.texts_for.items() if name in parts),
        }
    )


def load_fallbacks(folder: Path = CONTENT_DIR) -> dict[str, tuple[str, ...]]:
    """The languages that those who read one read as well, best first, before the default one (languages.yml).

    Nobody is assumed to read a neighbour's language: a deployment writes down what it knows. Raises OSError.
    """
    table = read_yaml((folder / "languages.yml").read_text(encoding="utf-8"))
    return {locale: tuple(entry.get("fallbacks", ())) for locale, entry in table.items()}
