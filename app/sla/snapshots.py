"""Calendars as they were: each version is kept with the instant from which it counted.

A promise that was kept or missed keeps the hours it was judged by (R11), also when everything is judged again. The first
change of a calendar keeps what was before it; one that was never changed has no versions here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, select, type_coerce
from sqlalchemy.orm import Session

from app.now import now as present
from app.sla import queries
from app.sla.calendar import BusinessCalendar
from app.sla.hours import CalendarSpec, ExceptionDay, WeeklyHours
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import CalendarVersion

SINCE_EVER = datetime.fromtimestamp(0, UTC)


def keep_before(session: Session, row: CalendarRow) -> None:
    """Keep a calendar as it is, unless this version is kept already. Called under its lock, before it is changed."""
    known = select(CalendarVersion.id).where(CalendarVersion.calendar_id == row.id).limit(1)
    if session.scalar(known) is None:
        _keep(session, row, SINCE_EVER)


def keep_after(session: Session, row: CalendarRow, now: datetime) -> None:
    """Keep a calendar as it counts from now on, if it was another before. Called once its version is counted."""
    known = select(CalendarVersion.id).where(CalendarVersion.calendar_id == row.id).limit(1)
    if session.scalar(known) is not None:
        _keep(session, row, now)


def _keep(session: Session, row: CalendarRow, since: datetime) -> None:
    spec = _written(queries.spec(session, row.id))
    session.add(CalendarVersion(calendar_id=row.id, number=row.version, since=since, spec=spec))
    session.flush()


def timelines(session: Session, calendar_ids: Collection[int]) -> dict[int, list[tuple[int, int]]]:
    """(from when in epoch seconds, number) of each version kept of these calendars, the oldest first. One statement."""
    rows = session.execute(
        select(
            CalendarVersion.calendar_id,
            type_coerce(CalendarVersion.since, BigInteger),
            CalendarVersion.number,
        )
        .where(CalendarVersion.calendar_id.in_(calendar_ids))
        .order_by(CalendarVersion.calendar_id, CalendarVersion.since, CalendarVersion.number)
    )
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for calendar_id, since, number in rows:
        found[calendar_id].append((since, number))
    return found


def calendar(session: Session, calendar_id: int, number: int) -> BusinessCalendar:
    """A kept version ready to compute with; the calendar as it is where that version was not kept."""
    key = (str(session.get_bind().engine.url), calendar_id, number)
    known = _compiled.get(key)
    if known is None:
        spec = session.scalar(
            select(CalendarVersion.spec).where(
                CalendarVersion.calendar_id == calendar_id, CalendarVersion.number == number
            )
        )
        if spec is None:
            row = session.get_one(CalendarRow, calendar_id)
            return queries.calendar(session, calendar_id, row.version)
        today, year = present().date(), timedelta(days=366)
        known = BusinessCalendar.compile(_read(calendar_id, number, spec), today - year, today + year)
        if len(_compiled) >= queries.KEPT:
            _compiled.clear()
        _compiled[key] = known
    return known


_compiled: dict[tuple[str, int, int], BusinessCalendar] = {}


def _written(spec: CalendarSpec) -> dict[str, Any]:
    return {
        "zone": spec.zone,
        "weekly": [
            [
                week.valid_from.isoformat() if week.valid_from else None,
                [list(map(list, day)) for day in week.days],
            ]
            for week in spec.weekly
        ],
        "days": [
            [day.day.isoformat(), day.name, list(map(list, day.hours)), day.holiday]
            for day in spec.exceptions
        ],
    }


def _read(calendar_id: int, number: int, kept: dict[str, Any]) -> CalendarSpec:
    def hours(listed: list[list[int]]) -> tuple[tuple[int, int], ...]:
        return tuple((opens, closes) for opens, closes in listed)

    return CalendarSpec(
        id=calendar_id,
        version=number,
        zone=kept["zone"],
        weekly=tuple(
            WeeklyHours(tuple(hours(day) for day in days), date.fromisoformat(since) if since else None)
            for since, days in kept["weekly"]
        ),
        exceptions=tuple(
            ExceptionDay(date.fromisoformat(day), name, hours(listed), holiday=holiday)
            for day, name, listed, holiday in kept["days"]
        ),
    )
