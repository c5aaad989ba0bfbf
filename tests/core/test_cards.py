"""Cards: each has a source and leads somewhere, each can be reached, and a broken one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.core.cards import Cards, load_cards
from handoff.core.content import CONTENT_DIR, MAX_OPTIONS, BadContent
from handoff.core.prompt_table import load_prompts

CARDS = load_cards(CONTENT_DIR / "cards")
CARD = "  - {{key: {key}, source: [S1], reviewed_on: null, audience: [everyone], phase: [during], next: [{next}]}}\n"


def folder(tmp_path: Path, cards: str, menu: str = "[card.a]") -> Path:
    (tmp_path / "a.yml").write_text(f"cards:\n{cards}", encoding="utf-8")
    (tmp_path / "menus.yml").write_text(f"menus:\n  learn.main: {menu}\n", encoding="utf-8")
    return tmp_path


def test_what_the_issue_asks_for_is_there() -> None:
    wanted = {
        *("what", "form.men", "form.organ", "form.begging", "travel.before", "papers", "pay", "crime", "child_alone"),
        *("family", "aid_free", "private", "choices", "still_going", "before", "compensation", "return", "asylum"),
        *("conduct", "helpers.border", "helpers.camp", "helpers.health"),
        *(f"signs.{kind}" for kind in ("job", "travel", "study", "marriage", "sponsor", "housing", "aid", "relative")),
        *(f"group.{who}" for who in ("women", "minorities", "workers", "stateless", "returnees", "hosts", "older")),
    }
    assert wanted <= set(CARDS.cards)


@pytest.mark.parametrize("phase", ["before", "during", "after"])
def test_every_phase_of_a_crisis_has_a_set(phase: str) -> None:
    assert sum(phase in card.phase for card in CARDS.cards.values()) >= 10


def test_every_card_can_be_reached_with_digits_from_the_menu() -> None:
    table = load_prompts()
    reached, todo = set(), ["menu.main"]
    while todo:
        key = todo.pop()
        if key in reached:
            continue
        reached.add(key)
        options = table[key].options
        assert len(options) <= MAX_OPTIONS
        todo += [option.do.removeprefix("show.") for option in options if option.do.startswith("show.")]
    assert {f"card.{key}" for key in CARDS.cards} <= reached


def test_a_long_menu_has_pages_that_come_round(tmp_path: Path) -> None:
    cards = "".join(CARD.format(key=name, next="person") for name in "abcdef")
    loaded: Cards = load_cards(folder(tmp_path, cards, "[card.a, card.b, card.c, card.d, card.e, card.f]"))
    table = load_prompts().adding(loaded.prompts())
    assert [option.id for option in table["learn.main"].options] == ["card.a", "card.b", "card.c", "card.d", "more"]
    assert table["learn.main"].options[-1].do == "show.learn.main.2"
    assert [option.id for option in table["learn.main.2"].options] == ["card.e", "card.f", "more"]
    assert table["learn.main.2"].options[-1].do == "show.learn.main"


@pytest.mark.parametrize(
    ("cards", "menu", "complaint"),
    [
        (CARD.format(key="a", next="card.nowhere"), "[card.a]", "leads to card.nowhere"),
        (
            CARD.format(key="a", next="person") + CARD.format(key="b", next="person"),
            "[card.a]",
            "nothing leads to card.b",
        ),
        (CARD.format(key="a", next="person, find, offer"), "[card.a]", "more than 2"),
        (CARD.format(key="a", next="person") * 2, "[card.a]", "exists already"),
        (CARD.format(key="a", next="").replace("[S1]", "[]"), "[card.a]", "without a source"),
        (CARD.format(key="a", next="").replace("everyone", "martians"), "[card.a]", "unknown audience"),
        (CARD.format(key="a", next="").replace("phase", "stage"), "[card.a]", "missing or unknown"),
    ],
)
def test_a_broken_card_is_named(tmp_path: Path, cards: str, menu: str, complaint: str) -> None:
    with pytest.raises(BadContent, match=complaint):
        load_cards(folder(tmp_path, cards, menu))
