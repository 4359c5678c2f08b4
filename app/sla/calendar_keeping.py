"""Keeping calendars: every change a person makes, checked, counted as a version and written in the audit log.

A calendar is edited in place. What an edit means for running tickets is the caller's next step (a job).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import audit
from app.db import locked
from app.errors import NotVisible, Refused
from app.sla import public_holidays, queries, snapshots
from app.sla.calendar import BusinessCalendar, NeverOpen
from app.sla.hours import BadCalendar, Interval
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import BusinessHours, CalendarException, SlaPolicy, SlaPolicyVersion
from app.words import N_

LONGEST_CLOSING = 92  # days of one closing period
LOOKED_AHEAD = 366  # days within which a calendar must open
_NEVER_OPEN = N_("This calendar would not be open within a year. Enter hours for at least one day.")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Week:
    """What an admin says of a calendar: its name and zone, and the hours of Monday to Sunday from a day on."""

    name: str
    time_zone: str
    valid_from: date
    days: tuple[tuple[Interval, ...], ...]


def save_calendar(
    session: Session, calendar_id: int | None, week: Week, *, actor_id: int | None, now: datetime
) -> CalendarRow:
    """Add a calendar (None), or give one new hours from a day on; earlier hours stay for the days before.

    Raises `NotVisible`, and `Refused` for a zone that does not exist, a name that is taken, hours that overlap, or a
    calendar that is never open.
    """
    if not any(week.days):  # it would leave no row, and the hours before it would go on in silence
        raise Refused(_NEVER_OPEN, "monday")
    check_overlaps(week.days)
    if week.time_zone not in available_timezones():
        raise Refused(N_("This time zone does not exist. It is called like Europe/Berlin."), "time_zone")
    taken = select(CalendarRow.id).where(CalendarRow.name == week.name, CalendarRow.id != (calendar_id or 0))
    if session.scalar(taken) is not None:
        raise Refused(N_("There is a calendar with this name already."), "name")
    row = (
        CalendarRow(version=0, holiday_categories=[], reviewed_years=[], is_default=False)
        if calendar_id is None
        else _lock(session, calendar_id)
    )
    row.name, row.time_zone = week.name, week.time_zone
    session.add(row)
    session.flush()
    same_day = (BusinessHours.calendar_id == row.id, BusinessHours.valid_from == week.valid_from)
    session.execute(delete(BusinessHours).where(*same_day))
    session.add_all(
        BusinessHours(
            calendar_id=row.id,
            valid_from=week.valid_from,
            weekday=weekday,
            opens_minute=opens,
            closes_minute=closes,
        )
        for weekday, intervals in enumerate(week.days)
        for opens, closes in intervals
    )
    action = "calendar.create" if calendar_id is None else "calendar.hours"
    return _changed(session, row, action, actor_id, now, fields=["name", "time_zone", "hours"])


def check_overlaps(days: tuple[tuple[Interval, ...], ...]) -> None:
    """Two stretches of hours that overlap are a slip of the pen, also where one goes over midnight (T3 would unite
    them in silence). Raises `Refused`, which names the later day."""
    for number, (name, hours) in enumerate(zip(WEEKDAYS, days, strict=True)):
        before = days[number - 1]
        taken = max((closes for opens, closes in before if closes <= opens), default=0)  # after midnight
        for opens, closes in sorted(hours):
            if opens < taken:
                raise Refused(
                    N_(
                        "Hours overlap here, perhaps with the night before. Let each begin where the last ends."
                    ),
                    name,
                )
            taken = closes if closes > opens else 1440


def close(
    session: Session,
    calendar_id: int,
    first: date,
    last: date,
    name: str,
    *,
    actor_id: int | None,
    now: datetime,
) -> int:
    """Close every day from one date to another (company holidays). Gives the number of days."""
    row = _lock(session, calendar_id)
    days = (last - first).days + 1
    if not 1 <= days <= LONGEST_CLOSING:
        raise Refused(
            N_("Choose a last day from the first day on, at most %(days)s days."),
            "last",
            days=LONGEST_CLOSING,
        )
    for number in range(days):
        _put(session, row.id, first + timedelta(days=number), name, None)
    _changed(session, row, "calendar.close", actor_id, now, count=days)
    return days


def open_differently(
    session: Session,
    calendar_id: int,
    day: date,
    hours: Interval,
    name: str,
    *,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Give one day hours of its own (a half day)."""
    row = _lock(session, calendar_id)
    if hours[1] <= hours[0]:
        raise Refused(N_("Hours of a single day end on that day."), "hours")
    _put(session, row.id, day, name, hours)
    _changed(session, row, "calendar.day", actor_id, now)


def _put(session: Session, calendar_id: int, day: date, name: str, hours: Interval | None) -> None:
    session.execute(
        delete(CalendarException).where(
            CalendarException.calendar_id == calendar_id,
            CalendarException.date == day,
            CalendarException.source == "manual",
        )
    )
    session.add(
        CalendarException(
            calendar_id=calendar_id,
            date=day,
            kind="closed" if hours is None else "hours",
            opens_minute=hours[0] if hours else None,
            closes_minute=hours[1] if hours else None,
            name=name,
            source="manual",
            active=True,
        )
    )


def remove_exception(
    session: Session, calendar_id: int, exception_id: int, *, actor_id: int | None, now: datetime
) -> int:
    """Let a day be like any other again, or every day of the closing period it belongs to. Gives how many."""
    row = _lock(session, calendar_id)
    own = session.scalars(
        select(CalendarException)
        .where(CalendarException.calendar_id == calendar_id, CalendarException.source == "manual")
        .order_by(CalendarException.date, CalendarException.id)
    ).all()
    period = next((one for one in periods(own) if any(day.id == exception_id for day in one)), None)
    if period is None:
        raise NotVisible
    for day in period:
        session.delete(day)
    _changed(session, row, "calendar.day", actor_id, now, count=len(period))
    return len(period)


def periods(days: Sequence[CalendarException]) -> list[list[CalendarException]]:
    """Days in their order, grouped as they were entered: what is closed from day to day for one reason is one period."""
    found: list[list[CalendarException]] = []
    for day in days:
        last = found[-1][-1] if found else None
        if (
            last is not None
            and last.kind == day.kind == "closed"
            and last.name == day.name
            and last.date + timedelta(days=1) == day.date
        ):
            found[-1].append(day)
        else:
            found.append([day])
    return found


def propose_holidays(
    session: Session,
    calendar_id: int,
    country: str,
    region: str | None,
    year: int,
    *,
    language: str,
    actor_id: int | None,
    now: datetime,
) -> int:
    """Put the public holidays of a region beside the calendar, as proposals that do not count yet. Gives how many.

    Proposals of another region for that year that nobody accepted are taken away. Raises `Refused`.
    """
    row = _lock(session, calendar_id)
    try:
        found = public_holidays.public_holidays(country, region, year, language=language)
    except public_holidays.NoSuchRegion:
        raise Refused(N_("Choose a country and a region."), "region") from None
    row.holiday_country, row.holiday_subdiv = country, region
    of_year = (
        CalendarException.calendar_id == calendar_id,
        CalendarException.source == "library",
        CalendarException.date.between(date(year, 1, 1), date(year, 12, 31)),
    )
    session.execute(delete(CalendarException).where(*of_year, CalendarException.active.is_(False)))
    known = set(session.scalars(select(CalendarException.date).where(*of_year)))
    session.add_all(
        CalendarException(
            calendar_id=calendar_id,
            date=holiday.day,
            kind="closed",
            name=holiday.name,
            source="library",
            active=False,
        )
        for holiday in found
        if holiday.day not in known
    )
    session.flush()
    _record(session, "calendar.propose", row, actor_id, now, count=len(found))
    return len(found)


def review_holidays(
    session: Session, calendar_id: int, accepted: set[int], year: int, *, actor_id: int | None, now: datetime
) -> int:
    """A person says which proposed holidays of a year close the calendar; the others do not. Gives how many do.

    With that the year is reviewed, also where no holiday closes (round the clock).
    """
    row = _lock(session, calendar_id)
    proposals = session.scalars(
        select(CalendarException).where(
            CalendarException.calendar_id == calendar_id,
            CalendarException.source == "library",
            CalendarException.date.between(date(year, 1, 1), date(year, 12, 31)),
        )
    ).all()
    for proposal in proposals:
        proposal.active = proposal.id in accepted
    session.flush()
    closed = sum(proposal.active for proposal in proposals)
    row.reviewed_years = sorted({*row.reviewed_years, year})
    _changed(session, row, "calendar.review", actor_id, now, count=closed)
    return closed


def _changed(
    session: Session, row: CalendarRow, action: str, actor_id: int | None, now: datetime, **details: Any
) -> CalendarRow:
    """Count the version, refuse what is never open, and write the audit entry."""
    row.version += 1
    session.flush()
    today, start = now.date(), int(now.timestamp())
    end = today + timedelta(days=LOOKED_AHEAD)
    try:
        compiled = BusinessCalendar.compile(queries.spec(session, row.id), today, end)
        opens = compiled.next_open(start)
    except (BadCalendar, NeverOpen) as fault:
        raise Refused(_NEVER_OPEN, "hours") from fault
    if opens > start + LOOKED_AHEAD * 86_400:
        raise Refused(_NEVER_OPEN, "hours")
    snapshots.keep_after(session, row, now)
    _record(session, action, row, actor_id, now, **details)
    return row


def _record(
    session: Session, action: str, row: CalendarRow, actor_id: int | None, now: datetime, **details: Any
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="business_calendar",
        object_id=row.id,
        at=now,
        version=row.version,
        **details,
    )


def _lock(session: Session, calendar_id: int) -> CalendarRow:
    row: CalendarRow | None = session.scalar(locked(select(CalendarRow).where(CalendarRow.id == calendar_id)))
    if row is None:
        raise NotVisible
    snapshots.keep_before(session, row)
    return row


def delete_calendar(session: Session, calendar_id: int, *, actor_id: int | None, now: datetime) -> None:
    """Remove a calendar that no promise counts by, nor ever did. Raises `Refused` with the promises' names."""
    row = _lock(session, calendar_id)
    if session.scalar(select(CalendarRow.id).where(CalendarRow.id != calendar_id).limit(1)) is None:
        raise Refused(N_("This is the only calendar. Promised times need one; change its hours instead."))
    if names := users(session, calendar_id):
        raise Refused(
            N_("These promises count by this calendar, now or in an earlier version: %(names)s."),
            names=", ".join(names),
        )
    _record(session, "calendar.delete", row, actor_id, now)
    session.delete(row)
    session.flush()


def users(session: Session, calendar_id: int) -> list[str]:
    """The names of the promises that count by a calendar, earlier versions included."""
    used = select(SlaPolicyVersion.policy_id).where(SlaPolicyVersion.calendar_id == calendar_id)
    named = select(SlaPolicy.name).where((SlaPolicy.calendar_id == calendar_id) | SlaPolicy.id.in_(used))
    return list(session.scalars(named.order_by(SlaPolicy.position, SlaPolicy.id)))


@dataclass(frozen=True, slots=True)
class Unreviewed:
    """A calendar and a year whose public holidays nobody looked through."""

    calendar_id: int
    name: str
    year: int


def unreviewed(session: Session, today: date) -> list[Unreviewed]:
    """Which years nobody looked through: this one, and from November on the next. One statement."""
    years = [today.year, today.year + 1] if today.month >= 11 else [today.year]
    rows = session.execute(
        select(CalendarRow.id, CalendarRow.name, CalendarRow.reviewed_years).order_by(
            CalendarRow.name, CalendarRow.id
        )
    )
    return [Unreviewed(key, name, year) for key, name, known in rows for year in years if year not in known]
