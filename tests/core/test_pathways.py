"""Every concern has somebody who is responsible; a table that leaves one to nobody is refused."""

from __future__ import annotations

import pytest

from handoff.core.content import BadContent
from handoff.core.pathways import Pathways

OWNERS = "owners: {cp: Child protection, vot: Gap}\ngap_owner: vot\n"
# Table 1 of the seeds: what it gives to whom, and what it leaves to nobody.
TABLE = {
    "cp": "child_labour child_recruitment child_violence_abuse child_abduction_kidnapping illegal_adoption",
    "gbv": "early_marriage temporary_marriage forced_prostitution domestic_violence sexual_violence_exploitation",
    "psea": "sea_by_aid_worker",
}
GAP = (
    "stranded_migrant_exploitation unsafe_onward_migration migrant_abduction vot_labour vot_slavery "
    "vot_forced_begging vot_organ_removal ransom_kidnapping minority_exploitation"
)


def test_the_owners_of_table_1() -> None:
    pathways = Pathways.load()
    for owner, concerns in TABLE.items():
        assert {pathways.of(concern).owner for concern in concerns.split()} == {owner}
    assert len(pathways.routes) == 21


def test_what_table_1_leaves_to_nobody_has_an_owner_and_counts_as_a_gap() -> None:
    routes = [Pathways.load().of(concern) for concern in GAP.split()]
    assert all(route.gap and route.owner == "vot" for route in routes)


def test_every_chain_ends_with_the_owner_of_the_gap() -> None:
    assert all(route.chain[-1] == "vot" for route in Pathways.load().routes.values())


def test_an_unknown_concern_belongs_to_the_gap_owner() -> None:
    assert Pathways.load().of("new_thing").chain == ("vot",)


def test_a_child_has_child_protection_too() -> None:
    assert Pathways.load().of("forced_prostitution").joint == "cp"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("concerns: {}", "owners"),
        ("owners: {cp: x}\ngap_owner: vot\nconcerns: {}", "nobody would have the gap"),
        (OWNERS + "concerns: {a: {}}", "a has no owner"),
        (OWNERS + "concerns: {a: {owner: gbv}}", "gbv is none of the owners"),
        (OWNERS + "concerns: {a: {owner: cp, fallback: [x]}}", "x is none"),
        (OWNERS + "concerns: {a: {owner: cp, wrong: 1}}", "unknown field wrong"),
        (OWNERS + "concerns: {a: {owner: cp, needs: [gold]}}", "gold is no need"),
    ],
)
def test_a_broken_table_is_refused_with_the_reason(source: str, sentence: str) -> None:
    with pytest.raises(BadContent, match=sentence):
        Pathways.parse(source)
