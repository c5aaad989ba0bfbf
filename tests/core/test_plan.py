"""The hours in which a person may be written to."""

from datetime import UTC, datetime

from handoff.core.plan import WINDOWS, closes_at, inside, opens_at

MONDAY_NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 1, 10, 9, 7, tzinfo=UTC)


def test_a_window_is_open_in_the_deployments_time_zone() -> None:
    assert inside(("afternoon",), "UTC", MONDAY_NOON)
    assert not inside(("morning",), "UTC", MONDAY_NOON)
    assert inside(("morning",), "America/New_York", MONDAY_NOON.replace(hour=14))


def test_weekdays_and_weekends() -> None:
    assert [name for name in WINDOWS if inside((name,), "UTC", MONDAY_NOON)] == ["afternoon", "weekday"]
    assert [name for name in WINDOWS if inside((name,), "UTC", SATURDAY)] == ["morning", "weekend"]


def test_when_it_opens_and_closes() -> None:
    assert opens_at(("evening",), "UTC", MONDAY_NOON) == MONDAY_NOON.replace(hour=17)
    assert opens_at(("weekend",), "UTC", MONDAY_NOON) == datetime(2026, 1, 10, 8, 0, tzinfo=UTC)
    assert closes_at(("weekend",), "UTC", SATURDAY) == datetime(2026, 1, 10, 20, 0, tzinfo=UTC)
    assert closes_at(("evening",), "UTC", MONDAY_NOON) is None


def test_unknown_names_are_never_open() -> None:
    assert not inside(("night",), "UTC", MONDAY_NOON)
    assert opens_at((), "UTC", MONDAY_NOON) is None
