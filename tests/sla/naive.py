"""Working hours the slow way: every minute is asked for its wall clock. Shares nothing with the engine but the input."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from app.sla.hours import CalendarSpec, ExceptionDay, Interval, WeeklyHours
from app.sla.zones import zone


def open_minutes(spec: CalendarSpec, start: int, minutes: int) -> list[bool]:
    """For each minute from `start` (epoch seconds) on: is it open?"""
    tz = zone(spec.zone)
    days: dict[date, set[int]] = {}
    found = []
    for number in range(minutes):
        shown = wall(tz, start + 60 * number)
        if shown.date() not in days:
            days[shown.date()] = minutes_of(spec, shown.date())
        found.append(60 * shown.hour + shown.minute in days[shown.date()])
    return found


def minutes_of(spec: CalendarSpec, day: date) -> set[int]:
    """The open minutes of a local date by T3 and T4, read aloud."""
    exceptions = [exception for exception in spec.exceptions if exception.day == day]
    if exceptions:
        return {
            m for exception in exceptions for opens, closes in exception.hours for m in range(opens, closes)
        }
    minutes: set[int] = set()
    for opens, closes in hours_on(spec, day):
        minutes |= set(range(opens, closes if closes > opens else 1440))
    for opens, closes in hours_on(spec, day - timedelta(days=1)):
        if closes <= opens:
            minutes |= set(range(closes))
    return minutes


def hours_on(spec: CalendarSpec, day: date) -> tuple[Interval, ...]:
    """The weekly hours that are valid on a date."""
    valid = [week for week in spec.weekly if week.valid_from is None or week.valid_from <= day]
    if not valid:
        return ()
    return max(valid, key=lambda week: week.valid_from or date.min).days[day.weekday()]


def running_total(flags: list[bool]) -> list[int]:
    """How many minutes were open before each minute."""
    return [0, *accumulate(int(flag) for flag in flags)]


def wall(tz: ZoneInfo, t: int) -> datetime:
    """What the wall clock shows at an instant."""
    return datetime.fromtimestamp(t, tz)


# Zones with the middle of a stretch that holds something odd: changes in spring and autumn, by half an hour, at local
# midnight, a date that was skipped, offsets of three quarters, rules that were changed, none at all.
ODD_PLACES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Europe/Zurich", date(2025, 3, 30)),
    ("Europe/Vienna", date(2024, 10, 27)),
    ("Europe/London", date(2026, 10, 25)),
    ("Europe/Lisbon", date(2026, 3, 29)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/St_Johns", date(2026, 11, 1)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("America/Asuncion", date(2024, 3, 24)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kathmandu", date(2026, 1, 1)),
    ("Asia/Pyongyang", date(2018, 5, 5)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("UTC", date(2026, 12, 31)),
]

_minutes = st.one_of(st.sampled_from([0, 60, 90, 120, 150, 180, 240, 540, 1020, 1380]), st.integers(0, 1439))
_closings = st.one_of(st.sampled_from([120, 150, 180, 1440]), st.integers(1, 1440))
_intervals = st.tuples(_minutes, _closings)
_weeks = st.lists(st.lists(_intervals, max_size=3).map(tuple), min_size=7, max_size=7).map(tuple)
_hours = st.lists(_intervals.filter(lambda interval: interval[0] < interval[1]), max_size=2).map(tuple)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[CalendarSpec, date]:
    """A calendar and the odd date near which to look at it. It may be closed for long, and even for ever."""
    name, middle = draw(st.sampled_from(ODD_PLACES))
    weekly = [WeeklyHours(draw(_weeks))]
    for days in draw(st.sets(st.integers(-4, 4), max_size=2)):
        weekly.append(WeeklyHours(draw(_weeks), middle + timedelta(days=days)))
    exceptions = [
        ExceptionDay(middle + timedelta(days=days), "odd", draw(_hours), draw(st.booleans()))
        for days in draw(st.sets(st.integers(-6, 6), max_size=4))
    ]
    return CalendarSpec("random", 1, name, tuple(weekly), tuple(exceptions)), middle


def midnight(day: date) -> int:
    """Midnight of a date in UTC, as epoch seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def at(text: str, tz: str = "Europe/Berlin") -> int:
    """A wall time "2026-06-01 10:00" of a zone as epoch seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).timestamp())
