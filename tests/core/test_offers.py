"""The level rule, the order of questions, and that nothing is ever called safe."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.content import BadContent
from handoff.core.offers import MAX_QUESTIONS, Answer, Level, Offers, meets_ilo_rule
from handoff.i18n import Catalogue
from tests.rasa_server import ROOT

OFFERS = Offers.load()
FLAGS = sorted(OFFERS.flags)
KINDS = sorted(OFFERS.kinds)
YES, NO, UNSURE = Answer.YES, Answer.NO, Answer.UNSURE


def yes(*flags: str) -> dict[str, Answer]:
    return dict.fromkeys(flags, YES)


def test_the_signs_are_those_of_the_reference() -> None:
    counts = {"A": 18, "B": 5, "C": 4, "D": 7, "E": 4, "F": 8}
    assert set(OFFERS.flags) == {f"{letter}{number + 1}" for letter, many in counts.items() for number in range(many)}


def test_the_assistant_has_a_slot_for_each_sign() -> None:
    slots = yaml.safe_load((ROOT / "bot/domain/offer.yml").read_text(encoding="utf-8"))["slots"]
    assert {name.removeprefix("flag_") for name in slots if name.startswith("flag_")} == set(OFFERS.flags)
    assert set(slots["offer_kind"]["values"]) == set(OFFERS.kinds)
    assert set(slots["offer_flag"]["values"]) == {flag.lower() for flag in OFFERS.flags}


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ([], Level.NONE),
        (["A4"], Level.NONE),
        (["A4", "A9"], Level.CAREFUL),
        (["B1"], Level.CAREFUL),
        (["B1", "A5"], Level.CAREFUL),
        (["B1", "A5", "A4"], Level.STOP),
        (["B1", "A5", "A6"], Level.STOP),
        (["C1"], Level.CAREFUL),
        (["C1", "A4"], Level.STOP),
        (["C1", "B2"], Level.STOP),
        (["A8"], Level.STOP),
        (["F7"], Level.STOP),
    ],
)
def test_what_signs_add_up_to(flags: list[str], level: Level) -> None:
    assert OFFERS.level(flags) is level


@pytest.mark.parametrize("flag", [name for name in FLAGS if OFFERS.flags[name].critical])
def test_one_critical_sign_is_enough_and_ends_the_questions(flag: str) -> None:
    assert OFFERS.level([flag]) is Level.STOP
    assert OFFERS.next_question("job", yes(flag)) is None
    assert OFFERS.verdict("job", yes(flag)).critical


def test_the_ilo_rule() -> None:
    meeting = {(2, 0, 0), (1, 1, 0), (1, 0, 1), (0, 3, 0), (0, 2, 1)}
    missing = {(1, 0, 0), (0, 2, 0), (0, 1, 2), (0, 0, 5), (0, 0, 0)}
    assert all(meets_ilo_rule(*case) for case in meeting)
    assert not any(meets_ilo_rule(*case) for case in missing)


def test_a_sure_place_to_study_weighs_more_for_a_child() -> None:
    assert OFFERS.level(["A12"], "study") is Level.NONE
    assert OFFERS.level(["A12"], "relative") is Level.CAREFUL


def test_what_the_person_wrote_of_is_asked_first_and_the_gravest_of_it() -> None:
    assert OFFERS.next_question("job", {}, ["A4", "E1", "B1"]) == "E1"
    assert OFFERS.next_question("job", {"E1": NO}, ["A4", "E1", "B1"]) == "B1"
    assert OFFERS.next_question("job", {}) == OFFERS.kinds["job"][0]


def test_a_kind_that_nobody_knows_is_asked_like_any_other() -> None:
    assert OFFERS.next_question("moon", {}) == OFFERS.kinds["other"][0]


@given(
    kind=st.sampled_from(KINDS),
    said=st.lists(st.sampled_from([YES, NO, UNSURE]), min_size=60, max_size=60),
    suggested=st.sets(st.sampled_from(FLAGS), max_size=12),
)
def test_it_ends_within_eight_questions_and_asks_none_twice(kind: str, said: list[Answer], suggested: set[str]) -> None:
    answers: dict[str, Answer] = {}
    for answer in said:
        flag = OFFERS.next_question(kind, answers, suggested)
        if flag is None:
            break
        assert flag not in answers
        answers[flag] = answer
    assert len(answers) <= MAX_QUESTIONS
    assert OFFERS.next_question(kind, answers, suggested) is None
    verdict = OFFERS.verdict(kind, answers)
    assert len(verdict.reasons) <= 3
    assert all(answers[flag] is YES for flag in verdict.reasons)
    assert set(verdict.unknown) == {flag for flag, answer in answers.items() if answer is UNSURE}


@given(st.sets(st.sampled_from(FLAGS)), st.sampled_from(FLAGS), st.sampled_from(KINDS))
def test_one_more_sign_never_lowers_the_level(flags: set[str], more: str, kind: str) -> None:
    order = [Level.NONE, Level.CAREFUL, Level.STOP]
    assert order.index(OFFERS.level(flags | {more}, kind)) >= order.index(OFFERS.level(flags, kind))


def test_what_happens_already_comes_before_every_other_reason() -> None:
    verdict = OFFERS.verdict("job", yes("A8", "F2", "B1", "C1"))
    assert verdict.reasons == ("F2", "A8", "C1")
    assert verdict.now


def test_an_aid_worker_who_wants_sex_opens_a_path_of_its_own() -> None:
    assert OFFERS.verdict("aid", yes("A13", "A8")).paths == ("aid_worker",)
    assert OFFERS.verdict("aid", yes("A13")).paths == ()
    assert OFFERS.verdict("aid", yes("A8", "B5")).paths == ()


def test_the_words_for_no_sign_do_not_say_that_it_is_safe() -> None:
    words = Catalogue(["en"]).text("offer.result.none", "en")
    assert re.search(r"not mean .* safe", words)


@pytest.mark.parametrize(
    "broken",
    [
        "flags: {}",
        "flags: {A1: {weight: huge, palermo: act, source: [x]}}\nkinds: {}",
        "flags: {A1: {weight: weak, palermo: act, source: [x], colour: red}}\nkinds: {}",
        "flags: {A1: {weight: weak, palermo: act, source: [x]}}\nkinds: {job: [B9]}",
        "flags: {A1: {weight: weak, palermo: act, source: [x]}}\nkinds: {}\npaths: {p: {all: [A1], any: [Z1]}}",
        "just words",
    ],
)
def test_a_broken_table_is_refused(broken: str) -> None:
    with pytest.raises(BadContent, match=r"offers/flags\.yml"):
        Offers.parse(broken)
