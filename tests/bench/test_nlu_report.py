"""The figures of the report are right, and so is what it writes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.nlu_pages import BEGIN, END, Measured, missed_bars, picture, rewritten, write
from bench.nlu_score import (
    Heard,
    accuracy,
    alarms_per_thousand,
    calibration_error,
    guesses,
    macro_f1,
    reached,
    recall,
    rejected,
    reliability,
)

SURE = (("greet", 0.9), ("stop", 0.05))
UNCLEAR = (("nlu_fallback", 0.8), ("stop", 0.2), ("find_help", 0.15), ("greet", 0.1))


def heard(meant: str, product: str, ranking: tuple[tuple[str, float], ...] = SURE, locale: str = "en") -> Heard:
    """One utterance."""
    return Heard(locale, "some words", meant, ranking, product)


def measured(*found: Heard, ordinary: tuple[str, ...] = ("greet",)) -> Measured:
    """A run that found these in both sets."""
    sets = {"dev": list(found), "test": list(found)}
    return Measured(sets, [heard("", intent) for intent in ordinary], 1000, 20.4, 0.61, 210.0, 12.34, "| caught |")


def test_macro_f1_is_the_mean_over_what_was_meant() -> None:
    assert macro_f1([("a", "a"), ("b", "b")]) == 1.0
    assert macro_f1([("a", "b"), ("b", "b")]) == pytest.approx((0 + 2 / 3) / 2)
    assert macro_f1([]) == 0.0


def test_accuracy_and_recall_count_what_was_understood() -> None:
    pairs = [("stop", "stop"), ("stop", "greet"), ("greet", "greet")]
    assert accuracy(pairs) == pytest.approx(2 / 3)
    assert recall(pairs, {"stop"}) == 0.5
    assert recall(pairs, {"in_danger"}) == 0.0


def test_an_alarm_is_danger_or_self_harm() -> None:
    assert alarms_per_thousand(["in_danger", "self_harm", "greet", "stop"]) == 500.0
    assert alarms_per_thousand([]) == 0.0


def test_out_of_scope_may_also_be_not_understood() -> None:
    pairs = [("out_of_scope", "nlu_fallback"), ("out_of_scope", "out_of_scope"), ("out_of_scope", "greet"), ("a", "a")]
    assert rejected(pairs) == pytest.approx(2 / 3)


def test_calibration_compares_what_it_says_with_what_is_right() -> None:
    sure = [(0.9, True)] * 9 + [(0.9, False)] + [(0.3, False)] * 2 + [(1.0, True)]
    assert next((round(mean, 2), right, count) for mean, right, count in reliability(sure)) == (0.3, 0.0, 2)
    assert calibration_error([(0.9, True)] * 9 + [(0.9, False)]) == pytest.approx(0.0)
    assert calibration_error([(0.3, False), (0.3, False)]) == pytest.approx(0.3)
    assert calibration_error([]) == 0.0


def test_the_likeliest_intent_is_known_also_below_the_threshold() -> None:
    assert heard("stop", "nlu_fallback", UNCLEAR).likeliest == ("stop", 0.2)
    assert heard("stop", "nlu_fallback", (("nlu_fallback", 1.0),)).likeliest == ("nlu_fallback", 0.0)


def test_what_is_offered_is_reached_too_safety_first() -> None:
    unclear = [heard(meant, "nlu_fallback", UNCLEAR) for meant in ("find_help", "stop", "greet")]
    assert reached(unclear, {"stop"}) == pytest.approx(2 / 3)
    assert reached(unclear, {"greet"}) == pytest.approx(2 / 3)
    assert guesses(unclear[0], {"greet"}) == ["greet", "stop"]
    assert reached([heard("greet", "greet"), heard("stop", "greet")], {"stop"}) == 0.5
    assert reached([], {"stop"}) == 0.0


def test_a_card_for_another_need_of_safety_has_reached_the_person() -> None:
    heard_as_danger = [heard("report_ransom", "in_danger"), heard("greet", "in_danger")]
    assert reached(heard_as_danger, {"report_ransom"}) == 0.5


def test_what_misses_a_bar_is_named() -> None:
    assert missed_bars(measured(heard("greet", "greet"), heard("stop", "stop"))) == []
    short = missed_bars(measured(heard("greet", "greet"), heard("stop", "greet"), ordinary=("in_danger",)))
    assert short == [
        "en: macro-F1 0.333 < 0.88",
        "en: safety recall 0.000 < 0.9",
        "en: 1000 false alarms of 1,000",
        "safety recall pooled 0.000 < 0.95",
    ]


def test_the_report_is_written_between_its_markers(tmp_path: Path) -> None:
    document = tmp_path / "nlu.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(measured(heard("greet", "greet"), heard("stop", "greet")), tmp_path)
    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "| en | 2 | 0.500 | **0.333** |" in text
    assert "find alone\n| caught |" in text
    assert "1,000 utterances learnt in 20 s" in text
    assert (tmp_path / "nlu" / "confusion-en.svg").exists()


def test_a_document_without_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="to write between"):
        rewritten("no markers", "new")


def test_the_picture_has_a_square_for_each_pair() -> None:
    drawn = ElementTree.fromstring(picture([heard("greet", "greet"), heard("stop", "nlu_fallback")], "en"))  # noqa: S314 - our own
    squares = [each for each in drawn.iter("{http://www.w3.org/2000/svg}rect") if each.get("fill-opacity")]
    names = {each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert [square.get("fill") for square in squares] == ["#1a7f37", "#b42318"]
    assert {"greet", "stop", "nlu_fallback", "1"} <= names
