"""The report on languages: what it counts, and that it changes its own part of the page alone."""

from __future__ import annotations

import pytest

from bench.language import BEGIN, END, Told, messages, rewritten, table, tell


def test_what_is_right_not_said_and_wrong_is_counted_by_kind() -> None:
    told = [
        Told("uk", "sentences", "uk", 5),
        Told("uk", "sentences", None, 5),
        Told("uk", "short", "ru", 2),
        Told("uk", "romanised", "so", 4),
    ]
    row = table(told).splitlines()[2]
    assert row == "| uk | 0.50 | 0.50 | 0.00 | 0.00 | 0.00 | 1.00 | 0.00 | 0.00 | 1.00 | 1 |"


def test_only_its_own_part_of_the_page_is_written() -> None:
    assert rewritten(f"a\n{BEGIN}\nold\n{END}\nb", "new") == f"a\n{BEGIN}\nnew\n{END}\nb"
    with pytest.raises(ValueError, match="to write between"):
        rewritten("a page without markers", "new")


def test_the_languages_are_told_well_enough_to_be_suggested() -> None:
    told = tell(messages())
    sentences = [each.outcome for each in told if each.kind == "sentences"]
    assert sentences.count("right") >= 0.93 * len(sentences)
    assert sentences.count("wrong") <= 0.01 * len(sentences)
    assert sum(each.asked_wrongly for each in told) <= 0.01 * len(told)
