"""Reads calendars and promises from their tables into what the engine computes with.

Compiled calendars are kept per process by their version; no rule of time is decided here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.now import now
from app.sla.calendar import BusinessCalendar
from app.sla.hours import CalendarSpec, ExceptionDay, Interval, WeeklyHours
from app.sla.models import (
    BusinessCalendar as CalendarRow,
)
from app.sla.models import (
    BusinessHours,
    CalendarException,
    SlaPolicy,
    SlaPolicyVersion,
    SlaTarget,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Promised business minutes, and how long before the end a warning comes (0: none)."""

    minutes: int
    warn_minutes: int


@dataclass(frozen=True, slots=True)
class Promise:
    """One version of a policy, with the version of its calendar that counts now.

    `targets` is keyed by (priority, metric); a pair that is missing has no clock.
    """

    version_id: int
    calendar_id: int
    calendar_version: int
    conditions: Mapping[str, list[int | str]]
    targets: Mapping[tuple[str, str], Target]


def promises(session: Session) -> list[Promise]:
    """The newest version of each policy that counts, in the order in which they are tried. One statement."""
    newest = select(func.max(SlaPolicyVersion.number)).where(SlaPolicyVersion.policy_id == SlaPolicy.id)
    return _read(
        session,
        and_(SlaPolicy.enabled, SlaPolicyVersion.number == newest.correlate(SlaPolicy).scalar_subquery()),
    )


def promise(session: Session, version_id: int) -> Promise | None:
    """The promise that a ticket was given. One statement."""
    return next(iter(_read(session, SlaPolicyVersion.id == version_id)), None)


def _read(session: Session, which: object) -> list[Promise]:
    rows = session.execute(
        select(
            SlaPolicyVersion.id,
            CalendarRow.id,
            CalendarRow.version,
            SlaPolicy.conditions,
            SlaTarget.priority,
            SlaTarget.metric,
            SlaTarget.target_minutes,
            SlaTarget.warn_minutes,
        )
        .select_from(SlaPolicy)
        .join(SlaPolicyVersion, SlaPolicyVersion.policy_id == SlaPolicy.id)
        .join(CalendarRow, CalendarRow.id == SlaPolicy.calendar_id)
        .outerjoin(SlaTarget, SlaTarget.policy_version_id == SlaPolicyVersion.id)
        .where(which)  # type: ignore[arg-type]
        .order_by(SlaPolicy.position, SlaPolicy.id)
    ).all()
    found: dict[int, Promise] = {}
    for version_id, calendar_id, version, conditions, priority, metric, minutes, warn in rows:
        made = found.setdefault(version_id, Promise(version_id, calendar_id, version, conditions, {}))
        if minutes is not None:
            made.targets[priority, metric] = Target(minutes, warn)  # type: ignore[index]
    return list(found.values())


def matching(found: list[Promise], facts: Mapping[str, int | str | None]) -> Promise | None:
    """The first promise all of whose conditions name what the facts say. A condition on something that `facts` does
    not hold never fits."""
    for made in found:
        if all(facts.get(name) in wanted for name, wanted in made.conditions.items()):
            return made
    return None


def calendar(session: Session, calendar_id: int, version: int) -> BusinessCalendar:
    """A calendar ready to compute with. Three statements the first time, none after that."""
    database = str(session.get_bind().engine.url)
    key = (database, calendar_id, version)
    known = _compiled.get(key)
    if known is None:
        today = now().date()
        year = timedelta(days=366)
        known = BusinessCalendar.compile(spec(session, calendar_id), today - year, today + year)
        if known.spec.version == version:  # else it was changed a moment ago; the next reader asks again
            if len(_compiled) >= KEPT:
                _compiled.clear()
            _compiled[key] = known
    return known


KEPT = 200  # compiled calendars a process keeps; each holds a few thousand numbers
_compiled: dict[tuple[str, int, int], BusinessCalendar] = {}


def spec(session: Session, calendar_id: int) -> CalendarSpec:
    """A calendar as it was entered; exceptions count only once somebody reviewed them. Three statements."""
    row = session.get_one(CalendarRow, calendar_id)
    hours = session.execute(
        select(
            BusinessHours.valid_from,
            BusinessHours.weekday,
            BusinessHours.opens_minute,
            BusinessHours.closes_minute,
        ).where(BusinessHours.calendar_id == calendar_id)
    ).all()
    weeks: dict[date, list[list[Interval]]] = defaultdict(lambda: [[] for _ in range(7)])
    for valid_from, weekday, opens, closes in hours:
        weeks[valid_from][weekday].append((opens, closes))
    exceptions = session.execute(
        select(
            CalendarException.date,
            CalendarException.name,
            CalendarException.opens_minute,
            CalendarException.closes_minute,
            CalendarException.source,
        )
        .where(CalendarException.calendar_id == calendar_id, CalendarException.active)
        .order_by(CalendarException.date, CalendarException.id)
    ).all()
    return CalendarSpec(
        id=calendar_id,
        version=row.version,
        zone=row.time_zone,
        weekly=tuple(
            WeeklyHours(tuple(tuple(sorted(day)) for day in week), valid_from)
            for valid_from, week in sorted(weeks.items())
        ),
        exceptions=tuple(
            ExceptionDay(
                day,
                name,
                () if opens is None or closes is None else ((opens, closes),),
                holiday=source != "manual",
            )
            for day, name, opens, closes, source in exceptions
        ),
    )
