"""The service directory: what a service is, which ones answer a need, and whether one is open. Rules only, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from handoff.core.hours import Shift, StaffedHours
from handoff.core.places import Gazetteer

NEEDS = (
    *("health", "food", "shelter", "legal", "cash", "protection", "mental"),
    *("child", "family", "documents", "work", "education", "asylum", "return"),
)
GENDERS = ("any", "women", "men")
STATUSES = ("active", "inactive", "defunct", "temporarily closed")
CHANNELS = ("call", "whatsapp", "telegram", "walk-in")
REDACTED = "redacted"
SHELTER = "shelter"
WALK_IN = "walk-in"
# Of a service whose details were last assured longer ago than this, nobody knows whether it still exists.
FRESH_FOR = timedelta(days=90)
MAX_ANSWERS = 3
MAX_PHONES = 2
WEEK_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MIDNIGHT = time(0, 0)
_WEEKLY = frozenset({"", "WEEKLY"})


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a service is open (HSDS field names). `timezone`: hours from UTC or a name, "" for the deployment's."""

    byday: tuple[str, ...] = ()
    opens_at: time | None = None
    closes_at: time | None = None
    freq: str = ""
    interval: int = 1
    timezone: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    dtstart: date | None = None
    until: date | None = None

    @property
    def plain(self) -> bool:
        """Whether it says the same hours every week: all that we can tell."""
        return self.freq in _WEEKLY and self.interval == 1 and self.opens_at is not None and self.closes_at is not None

    def in_force(self, day: date) -> bool:
        """Whether it counts on this day. A first day of a rule is no limit before which we would know better."""
        return not (self.valid_from and day < self.valid_from) and not (
            (self.valid_to and day > self.valid_to) or (self.until and day > self.until)
        )

    def shifts(self) -> tuple[Shift, ...]:
        """Its hours as runs of days."""
        if self.opens_at is None or self.closes_at is None:
            return ()
        days = sorted({WEEK_DAYS.index(day) for day in self.byday}) or list(range(7))
        runs: list[list[int]] = []
        for day in days:
            if runs and runs[-1][1] == day - 1:
                runs[-1][1] = day
            else:
                runs.append([day, day])
        return tuple(Shift(first, last, self.opens_at, self.closes_at) for first, last in runs)


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it may be told to somebody: only numbers that two people have verified are in `phones`."""

    id: str
    organization_id: str
    name: str
    organization: str
    needs: frozenset[str]
    places: frozenset[str]
    assured_date: date
    phones: tuple[str, ...] = ()
    languages: frozenset[str] = frozenset()
    schedules: tuple[Schedule, ...] = ()
    gender_served: str = "any"
    hours_24_7: bool = False
    free: bool = False
    redacted: bool = False
    serves_irregular_status: bool = False
    le_link: bool = False
    channels: frozenset[str] = frozenset()
    status: str = "active"
    desk: str = ""

    def open_at(self, now: datetime, home: tzinfo) -> bool | None:
        """Whether it is open at this moment; None when its hours are unknown or of a kind that we cannot tell."""
        if self.hours_24_7:
            return True
        plain = [item for item in self.schedules if item.plain]
        today = now.astimezone(home).date()
        if len(plain) < len(self.schedules) or not any(item.in_force(today) for item in plain):
            return None
        return any(_covers(item, now, home) for item in plain)

    def hours(self, locale: str, now: datetime, home: ZoneInfo) -> str:
        """Its weekly hours in a language, "" when unknown."""
        shifts = tuple(
            shift for item in self.schedules if item.plain and item.in_force(now.date()) for shift in item.shifts()
        )
        return StaffedHours(tuple(dict.fromkeys(shifts)), home).describe(locale)


@dataclass(frozen=True, slots=True)
class Organization:
    """One of the directory; `desk` is the slug of its desk here, "" when it has none."""

    id: str
    name: str
    desk: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for. `place` "" means any place; `whom` is women, men or any."""

    need: str
    place: str = ""
    whom: str = "any"
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class Found:
    """At most three services, best first. `near`: none of them serves that place, these are the nearest."""

    services: tuple[Service, ...] = ()
    near: bool = False
    asks_whom: bool = False


class Directory(Protocol):
    """Where services and places are kept."""

    async def gazetteer(self) -> Gazetteer:
        """All places, as they stand now."""

    async def candidates(
        self, need: str, areas: frozenset[str] | None, *, nearest: frozenset[str] = ...
    ) -> Sequence[Service]:
        """Active services for a need, with their verified numbers, that cover one of these places (None: any)."""

    async def services(self, ids: Sequence[str]) -> Sequence[Service]:
        """These services, whatever their state."""

    async def organizations(self) -> Sequence[Organization]:
        """All organisations of the directory, by name."""

    async def desks(self) -> Mapping[str, str]:
        """The organisations that answer people here: slug → name."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What this deployment allows: police-linked services only in the places of `le_safe` and what lies in them."""

    timezone: ZoneInfo
    le_safe: frozenset[str] = frozenset()

    def fit(self, service: Service, gazetteer: Gazetteer, today: date) -> bool:
        """Whether a service may be told at all: active, fresh, reachable, and not linked to the police unasked."""
        fresh = service.status == "active" and today - service.assured_date <= FRESH_FOR
        reachable = bool(service.phones) or (WALK_IN in service.channels and not service.redacted)
        return fresh and reachable and (not service.le_link or self._le_safe(service, gazetteer))

    def _le_safe(self, service: Service, gazetteer: Gazetteer) -> bool:
        """Only where all that it covers is marked safe."""
        return bool(service.places) and all(
            not self.le_safe.isdisjoint({code, *gazetteer.chain(code)}) for code in service.places
        )


def rings(gazetteer: Gazetteer, place: str) -> tuple[frozenset[str], ...]:
    """Sets of places, each wider than the one before: the place with what serves it, its neighbours, the country.

    The first holds what lies in the place, and every place that it lies in: whoever serves those serves it.
    """
    chain = gazetteer.chain(place)
    if not chain:
        return ()
    first = gazetteer.within(place) | frozenset(chain)
    return (first, *(gazetteer.within(above) for above in chain[1:]))


def choose(candidates: Sequence[Service], query: Query, gazetteer: Gazetteer, policy: Policy, now: datetime) -> Found:
    """The best services of one ring for somebody. Women's services are never told to others, nor men's."""
    today = now.astimezone(policy.timezone).date()
    fit = [one for one in candidates if query.need in one.needs and policy.fit(one, gazetteer, today)]
    for_them = [one for one in fit if one.gender_served in {"any", query.whom}]
    ranked = sorted(for_them, key=lambda one: _rank(one, query, gazetteer, policy, now))
    return Found(tuple(ranked[:MAX_ANSWERS]), asks_whom=any(one.gender_served != "any" for one in fit))


def _rank(
    service: Service, query: Query, gazetteer: Gazetteer, policy: Policy, now: datetime
) -> tuple[int, bool, bool, bool, bool, bool, str]:
    """Nearest first; then who speaks the language, is open, is for exactly them, takes everybody, costs nothing."""
    chain = gazetteer.chain(query.place)
    steps = [chain.index(code) for code in service.places if code in chain]
    inside = not gazetteer.within(query.place).isdisjoint(service.places) if query.place else False
    distance = 0 if inside else min(steps, default=len(chain))
    return (
        distance,
        not service.phones,
        language_of(query.locale) not in service.languages,
        service.open_at(now, policy.timezone) is not True,
        not (service.gender_served != "any" and service.gender_served == query.whom),
        not (service.serves_irregular_status or service.free),
        service.id,
    )


def language_of(code: str) -> str:
    """The language of a locale or tag, without its country: "fa_AF" and "prs" are both "fa" here."""
    base = code.replace("-", "_").partition("_")[0].lower()
    return {"prs": "fa", "pes": "fa", "swc": "sw", "swh": "sw", "arb": "ar", "apc": "ar", "pbt": "ps"}.get(base, base)


def zone_of(text: str, home: tzinfo) -> tzinfo:
    """A time zone as HSDS writes it: hours from UTC, or a name. Raises ValueError."""
    if not text:
        return home
    try:
        return timezone(timedelta(hours=float(text)))
    except ValueError:
        pass
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {text!r}") from error


def _covers(item: Schedule, now: datetime, home: tzinfo) -> bool:
    local = now.astimezone(zone_of(item.timezone, home))
    return item.in_force(local.date()) and any(shift.covers(local) for shift in item.shifts())


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """What somebody said of the services they were shown: "dead" or "unsafe". Codes only, and nobody's address."""

    kind: str
    services: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True, slots=True)
class NoDirectory:
    """A deployment without a directory: it knows no place and no service, and says so."""

    async def gazetteer(self) -> Gazetteer:
        """None."""
        return Gazetteer()

    async def candidates(
        self, need: str, areas: frozenset[str] | None, *, nearest: frozenset[str] = frozenset()
    ) -> Sequence[Service]:
        """None."""
        return ()

    async def services(self, ids: Sequence[str]) -> Sequence[Service]:
        """None."""
        return ()

    async def organizations(self) -> Sequence[Organization]:
        """None."""
        return ()

    async def desks(self) -> Mapping[str, str]:
        """None."""
        return {}
