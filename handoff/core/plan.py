"""When a person wants to be written to, if at times: the few windows that they may choose (SAFETY §4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from handoff.core.hours import StaffedHours, parse_hours

# In the deployment's time zone.
WINDOWS = {
    "morning": "Mon-Sun 08:00-12:00",
    "afternoon": "Mon-Sun 12:00-17:00",
    "evening": "Mon-Sun 17:00-21:00",
    "weekday": "Mon-Fri 08:00-20:00",
    "weekend": "Sat-Sun 08:00-20:00",
}
_STEP = timedelta(minutes=15)
_LONGEST = timedelta(days=8)


@lru_cache
def _hours(names: tuple[str, ...], timezone: str) -> StaffedHours:
    return parse_hours(", ".join(WINDOWS[name] for name in names if name in WINDOWS), timezone)


def inside(names: Iterable[str], timezone: str, now: datetime) -> bool:
    """Whether this moment lies in one of the windows. Unknown names hold none."""
    return _hours(tuple(names), timezone).staffed(now)


def opens_at(names: Iterable[str], timezone: str, now: datetime) -> datetime | None:
    """When the next window begins, to the quarter of an hour; None if there is none."""
    return _next(names, timezone, now, wanted=True)


def closes_at(names: Iterable[str], timezone: str, now: datetime) -> datetime | None:
    """When the window that is open now ends; None outside one."""
    return _next(names, timezone, now, wanted=False) if inside(names, timezone, now) else None


def _next(names: Iterable[str], timezone: str, now: datetime, *, wanted: bool) -> datetime | None:
    hours = _hours(tuple(names), timezone)
    moment = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    while moment - now <= _LONGEST:
        moment += _STEP
        if hours.staffed(moment) is wanted:
            return moment
    return None
