"""The directory in the database: imports are whole and repeatable, numbers need two people, searches find the near."""

from __future__ import annotations

import asyncio
import csv
import shutil
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.core.directory import Policy, Query, ServiceReport, choose
from handoff.core.gazetteer_file import read_places
from handoff.core.hsds import Reading
from handoff.core.hsds_package import open_package
from handoff.core.staff import NewStaff
from handoff.directory_commands import DEMO_DIRECTORY, DEMO_PLACES
from handoff.store.directory import (
    CannotVerify,
    PostgresDirectory,
    add_report,
    close_report,
    unverify_phone,
    verify_phone,
)
from handoff.store.directory_check import open_findings
from handoff.store.directory_import import Outcome, import_directory
from handoff.store.migrate import alembic_config, check, upgrade
from handoff.store.places import import_places
from handoff.store.staff import StaffBook

PHONE = "phone-open-door-law-west"


@pytest.fixture
async def places(engine: AsyncEngine) -> frozenset[str]:
    """The demo's gazetteer in the database."""
    found, _ = read_places(DEMO_PLACES)
    await import_places(engine, found)
    return frozenset(place.code for place in found)


@pytest.fixture
async def staff(engine: AsyncEngine) -> tuple[str, str]:
    """Two people who may verify."""
    async with engine.begin() as connection:
        for login in ("mina", "tariq"):
            await StaffBook().save(connection, NewStaff(login, login, "x", "caseworker", "demo-aid", "Demo Aid"))
    return "mina", "tariq"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the demo's package, assured today."""
    path = tmp_path / "package"
    shutil.copytree(DEMO_DIRECTORY, path)
    edit(path / "services.csv", lambda row: row | {"assured_date": f"{datetime.now(UTC):%F}"})
    return path


def edit(path: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Rewrite a file row by row; None drops the row."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in map(change, rows) if row)


async def load(engine: AsyncEngine, path: Path, places: frozenset[str], *, dry_run: bool = False) -> Outcome:
    return await import_directory(engine, Reading(open_package(path), places), dry_run=dry_run)


async def value(engine: AsyncEngine, query: str, **parameters: object) -> object:
    async with engine.connect() as connection:
        return (await connection.execute(text(query), parameters)).scalar()


async def test_down_and_up_again(database: str) -> None:
    await asyncio.to_thread(command.downgrade, alembic_config(database), "0001")
    await asyncio.to_thread(upgrade, database)
    await asyncio.to_thread(check, database)


async def test_the_same_package_twice_changes_nothing(
    engine: AsyncEngine, package: Path, places: frozenset[str]
) -> None:
    first = await load(engine, package, places)
    assert first.added["service"] == 23
    assert first.written
    again = await load(engine, package, places)
    assert again.nothing
    assert again.left == 0


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    engine: AsyncEngine, package: Path, places: frozenset[str]
) -> None:
    outcome = await load(engine, package, places, dry_run=True)
    assert (outcome.added["service"], outcome.written) == (23, False)
    assert await value(engine, "SELECT count(*) FROM directory_services") == 0


@pytest.mark.parametrize("file", ["organizations", "phones", "attributes", "service_areas"])
async def test_one_wrong_row_anywhere_and_nothing_is_written(
    engine: AsyncEngine, package: Path, places: frozenset[str], file: str
) -> None:
    with (package / f"{file}.csv").open("a") as stream:
        stream.write("too,few\n")
    outcome = await load(engine, package, places)
    assert not outcome.written
    for table in ("organizations", "services", "phones", "schedules"):
        assert await value(engine, f"SELECT count(*) FROM directory_{table}") == 0  # noqa: S608


async def test_what_a_package_no_longer_has_is_gone_and_what_changed_is_changed(
    engine: AsyncEngine, package: Path, places: frozenset[str]
) -> None:
    await load(engine, package, places)
    edit(package / "phones.csv", lambda row: None if row["id"] == "phone-lakeside-clinic-2" else row)
    edit(package / "service_areas.csv", lambda row: row | {"extent": "XT05"} if "lakeside" in row["id"] else row)
    edit(package / "service_at_location.csv", lambda row: None if row["id"] == "at-health-line" else row)
    outcome = await load(engine, package, places)
    assert (outcome.deleted["phone"], outcome.changed["service_area"], outcome.added.total()) == (1, 1, 0)
    assert outcome.deleted["service_at_location"] == 1
    assert await value(engine, "SELECT place_codes FROM directory_services WHERE id = 'lakeside-clinic'") == ["XT05"]


async def test_another_package_leaves_the_first_alone(
    engine: AsyncEngine, package: Path, places: frozenset[str], tmp_path: Path
) -> None:
    await load(engine, package, places)
    other = tmp_path / "other"
    other.mkdir()
    (other / "organizations.csv").write_text("id,name\nother,Other (fictional)\n")
    (other / "services.csv").write_text("id,organization_id,name,status\nother-1,other,Help,active\n")
    outcome = await load(engine, other, places)
    assert (outcome.added.total(), outcome.deleted.total()) == (2, 0)
    assert await value(engine, "SELECT count(*) FROM directory_services") == 24


async def test_services_that_vanish_from_a_package_are_counted(
    engine: AsyncEngine, package: Path, places: frozenset[str]
) -> None:
    await load(engine, package, places)
    for name in ("phones", "schedules", "languages", "service_areas", "service_at_location"):
        edit(package / f"{name}.csv", lambda row: None if "listening-room" in row["service_id"] else row)
    edit(package / "attributes.csv", lambda row: None if row["link_id"] == "listening-room" else row)
    edit(package / "services.csv", lambda row: None if row["id"] == "listening-room" else row)
    assert (await load(engine, package, places)).left == 1


async def test_a_number_needs_two_different_people_and_their_notes(
    engine: AsyncEngine, package: Path, places: frozenset[str], staff: tuple[str, str]
) -> None:
    await load(engine, package, places)
    first, second = staff
    directory = PostgresDirectory(engine)

    async def numbers() -> tuple[str, ...]:
        return (await directory.services(["open-door-law-west"]))[0].phones

    assert await numbers() == ()
    async with engine.begin() as connection:
        with pytest.raises(CannotVerify, match="a note is needed"):
            await verify_phone(connection, PHONE, first, " ")
        with pytest.raises(CannotVerify, match="nobody signs in"):
            await verify_phone(connection, PHONE, "stranger", "note")
        with pytest.raises(CannotVerify, match="no phone"):
            await verify_phone(connection, "gone", first, "note")
        assert not await verify_phone(connection, PHONE, first, "Reception answered.")
        with pytest.raises(CannotVerify, match="another one"):
            await verify_phone(connection, PHONE, first, "Again.")
    assert await numbers() == ()
    async with engine.begin() as connection:
        assert await verify_phone(connection, PHONE, second, "The director answered.")
        with pytest.raises(CannotVerify, match="verified already"):
            await verify_phone(connection, PHONE, second, "Again.")
    assert await numbers() == ("+1 555 0111",)
    audited = await value(engine, "SELECT count(DISTINCT actor) FROM audit WHERE action = 'directory_phone_verified'")
    assert audited == 2
    note = "SELECT call_back_note FROM directory_phones WHERE id = :id"
    assert await value(engine, note, id=PHONE) == "Reception answered.\nThe director answered."


async def test_the_database_itself_refuses_one_person_twice(
    engine: AsyncEngine, package: Path, places: frozenset[str], staff: tuple[str, str]
) -> None:
    await load(engine, package, places)
    alone = """
        UPDATE directory_phones SET call_back_note = 'x', verified_by_1 = one.id, verified_by_2 = one.id
        FROM (SELECT id FROM staff LIMIT 1) one
    """
    async with engine.begin() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(text(alone))


async def verify_all(connection: AsyncConnection, staff: tuple[str, str]) -> None:
    for phone in (await connection.execute(text("SELECT id FROM directory_phones"))).scalars().all():
        for login in staff:
            await verify_phone(connection, phone, login, "Fictional.")


async def test_a_number_that_changes_is_unverified_again_and_others_stay(
    engine: AsyncEngine, package: Path, places: frozenset[str], staff: tuple[str, str]
) -> None:
    await load(engine, package, places)
    async with engine.begin() as connection:
        await verify_all(connection, staff)
    edit(package / "phones.csv", lambda row: row | {"number": "+1 555 0199"} if row["id"] == PHONE else row)
    edit(package / "phones.csv", lambda row: row | {"type": "cell"} if "health-line" in row["id"] else row)
    await load(engine, package, places)
    directory = PostgresDirectory(engine)
    numbers = {one.id: one.phones for one in await directory.services(["open-door-law-west", "health-line"])}
    assert numbers == {"open-door-law-west": (), "health-line": ("+1 555 0105",)}


async def test_one_person_is_enough_to_take_a_number_back(
    engine: AsyncEngine, package: Path, places: frozenset[str], staff: tuple[str, str]
) -> None:
    await load(engine, package, places)
    async with engine.begin() as connection:
        await verify_all(connection, staff)
        await unverify_phone(connection, PHONE, staff[0])
        with pytest.raises(CannotVerify, match="no phone"):
            await unverify_phone(connection, "gone", staff[0])
    assert (await PostgresDirectory(engine).services(["open-door-law-west"]))[0].phones == ()


@pytest.fixture
async def full(engine: AsyncEngine, package: Path, places: frozenset[str], staff: tuple[str, str]) -> PostgresDirectory:
    """Everything imported and verified."""
    await load(engine, package, places)
    async with engine.begin() as connection:
        await verify_all(connection, staff)
    return PostgresDirectory(engine)


async def told(directory: PostgresDirectory, need: str, place: str, whom: str = "any") -> list[str]:
    gazetteer = await directory.gazetteer()
    areas = gazetteer.within(place) | frozenset(gazetteer.chain(place))
    candidates = await directory.candidates(need, areas, nearest=gazetteer.within(place))
    query = Query(need, place, whom)
    found = choose(candidates, query, gazetteer, Policy(ZoneInfo("UTC")), datetime.now(UTC))
    return [service.id for service in found.services]


async def test_what_serves_a_place_is_found_there(full: PostgresDirectory) -> None:
    assert (await told(full, "legal", "XT01"))[0] == "open-door-law-west"
    assert (await told(full, "health", "XT02"))[0] == "river-clinic"
    assert "womens-health-room" not in await told(full, "health", "XT01")
    assert "womens-health-room" in await told(full, "health", "XT01", "women")
    assert "mens-circle" in await told(full, "mental", "XT01", "men")
    assert "victim-desk" not in await told(full, "protection", "XT01")
    assert "old-soup-kitchen" not in await told(full, "food", "XT02")


async def test_shelters_are_redacted_and_the_place_of_none_is_kept(full: PostgresDirectory) -> None:
    house = (await full.services(["willow-house"]))[0]
    assert house.redacted
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name LIKE 'directory%' AND column_name = :n"
    assert await value(full.engine, columns, n="address_1") == 0
    assert await value(full.engine, columns, n="latitude") == 0


async def test_stale_services_are_no_candidates(full: PostgresDirectory) -> None:
    old = datetime.now(UTC).date() - timedelta(days=91)
    async with full.engine.begin() as connection:
        await connection.execute(text("UPDATE directory_services SET assured_date = :old"), {"old": old})
    assert await told(full, "legal", "XT01") == []


async def test_the_gazetteer_is_read_again_when_it_changed(engine: AsyncEngine, places: frozenset[str]) -> None:
    moment = [0.0]
    directory = PostgresDirectory(engine, monotonic=lambda: moment[0])
    assert len((await directory.gazetteer()).places) == 15
    found, _ = read_places(DEMO_PLACES)
    assert await import_places(engine, found[:-1]) == (0, 0, 1, [])
    assert len((await directory.gazetteer()).places) == 15
    moment[0] = 60.0
    assert len((await directory.gazetteer()).places) == 14


async def test_a_gazetteer_twice_changes_nothing(engine: AsyncEngine, places: frozenset[str]) -> None:
    found, _ = read_places(DEMO_PLACES)
    assert await import_places(engine, found) == (0, 0, 0, [])


async def test_a_place_that_services_use_is_not_removed(full: PostgresDirectory) -> None:
    found, _ = read_places(DEMO_PLACES)
    kept = [place for place in found if not place.code.startswith("XT05")]
    assert (await import_places(full.engine, kept))[3] == ["XT05"]
    assert await value(full.engine, "SELECT count(*) FROM places") == 15


async def test_a_dead_number_reported_often_is_one_line_and_hides_nothing(full: PostgresDirectory) -> None:
    async with full.engine.begin() as connection:
        for services in (("lakeside-clinic", "health-line"), ("health-line", "lakeside-clinic"), ("safe-steps",)):
            await add_report(connection, ServiceReport("dead", services, "XT01"))
    async with full.engine.connect() as connection:
        lines = [finding for finding in await open_findings(connection) if finding.what == "reported dead"]
    assert [(line.name, line.detail[:7]) for line in lines] == [
        ("Health Line / Lakeside Clinic", "2 times"),
        ("Safe Steps", "1 times"),
    ]
    assert "lakeside-clinic" in await told(full, "health", "XT01")


async def test_a_report_that_is_done_leaves_the_list(full: PostgresDirectory, staff: tuple[str, str]) -> None:
    async with full.engine.begin() as connection:
        await add_report(connection, ServiceReport("dead", ("safe-steps",)))
        number = (await connection.execute(text("SELECT id FROM directory_reports"))).scalar_one()
        await close_report(connection, number, staff[0])
        with pytest.raises(CannotVerify, match="no open report"):
            await close_report(connection, number, staff[0])
        assert not [finding for finding in await open_findings(connection) if finding.what.startswith("reported")]


async def test_the_check_names_what_needs_work(engine: AsyncEngine, package: Path, places: frozenset[str]) -> None:
    edit(package / "services.csv", lambda row: row | {"assured_date": ""} if row["id"] == "bridge-house" else row)
    edit(package / "phones.csv", lambda row: None if row["service_id"] == "safe-steps" else row)
    edit(package / "service_areas.csv", lambda row: None if row["service_id"] == "winter-money" else row)
    await load(engine, package, places)
    async with engine.connect() as connection:
        found = {(finding.what, finding.id) for finding in await open_findings(connection)}
    assert {
        ("stale", "bridge-house"),
        ("closed", "old-soup-kitchen"),
        ("no phone", "safe-steps"),
        ("no place", "winter-money"),
        ("unverified number", PHONE),
    } <= found


async def test_hours_numbers_and_languages_come_with_a_service(full: PostgresDirectory) -> None:
    clinic = (await full.services(["lakeside-clinic"]))[0]
    assert clinic.phones == ("+1 555 0101", "+1 555 0102")
    assert clinic.languages == {"en", "ar", "fa", "ps"}
    assert clinic.hours("en", datetime.now(UTC), ZoneInfo("UTC")) == "Mon-Fri 08:00-16:00"
    assert (await full.services([str(uuid.uuid4())])) == []
