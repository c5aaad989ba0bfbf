"""How urgent, whose, and why: from closed answers alone, by the procedure of the country."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handoff.core.content import BadContent
from handoff.core.pathways import Pathways
from handoff.core.report import Report
from handoff.core.sop import Sop
from handoff.core.triage import REASON_OF, route, triage

PATHWAYS = Pathways.load()
SOP = Sop.load()
SOURCE = """
version: v1
country: Nowhere (fictional)
levels:
  P0: {answer_within: 15m, at_most: 1h}
  P1: {answer_within: 24h, at_most: 48h}
  P2: {answer_within: 72h, at_most: 7d}
  P3: {answer_within: 7d, at_most: 14d}
reasons: {danger: P0}
escalation: [{at: 1.0, tell: supervisor}]
owners: {cp: [a], gbv: [a], psea: [b], protection: [a], health: [a], male_survivors: [a], vot: [a]}
backup: [b]
duty_to_report: []
steps: {}
retention: {closed_case_days: 90, notice_days: 7}
"""


@pytest.mark.parametrize(
    ("report", "said", "level", "first"),
    [
        (Report(), (), "P3", "asked_for_person"),
        (Report(), ("danger",), "P0", "danger"),
        (Report(concerns=("ransom_kidnapping",)), (), "P0", "ransom"),
        (Report(concerns=("vot_labour",), age_band="adult"), (), "P2", "exploitation"),
        (Report(concerns=("vot_labour",), age_band="minor"), (), "P1", "child"),
        (Report(concerns=("vot_labour",), signs=("locked_in",)), (), "P0", "locked_in"),
        (Report(concerns=("sea_by_aid_worker",)), (), "P1", "aid_worker"),
        (Report(concerns=("not_sure",)), (), "P2", "not_sure"),
        (Report(flags=("C1",)), (), "P1", "critical_flag"),
        (Report(concerns=("early_marriage",), signs=("soon",)), (), "P1", "soon"),
    ],
)
def test_the_gravest_reason_decides_and_stands_first(
    report: Report, said: tuple[str, ...], level: str, first: str
) -> None:
    found = triage(report, SOP, said=said)
    assert (found.level, found.reasons[0]) == (level, first)


def test_an_unknown_age_changes_neither_level_nor_owner() -> None:
    known, unknown = (Report(concerns=("vot_labour",), age_band=age) for age in ("adult", "unknown"))
    assert triage(known, SOP) == triage(unknown, SOP)
    assert route(known, SOP, PATHWAYS, operator="op") == route(unknown, SOP, PATHWAYS, operator="op")


@pytest.mark.parametrize("concern", sorted(PATHWAYS.routes))
def test_every_concern_has_a_reason_with_a_level_and_an_owner_with_an_organisation(concern: str) -> None:
    assert REASON_OF.get(concern, "child") in SOP.reasons
    routed = route(Report(concerns=(concern,)), SOP, PATHWAYS, operator="op")
    assert routed.organisation in {"op", "psea-network"}


def test_what_table_1_leaves_to_nobody_goes_to_the_owner_of_the_gap() -> None:
    routed = route(Report(concerns=("vot_organ_removal",)), SOP, PATHWAYS, operator="op")
    assert (routed.owner, routed.organisation, routed.gap) == ("vot", "op", True)


def test_a_child_is_child_protections_and_a_harmed_child_also_the_gbv_focal_points() -> None:
    assert route(Report(concerns=("vot_labour",), age_band="minor"), SOP, PATHWAYS, operator="op").owner == "cp"
    both = route(Report(concerns=("domestic_violence",), for_whom="child"), SOP, PATHWAYS, operator="op")
    assert (both.owner, both.joint) == ("cp", "gbv")


def test_an_allegation_without_a_name_excludes_the_operator_and_everybody_in_the_area() -> None:
    report = Report(concerns=("vot_labour", "sea_by_aid_worker"))
    routed = route(report, SOP, PATHWAYS, operator="op", in_area=("other", "psea-network"))
    assert (routed.owner, routed.organisation) == ("psea", "psea-network")
    assert routed.excluded == ("op", "other")


def test_a_named_organisation_is_excluded_and_another_takes_it() -> None:
    report = Report(concerns=("sea_by_aid_worker",), organizations=("org-7",))
    routed = route(report, SOP, PATHWAYS, operator="op", implicated=("psea-network",))
    assert (routed.organisation, routed.excluded) == ("op", ("psea-network",))


def test_without_an_eligible_reader_there_is_no_organisation() -> None:
    report = Report(concerns=("sea_by_aid_worker",))
    assert route(report, SOP, PATHWAYS, operator="op", known=("op",)).organisation is None


def test_the_clocks_are_read_as_times() -> None:
    assert SOP.levels["P0"].answer_within == timedelta(minutes=15)
    assert SOP.levels["P3"].at_most == timedelta(days=14)


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        (("P0: {answer_within: 15m, at_most: 1h}", "P0: {answer_within: soon, at_most: 1h}"), "'soon' is no time"),
        (("{danger: P0}", "{danger: P9}"), "danger has no level"),
        (("vot: [a]", "vot: []"), "nobody stands behind vot"),
        (("tell: supervisor", "tell: everybody"), "tell must be one of"),
        (("version: v1\n", ""), "version"),
        (("  P3: {answer_within: 7d, at_most: 14d}\n", ""), "levels must be"),
    ],
)
def test_a_wrong_procedure_is_refused_with_its_fault(planted: tuple[str, str], told: str) -> None:
    Sop.parse(SOURCE, PATHWAYS)
    with pytest.raises(BadContent, match=told):
        Sop.parse(SOURCE.replace(*planted), PATHWAYS)


def test_a_report_survives_its_way_through_the_state() -> None:
    report = Report("other", "adult", ("vot_labour", "not_sure"), ("soon",), ("C1",), ("org",), "TM01", "yes", "woman")
    assert Report.from_json(report.to_json()) == report
    assert Report.from_json({"unknown": 1}) == Report()
