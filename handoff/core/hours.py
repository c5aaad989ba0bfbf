"""When people are on duty, as a setting says it: told truthfully, never guessed (SAFETY §2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ALWAYS = "24/7"
_PART = re.compile(r"(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))? (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)")
_MIDNIGHT = time(0, 0)


class BadHours(ValueError):
    """The staffed hours cannot be read; the sentence says which part and shows the form."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A run of weekdays (0 = Monday, it may pass Sunday) with one span of hours (it may pass midnight)."""

    first: int
    last: int
    opens: time
    closes: time

    def covers(self, local: datetime) -> bool:
        """Whether this local moment lies in the shift: in today's, or in the rest of yesterday's."""
        clock = local.time()
        if self.opens < self.closes:
            return self._on(local.weekday()) and self.opens <= clock < self.closes
        late = self._on(local.weekday()) and clock >= self.opens
        return late or (self._on((local - timedelta(days=1)).weekday()) and clock < self.closes)

    def _on(self, weekday: int) -> bool:
        return (weekday - self.first) % 7 <= (self.last - self.first) % 7


@dataclass(frozen=True, slots=True)
class StaffedHours:
    """The hours of one team in its time zone. No shifts: nobody is ever on duty."""

    shifts: tuple[Shift, ...]
    timezone: ZoneInfo

    def staffed(self, now: datetime) -> bool:
        """Whether someone is on duty at this moment (an aware datetime)."""
        local = now.astimezone(self.timezone)
        return any(shift.covers(local) for shift in self.shifts)

    def describe(self, locale: str) -> str:
        """The hours in a person's language, short: "lun-vie 08:00-18:00, sáb 09:00-12:00"; "" when there are none."""
        babel_locale = Locale.parse(locale)
        names = babel_locale.days["format"]["abbreviated"]
        return comma_of(locale).join(_describe(shift, names) for shift in self.shifts)


def comma_of(locale: str) -> str:
    """What stands between the parts of a list, with its space: scripts from right to left have their own comma."""
    return "، " if Locale.parse(locale).text_direction == "rtl" else ", "


def parse_hours(text: str, timezone: str) -> StaffedHours:
    """Hours such as "Mon-Fri 08:00-18:00, Sat 09:00-12:00", "Fri 22:00-06:00", "24/7" or "". Raises BadHours."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadHours(f"unknown time zone {timezone!r}: use a name such as Africa/Nairobi") from error
    if text.strip() == ALWAYS:
        return StaffedHours((Shift(0, 6, _MIDNIGHT, _MIDNIGHT),), zone)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return StaffedHours(tuple(_parse_shift(part) for part in parts), zone)


def _parse_shift(part: str) -> Shift:
    found = _PART.fullmatch(part)
    if not found:
        raise BadHours(f'cannot read the hours {part!r}: write "Mon-Fri 08:00-18:00, Sat 09:00-12:00"')
    first, last = found["first"], found["last"] or found["first"]
    for day in (first, last):
        if day not in DAYS:
            raise BadHours(f"unknown day {day!r} in {part!r}: use {' '.join(DAYS)}")
    return Shift(DAYS.index(first), DAYS.index(last), _parse_time(found["opens"]), _parse_time(found["closes"]))


def _parse_time(text: str) -> time:
    if text == "24:00":
        return _MIDNIGHT
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise BadHours(f"{text!r} is no time of day") from error


def _describe(shift: Shift, names: dict[int, str]) -> str:
    days = names[shift.first] if shift.first == shift.last else f"{names[shift.first]}-{names[shift.last]}"
    if shift.opens == shift.closes == _MIDNIGHT and (shift.last - shift.first) % 7 == 6:
        return ALWAYS
    closes = "24:00" if shift.closes == _MIDNIGHT else f"{shift.closes:%H:%M}"
    return f"{days} {shift.opens:%H:%M}-{closes}"
