from __future__ import annotations

import pytest

from handoff.core.content import BadContent, Speaker, Weight, parse_prompts
from handoff.core.prompt_table import load_prompts

ONE = "prompts:\n  key:\n    options: [{id: a, send: affirm}]\n"


def test_the_shipped_table_is_read() -> None:
    table = load_prompts()
    assert table["danger.card"].speaker is Speaker.SYSTEM
    assert table["consent.contact"].weight is Weight.CONSENT
    assert [option.do for option in table["danger.ask"].options] == ["danger", "not_danger"]
    assert "nope" not in table
    assert table.get("nope") is None
    assert table.words.numbers["uno"] == 1


def test_everything_the_system_says_is_marked_automatic_but_for_what_must_fit_everybody() -> None:
    table = load_prompts()
    unmarked = {key for key in table if table[key].speaker is Speaker.SYSTEM and not table[key].marked}
    assert unmarked == {"danger.number_only", "control.left", "knock.hello", "knock.gate"}
    assert not any(table[key].marked for key in table if table[key].speaker is Speaker.ASSISTANT)


def test_only_offered_languages_are_choices() -> None:
    options = load_prompts().offering(("en", "es"))["language.choose"].options
    assert [option.id for option in options] == ["language.en", "language.es"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "no section"),
        ("prompts: [a]", "no section"),
        (ONE.replace("send: affirm", "send: steal"), "unknown intent"),
        (ONE.replace("send: affirm", "do: dance"), "unknown thing"),
        (ONE.replace("send: affirm", "send: affirm, do: menu"), "one of send and do"),
        (ONE.replace(", send: affirm", ""), "one of send and do"),
        (ONE.replace("affirm", "affirm, says: perhaps"), "neither affirm nor deny"),
        (ONE.replace("affirm}", "affirm}, {id: a, do: menu}"), "appears twice"),
        (ONE + "    weight: heavy\n", "heavy"),
        (ONE + "    speaker: robot\n", "robot"),
        (ONE + "    colour: red\n", "unknown field colour"),
        (ONE.replace("[{id: a, send: affirm}]", str([{"id": f"o{i}", "do": "menu"} for i in range(6)])), "1 to 5"),
    ],
)
def test_a_bad_entry_is_named(source: str, says: str) -> None:
    with pytest.raises(BadContent, match=says):
        parse_prompts(source)
