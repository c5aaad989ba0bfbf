"""How urgent a report is, and whose it is: from closed answers and explicit words only, explained by reason codes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from handoff.core.pathways import Pathways, Route
from handoff.core.report import Report
from handoff.core.sop import Sop

# What a concern says by itself, as a reason of the SOP.
REASON_OF = {
    "ransom_kidnapping": "ransom",
    "migrant_abduction": "ransom",
    "sea_by_aid_worker": "aid_worker",
    "sexual_violence_exploitation": "sexual_violence",
    "forced_prostitution": "sexual_violence",
    "early_marriage": "forced_marriage",
    "temporary_marriage": "forced_marriage",
    "vot_organ_removal": "organ",
    "forced_recruitment": "recruitment",
    "child_recruitment": "recruitment",
    "domestic_violence": "home",
    "child_violence_abuse": "home",
    "child_abduction_kidnapping": "ransom",
    "stranded_migrant_exploitation": "stranded",
    "unsafe_onward_migration": "stranded",
    "minority_exploitation": "discrimination",
    "vot_labour": "exploitation",
    "vot_slavery": "exploitation",
    "vot_forced_begging": "exploitation",
    "child_labour": "exploitation",
    "not_sure": "not_sure",
}


@dataclass(frozen=True, slots=True)
class Triage:
    """The level, and why, gravest reason first."""

    level: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routed:
    """Who gets a case. `organisation` is None where nobody may take it: then there is no case, and the person is told.

    `owner` and `joint` are owners of the pathways; `excluded` slugs of organisations that may not know of the case.
    """

    owner: str
    organisation: str | None
    joint: str = ""
    excluded: tuple[str, ...] = ()
    gap: bool = False


def triage(report: Report, sop: Sop, *, said: Collection[str] = ()) -> Triage:
    """The level of a report. `said` are reasons from outside it (danger, self_harm, asked_for_person)."""
    reasons = tuple(dict.fromkeys((*said, *_reasons(report)))) or ("asked_for_person",)
    ordered = tuple(sorted(reasons, key=lambda reason: sop.reasons.get(reason, "P2")))
    return Triage(sop.level(ordered), ordered)


def _reasons(report: Report) -> Iterator[str]:
    yield from report.signs
    if report.about_child:
        yield "child"
    for concern in report.concerns:
        yield REASON_OF.get(concern, "not_sure")
    if report.flags:
        yield "critical_flag"


def route(
    report: Report,
    sop: Sop,
    pathways: Pathways,
    *,
    operator: str,
    implicated: Collection[str] = (),
    in_area: Collection[str] = (),
    known: Collection[str] | None = None,
) -> Routed:
    """Whose the case is. Raises nothing: the owner of the gap is never empty.

    `implicated` are the slugs of the desks of the organisations complained of, `in_area` those of all organisations
    with users where it happened. Where an aid worker's organisation was skipped or is unknown, the operator and all in
    the area but the focal points themselves count as implicated (SAFETY §7). `known` are the slugs that exist at this
    desk (None: all).
    """
    first = _gravest(report, pathways)
    focal = set(sop.organisations("psea", operator)) - {operator}
    excluded = tuple(sorted(_excluded(report, operator, implicated, set(in_area) - focal)))
    for owner in (*first.chain, pathways.gap_owner):
        for slug in sop.organisations(owner, operator):
            if slug not in excluded and (known is None or slug in known):
                return Routed(owner, slug, _joint(report, first, owner), excluded, first.gap)
    return Routed(first.owner, None, "", excluded, first.gap)


def _excluded(report: Report, operator: str, implicated: Collection[str], in_area: Collection[str]) -> set[str]:
    if not report.against_aid_worker or report.organizations:
        return set(implicated)
    return {operator, *implicated, *in_area}


def _gravest(report: Report, pathways: Pathways) -> Route:
    """Which concern decides whose the case is: an allegation against an aid worker, a child's, then the first."""
    if report.against_aid_worker:
        return pathways.of("sea_by_aid_worker")
    routes = [pathways.of(concern) for concern in report.concerns if concern != "not_sure"]
    if report.about_child:
        child = Route("child", ("cp", "protection", pathways.gap_owner), gap=False)
        joint = next((r for r in routes if r.owner == "gbv"), None)
        return Route("child", child.chain, gap=False, joint="gbv") if joint else child
    return routes[0] if routes else Route("protection", ("protection", pathways.gap_owner), gap=False)


def _joint(report: Report, first: Route, owner: str) -> str:
    if report.about_child and first.joint and first.joint != owner:
        return first.joint
    return ""
