"""HSDS JSON as rows: one service, a list of services, a page of the API, or tables by file name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handoff.core.hsds_package import STANDARD_FILES, BadPackage, Fault, Raw, Report

# Where a kind of object stands in another, and the column that points back. Contacts and the rest are not read.
CHILDREN = {
    "phones": ("phone", {"service": "service_id", "location": "location_id", "organization": "organization_id"}),
    "schedules": ("schedule", {"service": "service_id", "location": "location_id"}),
    "languages": ("language", {"service": "service_id", "location": "location_id", "phone": "phone_id"}),
    "service_areas": ("service_area", {"service": "service_id"}),
    "service_at_locations": ("service_at_location", {"service": "service_id"}),
    "attributes": ("attribute", {}),
}
SINGLE = {
    "organization": ("organization", "organization_id"),
    "location": ("location", "location_id"),
    "taxonomy_term": ("taxonomy_term", "taxonomy_term_id"),
}
AT_LOCATION = "service_at_location_id"
LINKS = frozenset(
    {"service_id", "location_id", "organization_id", "phone_id", "taxonomy_term_id", "link_id", AT_LOCATION}
)


@dataclass(slots=True)
class _Row:
    where: str
    values: dict[str, str]


@dataclass
class Nested:
    """The objects of a JSON file, flattened. The same object may stand in several places: its links are joined."""

    file: str
    content: Any
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tables: dict[str, dict[str, _Row]] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._unnamed = 0
        for where, kind, item in _roots(self.content):
            self._add(kind, item, where, {})

    def rows(self, resource: str, report: Report) -> Iterator[Raw]:
        """All objects of one kind."""
        for fault in self._faults.get(resource, ()):
            report(fault)
        for row in self._tables.get(resource, {}).values():
            yield Raw(self.file, row.where, row.values)

    def _add(self, kind: str, item: Any, where: str, links: Mapping[str, str]) -> str:
        """Keep one object and what stands in it; returns its id."""
        if not isinstance(item, dict):
            self._fault(kind, where, "", "is no object")
            return ""
        values = {name: _cell(value) for name, value in item.items() if not isinstance(value, dict | list)}
        for name, (single, column) in SINGLE.items():
            if isinstance(item.get(name), dict):
                values[column] = self._add(single, item[name], f"{where}.{name}", {})
        values |= links
        self._keep(kind, values, where)
        own = values.get("id", "")
        for name, (child, columns) in CHILDREN.items():
            listed = item.get(name) or []
            back = {"link_id": own} if child == "attribute" else self._back(kind, own, columns)
            for number, each in enumerate(listed if isinstance(listed, list) else [listed]):
                self._add(child, each, f"{where}.{name}[{number}]", back)
        return own

    def _back(self, kind: str, own: str, columns: Mapping[str, str]) -> dict[str, str]:
        if kind == "service_at_location":
            return {AT_LOCATION: own}
        return {columns[kind]: own} if kind in columns else {}

    def _keep(self, kind: str, values: dict[str, str], where: str) -> None:
        table = self._tables.setdefault(kind, {})
        key = values.get("id", "")
        if not key:
            self._unnamed += 1
            key = f"\0{self._unnamed}"
        known = table.setdefault(key, _Row(where, values))
        for name, value in values.items():
            held = known.values.get(name, "")
            if not held:
                known.values[name] = value
            elif value and value != held and name not in LINKS:
                self._fault(kind, where, name, f"the same id stands at {known.where} with another value")

    def _fault(self, kind: str, where: str, name: str, reason: str) -> None:
        self._faults.setdefault(kind, []).append(Fault(self.file, where, name, reason))


def _roots(content: Any) -> Iterator[tuple[str, str, Any]]:
    """The outermost objects, with where they stand and what they are. Raises BadPackage."""
    if isinstance(content, dict):
        tables = [name for name in content if name.endswith(".csv")]
        if tables:
            yield from _by_file(content)
            return
        for name in ("contents", "services"):
            if isinstance(content.get(name), list):
                yield from ((f"{name}[{number}]", "service", item) for number, item in enumerate(content[name]))
                return
        if "id" in content and "name" in content:
            yield "service", "service", content
            return
    if isinstance(content, list):
        yield from ((f"[{number}]", "service", item) for number, item in enumerate(content))
        return
    raise BadPackage("the JSON is neither a service, nor a list of services, nor tables")


def _by_file(content: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for kind, file in STANDARD_FILES.items():
        for number, item in enumerate(content.get(file) or (), start=1):
            yield f"{file}[{number}]", kind, item


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
