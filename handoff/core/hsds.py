"""Reads an HSDS package as rows for our tables, checking every cell (docs/directory.md says what each one may hold).

Our own fields come as attributes whose term is of the taxonomy "amana": its code names the field, the attribute's
value is what it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from handoff.core.directory import CHANNELS, GENDERS, NEEDS, STATUSES, WEEK_DAYS, zone_of
from handoff.core.hsds_package import Fault, Package, Raw

TAXONOMY = "amana"
PCODE = "pcode"
LOCATION_TYPES = ("physical", "postal", "virtual", "redacted")
LONGEST_ID = 200
_NUMBER = re.compile(r"\+?[\d\s().\-/]{3,}")
_DAY = re.compile(rf"[+-]?\d{{0,2}}(?:{'|'.join(WEEK_DAYS)})")
_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")

type Read = Callable[[str], Any]


def _text(cell: str) -> str | None:
    if "\0" in cell:
        raise ValueError("holds an invisible sign that no text may hold")
    return cell.strip() or None


def _must(cell: str) -> str:
    found = _text(cell)
    if found is None:
        raise ValueError("is missing")
    return found


def _id(cell: str) -> str:
    found = _must(cell)
    if len(found) > LONGEST_ID:
        raise ValueError(f"is longer than {LONGEST_ID}")
    return found


def _date(cell: str) -> date | None:
    found = _text(cell)
    try:
        return date.fromisoformat(found[:10]) if found else None
    except ValueError:
        raise ValueError(f"{found!r} is no date: write 2026-03-31") from None


def _past(cell: str) -> date | None:
    found = _date(cell)
    if found and found > datetime.now(UTC).date():
        raise ValueError(f"{found} is still to come: nothing is assured ahead of time")
    return found


def _time(cell: str) -> time | None:
    found = _text(cell)
    if found is None or found.startswith("24:00"):
        return time(0, 0) if found else None
    try:
        clock = time.fromisoformat(found)
    except ValueError:
        raise ValueError(f"{found!r} is no time of day: write 08:00") from None
    if clock.tzinfo:
        raise ValueError(f"{found!r}: write the local time, and the zone in timezone")
    return clock


def _whole(cell: str) -> int | None:
    found = _text(cell)
    try:
        return int(float(found)) if found else None
    except (ValueError, OverflowError):
        raise ValueError(f"{found!r} is no whole number") from None


def _one_of(*allowed: str, needed: bool = False) -> Read:
    def read(cell: str) -> str | None:
        found = (_must(cell) if needed else _text(cell)) or None
        if found is not None and found not in allowed:
            raise ValueError(f"{found!r} is none of {', '.join(allowed)}")
        return found

    return read


def _number(cell: str) -> str:
    found = _must(cell).strip("\"' ")
    if not _NUMBER.fullmatch(found) or sum(letter.isdigit() for letter in found) < 3:
        raise ValueError("is no phone number")
    return " ".join(found.split())


def _zone(cell: str) -> str | None:
    found = _text(cell)
    zone_of(found or "", UTC)
    return found


def _days(cell: str) -> str | None:
    found = [part.strip().upper() for part in cell.split(",") if part.strip()]
    for part in found:
        if not _DAY.fullmatch(part):
            raise ValueError(f"{part!r} is no day: write MO,TU,WE,TH,FR,SA,SU")
    return ",".join(found) or None


def _language(cell: str) -> str | None:
    found = _text(cell)
    if found and not _CODE.fullmatch(found):
        raise ValueError(f"{found!r} is no language code: write ar, fa or fa-AF")
    return found


_LINKS: Mapping[str, Read] = {"service_id": _text, "location_id": _text, "service_at_location_id": _text}
# Every column that is kept, by HSDS resource, and how it is read.
COLUMNS: Mapping[str, Mapping[str, Read]] = {
    "organization": {"id": _id, "name": _must, "alternate_name": _text, "description": _text, "email": _text}
    | {"website": _text, "legal_status": _text, "uri": _text},
    "location": {"id": _id, "location_type": _one_of(*LOCATION_TYPES, needed=True), "name": _text}
    | {"alternate_name": _text},
    "service": {"id": _id, "organization_id": _id, "name": _must, "alternate_name": _text, "description": _text}
    | {"url": _text, "email": _text, "status": _one_of(*STATUSES, needed=True), "application_process": _text}
    | {"fees_description": _text, "eligibility_description": _text, "minimum_age": _whole, "maximum_age": _whole}
    | {"assured_date": _past, "assurer_email": _text, "alert": _text},
    "service_at_location": {"id": _id, "service_id": _id, "location_id": _id, "description": _text},
    "phone": {"id": _id, **_LINKS, "organization_id": _text, "number": _number, "extension": _text, "type": _text}
    | {"description": _text},
    "schedule": {"id": _id, **_LINKS, "valid_from": _date, "valid_to": _date, "dtstart": _date, "until": _date}
    | {"timezone": _zone, "freq": _one_of("WEEKLY", "MONTHLY"), "interval": _whole, "byday": _days}
    | {"bymonthday": _text, "opens_at": _time, "closes_at": _time, "description": _text, "notes": _text},
    "language": {"id": _id, "service_id": _text, "location_id": _text, "phone_id": _text, "name": _text}
    | {"code": _language, "note": _text},
    "service_area": {"id": _id, "service_id": _id, "name": _text, "description": _text, "extent": _text}
    | {"extent_type": _text, "uri": _text},
}
POINTS_TO = {
    "organization_id": "organization",
    "service_id": "service",
    "location_id": "location",
    "service_at_location_id": "service_at_location",
    "phone_id": "phone",
}
YES_OR_NO = ("serves_irregular_status", "le_link", "psea_independent", "hours_24_7", "free")
# What our attributes add to a table, beside its HSDS columns.
OURS: Mapping[str, tuple[str, ...]] = {
    "organization": ("desk_slug",),
    "location": ("place_code",),
    "service": ("needs", "channels", "gender_served", *YES_OR_NO),
    "service_area": ("place_code",),
}
LISTS = {"need": ("needs", NEEDS), "channel": ("channels", CHANNELS)}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
ORDER = tuple(COLUMNS)


@dataclass
class Reading:
    """One reading of a package. Use `tables` in order; afterwards `faults` and `notes` say what was wrong or unused."""

    package: Package
    places: frozenset[str] = frozenset()
    say: Callable[[str], None] = lambda _: None
    faults: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._ids: dict[str, set[str]] = {name: set() for name in COLUMNS}
        self._seen: dict[str, set[str]] = {name: set() for name in COLUMNS}
        self._own: dict[str, dict[str, Any]] = {}
        self._pending: dict[str, Raw] = {}
        self._read_attributes()

    @property
    def notes(self) -> list[str]:
        """What was read and is of no use, in sentences."""
        return [*self.package.notes, *(f"{count} {what}" for what, count in sorted(self.unused.items()))]

    def columns(self, resource: str) -> tuple[str, ...]:
        """The columns of the table that a resource goes to, in the order of its rows."""
        return (*COLUMNS[resource], *OURS.get(resource, ()))

    def rows(self, resource: str) -> Iterator[tuple[Any, ...]]:
        """The good rows of one resource; call it for all resources, in the order of ORDER."""
        for raw in self.package.rows(resource, self.faults.append):
            self.counts[resource] += 1
            if self.counts[resource] % 20_000 == 0:
                self.say(f"{raw.file}: {self.counts[resource]} rows")
            row = self._row(resource, raw)
            if row is not None:
                yield row
        if resource == ORDER[-1]:
            self._check_attributes()

    def _row(self, resource: str, raw: Raw) -> tuple[Any, ...] | None:
        values: dict[str, Any] = {}
        before = len(self.faults)
        for name, read in COLUMNS[resource].items():
            try:
                values[name] = read(raw.values.get(name, ""))
            except ValueError as error:
                self._fault(raw, name, str(error))
        if values.get("id"):
            self._check_id(resource, raw, values["id"])
        self._check_links(resource, raw, values)
        own = self._ours(resource, raw, values)
        if len(self.faults) > before:
            return None
        self._ids[resource].add(values["id"])
        return (*values.values(), *own)

    def _check_id(self, resource: str, raw: Raw, own: str) -> None:
        if own in self._seen[resource]:
            self._fault(raw, "id", f"{own} stands twice")
        self._seen[resource].add(own)

    def _check_links(self, resource: str, raw: Raw, values: Mapping[str, Any]) -> None:
        links = {name: values[name] for name in POINTS_TO if name in COLUMNS[resource] and values.get(name)}
        for name, target in links.items():
            # A bad row that is reported itself is still there to point to.
            if target not in self._ids[POINTS_TO[name]] and target not in self._seen[POINTS_TO[name]]:
                self._fault(raw, name, f"{target} does not exist in the package")
        if resource in ("schedule", "language") and not links:
            self._fault(raw, "", "belongs to nothing: no service, location or the like is named")
        if resource == "phone" and not links:
            if raw.values.get("contact_id"):
                self.unused["phones of contacts only: not told to people"] += 1
            else:
                self._fault(raw, "", "belongs to nothing: no service, location or organization is named")

    def _ours(self, resource: str, raw: Raw, values: Mapping[str, Any]) -> tuple[Any, ...]:
        if resource not in OURS:
            return ()
        own = self._own.get(f"{resource}:{values.get('id')}", {})
        self._pending.pop(f"{resource}:{values.get('id')}", None)
        if resource == "location":
            return (self._place(raw, "external_identifier", raw.values.get("external_identifier_type")),)
        if resource == "service_area":
            return (self._place(raw, "extent", values.get("extent_type")),)
        if resource == "service":
            if not own.get("needs"):
                self.unused["services without a need: in nobody's search"] += 1
            if not values.get("assured_date"):
                self.unused["services without an assured_date: told to nobody"] += 1
        return tuple(own.get(name, self._default(name)) for name in OURS[resource])

    def _default(self, name: str) -> Any:
        if name in ("needs", "channels"):
            return []
        return {"gender_served": "any", "desk_slug": None}.get(name, False)

    def _place(self, raw: Raw, name: str, kind: str | None) -> str | None:
        if (kind or "").strip().lower().replace("-", "") != PCODE:
            return None
        code = raw.values.get(name, "").strip()
        if code not in self.places:
            self._fault(raw, name, f"{code or 'an empty code'} is no place of the gazetteer: import places first")
        return code

    def _read_attributes(self) -> None:
        terms: dict[str, str] = {}
        for raw in self.package.rows("taxonomy_term", self.faults.append):
            if raw.values.get("taxonomy", "").strip().lower() == TAXONOMY:
                terms[raw.values.get("id", "")] = raw.values.get("code", "").strip()
        for raw in self.package.rows("attribute", self.faults.append):
            code = terms.get(raw.values.get("taxonomy_term_id", ""))
            if code is None:
                self.unused["attributes of other taxonomies: not used"] += 1
                continue
            try:
                self._attribute(code, raw)
            except ValueError as error:
                self._fault(raw, "value", str(error))

    def _attribute(self, code: str, raw: Raw) -> None:
        value, link = raw.values.get("value", "").strip(), raw.values.get("link_id", "").strip()
        kind = "organization" if code == "desk" else "service"
        own = self._own.setdefault(f"{kind}:{link}", {})
        self._pending.setdefault(f"{kind}:{link}", raw)
        if code in LISTS:
            name, allowed = LISTS[code]
            listed = [part.strip() for part in value.split(",") if part.strip()]
            for part in listed:
                if part not in allowed:
                    raise ValueError(f"{part!r} is none of {', '.join(allowed)}")
            own[name] = sorted({*own.get(name, ()), *listed})
        elif code in YES_OR_NO:
            if value.lower() not in _BOOLEANS:
                raise ValueError(f"{value!r}: {code} is true or false")
            own[code] = _BOOLEANS[value.lower()]
        elif code == "gender_served":
            own[code] = _one_of(*GENDERS, needed=True)(value)
        elif code == "desk":
            own["desk_slug"] = _must(value)
        else:
            raise ValueError(f"the taxonomy {TAXONOMY} has no {code!r}")

    def _check_attributes(self) -> None:
        for key, raw in self._pending.items():
            kind, _, link = key.partition(":")
            if link not in self._seen[kind]:
                self._fault(raw, "link_id", f"{link or 'nothing'} is no {kind} of the package")

    def _fault(self, raw: Raw, name: str, reason: str) -> None:
        self.faults.append(Fault(raw.file, raw.row, name, reason))
