"""Short hand for histories in tests: a week in June 2026 (the 1st is a Monday), Berlin, nine to five."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from app.sla.calendar import BusinessCalendar
from app.sla.hours import CalendarSpec, ExceptionDay, Interval, WeeklyHours
from app.sla.policy import Escalation, PolicyVersion, Target
from app.sla.replay import ClockRun, Event, SlaClock, TicketSla
from tests.sla.naive import at

HOUR = 3600
MINUTE = 60


def june(text: str) -> int:
    """An instant: "1 10:00" is Monday, 1 June, ten o'clock."""
    day, wall = text.split()
    return at(f"2026-06-{int(day):02} {wall}")


def _calendar(name: str, hours: Interval, days: int, *closed: int) -> BusinessCalendar:
    week = WeeklyHours(((hours,),) * days + ((),) * (7 - days))
    holidays = tuple(ExceptionDay(date(2026, 6, day), "Holiday", holiday=True) for day in closed)
    spec = CalendarSpec(name, 1, "Europe/Berlin", (week,), holidays)
    return BusinessCalendar.compile(spec, date(2026, 5, 1), date(2026, 8, 1))


CALENDARS: dict[Any, BusinessCalendar] = {
    "office": _calendar("office", (540, 1020), 5),
    "office, 2nd closed": _calendar("office, 2nd closed", (540, 1020), 5, 2),
    "always": _calendar("always", (0, 1440), 7),
}

TARGETS = {
    "low": {"resolution": Target(40 * HOUR)},
    "normal": {
        "first_response": Target(2 * HOUR, 30 * MINUTE),
        "next_response": Target(3 * HOUR),
        "periodic_update": Target(8 * HOUR),
        "resolution": Target(16 * HOUR, 4 * HOUR),
    },
    "urgent": {
        "first_response": Target(30 * MINUTE),
        "next_response": Target(1 * HOUR),
        "periodic_update": Target(2 * HOUR),
        "resolution": Target(4 * HOUR),
    },
}
HALF = {"normal": {"first_response": Target(1 * HOUR), "resolution": Target(8 * HOUR)}}
STEPS = (
    Escalation("early", "resolution", -8 * HOUR),
    Escalation("late", "resolution", 2 * HOUR),
    Escalation("other", "first_response", 0),
)

POLICIES: dict[Any, PolicyVersion] = {
    "office": PolicyVersion("office", "office", TARGETS),
    "half": PolicyVersion("half", "office", HALF),
    "always": PolicyVersion("always", "always", TARGETS),
    "restart": PolicyVersion("restart", "office", TARGETS, on_reopen="restart"),
    "steps": PolicyVersion("steps", "office", TARGETS, escalations=STEPS),
    "pausing": PolicyVersion(
        "pausing",
        "office",
        TARGETS,
        {"first_response": ["pending"], "next_response": ["pending"], "resolution": ["pending", "on_hold"]},
    ),
    "total": PolicyVersion("total", "office", TARGETS, {"resolution": []}),
}


def created(when: str, **data: Any) -> Event:
    """A request of a customer unless said otherwise."""
    facts = {
        "by": "customer",
        "first_message": "customer",
        "status": "new",
        "priority": "normal",
        "policy": "office",
    }
    return Event(0, june(when), "created", data={**facts, **data})


def agent(when: str, **facts: Any) -> Event:
    """A public message of an agent."""
    return Event(0, june(when), "message", **{"author": "agent", "public": True, **facts})


def customer(when: str, **facts: Any) -> Event:
    """A message of the customer."""
    return Event(
        0, june(when), "message", **{"author": "customer", "public": True, "is_requester": True, **facts}
    )


def event(when: str, kind: str, **data: Any) -> Event:
    """Anything else."""
    return Event(0, june(when), kind, data=data)


def status(when: str, to: str) -> Event:
    """Another status."""
    return event(when, "status", to=to)


def numbered(events: Iterable[Event]) -> list[Event]:
    """The events with the ids of their order of writing."""
    return [replace(one, id=number) for number, one in enumerate(events, 1)]


def replayed(now: str, *events: Event, explain: bool = False) -> TicketSla:
    """The clocks at an instant."""
    return SlaClock.replay(numbered(events), POLICIES, CALENDARS, june(now), explain=explain)


def run(metric: str, now: str, *events: Event) -> ClockRun:
    """The latest run of a metric at an instant."""
    found = replayed(now, *events).latest(metric)
    assert found is not None, f"no {metric}"
    return found


def states(metric: str, now: str, *events: Event) -> list[str]:
    """The states of all runs of a metric."""
    return [one.state for one in replayed(now, *events).runs if one.metric == metric]
