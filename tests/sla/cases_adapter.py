"""Lets a runner of service level cases drive the pure engine: plain case data in, aware UTC datetimes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from app.sla.calendar import BusinessCalendar
from app.sla.hours import CalendarSpec, ExceptionDay, Interval, WeeklyHours
from app.sla.public_holidays import public_holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class PortalAdapter:
    """The five questions of the runner."""

    def calendar(self, spec: Mapping[str, Any]) -> BusinessCalendar:
        return BusinessCalendar.compile(calendar_spec(spec), date(2025, 1, 1), date(2027, 12, 31))

    def add(self, cal: BusinessCalendar, start: datetime, minutes: float) -> datetime:
        return instant(cal.add(epoch(start), seconds(minutes)))

    def between(self, cal: BusinessCalendar, a: datetime, b: datetime) -> float:
        return cal.between(epoch(a), epoch(b)) / 60

    def holidays(self, country: str, subdiv: str | None, year: int) -> Iterable[date]:
        return [holiday.day for holiday in public_holidays(country, subdiv, year)]

    def replay(
        self, case: Mapping[str, Any], policies: Mapping[str, Any], calendars: Mapping[str, Any]
    ) -> dict[str, Any]:
        raise NotImplementedError


def calendar_spec(case: Mapping[str, Any], name: str = "case") -> CalendarSpec:
    """The calendar of a case file as the specification of ours."""
    weekly = [WeeklyHours(_week(case.get("weekly", {})))]
    weekly += [
        WeeklyHours(_week(version["weekly"]), date.fromisoformat(version["valid_from"]))
        for version in case.get("weekly_versions", [])
    ]
    exceptions = [
        ExceptionDay(date.fromisoformat(day), "exception", _intervals(hours))
        for day, hours in case.get("overrides", {}).items()
    ]
    exceptions += [
        ExceptionDay(date.fromisoformat(day), "holiday", holiday=True)
        for day in case.get("holidays", [])
        if day not in case.get("overrides", {})
    ]
    return CalendarSpec(name, 1, case["tz"], tuple(weekly), tuple(exceptions))


def _week(weekly: Mapping[str, Any]) -> tuple[tuple[Interval, ...], ...]:
    if unknown := set(weekly) - set(WEEKDAYS):
        raise ValueError(f"no weekdays: {unknown}")
    return tuple(_intervals(weekly.get(day, [])) for day in WEEKDAYS)


def _intervals(hours: Iterable[Iterable[str]]) -> tuple[Interval, ...]:
    return tuple((_minute(opens), _minute(closes)) for opens, closes in hours)


def _minute(wall: str) -> int:
    hour, minute = wall.split(":")
    if not 0 <= int(minute) < 60:
        raise ValueError(f"no time of day: {wall}")
    return 60 * int(hour) + int(minute)


def epoch(t: datetime) -> int:
    """An aware datetime as epoch seconds."""
    return int(t.timestamp())


def instant(t: int) -> datetime:
    """Epoch seconds as an aware datetime."""
    return datetime.fromtimestamp(t, UTC)


def seconds(minutes: float) -> int:
    """Minutes of a case, which may have a fraction, as seconds."""
    return round(minutes * 60)
