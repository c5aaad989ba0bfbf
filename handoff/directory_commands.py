"""`amana directory …` and `amana places …`: bringing services and places in, and keeping them true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.content import CONTENT_DIR
from handoff.core.gazetteer_file import read_places
from handoff.core.hsds import ORDER, Reading
from handoff.core.hsds_package import Fault, open_package
from handoff.processes import opened
from handoff.settings import Settings
from handoff.store.directory import CannotVerify, close_report, unverify_phone, verify_phone
from handoff.store.directory_check import open_findings
from handoff.store.directory_import import Outcome, import_directory
from handoff.store.places import import_places

DEMO_PLACES = CONTENT_DIR / "places" / "tamaria.csv"
DEMO_DIRECTORY = CONTENT_DIR / "directory" / "tamaria"
ASSURE_DEMO = text("UPDATE directory_services SET assured_date = current_date WHERE description = 'Does not exist.'")
DEMO_NOTE = "Fictional: nobody was called."
# Of the demo's directory: left unverified, so that the list of `amana directory check` has something on it.
DEMO_UNVERIFIED = "phone-lakeside-clinic-2"


async def import_directory_command(settings: Settings, path: Path, *, dry_run: bool) -> int:
    """Import a package and say what was done; with any fault nothing is."""
    async with opened(settings) as house:
        package = open_package(path)
        reading = Reading(package, await known_places(house.engine), say=lambda line: typer.echo(f"… {line}", err=True))
        outcome = await import_directory(house.engine, reading, dry_run=dry_run)
    for note in reading.notes:
        typer.echo(f"note: {note}")
    if reading.faults:
        return _refused(reading.faults)
    _say_outcome(reading, outcome)
    return 0


async def import_places_command(settings: Settings, path: Path, *, dry_run: bool) -> int:
    """Replace the gazetteer and say what was done; with any fault nothing is."""
    places, faults = read_places(path)
    if faults:
        return _refused(faults)
    async with opened(settings) as house:
        added, changed, removed, used = await import_places(house.engine, places, dry_run=dry_run)
    if used:
        typer.echo(f"Nothing was imported: services still name places that the file lacks: {', '.join(used)}", err=True)
        return 1
    if not added + changed + removed:
        typer.echo(f"{len(places)} places: all known already, nothing changed.")
        return 0
    begin = "Would be" if dry_run else "Imported"
    typer.echo(f"{begin}: {len(places)} places ({added} added, {changed} changed, {removed} removed).")
    return 0


async def check_directory(settings: Settings) -> int:
    """What needs somebody's work, one line each."""
    async with opened(settings) as house, house.engine.connect() as connection:
        findings = await open_findings(connection)
    for finding in findings:
        typer.echo("\t".join((finding.what, finding.id, finding.name, finding.detail)))
    typer.echo(f"{len(findings)} to look after." if findings else "Nothing to look after.")
    return 1 if findings else 0


async def verify(settings: Settings, phone_id: str, *, login: str, note: str) -> int:
    """One of the two call-backs that a number needs."""
    async with _staff_work(settings) as engine, engine.begin() as connection:
        told = await verify_phone(connection, phone_id, login, note)
    typer.echo(
        "Verified by two people: it is told to people now." if told else "Noted. A second person has to call too."
    )
    return 0


async def unverify(settings: Settings, phone_id: str, *, login: str) -> int:
    """Take a number back."""
    async with _staff_work(settings) as engine, engine.begin() as connection:
        await unverify_phone(connection, phone_id, login)
    typer.echo("The number is no longer told to anybody.")
    return 0


async def done(settings: Settings, report: int, *, login: str) -> int:
    """Take a report off the list."""
    async with _staff_work(settings) as engine, engine.begin() as connection:
        await close_report(connection, report, login)
    typer.echo(f"Report {report} is done.")
    return 0


async def prepare_directory(settings: Settings, logins: Sequence[str]) -> None:
    """The demo's fictional country, once: a gazetteer that is there already stays as it is, with its directory.

    What is fictional does not grow old: its services are always assured.
    """
    async with opened(settings) as house:
        async with house.engine.begin() as connection:
            await connection.execute(ASSURE_DEMO)
        if await known_places(house.engine):
            return
        places, faults = read_places(DEMO_PLACES)
        await import_places(house.engine, places)
        reading = Reading(open_package(DEMO_DIRECTORY), frozenset(place.code for place in places))
        await import_directory(house.engine, reading)
        if faults or reading.faults:
            raise ValueError(f"the demo's directory is broken: {[*faults, *reading.faults][0]}")
        async with house.engine.begin() as connection:
            await connection.execute(ASSURE_DEMO)
            phones = (await connection.execute(text("SELECT id FROM directory_phones ORDER BY id"))).scalars().all()
            for phone in (phone for phone in phones if phone != DEMO_UNVERIFIED):
                for login in logins[:2]:
                    await verify_phone(connection, phone, login, DEMO_NOTE)


async def known_places(engine: AsyncEngine) -> frozenset[str]:
    """The codes of the gazetteer."""
    async with engine.connect() as connection:
        return frozenset((await connection.execute(text("SELECT code FROM places"))).scalars())


@asynccontextmanager
async def _staff_work(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """Raises ValueError with a sentence when something cannot be done."""
    async with opened(settings) as house:
        try:
            yield house.engine
        except CannotVerify as error:
            raise ValueError(str(error)) from None


def _refused(faults: Sequence[Fault]) -> int:
    for fault in faults:
        typer.echo(str(fault), err=True)
    typer.echo(f"Nothing was imported: {len(faults)} thing{'s' if len(faults) > 1 else ''} to mend.", err=True)
    return 1


def _say_outcome(reading: Reading, outcome: Outcome) -> None:
    if outcome.nothing:
        typer.echo(f"{reading.counts['service']} services: all known already, nothing changed.")
    else:
        typer.echo("Imported:" if outcome.written else "Would be imported:")
        for resource in ORDER:
            counts = (outcome.added[resource], outcome.changed[resource], outcome.deleted[resource])
            if any(counts):
                typer.echo(f"  {resource}: {counts[0]} added, {counts[1]} changed, {counts[2]} deleted")
    if outcome.left:
        typer.echo(f"note: {outcome.left} active services of these organizations are not in the package; they stay")
    typer.echo("A number is told to people once two of your colleagues have verified it: amana directory check")
