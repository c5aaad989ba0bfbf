"""The report on danger words: what it counts, on words of its own."""

from __future__ import annotations

from bench.danger import Caught, dangerous, harmless, share, table
from handoff.core.control import Certainty, Control, ControlWords, Meaning

WORDS = ControlWords.load()


def heard(meaning: Meaning | None, certainty: Certainty = Certainty.SURE) -> Caught:
    return Caught("en", "in_danger", "", Control(meaning, certainty) if meaning else None)


def test_a_card_or_its_question_counts_whichever_it_is_and_other_controls_do_not() -> None:
    caught = [
        heard(Meaning.DANGER),
        heard(Meaning.SELF_HARM, Certainty.MAYBE),
        heard(Meaning.HELP),
        heard(Meaning.STOP),
    ]
    assert [each.alarms for each in caught] == [True, True, True, False]
    assert [each.sure for each in caught] == [True, False, True, False]
    assert share([*caught, heard(None)]) == 3 / 5
    assert share([]) == 0


def test_the_table_has_a_row_for_each_language_and_one_for_all() -> None:
    rows = table(WORDS).splitlines()[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows][-1] == "all"
    assert len(rows) == len({each.locale for each in harmless(WORDS)}) + 1


def test_the_words_alone_hear_most_danger_that_they_were_not_written_from() -> None:
    found = [each for each in dangerous(WORDS, "test") if each.intent == "in_danger"]
    assert share(found) >= 0.85
