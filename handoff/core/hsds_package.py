"""Opens what others send us as a directory: an HSDS tabular data package (folder or zip), or HSDS JSON.

Gives rows as they are written, each with where it stands; what cannot be read is a fault, never left out silently.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

# HSDS resources that are read, with the names of their files in a package that has no datapackage.json.
STANDARD_FILES = {
    "organization": "organizations.csv",
    "location": "locations.csv",
    "service": "services.csv",
    "service_at_location": "service_at_location.csv",
    "phone": "phones.csv",
    "schedule": "schedules.csv",
    "language": "languages.csv",
    "service_area": "service_areas.csv",
    "taxonomy_term": "taxonomy_terms.csv",
    "attribute": "attributes.csv",
}
NEEDED = ("organization", "service")
DESCRIPTOR = "datapackage.json"
MAX_BYTES = 2 * 1024**3
UTF8 = ("utf-8", "utf8", "utf-8-sig", "us-ascii", "ascii")


class BadPackage(ValueError):
    """The whole package cannot be read; the sentence says why."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing to mend: in which file and row (0: the file itself), in which field, and why."""

    file: str
    row: int | str
    field: str
    reason: str

    def __str__(self) -> str:
        where = f"row {self.row}" if isinstance(self.row, int) and self.row else str(self.row or "")
        return ": ".join((", ".join(part for part in (self.file, where, self.field) if part), self.reason))


@dataclass(frozen=True, slots=True)
class Raw:
    """A row as it is written, and where."""

    file: str
    row: int | str
    values: Mapping[str, str]


type Report = Callable[[Fault], None]


class Package(Protocol):
    """Rows of resources, however they came."""

    notes: list[str]

    def rows(self, resource: str, report: Report) -> Iterator[Raw]:
        """All rows of one resource, in order; none when the package has no such resource."""


def open_package(path: Path) -> Package:
    """The package at a path. Raises BadPackage, OSError."""
    if path.is_dir():
        return Tables(_Folder(path))
    if not path.exists():
        raise BadPackage(f"{path.name} does not exist")
    if zipfile.is_zipfile(path):
        return Tables(_Zip(path))
    if path.suffix == ".json" and path.name != DESCRIPTOR:
        from handoff.core.hsds_json import Nested

        return Nested(path.name, read_json(path.name, path.read_bytes()))
    if path.name == DESCRIPTOR:
        return Tables(_Folder(path.parent))
    raise BadPackage(f"{path.name} is neither a folder, nor a zip, nor JSON")


def read_json(name: str, content: bytes) -> Any:
    """JSON. Raises BadPackage with the place of the mistake."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadPackage(f"{name} is not UTF-8 (byte {error.start + 1}): save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadPackage(f"{name}, line {error.lineno}: no JSON: {error.msg}") from None


class _Store(Protocol):
    def names(self) -> frozenset[str]:
        """The files in it, by their paths from its root."""

    def open(self, name: str) -> io.BufferedIOBase:
        """One of them, to be read."""


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path

    def names(self) -> frozenset[str]:
        found = (file for file in self.path.rglob("*") if file.is_file())
        return frozenset(file.relative_to(self.path).as_posix() for file in found)

    def open(self, name: str) -> io.BufferedIOBase:
        return (self.path / name).open("rb")


@dataclass(frozen=True, slots=True)
class _Zip:
    path: Path

    def names(self) -> frozenset[str]:
        with zipfile.ZipFile(self.path) as archive:
            if sum(item.file_size for item in archive.infolist()) > MAX_BYTES:
                raise BadPackage(f"{self.path.name} unpacks to more than {MAX_BYTES // 1024**3} GB")
            names = [item.filename for item in archive.infolist() if not item.is_dir()]
        return frozenset(name.removeprefix(self._root(names)) for name in names)

    def open(self, name: str) -> io.BufferedIOBase:
        archive = zipfile.ZipFile(self.path)
        try:
            return archive.open(self._root(archive.namelist()) + name)  # type: ignore[return-value]
        except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise BadPackage(f"{self.path.name}: {name} cannot be unpacked") from error

    def _root(self, names: list[str]) -> str:
        """The folder that everything is in, where a whole folder was zipped."""
        first = {name.partition("/")[0] for name in names if "__MACOSX" not in name}
        return f"{first.pop()}/" if len(first) == 1 and all("/" in name for name in names) else ""


@dataclass
class Tables:
    """A package of CSV files."""

    store: _Store
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names = self.store.names()
        self._files = self._described() or {
            name: (file, ",") for name, file in STANDARD_FILES.items() if file in self._names
        }
        for name in NEEDED:
            if name not in self._files:
                raise BadPackage(f"the package has no {STANDARD_FILES[name]}: no HSDS package?")

    def rows(self, resource: str, report: Report) -> Iterator[Raw]:
        """Rows of the resource's file; row numbers are lines, as a spreadsheet shows them (the header is 1)."""
        if resource not in self._files:
            return
        name, delimiter = self._files[resource]
        with self.store.open(name) as stream:
            yield from _csv(stream, name, delimiter, report)

    def _described(self) -> dict[str, tuple[str, str]]:
        """The files of datapackage.json, by resource. Raises BadPackage."""
        if DESCRIPTOR not in self._names:
            return {}
        with self.store.open(DESCRIPTOR) as stream:
            content = stream.read()
        if len(content) < 200 and content.strip().endswith(b"datapackage.json"):
            self.notes.append("datapackage.json is a link that was not followed: the standard file names are used")
            return {}
        described = read_json(DESCRIPTOR, content)
        resources = described.get("resources") if isinstance(described, dict) else None
        if not isinstance(resources, list):
            raise BadPackage("datapackage.json has no list of resources")
        found = [_resource(item) for item in resources]
        return {name: (file, mark) for name, file, mark in found if name in STANDARD_FILES and file in self._names}


def _resource(item: Any) -> tuple[str, str, str]:
    if not isinstance(item, dict) or not isinstance(item.get("path"), str):
        raise BadPackage("datapackage.json: a resource needs one path")
    path = PurePosixPath(item["path"])
    if path.is_absolute() or ".." in path.parts or "://" in item["path"]:
        raise BadPackage(f"datapackage.json: {item['path']} is not inside the package")
    if str(item.get("encoding", "utf-8")).lower() not in UTF8:
        raise BadPackage(f"datapackage.json: {item['path']} is {item['encoding']}: save it as UTF-8")
    dialect = item.get("dialect")
    delimiter = str(dialect.get("delimiter", ",")) if isinstance(dialect, dict) else ","
    if len(delimiter) != 1:
        raise BadPackage(f"datapackage.json: {item['path']}: a delimiter is one character")
    return str(item.get("name", "")), str(path), delimiter


def _csv(stream: io.BufferedIOBase, name: str, delimiter: str, report: Report) -> Iterator[Raw]:
    """Rows of one file. A line that is no UTF-8, or has more or fewer cells than the header, is a fault."""
    reader = csv.reader(_lines(stream, name, report), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            report(Fault(name, reader.line_num, "", f"cannot be read as CSV ({error})"))
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            if not _good_header(name, header, report):
                return
        elif len(cells) != len(header):
            if any(cells):
                report(Fault(name, reader.line_num, "", f"has {len(cells)} cells where the header has {len(header)}"))
        else:
            yield Raw(name, reader.line_num, dict(zip(header, cells, strict=True)))
    if header is None:
        report(Fault(name, 0, "", "is empty: not even a header"))


def _good_header(name: str, header: list[str], report: Report) -> bool:
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    for cell in twice:
        report(Fault(name, 1, cell or "(no name)", "this column stands twice"))
    if "id" not in header:
        report(Fault(name, 1, "id", "no such column in the header"))
    return not twice and "id" in header


def _lines(stream: io.BufferedIOBase, name: str, report: Report) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            report(Fault(name, number, "", "is not UTF-8: save the file as UTF-8"))
            yield line.decode("utf-8", errors="replace")
