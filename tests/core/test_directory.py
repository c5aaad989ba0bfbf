"""Which services are told to whom, in which order, and whether one is open. A Monday noon in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from handoff.core.directory import Policy, Query, Schedule, Service, choose, language_of, rings, zone_of
from handoff.core.places import Gazetteer, Place

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
COUNTRY = Gazetteer.of(
    [
        Place("A", 0, "", {"en": "Aland"}),
        Place("A1", 1, "A", {"en": "North"}),
        Place("A2", 1, "A", {"en": "South"}),
        Place("A11", 2, "A1", {"en": "Milltown"}),
        Place("A12", 2, "A1", {"en": "Hilltown"}),
    ]
)


def service(name: str = "s", **values: Any) -> Service:
    given: dict[str, Any] = {
        "id": name,
        "organization_id": "o",
        "name": name,
        "organization": "Org (fictional)",
        "needs": frozenset({"health"}),
        "places": frozenset({"A1"}),
        "assured_date": NOW.date(),
        "phones": ("+1 555 0101",),
    }
    return Service(**(given | values))


def told(*services: Service, place: str = "A1", whom: str = "any", locale: str = "en", le_safe: str = "") -> list[str]:
    """The ids of what is told."""
    policy = Policy(UTC_ZONE, frozenset(filter(None, [le_safe])))
    found = choose(services, Query("health", place, whom, locale), COUNTRY, policy, NOW)
    return [one.id for one in found.services]


def test_at_most_three() -> None:
    assert len(told(*(service(str(number)) for number in range(9)))) == 3


@pytest.mark.parametrize(
    "values",
    [
        {"assured_date": NOW.date() - timedelta(days=91)},
        {"status": "inactive"},
        {"status": "temporarily closed"},
        {"phones": ()},
        {"phones": (), "channels": frozenset({"walk-in"}), "redacted": True},
        {"le_link": True},
        {"gender_served": "women"},
        {"gender_served": "men"},
        {"needs": frozenset({"legal"})},
    ],
)
def test_what_must_not_be_told(values: dict[str, Any]) -> None:
    assert told(service(**values)) == []


def test_ninety_days_are_fresh_enough() -> None:
    assert told(service(assured_date=NOW.date() - timedelta(days=90))) == ["s"]


def test_a_door_to_walk_in_at_needs_no_number() -> None:
    assert told(service(phones=(), channels=frozenset({"walk-in"}))) == ["s"]


def test_womens_services_are_told_to_women_first_and_to_nobody_else() -> None:
    services = (service("all"), service("hers", gender_served="women"), service("his", gender_served="men"))
    assert told(*services, whom="women") == ["hers", "all"]
    assert told(*services, whom="men") == ["his", "all"]
    assert told(*services, whom="any") == ["all"]


def test_for_whom_is_worth_asking_only_where_it_makes_a_difference() -> None:
    policy = Policy(UTC_ZONE)
    query = Query("health", "A1")
    assert not choose([service()], query, COUNTRY, policy, NOW).asks_whom
    assert choose([service(), service("hers", gender_served="women")], query, COUNTRY, policy, NOW).asks_whom
    stale = service("hers", gender_served="women", assured_date=date(2025, 1, 1))
    assert not choose([service(), stale], query, COUNTRY, policy, NOW).asks_whom


def test_the_police_only_where_all_that_the_service_covers_is_allowed() -> None:
    assert told(service(le_link=True), le_safe="A1") == ["s"]
    assert told(service(le_link=True, places=frozenset({"A11"})), le_safe="A1") == ["s"]
    assert told(service(le_link=True, places=frozenset({"A1", "A2"})), le_safe="A1") == []
    assert told(service(le_link=True, places=frozenset()), le_safe="A1") == []


def test_near_before_wide_before_everything_else() -> None:
    wide = service("wide", places=frozenset({"A"}), languages=frozenset({"en"}), hours_24_7=True)
    assert told(wide, service("near"), place="A11") == ["near", "wide"]
    assert told(wide, service("inside", places=frozenset({"A12"})), place="A1") == ["inside", "wide"]


def test_then_the_language_then_open_doors() -> None:
    mute, speaks = service("a"), service("z", languages=frozenset({"fa"}))
    assert told(mute, speaks, locale="fa_AF") == ["z", "a"]
    assert told(service("a"), service("z", hours_24_7=True)) == ["z", "a"]


def test_rings_grow_from_the_place_to_the_country() -> None:
    here, around = {"A11", "A1", "A"}, {"A1", "A11", "A12"}
    assert [set(ring) for ring in rings(COUNTRY, "A11")] == [here, around, {"A", "A1", "A2", "A11", "A12"}]
    assert rings(COUNTRY, "gone") == ()


def hours(days: str, opens: str, closes: str, **values: Any) -> Schedule:
    return Schedule(tuple(days.split(",")), time.fromisoformat(opens), time.fromisoformat(closes), **values)


@pytest.mark.parametrize(
    ("schedules", "is_open"),
    [
        ((), None),
        ((hours("MO", "08:00", "16:00"),), True),
        ((hours("TU", "08:00", "16:00"),), False),
        ((hours("MO", "08:00", "12:00"),), False),
        ((hours("SU", "20:00", "13:00"),), True),
        ((hours("MO", "08:00", "10:00"), hours("MO", "11:30", "14:00")), True),
        ((hours("MO", "13:30", "16:00", timezone="2"),), True),
        ((hours("MO", "16:30", "17:00", timezone="Asia/Kabul"),), True),
        ((hours("MO", "08:00", "16:00", valid_to=date(2025, 12, 31)),), None),
        ((hours("MO", "08:00", "16:00", valid_from=date(2026, 2, 1)),), None),
        ((hours("MO", "08:00", "16:00", until=date(2026, 1, 4)),), None),
        ((hours("MO", "08:00", "16:00", freq="MONTHLY"),), None),
        ((hours("MO", "08:00", "16:00", interval=2),), None),
        ((Schedule(("MO",)),), None),
    ],
)
def test_open_now_is_only_said_when_it_is_known(schedules: tuple[Schedule, ...], is_open: bool | None) -> None:
    assert service(schedules=schedules).open_at(NOW, UTC_ZONE) is is_open


def test_day_and_night_is_always_open() -> None:
    assert service(hours_24_7=True, schedules=(hours("TU", "08:00", "16:00"),)).open_at(NOW, UTC_ZONE) is True


def test_hours_are_told_in_runs_of_days() -> None:
    one = service(schedules=(hours("MO,TU,WE,FR", "08:00", "16:00"),))
    assert one.hours("en", NOW, UTC_ZONE) == "Mon-Wed 08:00-16:00, Fri 08:00-16:00"
    assert one.hours("es", NOW, UTC_ZONE).startswith("lun-mié")
    assert service().hours("en", NOW, UTC_ZONE) == ""


def test_languages_have_many_names() -> None:
    assert {language_of(code) for code in ("fa_AF", "prs", "fa-AF", "FA")} == {"fa"}


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        zone_of("Mars/Base", UTC)
