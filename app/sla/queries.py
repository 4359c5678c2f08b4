"""Reads calendars and policies from their tables into what the engine computes with.

Compiled calendars are kept per process by their version; no rule of time is decided here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from app.now import now
from app.sla.calendar import BusinessCalendar
from app.sla.hours import CalendarSpec, ExceptionDay, Interval, WeeklyHours
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import (
    BusinessHours,
    CalendarException,
    CalendarVersion,
    SlaEscalationStep,
    SlaPolicy,
    SlaPolicyVersion,
    SlaTarget,
)
from app.sla.policy import Escalation, Policy, PolicyVersion, Target


@dataclass(frozen=True, slots=True)
class Offer:
    """A version of a policy: its place in the order, what it promises, and the calendar by which it counts now."""

    policy: Policy
    version: PolicyVersion
    calendar_id: int
    calendar_version: int
    calendar_since: datetime | None = None
    """From when the calendar's present version counts; None if it was never another."""


def offers(session: Session) -> list[Offer]:
    """The newest version of each policy that is enabled, in the order in which they are tried. One statement."""
    return list(_read(session.execute(_OFFERS).all()).values())


def book(session: Session, version_ids: Collection[int]) -> dict[int, Offer]:
    """These versions by id; those that are gone are missing. One statement, none for no ids."""
    return _read(session.execute(_BOOK, {"ids": list(version_ids)}).all()) if version_ids else {}


_TERMS: Any = (  # made once: building it costs as much as asking it
    select(
        SlaPolicyVersion.id,
        SlaPolicy.name,
        SlaPolicy.conditions,
        SlaPolicy.enabled,
        SlaPolicyVersion.pause_on,
        SlaPolicyVersion.on_reopen,
        CalendarRow.id,
        CalendarRow.version,
        CalendarVersion.since,
        SlaTarget.priority,
        SlaTarget.metric,
        SlaTarget.target_minutes,
        SlaTarget.warn_minutes,
        SlaEscalationStep.id,
        SlaEscalationStep.metric,
        SlaEscalationStep.offset_minutes,
    )
    .select_from(SlaPolicy)
    .join(SlaPolicyVersion, SlaPolicyVersion.policy_id == SlaPolicy.id)
    .join(CalendarRow, CalendarRow.id == SlaPolicyVersion.calendar_id)
    .outerjoin(
        CalendarVersion,
        and_(CalendarVersion.calendar_id == CalendarRow.id, CalendarVersion.number == CalendarRow.version),
    )
    .outerjoin(SlaTarget, SlaTarget.policy_version_id == SlaPolicyVersion.id)
    .outerjoin(SlaEscalationStep, SlaEscalationStep.policy_version_id == SlaPolicyVersion.id)
    .order_by(SlaPolicy.position, SlaPolicy.id)
)
_NEWEST = (
    select(func.max(SlaPolicyVersion.number))
    .where(SlaPolicyVersion.policy_id == SlaPolicy.id)
    .correlate(SlaPolicy)
    .scalar_subquery()
)
_OFFERS = _TERMS.where(SlaPolicy.enabled, SlaPolicyVersion.number == _NEWEST)
_BOOK = _TERMS.where(SlaPolicyVersion.id.in_(bindparam("ids", expanding=True)))


def _read(rows: Sequence[Any]) -> dict[int, Offer]:
    terms: dict[int, Any] = {}
    targets: dict[int, dict[str, dict[str, Target]]] = defaultdict(lambda: defaultdict(dict))
    steps: dict[int, set[Escalation]] = defaultdict(set)
    for (
        row
    ) in rows:  # each target with each step: few of both, and one statement less for every write on a ticket
        terms[row[0]] = row
        priority, metric, minutes, warn, step, step_metric, offset = row[9:]
        if minutes is not None:
            targets[row[0]][priority][metric] = Target(minutes * 60, warn * 60)
        if step is not None:
            steps[row[0]].add(Escalation(step, step_metric, offset * 60))
    return {key: _offer(row, targets[key], steps[key]) for key, row in terms.items()}


def _offer(row: Any, targets: dict[str, dict[str, Target]], steps: Collection[Escalation]) -> Offer:
    version_id, name, conditions, enabled, pause_on, on_reopen, calendar_id, number, since = row[:9]
    in_order = tuple(sorted(steps, key=lambda step: (step.offset_seconds, step.id)))
    return Offer(
        Policy(name, version_id, conditions, enabled),
        PolicyVersion(version_id, calendar_id, targets, pause_on, on_reopen, in_order),
        calendar_id,
        number,
        since,
    )


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
