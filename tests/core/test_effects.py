"""What the assistant may answer with, and nothing else."""

from __future__ import annotations

import pytest

from handoff.core.effects import BadEffect, OpenCase, Say, SetLocale, Stop, parse_effects


def test_each_effect_has_one_wire_form_and_order_is_kept() -> None:
    wire: list[dict[str, object]] = [
        {"say": "menu.main", "args": {"n": 1}},
        {"say": "fallback.guess", "guesses": ["find_help", "stop"]},
        {"do": "set_locale", "locale": "ar"},
        {"do": "open_case", "modality": "call", "consent_key": "consent.contact"},
        {"do": "stop"},
    ]
    assert parse_effects(wire) == (
        Say("menu.main", {"n": "1"}),
        Say("fallback.guess", guesses=("find_help", "stop")),
        SetLocale("ar"),
        OpenCase("call", "consent.contact"),
        Stop(),
    )


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"say": 7},
        {"say": "menu.main", "args": "all of them"},
        {"say": "fallback.guess", "guesses": "find_help"},
        {"say": "fallback.guess", "guesses": [7]},
        {"do": "erase_everything"},
        {"do": "set_locale"},
        {"do": "open_case", "modality": "visit", "consent_key": "consent.contact"},
        {"do": "open_case", "modality": "write"},
        {"text": "words of its own"},
    ],
)
def test_anything_else_makes_the_turn_bad(message: dict[str, object]) -> None:
    with pytest.raises(BadEffect):
        parse_effects([{"say": "menu.main"}, message])


def test_nothing_to_say_is_bad_too() -> None:
    with pytest.raises(BadEffect):
        parse_effects([])
