"""Every way through a report, walked: how many questions, how many prompts, and what each costs on SMS (SAFETY §8)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from handoff.core.content import CONTENT_DIR
from handoff.core.prompt_table import load_prompts
from handoff.core.questions import SUGGESTED, add, next_question, report_of, urgent
from handoff.services.find_help import PLACES_A_PAGE

PROMPTS = load_prompts()
REGIONS = sum(row.split(",")[1] == "1" for row in (CONTENT_DIR / "places/tamaria.csv").read_text("utf-8").splitlines())
# The way in, the gate before, and after the last question "tell me more" and the consent.
AROUND = ("entry", "gate", "consent", "more")
# Prompts of one and the same question: what is it about, and which of these?
SAME = ("report.topic.work", "report.topic.home", "report.topic.held", "more")


def walks(said: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Every way through the closed questions: the prompts asked, and what was told in the end."""
    key = next_question(said)
    if not key:
        yield (), said
        return
    for option in PROMPTS[key].options:
        assert option.do.startswith("report."), f"{key}: {option.id}"
        for rest, told in walks(add(said, option.do.removeprefix("report."))):
            yield (key, *rest), told


def places(told: tuple[str, ...]) -> int:
    """How many pages of regions somebody may look at after these answers."""
    report = report_of(told)
    if report.against_aid_worker or urgent(report):
        return 0
    return 1 if REGIONS <= PLACES_A_PAGE + 1 else -(-REGIONS // PLACES_A_PAGE)


def of_organisation(told: tuple[str, ...]) -> tuple[str, ...]:
    """The safer way, going on from there, and two pages of organisations."""
    return ("report.psea", "report.second", "report.org", "report.org") if report_of(told).against_aid_worker else ()


@pytest.mark.parametrize("intent", SUGGESTED)
def test_no_way_to_a_case_asks_more_than_nine_questions_in_twelve_prompts(intent: str) -> None:
    ways = list(walks(SUGGESTED[intent]))
    assert ways
    for asked, told in ways:
        prompts = [*AROUND, *asked, *of_organisation(told), *("report.place",) * places(told)]
        questions = set(prompts) - set(SAME) - {"entry", "report.second"}
        assert len(prompts) <= 12, prompts
        assert len(questions) <= 9, questions


def test_danger_is_two_prompts_from_the_queue() -> None:
    yes = PROMPTS["danger.ask"].options[0]
    assert yes.do == "danger"
    assert PROMPTS["danger.card"].options[0].do == "open_case.write"


def test_every_question_of_the_form_is_on_some_way() -> None:
    form = {key for key in PROMPTS if key.startswith(("report.topic", "report.when", "report.recent", "report.adult"))}
    form |= {"report.whom", "report.age", "report.health"}
    asked = {key for intent in SUGGESTED for keys, _ in walks(SUGGESTED[intent]) for key in keys}
    assert asked == form


def test_every_question_can_be_left_unanswered() -> None:
    freely = {"skip", "answer.unsure", "topics.done", "go_on"}
    for keys, _ in itertools.chain.from_iterable(walks(SUGGESTED[intent]) for intent in SUGGESTED):
        for key in keys:
            offered = {option.id for option in PROMPTS[key].options}
            assert offered & freely, key
