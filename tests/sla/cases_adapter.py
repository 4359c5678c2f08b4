"""Lets a runner of service level cases drive the pure engine: plain case data in, aware UTC datetimes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from app.sla.calendar import BusinessCalendar
from app.sla.hours import CalendarSpec, ExceptionDay, Interval, WeeklyHours
from app.sla.policy import METRICS, Key, PolicyVersion, Target
from app.sla.public_holidays import public_holidays
from app.sla.replay import ClockRun, Event, SlaClock

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class PortalAdapter:
    """The five questions of the runner. Books are made once for the same mapping of policies and of calendars."""

    def __init__(self) -> None:
        self._read: tuple[Any, Any] = (None, None)
        self._policies: dict[Key, PolicyVersion] = {}
        self._calendars: dict[Key, BusinessCalendar] = {}

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
        if self._read[0] is not policies or self._read[1] is not calendars:
            self._read = (policies, calendars)
            self._policies = {name: policy_version(name, policy) for name, policy in policies.items()}
            self._calendars = _Calendars(self, calendars)
        sla = SlaClock.replay(ticket_events(case), self._policies, self._calendars, epoch(_at(case["now"])))
        told: dict[str, Any] = {"next_breach_at": _instant(sla.next_breach_at)}
        for metric in METRICS:
            run = sla.latest(metric)
            told[metric] = _told(run) if run is not None and run.state != "none" else {"state": "none"}
            told[metric]["history"] = [
                run.state for run in sla.runs if run.metric == metric and run.state != "none"
            ]
        return told


class _Calendars(dict[Key, BusinessCalendar]):
    """Calendars by name, compiled when a ticket first needs them."""

    def __init__(self, adapter: PortalAdapter, specs: Mapping[str, Any]) -> None:
        super().__init__()
        self._adapter, self._specs = adapter, specs

    def __missing__(self, name: Key) -> BusinessCalendar:
        self[name] = self._adapter.calendar(self._specs[str(name)])
        return self[name]


def _told(run: ClockRun) -> dict[str, Any]:
    return {
        "state": run.state,
        "started_at": _instant(run.started_at),
        "due_at": _instant(run.due_at),
        "warn_at": _instant(run.warn_at),
        "fulfilled_at": _instant(run.fulfilled_at),
        "breached_at": _instant(run.breached_at),
        "elapsed_minutes": run.elapsed / 60,
        "paused_minutes": run.paused / 60,
        "remaining_minutes": None if run.remaining is None else run.remaining / 60,
    }


def ticket_events(case: Mapping[str, Any]) -> list[Event]:
    """The events of a history; policy and priority of the case belong to the creation."""
    events = []
    for number, entry in enumerate(case["events"]):
        data = {key: value for key, value in entry.items() if key not in ("at", "type", *_FACTS)}
        if entry["type"] == "created":
            data = {"policy": case["policy"], "priority": case["priority"], **data}
        facts = {key: entry[key] for key in _FACTS if key in entry}
        if "unanswered_since" in data and data["unanswered_since"] is not None:
            data["unanswered_since"] = epoch(_at(data["unanswered_since"]))
        events.append(Event(number, epoch(_at(entry["at"])), entry["type"], **facts, data=data))
    return events


_FACTS = ("author", "public", "auto", "is_requester")


def policy_version(name: str, case: Mapping[str, Any]) -> PolicyVersion:
    """A policy of the case file, minutes as seconds."""
    warns = case.get("warn_before", {})
    targets = {
        priority: {
            metric: Target(seconds(minutes), seconds(warns.get(metric, 0)))
            for metric, minutes in metrics.items()
            if minutes is not None
        }
        for priority, metrics in case["targets"].items()
    }
    return PolicyVersion(
        name, case["calendar"], targets, case.get("pause_on", {}), case.get("on_reopen", "resume")
    )


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


def _at(told: str | datetime) -> datetime:
    return told if isinstance(told, datetime) else datetime.fromisoformat(told)


def _instant(t: int | None) -> datetime | None:
    return None if t is None else instant(t)


def epoch(t: datetime) -> int:
    """An aware datetime as epoch seconds."""
    return int(t.timestamp())


def instant(t: int) -> datetime:
    """Epoch seconds as an aware datetime."""
    return datetime.fromtimestamp(t, UTC)


def seconds(minutes: float) -> int:
    """Minutes of a case, which may have a fraction, as seconds."""
    return round(minutes * 60)
