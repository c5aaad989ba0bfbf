"""What the case page shows of a report: answers apart from what was skipped or never asked, the consent's own words,
what fits in the directory, what is next; and nothing that is excluded."""

from __future__ import annotations

import re

from handoff.console.pages import load_catalogue
from handoff.core.directory import Policy
from handoff.core.pathways import Pathways
from handoff.core.sop import Sop
from handoff.core.triage import REASON_OF
from handoff.services.matches import Matcher
from handoff.store.cases import Cases
from handoff.store.directory import PostgresDirectory
from tests.console.world import OTHER, World

TOLD = {
    "owner": "vot",
    "level": "P1",
    "reasons": ["soon", "exploitation"],
    "for_whom": "self",
    "age_band": "adult",
    "concerns": ["vot_labour"],
    "flags": ["C1"],
    "sop_version": "tamaria-2026-1",
}


async def facts(world: World, **more: object) -> str:
    """The facts of a case as Mina sees them, without the line breaks of the page."""
    await world.staff("mina")
    case_id = await world.case("ABC234", **(TOLD | more))  # type: ignore[arg-type]
    mina = await world.browser(world.console(), "mina")
    page = (await mina.get(f"/cases/{case_id}?lang=en")).text
    return " ".join(page[page.index('<div id="facts">') :].split())


def rows(page: str) -> dict[str, str]:
    """What stands beside each name."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)
    return {name: re.sub(r"<[^>]+>", "", value).strip() for name, value in pairs}


async def test_a_report_is_shown_by_codes_in_words(world: World) -> None:
    page = await facts(world)
    shown = rows(page)
    assert shown["For whom"] == "Themselves"
    assert shown["Age"] == "18 or older"
    assert shown["About"] == "Work: pay, force or cheating vot_labour"
    assert shown["Responsible"] == "Focal point for victims of trafficking"
    assert shown["Grave warning sign in an offer"] == "C1"
    assert "In the next days" in page
    assert "tamaria-2026-1" in shown["Answer due by"]
    assert "Readable on the way" in shown["Channel"] or "Readable on the way" in page


async def test_answered_skipped_and_never_asked_stay_apart(world: World) -> None:
    shown = rows(await facts(world, for_whom=None, age_band="unknown", skipped=["for_whom", "place_code"]))
    assert shown["For whom"] == "Asked, not answered"
    assert shown["Area"] == "Asked, not answered"
    assert shown["Wants to talk with"] == "Not asked"
    assert shown["Age"] == "Did not say: perhaps a child"


async def test_flags_say_conflict_missing_focal_point_and_word(world: World) -> None:
    await world.staff("sara", role="supervisor")
    case_id = await world.case("ABC234", **(TOLD | {"owner": "gbv", "excluded": [OTHER]}))  # type: ignore[arg-type]
    sara = await world.browser(world.console(), "sara")
    for path in ("/", f"/cases/{case_id}"):
        page = (await sara.get(f"{path}?lang=en")).text
        assert f"Must not learn of it: {OTHER}" in page
        assert "No focal point: supervisors see it" in page


async def test_the_consent_is_shown_as_it_is_said_in_the_language_in_which_it_was_read(world: World) -> None:
    voice = world.voice()
    words, version = voice.wording("consent.contact", "es", "sms-twilio", "Demo Aid (fictional)")
    page = await facts(world)
    assert words.splitlines()[0] in page
    assert 'lang="es"' in page
    assert "The wording has changed since" in page
    await world.run("UPDATE consents SET text_version = :version", version=version)
    case_id = await world.one("SELECT id FROM cases")
    again = await (await world.browser(world.console(), "mina")).get(f"/cases/{case_id}?lang=en")
    assert "The wording has changed since" not in again.text


async def test_the_note_is_opened_under_the_persons_key_and_stands_apart(world: World) -> None:
    await world.staff("mina")
    case_id = await world.case("ABC234")
    async with world.engine.connect() as connection:
        cipher = (await world._person_key(connection, case_id)).encrypt("only by day", "cases.note_cipher")
    await world.run("UPDATE cases SET note_cipher = :cipher", cipher=cipher)
    mina = await world.browser(world.console(), "mina")
    page = (await mina.get(f"/cases/{case_id}?lang=en")).text
    assert page.index("Their note") < page.index("only by day")


async def test_next_steps_come_from_the_procedure_in_words(world: World) -> None:
    page = await facts(world)
    known = load_catalogue().entries("en")
    steps = [code for codes in Sop.load().steps.values() for code in codes]
    assert len(steps) >= 10
    assert all(known[f"step.{code}"].words in page for code in steps)


async def test_what_is_not_for_the_desk_is_not_there(world: World) -> None:
    await world.case("OTHER2", organisation=OTHER)
    page = await facts(world)
    assert "+1555" not in page
    assert "OTHER2" not in page


def test_every_reason_of_the_procedure_and_of_a_concern_has_words() -> None:
    known = load_catalogue().entries("en")
    reasons = {*Sop.load().reasons, *REASON_OF.values()}
    assert {f"reason.{reason}" for reason in reasons} <= set(known)


async def test_services_of_the_directory_are_proposed_but_none_of_who_may_not_know(world: World) -> None:
    await world.run(
        """
        INSERT INTO directory_organizations (id, name, desk_slug) VALUES
            ('o1', 'Law Aid', NULL), ('o2', 'Own', :own), ('o3', 'Complained of', NULL)
        """,
        own=OTHER,
    )
    for number, organization in (("s1", "o1"), ("s2", "o2"), ("s3", "o3")):
        await world.run(
            """
            INSERT INTO directory_services
                (id, organization_id, name, needs, place_codes, status, assured_date, channels)
            VALUES (:id, :org, :name, '{legal}', '{}', 'active', current_date, '{walk-in}')
            """,
            id=number,
            org=organization,
            name=f"Service {number}",
        )
    await world.staff("mina")
    case_id = await world.case("ABC234", **(TOLD | {"excluded": [OTHER]}))  # type: ignore[arg-type]
    await world.run(
        "INSERT INTO complaints (id, case_id, coi_orgs) VALUES (gen_random_uuid(), :id, '[\"o3\"]')", id=case_id
    )
    async with world.engine.connect() as connection:
        user = await world.one("SELECT id FROM staff")
        case = await Cases(world.vault).visible_case(connection, user, case_id, lock=False)
    assert case
    policy = Policy(world.voice().deployment.hours.timezone)
    matcher = Matcher(PostgresDirectory(world.engine), Pathways.load(), policy)
    found = await matcher.matches(case, world.clock())
    assert [match.service.name for match in found] == ["Service s1"]
    mina = await world.browser(world.console(), "mina")
    page = (await mina.get(f"/cases/{case_id}?lang=en")).text
    assert rows(" ".join(page.split()))["Against"] == "Complained of"
