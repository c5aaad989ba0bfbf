"""Telling safely: what is asked, what is not, who would read it, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handoff.core.effects import OpenCase, Say
from handoff.core.report import Report
from handoff.core.sop import Sop
from handoff.services.report import TellSafely
from tests.services.scene import FakeAssistant, a_conversation, a_voice
from tests.services.telling import DESKS, NETWORK, OPERATOR, SmallDirectory, Teller, a_teller

LABOUR = ("report.tell", "gate.alone", "answer.yes", "topics.work", "topic.papers", "topics.done", "place.XT01")


async def told(teller: Teller, *answers: str) -> Teller:
    """They write, and answer so."""
    await teller.write("something happened")
    await teller.choose(*answers)
    return teller


async def test_an_adult_tells_of_labour_and_reaches_a_person() -> None:
    teller = await told(a_teller(), *LABOUR)
    assert teller.said == ["consent.report"]
    assert "Demo Aid" in teller.words
    assert "(4)" in teller.words
    assert await teller.choose("consent.write") == ["handoff.queued", "plan.ask"]
    case = teller.case
    assert case is not None
    assert (case.level, case.reasons, case.kind) == ("P2", ("papers", "exploitation"), "consent")
    assert case.report == Report("self", "adult", ("vot_labour",), ("papers",), place_code="XT01", shared_phone="no")
    assert (case.organisation, case.owner, case.consent_key) == (OPERATOR, "vot", "consent.report")
    assert case.due_at is not None
    assert case.sop_version


async def test_nothing_is_asked_twice_and_words_are_no_answers() -> None:
    teller = await told(a_teller(), *LABOUR)
    asked = [turn.drafts[-1].key for turn in teller.turns]
    assert len(asked) == len(set(asked))
    assert "something" not in str(teller.conversation.state)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("gate.later", ["not_safe.later"]),
        ("gate.danger", ["danger.card"]),
        ("gate.shared", ["gate.shared", "report.age"]),
        ("gate.alone", ["report.age"]),
    ],
)
async def test_the_gate(answer: str, said: list[str]) -> None:
    teller = a_teller()
    await teller.write("my boss keeps my passport")
    assert await teller.choose("report.tell") == ["gate.ask"]
    assert await teller.choose(answer) == said


async def test_whether_others_read_the_phone_goes_with_the_case() -> None:
    teller = await told(a_teller(), "person", "gate.shared")
    assert teller.said[-1] == "consent.report"
    await teller.choose("consent.write")
    assert teller.case is not None
    assert teller.case.report.shared_phone == "yes"


async def test_a_person_is_two_questions_away() -> None:
    teller = a_teller("greet")
    assert await teller.write("9") == ["gate.ask"]
    assert await teller.choose("gate.alone") == ["consent.contact"]
    assert await teller.choose("consent.write") == ["handoff.queued", "plan.ask"]
    assert teller.case is not None
    assert (teller.case.level, teller.case.reasons) == ("P3", ("asked_for_person",))
    assert teller.case.report == Report(shared_phone="no")


async def test_the_gate_is_asked_again_after_half_an_hour() -> None:
    teller = a_teller("greet")
    await teller.write("9")
    await teller.choose("gate.alone")
    teller.later(minutes=29)
    assert await teller.write("9") == ["consent.contact"]
    teller.later(minutes=2)
    assert await teller.write("9") == ["gate.ask"]


async def test_a_child_is_asked_less_and_assents_to_who_helps_children() -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone", "answer.no", "topics.work", "topic.pay", "answer.yes")
    assert teller.said == ["report.place"]
    await teller.choose("skip")
    assert teller.said == ["consent.assent"]
    await teller.choose("consent.write")
    case = teller.case
    assert case is not None
    assert (case.kind, case.owner, case.level) == ("assent", "cp", "P1")
    assert (case.report.age_band, case.report.concerns) == ("minor", ("child_labour",))
    assert case.report.skipped == ("place_code",)


async def test_an_unknown_age_changes_neither_whose_it_is_nor_how_urgent() -> None:
    answers = [answer if answer != "answer.yes" else "skip" for answer in LABOUR]
    unknown, adult = await told(a_teller(), *answers), await told(a_teller(), *LABOUR)
    for teller in (unknown, adult):
        await teller.choose("consent.write")
    assert unknown.case is not None
    assert adult.case is not None
    assert unknown.case.report.age_band == "unknown"
    assert (unknown.case.owner, unknown.case.level) == (adult.case.owner, adult.case.level)


async def test_a_child_with_no_safe_adult_is_most_urgent() -> None:
    teller = await told(a_teller("child_alone"), "report.tell", "gate.alone", "whom.child", "answer.no")
    assert teller.said == ["consent.report"]
    await teller.choose("consent.write")
    assert teller.case is not None
    assert (teller.case.level, teller.case.reasons[0]) == ("P0", "child_alone")


async def test_held_for_money_leaves_no_time_for_more_questions() -> None:
    teller = await told(a_teller("report_ransom"), "report.tell", "gate.alone", "whom.other")
    assert teller.said == ["consent.report"]
    await teller.choose("consent.call")
    assert teller.case is not None
    assert (teller.case.level, teller.case.modality, teller.case.owner) == ("P0", "call", "vot")


async def test_violence_of_the_last_days_is_told_of_medicine_quietly() -> None:
    answers = ("report.tell", "gate.alone", "whom.self", "answer.yes", "answer.yes")
    teller = await told(a_teller("sexual_violence"), *answers)
    assert teller.said == ["report.health"]
    await teller.choose("go_on")
    assert teller.said == ["consent.report"]
    await teller.choose("consent.write")
    assert teller.case is not None
    assert (teller.case.level, teller.case.owner) == ("P0", "gbv")


async def test_where_clinics_may_not_be_spoken_of_nobody_is_told_of_medicine() -> None:
    quiet = TellSafely(SmallDirectory(), replace(Sop.load(), medical=False), operator=OPERATOR)
    teller = await told(a_teller("sexual_violence", report=quiet), "report.tell", "gate.alone", "whom.self")
    teller.respond.assistant.down = True  # type: ignore[attr-defined]
    await teller.choose("answer.yes", "answer.yes")
    assert teller.said == ["consent.report"]


AID = ("report.tell", "gate.alone", "whom.self", "answer.yes")


async def test_against_an_aid_worker_the_safer_way_is_shown_first_and_the_operator_sees_nothing() -> None:
    teller = await told(a_teller("report_aid_worker"), *AID)
    assert teller.said == ["report.psea"]
    assert "Demo Aid" in teller.words
    await teller.choose("go_on")
    assert teller.said == ["report.org"]
    await teller.choose("org.org-demo-aid")
    assert teller.said == ["consent.report"]
    assert "Safe Line (fictional)" in teller.words
    assert "Demo Aid" not in teller.words
    await teller.choose("consent.write")
    case = teller.case
    assert case is not None
    assert (case.organisation, case.excluded, case.level) == (NETWORK, (OPERATOR,), "P1")
    assert case.coi_orgs == ("org-demo-aid",)


async def test_an_organisation_that_is_skipped_counts_as_ours() -> None:
    teller = await told(a_teller("report_aid_worker"), *AID, "go_on", "skip", "consent.write")
    assert teller.case is not None
    assert (teller.case.organisation, teller.case.excluded) == (NETWORK, (OPERATOR,))


async def test_with_nobody_who_may_read_it_there_is_no_case_and_the_person_is_told() -> None:
    alone = {OPERATOR: DESKS[OPERATOR]}
    voice = a_voice()
    voice.deployment = replace(voice.deployment, second_channel="Other Line (fictional)")
    teller = await told(a_teller("report_aid_worker", desks=alone, voice=voice), *AID, "go_on", "skip")
    assert teller.said == ["report.nobody"]
    assert "Other Line (fictional)" in teller.words


async def test_details_that_nobody_asked_for_are_answered_kindly_and_not_kept() -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone")
    assert await teller.write("my boss at the belt factory is called Omar") == ["report.details", "report.age"]
    assert "Omar" not in f"{teller.turns[-1].changes}{teller.words}"
    await teller.choose("answer.yes", "topics.work", "topic.pay", "topics.done", "skip")
    assert await teller.write("my boss at the belt factory is called Omar") == ["report.details", "consent.report"]
    assert "Demo Aid" in teller.words


async def test_danger_words_in_the_middle_bring_the_card_and_the_card_carries_no_answers() -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone", "answer.yes", "topics.work")
    assert await teller.write("help me he will kill me") == ["danger.card"]
    await teller.choose("yes")
    case = teller.case
    assert case is not None
    assert (case.level, case.reasons, case.report.concerns) == ("P0", ("danger",), ())


async def test_self_harm_words_in_the_middle_bring_the_warm_card() -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone", "answer.yes", "topics.work")
    assert await teller.write("i want to kill myself") == ["selfharm.card"]
    await teller.choose("yes")
    assert teller.case is not None
    assert (teller.case.level, teller.case.reasons) == ("P0", ("self_harm",))


async def test_days_later_one_goes_on_where_one_was() -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone", "answer.yes", "topics.work")
    await teller.write("0")
    teller.later(days=9)
    assert await teller.write("hello") == ["greet.again"]
    await teller.choose("menu")
    await teller.write("something happened")
    assert await teller.choose("report.tell") == ["gate.ask"]
    assert await teller.choose("gate.alone") == ["report.topic.work"]


async def test_after_a_month_nothing_is_left_to_go_on_with() -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone", "answer.yes", "topics.work")
    teller.later(days=31)
    assert await teller.write("hello") == ["greet.again"]
    await teller.choose("menu")
    await teller.write("something happened")
    await teller.choose("report.tell")
    assert await teller.choose("gate.alone") == ["report.age"]


@pytest.mark.parametrize("word", ["00", "stop"])
async def test_who_leaves_or_stops_leaves_no_draft(word: str) -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone", "answer.yes", "topics.work")
    await teller.write(word)
    assert "report" not in teller.conversation.state


async def test_no_drops_what_was_told() -> None:
    teller = await told(a_teller(), *LABOUR)
    assert await teller.choose("consent.no") == ["consent.declined"]
    assert "report" not in teller.conversation.state
    assert teller.case is None


async def test_answers_can_be_changed_before_they_are_sent() -> None:
    teller = await told(a_teller(), *LABOUR)
    assert await teller.choose("consent.more") == ["consent.more.report"]
    await teller.choose("report.change", "topics.home", "topic.marriage", "topics.done", "when.soon", "skip")
    assert teller.said == ["consent.report"]
    await teller.choose("consent.write")
    assert teller.case is not None
    assert (teller.case.report.concerns, teller.case.owner) == (("early_marriage",), "gbv")


async def test_back_goes_one_question_back() -> None:
    teller = await told(a_teller(), "report.tell", "gate.alone", "answer.yes", "topics.work")
    assert await teller.write("back") == ["report.topic"]
    assert await teller.choose("topics.home") == ["report.topic.home"]


async def test_the_form_goes_on_while_the_assistant_is_down() -> None:
    teller = await told(a_teller(), "report.tell")
    teller.respond.assistant.down = True  # type: ignore[attr-defined]
    await teller.choose(*LABOUR[1:], "consent.write")
    assert teller.case is not None
    assert teller.case.report.concerns == ("vot_labour",)


async def test_a_typed_town_is_kept_as_its_region_only() -> None:
    teller = await told(a_teller(), *LABOUR[:-1])
    assert await teller.write("Velmora") == ["consent.report"]
    await teller.choose("consent.write")
    assert teller.case is not None
    assert teller.case.report.place_code == "XT01"


async def test_an_old_consent_is_asked_again_with_the_same_words() -> None:
    teller = await told(a_teller(), *LABOUR)
    before = teller.words
    teller.later(days=2)
    assert await teller.write("1") == ["stale.answer", "consent.report"]
    assert before in teller.words
    assert teller.case is None


async def test_a_yes_that_the_assistant_hears_counts_for_no_other_question() -> None:
    hears = FakeAssistant((OpenCase("write", "consent.contact"),))
    teller = a_teller(assistant=hears)
    await teller.write("9")
    await teller.write("that would be lovely")
    assert teller.case is None
    assert teller.said == ["gate.ask"]


async def test_a_consent_that_the_assistant_asks_for_comes_after_the_gate() -> None:
    teller = Teller(a_teller(assistant=FakeAssistant((Say("consent.contact"),))).respond, a_conversation())
    assert await teller.write("may I talk to somebody") == ["gate.ask"]
    assert await teller.choose("gate.alone") == ["consent.contact"]
