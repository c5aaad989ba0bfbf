"""The example package of the HSDS specification itself is imported, from its tables and from its JSON."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.hsds import Reading
from handoff.core.hsds_package import open_package
from handoff.store.directory_import import import_directory

HSDS = Path(os.environ["AMANA_SPECS_DIR"]) / "hsds"


@pytest.mark.parametrize("example", ["csv", "service_full.json", "tabular.json"])
async def test_the_example_is_imported_and_again_changes_nothing(engine: AsyncEngine, example: str) -> None:
    for expected in (True, False):
        reading = Reading(open_package(HSDS / "examples" / example))
        outcome = await import_directory(engine, reading)
        assert reading.faults == []
        assert (outcome.added["service"] == 1, outcome.nothing) == (expected, not expected)
    async with engine.connect() as connection:
        number = (await connection.execute(text("SELECT number FROM directory_phones"))).scalar_one()
    assert number == "+44 1234 234567"


async def test_the_example_with_its_descriptor(engine: AsyncEngine, tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(HSDS / "examples" / "csv", package)
    shutil.copy(HSDS / "datapackage.json", package / "datapackage.json")
    reading = Reading(open_package(package))
    outcome = await import_directory(engine, reading)
    assert (reading.faults, outcome.written) == ([], True)


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("services.csv", "2005-01-01", "01.01.2005", "'01.01.2005' is no date: write 2026-03-31"),
        ("services.csv", ",active,", ",running,", "'running' is none of active"),
        ("phones.csv", "ac148810-d857", "00000000-d857", "does not exist in the package"),
        ("schedules.csv", "10:00:00", "ten", "'ten' is no time of day"),
    ],
)
async def test_a_broken_example_is_refused_whole(
    engine: AsyncEngine, tmp_path: Path, file: str, old: str, new: str, fault: str
) -> None:
    package = tmp_path / "package"
    shutil.copytree(HSDS / "examples" / "csv", package)
    path = package / file
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    reading = Reading(open_package(package))
    outcome = await import_directory(engine, reading)
    assert any(fault in str(found) and found.file == file for found in reading.faults)
    assert not outcome.written
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM directory_organizations"))).scalar() == 0
