from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handoff.core.hours import BadHours, comma_of, parse_hours

WEEK = "Mon-Fri 08:00-18:00, Sat 09:00-12:00"
# 2025-06-02 is a Monday.
MONDAY = datetime(2025, 6, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hour", "minute", "staffed"),
    [
        (2, 7, 59, False),
        (2, 8, 0, True),
        (6, 17, 59, True),
        (6, 18, 0, False),
        (7, 9, 0, True),
        (7, 12, 0, False),
        (8, 10, 0, False),  # Sunday
    ],
)
def test_people_are_on_duty_only_in_their_hours(day: int, hour: int, minute: int, staffed: bool) -> None:
    assert parse_hours(WEEK, "UTC").staffed(MONDAY.replace(day=day, hour=hour, minute=minute)) is staffed


def test_hours_are_those_of_the_team_not_of_the_server() -> None:
    hours = parse_hours("Mon-Fri 08:00-18:00", "Africa/Nairobi")  # UTC+3
    assert hours.staffed(MONDAY.replace(hour=5))
    assert not hours.staffed(MONDAY.replace(hour=16))


def test_a_night_shift_goes_on_after_midnight() -> None:
    hours = parse_hours("Sun 22:00-06:00", "UTC")
    assert hours.staffed(datetime(2025, 6, 8, 23, tzinfo=UTC))
    assert hours.staffed(datetime(2025, 6, 9, 5, 59, tzinfo=UTC))
    assert not hours.staffed(datetime(2025, 6, 9, 6, tzinfo=UTC))
    assert not hours.staffed(datetime(2025, 6, 8, 5, tzinfo=UTC))


def test_a_week_may_start_on_sunday() -> None:
    hours = parse_hours("Sun-Thu 08:00-16:00", "UTC")
    assert hours.staffed(datetime(2025, 6, 8, 9, tzinfo=UTC))
    assert not hours.staffed(datetime(2025, 6, 6, 9, tzinfo=UTC))


@pytest.mark.parametrize("text", ["24/7", "Mon-Sun 00:00-24:00"])
def test_round_the_clock(text: str) -> None:
    hours = parse_hours(text, "UTC")
    assert all(hours.staffed(MONDAY.replace(day=day, hour=3)) for day in range(2, 9))
    assert hours.describe("es") == "24/7"


def test_no_hours_means_nobody_and_says_nothing() -> None:
    hours = parse_hours("", "UTC")
    assert not hours.staffed(MONDAY.replace(hour=12))
    assert hours.describe("en") == ""


@pytest.mark.parametrize(
    ("locale", "described"),
    [
        ("en", "Mon-Fri 08:00-18:00, Sat 09:00-12:00"),
        ("es", "lun-vie 08:00-18:00, sáb 09:00-12:00"),
        ("ar", "الاثنين-الجمعة 08:00-18:00، السبت 09:00-12:00"),
    ],
)
def test_hours_are_told_in_the_persons_language(locale: str, described: str) -> None:
    assert parse_hours(WEEK, "UTC").describe(locale) == described


@pytest.mark.parametrize(
    ("text", "timezone", "says"),
    [
        ("Monday 8-18", "UTC", "write"),
        ("Mon-Fry 08:00-18:00", "UTC", "unknown day 'Fry'"),
        ("Mon 08:00-25:00", "UTC", "no time of day"),
        ("Mon 08:00-18:00", "Mars/Base", "unknown time zone"),
        ("Mon 08:00-18:00", "", "unknown time zone"),
    ],
)
def test_a_bad_setting_stops_with_a_sentence(text: str, timezone: str, says: str) -> None:
    with pytest.raises(BadHours, match=says):
        parse_hours(text, timezone)


@pytest.mark.parametrize(("locale", "comma"), [("en", ", "), ("uk", ", "), ("ar", "، "), ("fa_AF", "، "), ("ps", "، ")])
def test_a_list_has_the_comma_of_its_script(locale: str, comma: str) -> None:
    assert comma_of(locale) == comma
