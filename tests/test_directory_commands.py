"""`amana directory` and `amana places`, as an operator types them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from handoff import cli
from handoff.directory_commands import DEMO_DIRECTORY, DEMO_PLACES
from handoff.processes import add_staff
from handoff.settings import Settings

type Amana = Callable[..., Result]


@pytest.fixture
def amana(settings: Settings, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Amana:
    """Runs a command on the test's database, in a thread with a loop of its own."""
    monkeypatch.setattr(cli, "load_settings", lambda: settings)
    # The runner's output is closed after each command: what logs later must not write to it.
    monkeypatch.setattr("handoff.processes.configure_logs", lambda *_, **__: None)
    return lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])


async def run(amana: Amana, *words: object) -> Result:
    return await asyncio.to_thread(amana, *words)


async def test_from_an_empty_database_to_a_number_that_is_told(amana: Amana, settings: Settings) -> None:
    for login in ("mina", "tariq"):
        await add_staff(settings, login, login, role="caseworker", organisation="", password="a long password")
    assert "15 places (15 added" in (await run(amana, "places", "import", DEMO_PLACES)).output
    imported = await run(amana, "directory", "import", DEMO_DIRECTORY)
    assert imported.exit_code == 0
    assert "service: 23 added" in imported.output
    check = await run(amana, "directory", "check")
    assert check.exit_code == 1
    assert "phone-safe-steps\tSafe Steps\t+1 555 0151: nobody has called" in check.output
    verify = ("directory", "verify", "phone-safe-steps", "--note", "They answered.", "--by")
    assert "A second person" in (await run(amana, *verify, "mina")).output
    again = await run(amana, *verify, "mina")
    assert (again.exit_code, "another one" in again.output) == (1, True)
    assert "told to people now" in (await run(amana, *verify, "tariq")).output
    assert "phone-safe-steps" not in (await run(amana, "directory", "check")).output
    back = await run(amana, "directory", "unverify", "phone-safe-steps", "--by", "mina")
    assert "no longer told" in back.output


async def test_twice_says_that_nothing_changed(amana: Amana) -> None:
    await run(amana, "places", "import", DEMO_PLACES)
    assert "nothing changed" in (await run(amana, "places", "import", DEMO_PLACES)).output
    assert "Would be imported" in (await run(amana, "directory", "import", DEMO_DIRECTORY, "--dry-run")).output
    await run(amana, "directory", "import", DEMO_DIRECTORY)
    assert "nothing changed" in (await run(amana, "directory", "import", DEMO_DIRECTORY)).output


async def test_a_broken_package_is_refused_with_every_reason(amana: Amana, tmp_path: Path) -> None:
    await run(amana, "places", "import", DEMO_PLACES)
    package = tmp_path / "package"
    shutil.copytree(DEMO_DIRECTORY, package)
    with (package / "phones.csv").open("a") as file:
        file.write("bad-1,gone,+1 555 0190,voice\nbad-2,safe-steps,none,voice\n")
    result = await run(amana, "directory", "import", package)
    assert result.exit_code == 1
    assert "phones.csv, row 26, service_id: gone does not exist in the package" in result.output
    assert "phones.csv, row 27, number: is no phone number" in result.output
    assert "Nothing was imported: 2 things to mend." in result.output


async def test_places_must_come_before_services(amana: Amana) -> None:
    result = await run(amana, "directory", "import", DEMO_DIRECTORY)
    assert result.exit_code == 1
    assert "import places first" in result.output


async def test_a_gazetteer_with_faults_or_without_places_in_use_is_refused(amana: Amana, tmp_path: Path) -> None:
    await run(amana, "places", "import", DEMO_PLACES)
    await run(amana, "directory", "import", DEMO_DIRECTORY)
    path = tmp_path / "places.csv"
    path.write_text("code,level,parent,name_en\nXT,0,,Tamaria\n")
    result = await run(amana, "places", "import", path)
    assert (result.exit_code, "XT01" in result.output) == (1, True)
    path.write_text("code,level,parent,name_en\nXT,7,,Tamaria\n")
    assert "places.csv, row 2, level" in (await run(amana, "places", "import", path)).output
    assert "there is no file gone.csv" in (await run(amana, "places", "import", tmp_path / "gone.csv")).output


async def test_a_report_is_listed_until_it_is_done(amana: Amana, settings: Settings, engine: AsyncEngine) -> None:
    await add_staff(settings, "mina", "mina", role="caseworker", organisation="", password="a long password")
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO directory_reports (kind, service_ids) VALUES ('dead', '{x}')"))
    assert "reported dead\t1" in (await run(amana, "directory", "check")).output
    assert "Report 1 is done" in (await run(amana, "directory", "done", "1", "--by", "mina")).output
    clean = await run(amana, "directory", "check")
    assert (clean.exit_code, "Nothing to look after" in clean.output) == (0, True)
    assert (await run(amana, "directory", "done", "1", "--by", "mina")).exit_code == 1
