"""Reads a gazetteer: a CSV with `code, level, parent, name_<locale> …, spellings` (docs/directory.md)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from handoff.core.hsds_package import BadPackage, Fault
from handoff.core.places import Place

NEEDED = ("code", "level", "parent")
NAME = "name_"
SPELLINGS = "spellings"
BETWEEN = "|"
LEVELS = ("0", "1", "2")


def read_places(path: Path) -> tuple[list[Place], list[Fault]]:
    """All good rows, and every fault. Raises BadPackage when it is no such file at all, OSError."""
    if not path.is_file():
        raise BadPackage(f"there is no file {path.name}")
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise BadPackage(f"{path.name} is not UTF-8 (byte {error.start + 1}): save it as UTF-8") from None
    reader = csv.DictReader(lines, restkey="\0more", restval="\0less", strict=True)
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise BadPackage(f"{path.name} has no column {', '.join(missing)}")
    faults: list[Fault] = []
    places: dict[str, Place] = {}
    rows: dict[str, int] = {}
    try:
        for values in reader:
            place = _place(path.name, reader.line_num, values, faults)
            if place and place.code in places:
                faults.append(Fault(path.name, reader.line_num, "code", f"{place.code} stands twice"))
            elif place:
                places[place.code], rows[place.code] = place, reader.line_num
    except csv.Error as error:
        faults.append(Fault(path.name, reader.reader.line_num, "", f"cannot be read as CSV ({error})"))
    for place in places.values():
        fault = _misplaced(place, places)
        if fault:
            faults.append(Fault(path.name, rows[place.code], "parent", fault))
    return list(places.values()), sorted(faults, key=lambda fault: str(fault.row).zfill(9))


def _place(file: str, row: int, values: Mapping[str, str], faults: list[Fault]) -> Place | None:
    if "\0more" in values or "\0less" in values.values():
        faults.append(Fault(file, row, "", "has more or fewer cells than the header"))
        return None
    before = len(faults)
    if any("\0" in cell for cell in values.values()):
        faults.append(Fault(file, row, "", "holds an invisible sign that no text may hold"))
    code, level = values["code"].strip(), values["level"].strip()
    names = {name.removeprefix(NAME): cell.strip() for name, cell in values.items() if name.startswith(NAME)}
    names = {locale: name for locale, name in names.items() if name}
    if not code or not code.isascii() or not code.isalnum():
        faults.append(Fault(file, row, "code", f"{code!r} is no P-code: letters and digits"))
    if level not in LEVELS:
        faults.append(Fault(file, row, "level", f"{level!r} is none of {', '.join(LEVELS)}"))
    if not names:
        faults.append(Fault(file, row, f"{NAME}en", "it has no name in any language"))
    if len(faults) > before:
        return None
    spellings = tuple(part.strip() for part in values.get(SPELLINGS, "").split(BETWEEN) if part.strip())
    return Place(code, int(level), values["parent"].strip(), names, spellings)


def _misplaced(place: Place, places: Mapping[str, Place]) -> str:
    if place.level == 0:
        return "a country lies in nothing" if place.parent else ""
    parent = places.get(place.parent)
    if parent is None:
        return f"{place.parent or 'nothing'} is no place of this file"
    return "" if parent.level == place.level - 1 else f"{place.parent} is not one level above"
