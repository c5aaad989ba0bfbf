"""Measures the lexicon on utterances in utterances/, which no one used to write it but to widen it afterwards.

First run on the second half (written without looking at the lexicon): recall 0.52 en, 0.64 es, 0.79 ar. The figures
asserted here are those after widening; the classifier adds recall on what no lexicon can hold (SAFETY §2, §9).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.core.control import Certainty, Control, ControlWords, Meaning

UTTERANCES = Path(__file__).parent / "utterances"
WORDS = ControlWords.load()
# A bare cry for help counts: it is answered with the danger question and the number to call.
ALARMS = {Meaning.DANGER, Meaning.SELF_HARM, Meaning.HELP}
LOCALES = ("en", "ar", "es")


def heard(name: str, locale: str) -> dict[str, Control | None]:
    lines = (UTTERANCES / f"{name}.{locale}.txt").read_text(encoding="utf-8").splitlines()
    other = LOCALES[(LOCALES.index(locale) + 1) % len(LOCALES)]
    return {line: WORDS.match(line, other, "whatsapp") for line in lines if line}


@pytest.mark.parametrize("locale", LOCALES)
def test_danger_is_heard_in_nine_of_ten_messages_whatever_language_was_chosen(locale: str) -> None:
    found = heard("danger", locale)
    missed = [text for text, control in found.items() if control is None or control.meaning not in ALARMS]
    assert len(found) >= 40
    assert len(missed) <= 0.1 * len(found), missed


@pytest.mark.parametrize("locale", LOCALES)
def test_most_danger_is_sure_so_that_the_desk_is_alarmed_at_once(locale: str) -> None:
    found = heard("danger", locale)
    sure = [control for control in found.values() if control and control.certainty is Certainty.SURE]
    assert len(sure) >= 0.75 * len(found)


@pytest.mark.parametrize("locale", LOCALES)
def test_words_of_self_harm_get_their_own_card(locale: str) -> None:
    found = heard("self_harm", locale)
    missed = [text for text, control in found.items() if control is None or control.meaning is not Meaning.SELF_HARM]
    assert missed == []


@pytest.mark.parametrize("locale", LOCALES)
def test_ordinary_messages_raise_no_alarm(locale: str) -> None:
    found = heard("ordinary", locale)
    alarms = [text for text, control in found.items() if control and control.meaning in ALARMS]
    assert len(found) >= 200
    assert len(alarms) <= 0.02 * len(found), alarms


@pytest.mark.parametrize("locale", LOCALES)
def test_ordinary_messages_are_no_controls(locale: str) -> None:
    found = heard("ordinary", locale)
    assert [text for text, control in found.items() if control and control.meaning not in ALARMS] == []
