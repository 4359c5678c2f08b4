"""Keeping calendars and promises: every change a person makes, checked, versioned and written in the audit log.

A calendar is edited in place and counts its versions; a policy gets a new version that holds for new tickets. What an
edit means for running tickets is the caller's next step (a job).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import audit
from app.db import locked
from app.errors import NotVisible, Refused
from app.sla import public_holidays, queries
from app.sla.calendar import BusinessCalendar, NeverOpen
from app.sla.hours import BadCalendar, Interval
from app.sla.models import (
    PRIORITIES,
    BusinessHours,
    CalendarException,
    SlaPolicy,
    SlaPolicyVersion,
    SlaTarget,
)
from app.sla.models import BusinessCalendar as CalendarRow
from app.words import N_

LONGEST_CLOSING = 92  # days of one closing period
MOST_TARGET_HOURS = 2000
_RANGE = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?", re.ASCII)


# --- hours as people write them --------------------------------------------------------------------------------------


def parse_hours(text: str, field: str = "hours") -> tuple[Interval, ...]:
    """Opening hours of a day: "9-12, 13:30-17", "22-6" over midnight, empty for closed. Raises `Refused`."""
    intervals = []
    for part in filter(None, (piece.strip() for piece in re.split(r"[,;]", text))):
        found = _RANGE.fullmatch(part)
        if found is None:
            raise Refused(N_("Write hours like 9:00-12:00, 13:00-17:00, or leave the day empty."), field)
        opens = int(found[1]) * 60 + int(found[2] or 0)
        closes = int(found[3]) * 60 + int(found[4] or 0)
        minutes = max(int(found[2] or 0), int(found[4] or 0))
        if opens > 1439 or closes > 1440 or minutes > 59 or opens == closes:
            raise Refused(N_("“%(hours)s” are no hours of a day."), field, hours=part)
        intervals.append((opens, closes or 1440))
    return tuple(sorted(intervals))


def written_hours(intervals: Sequence[Interval]) -> str:
    """The same hours as text."""
    return ", ".join(
        f"{opens // 60}:{opens % 60:02}-{closes // 60}:{closes % 60:02}" for opens, closes in intervals
    )


# --- calendars -------------------------------------------------------------------------------------------------------


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

    Raises `NotVisible`, and `Refused` for a zone that does not exist, a name that is taken, or a calendar that is
    never open.
    """
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
) -> None:
    """Let a day be like any other again."""
    row = _lock(session, calendar_id)
    found = session.scalar(
        select(CalendarException).where(
            CalendarException.id == exception_id, CalendarException.calendar_id == calendar_id
        )
    )
    if found is None:
        raise NotVisible
    session.delete(found)
    _changed(session, row, "calendar.day", actor_id, now)


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
    """A person says which proposed holidays of a year close the calendar; the others do not. Gives how many do."""
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
    _changed(session, row, "calendar.review", actor_id, now, count=closed)
    return closed


def _changed(
    session: Session, row: CalendarRow, action: str, actor_id: int | None, now: datetime, **details: Any
) -> CalendarRow:
    """Count the version, refuse what is never open, and write the audit entry."""
    row.version += 1
    session.flush()
    try:
        spec = queries.spec(session, row.id)
        today = now.date()
        BusinessCalendar.compile(spec, today, today + timedelta(days=366)).next_open(int(now.timestamp()))
    except (BadCalendar, NeverOpen) as fault:
        never = N_("This calendar would never be open. Enter hours for at least one day.")
        raise Refused(never, "hours") from fault
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
    return row


# --- promises --------------------------------------------------------------------------------------------------------


def save_targets(
    session: Session,
    policy_id: int,
    targets: Mapping[str, tuple[int, int]],
    *,
    metric: str = "first_response",
    actor_id: int | None,
    now: datetime,
) -> SlaPolicyVersion | None:
    """A new version of a policy with these targets of one metric: (target, warning before it) in business minutes by
    priority; other metrics stay. It holds for new tickets. None when nothing differs. Raises `Refused`."""
    policy = session.scalar(locked(select(SlaPolicy).where(SlaPolicy.id == policy_id)))
    if policy is None:
        raise NotVisible
    for priority, (minutes, warn) in targets.items():
        if priority not in PRIORITIES or not 0 < minutes <= MOST_TARGET_HOURS * 60:
            limit = MOST_TARGET_HOURS
            raise Refused(
                N_("A target is more than nothing and at most %(hours)s hours."), priority, hours=limit
            )
        if not 0 <= warn < minutes:
            raise Refused(
                N_("The warning comes before the deadline: enter less time than the target."), priority
            )
    before = newest_version(session, policy_id)
    kept = session.scalars(select(SlaTarget).where(SlaTarget.policy_version_id == before.id)).all()
    standing = {one.priority: (one.target_minutes, one.warn_minutes) for one in kept if one.metric == metric}
    if standing == dict(targets):
        return None
    version = SlaPolicyVersion(
        policy_id=policy_id,
        number=before.number + 1,
        name=policy.name,
        conditions=policy.conditions,
        calendar_id=policy.calendar_id,
        valid_from=now,
        author_id=actor_id,
        pause_on=before.pause_on,
        on_reopen=before.on_reopen,
    )
    session.add(version)
    session.flush()
    others = [
        (one.priority, one.metric, one.target_minutes, one.warn_minutes)
        for one in kept
        if one.metric != metric
    ]
    wanted = others + [(priority, metric, *minutes) for priority, minutes in targets.items()]
    session.add_all(
        SlaTarget(
            policy_version_id=version.id,
            priority=priority,
            metric=name,
            target_minutes=minutes,
            warn_minutes=warn,
        )
        for priority, name, minutes, warn in wanted
    )
    session.flush()
    audit.record(
        session,
        actor_id=actor_id,
        action="policy.targets",
        object_kind="sla_policy",
        object_id=policy_id,
        at=now,
        version=version.number,
        fields=[metric],
    )
    return version


def newest_version(session: Session, policy_id: int) -> SlaPolicyVersion:
    """The version of a policy that holds for new tickets."""
    return session.scalars(
        select(SlaPolicyVersion)
        .where(SlaPolicyVersion.policy_id == policy_id)
        .order_by(SlaPolicyVersion.number.desc())
        .limit(1)
    ).one()


def unreviewed(session: Session, year: int) -> list[str]:
    """Names of calendars for which no holiday of a year was reviewed (none counts)."""
    reviewed = select(CalendarException.calendar_id).where(
        CalendarException.source == "library",
        CalendarException.active,
        CalendarException.date.between(date(year, 1, 1), date(year, 12, 31)),
    )
    return list(
        session.scalars(
            select(CalendarRow.name).where(CalendarRow.id.not_in(reviewed)).order_by(CalendarRow.name)
        )
    )


def in_use(session: Session, calendar_id: int) -> int:
    """How many policies count by a calendar."""
    return session.scalar(select(func.count()).where(SlaPolicy.calendar_id == calendar_id)) or 0
