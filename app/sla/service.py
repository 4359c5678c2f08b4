"""What is promised before anybody chose otherwise: opening hours and a policy made at first use."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.sla.models import BusinessCalendar, BusinessHours, SlaPolicy, SlaPolicyVersion, SlaTarget

DEFAULT_NAME = "Standard"  # the same word in both languages; an admin may change it
SINCE_EVER = date(1970, 1, 1)
OPENS, CLOSES = 9 * 60, 17 * 60
FIRST_RESPONSE_HOURS = {"urgent": 2, "high": 4, "normal": 8, "low": 16}


def ensure_defaults(session: Session, *, time_zone: str, now: datetime) -> bool:
    """Make the calendar (Monday to Friday, 9 to 17) and the policy of a new installation, unless it has a calendar.

    Says whether it made them. Needs a write session.
    """
    if session.scalar(select(BusinessCalendar.id).limit(1)) is not None:
        return False
    try:
        with session.begin_nested():
            calendar = BusinessCalendar(
                name=DEFAULT_NAME,
                time_zone=time_zone,
                holiday_categories=[],
                reviewed_years=[],
                version=1,
                is_default=True,
            )
            session.add(calendar)
            session.flush()
            _add_policy(session, calendar, now)
    except IntegrityError:  # another process made them a moment ago
        return False
    return True


def _add_policy(session: Session, calendar: BusinessCalendar, now: datetime) -> None:
    session.add_all(
        BusinessHours(
            calendar_id=calendar.id,
            valid_from=SINCE_EVER,
            weekday=weekday,
            opens_minute=OPENS,
            closes_minute=CLOSES,
        )
        for weekday in range(5)
    )
    policy = SlaPolicy(name=DEFAULT_NAME, position=1, enabled=True, conditions={}, calendar_id=calendar.id)
    session.add(policy)
    session.flush()
    version = SlaPolicyVersion(
        policy_id=policy.id,
        number=1,
        name=policy.name,
        conditions={},
        calendar_id=calendar.id,
        valid_from=now,
        pause_on={},
    )
    session.add(version)
    session.flush()
    session.add_all(
        SlaTarget(
            policy_version_id=version.id,
            priority=priority,
            metric="first_response",
            target_minutes=hours * 60,
            warn_minutes=hours * 15,  # when a quarter of the time is left
        )
        for priority, hours in FIRST_RESPONSE_HOURS.items()
    )
    session.flush()
