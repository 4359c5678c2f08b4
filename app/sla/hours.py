"""Opening hours as a person enters them, and the wall times at which a local date is open.

Knows dates and minutes of the day. Knows no zone offsets and no instants; `calendar` carries wall times over to them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from app.sla.zones import DAY, NoSuchZone, zone

_EPOCH = date(1970, 1, 1).toordinal()
# Nothing is counted outside these local dates: a target that is not reached by then is a mistake, not a plan.
FIRST_DAY = date(1900, 1, 1).toordinal() - _EPOCH
LAST_DAY = date(2400, 1, 1).toordinal() - _EPOCH

Interval = tuple[int, int]
"""Opening and closing time in minutes after local midnight; closing <= opening means the next day."""


class BadCalendar(ValueError):
    """A specification that makes no calendar; `field` names the part at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Opening hours of a week, Monday first, valid from a local date on (None: since ever)."""

    days: tuple[tuple[Interval, ...], ...]
    valid_from: date | None = None


@dataclass(frozen=True, slots=True)
class ExceptionDay:
    """A local date with hours of its own; without hours it is closed from 00:00 to 24:00.

    `holiday` is only the reason told by `walk`. Hours win over a closing of the same date (T4).
    """

    day: date
    name: str = ""
    hours: tuple[Interval, ...] = ()
    holiday: bool = False


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """What a person enters: a zone, weekly hours (several validities), exceptional days. Checked when made.

    Raises `BadCalendar`. Intervals of a day may overlap (they are a union, T3).
    """

    id: int | str
    version: int
    zone: str
    weekly: tuple[WeeklyHours, ...]
    exceptions: tuple[ExceptionDay, ...] = ()

    def __post_init__(self) -> None:
        try:
            zone(self.zone)
        except NoSuchZone as fault:
            raise BadCalendar("zone", str(fault)) from fault
        starts = [week.valid_from for week in self.weekly]
        if len(set(starts)) < len(starts):
            raise BadCalendar("valid_from", "two sets of weekly hours begin on the same date")
        for week in self.weekly:
            if len(week.days) != 7:
                raise BadCalendar("weekly", "a week has seven days")
            for interval in (interval for day in week.days for interval in day):
                _check(interval, "weekly")
        for exception in self.exceptions:
            for interval in exception.hours:
                _check(interval, "exceptions")
                if interval[1] <= interval[0]:
                    raise BadCalendar("exceptions", f"hours of {exception.day} may not cross midnight")

    def ever_opens(self) -> bool:
        """Whether any hours are entered at all (T7: a calendar without any is refused when saved)."""
        return any(any(week.days) for week in self.weekly) or any(day.hours for day in self.exceptions)


def _check(interval: Interval, field: str) -> None:
    opens, closes = interval
    if not (0 <= opens < 1440 and 0 <= closes <= 1440):
        raise BadCalendar(field, f"minutes {opens} to {closes} are no times of a day")


def day_number(local: date) -> int:
    """A date as the number of days after 1 January 1970."""
    return local.toordinal() - _EPOCH


class WallHours:
    """The hours of a specification by local date, as seconds of wall time."""

    def __init__(self, spec: CalendarSpec) -> None:
        self._weeks = sorted(
            (
                (day_number(week.valid_from) if week.valid_from else FIRST_DAY - 2, _pattern(week))
                for week in spec.weekly
            ),
            key=lambda week: week[0],
        )
        self._exceptions = _by_day(spec.exceptions)

    def exception(self, day: int) -> ExceptionDay | None:
        """The exception of that date, if it has one."""
        return self._exceptions.get(day)

    def open_times(self, first: int, last: int) -> tuple[list[int], list[int]]:
        """Open wall times of local dates first to last (exclusive), merged over midnight, in seconds."""
        starts: list[int] = []
        ends: list[int] = []
        weekly: dict[tuple[int, int, int], tuple[Interval, ...]] = {}
        valid_from = [week[0] for week in self._weeks]
        before = bisect_right(valid_from, first - 1) - 1
        for day in range(first, last):
            now = bisect_right(valid_from, day) - 1
            exception = self._exceptions.get(day)
            if exception is not None:
                hours = _union((60 * opens, 60 * closes) for opens, closes in exception.hours)
            else:
                key = (now, before, (day + 3) % 7)  # 1 January 1970 was a Thursday
                if key not in weekly:
                    weekly[key] = self._date(*key)
                hours = weekly[key]
            before = now
            for opens, closes in hours:
                if ends and ends[-1] == day * DAY + opens:
                    ends[-1] = day * DAY + closes
                else:
                    starts.append(day * DAY + opens)
                    ends.append(day * DAY + closes)
        return starts, ends

    def _date(self, week: int, week_before: int, weekday: int) -> tuple[Interval, ...]:
        """Weekly hours of a date: its own, and the tail of the shift that began the evening before (T3)."""
        own = self._weeks[week][1].own[weekday] if week >= 0 else ()
        tail = self._weeks[week_before][1].tails[(weekday - 1) % 7] if week_before >= 0 else ()
        return _union((*own, *tail))

    def open_days(self) -> tuple[int, int]:
        """Days before and from which no hours are entered; they end the search for an open instant."""
        first, last = LAST_DAY, FIRST_DAY
        for i, (start, pattern) in enumerate(self._weeks):
            if pattern.ever:
                first = min(first, start)
                last = max(last, self._weeks[i + 1][0] + 1 if i + 1 < len(self._weeks) else LAST_DAY)
        for day, exception in self._exceptions.items():
            if exception.hours:
                first, last = min(first, day), max(last, day + 1)
        # two days more, because a local date begins up to 14 hours before and ends up to 12 hours after that of UTC
        return max(FIRST_DAY, first - 2), min(LAST_DAY, last + 2)


class _Pattern(NamedTuple):
    """Weekly hours in seconds of the day: what begins on a weekday, and what it leaves to the next date."""

    own: list[list[Interval]]
    tails: list[list[Interval]]
    ever: bool


def _pattern(week: WeeklyHours) -> _Pattern:
    own: list[list[Interval]] = []
    tails: list[list[Interval]] = []
    for day in week.days:
        own.append([(60 * opens, 60 * closes if closes > opens else DAY) for opens, closes in day])
        tails.append([(0, 60 * closes) for opens, closes in day if 0 < closes <= opens])
    return _Pattern(own, tails, any(week.days))


def _union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for opens, closes in sorted(intervals):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(closes, merged[-1][1]))
        else:
            merged.append((opens, closes))
    return tuple(merged)


def _by_day(exceptions: Iterable[ExceptionDay]) -> dict[int, ExceptionDay]:
    """One entry a date: hours win over a closing (T4), several entries with hours are a union."""
    days: dict[int, ExceptionDay] = {}
    for entry in exceptions:
        known = days.setdefault(day_number(entry.day), entry)
        if entry is not known and entry.hours:
            days[day_number(entry.day)] = replace(entry, hours=(*known.hours, *entry.hours))
    return days
