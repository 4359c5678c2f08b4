"""Tables of promised times: calendars with their hours and exceptions, policies with their versions and targets.

Calendars and policies are facts with versions; what follows from them for one ticket is computed elsewhere.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Json, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, RowFate, Source, T, not_personal, personal
from app.words import N_

METRICS = ("first_response", "next_response", "periodic_update", "resolution")
PRIORITIES = ("low", "normal", "high", "urgent")
FACTS = ("organisation", "segment", "request_type", "channel", "tag", "priority")
ACTIONS = ("notify", "assign", "priority", "mail")


class BusinessCalendar(Base):
    """When the team works: a zone, weekly hours and dated exceptions. `version` grows with every change."""

    __tablename__ = "business_calendar"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="opening hours of the operator"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("name of the calendar"))
    time_zone: Mapped[str] = mapped_column(info=not_personal("IANA zone of its wall times"))
    holiday_country: Mapped[str | None] = mapped_column(
        info=not_personal("country whose holidays are proposed")
    )
    holiday_subdiv: Mapped[str | None] = mapped_column(
        info=not_personal("region whose holidays are proposed")
    )
    holiday_categories: Mapped[list[str]] = mapped_column(
        Json, default=list, info=not_personal("kinds of holidays proposed", keys=("*",))
    )
    version: Mapped[int] = mapped_column(default=1, info=not_personal("grows with every change"))
    is_default: Mapped[bool] = mapped_column(
        default=False, info=not_personal("used where nothing else is said")
    )
    reviewed_years: Mapped[list[int]] = mapped_column(
        Json, default=list, info=not_personal("years whose holidays a person looked through", keys=("*",))
    )


class BusinessHours(Base):
    """One interval of the weekly hours, valid from a day on. Minutes of the day in the calendar's zone;
    `closes_minute` at or before `opens_minute` belongs to the next day."""

    __tablename__ = "business_hours"
    __table_args__ = table_args(
        Index("ix_business_hours_calendar_id_valid_from", "calendar_id", "valid_from"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("opens_minute BETWEEN 0 AND 1439", name="opens_minute"),
        CheckConstraint("closes_minute BETWEEN 1 AND 1440", name="closes_minute"),
        privacy=T(None, RowFate.KEEP_ROW, why="opening hours of the operator"),
    )

    id: Mapped[int] = primary_key()
    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("business_calendar.id", ondelete="CASCADE"), info=not_personal("the calendar")
    )
    valid_from: Mapped[date] = mapped_column(info=not_personal("first day on which these hours count"))
    weekday: Mapped[int] = mapped_column(info=not_personal("0 is Monday"))
    opens_minute: Mapped[int] = mapped_column(info=not_personal("minute of the day"))
    closes_minute: Mapped[int] = mapped_column(info=not_personal("minute of the day"))


class CalendarException(Base):
    """A day that is different: closed, or with hours of its own. Counts only when `active`: holidays proposed by a
    library are reviewed by a person first."""

    __tablename__ = "calendar_exception"
    __table_args__ = table_args(
        Index("ix_calendar_exception_calendar_id_date", "calendar_id", "date"),
        CheckConstraint("kind IN ('closed', 'hours')", name="kind"),
        CheckConstraint("source IN ('library', 'manual', 'ical')", name="source"),
        CheckConstraint("(kind = 'closed') = (opens_minute IS NULL)", name="hours"),
        privacy=T(None, RowFate.KEEP_ROW, why="opening hours of the operator"),
    )

    id: Mapped[int] = primary_key()
    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("business_calendar.id", ondelete="CASCADE"), info=not_personal("the calendar")
    )
    date: Mapped[date] = mapped_column(info=not_personal("the day"))
    kind: Mapped[str] = mapped_column(info=not_personal("closed or hours"))
    opens_minute: Mapped[int | None] = mapped_column(info=not_personal("minute of the day"))
    closes_minute: Mapped[int | None] = mapped_column(info=not_personal("minute of the day"))
    name: Mapped[str] = mapped_column(info=not_personal("name of the holiday or reason"))
    source: Mapped[str] = mapped_column(info=not_personal("where it came from"))
    active: Mapped[bool] = mapped_column(info=not_personal("whether it counts"))


class CalendarVersion(Base):
    """A calendar as it counted from one instant on, so that promises kept or missed under it can be judged again.

    Append only. A calendar that was never changed has none; the first change also keeps what was before it.
    """

    __tablename__ = "calendar_version"
    __table_args__ = table_args(
        UniqueConstraint("calendar_id", "number"),
        privacy=T(None, RowFate.KEEP_ROW, why="opening hours of the operator"),
    )

    id: Mapped[int] = primary_key()
    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("business_calendar.id", ondelete="CASCADE"), info=not_personal("the calendar")
    )
    number: Mapped[int] = mapped_column(info=not_personal("version of the calendar"))
    since: Mapped[datetime] = mapped_column(info=not_personal("from when it counted"))
    spec: Mapped[dict[str, Any]] = mapped_column(
        Json, info=not_personal("zone, weekly hours and days that differ", keys=("*",))
    )


class SlaPolicy(Base):
    """A promise to some tickets; policies are tried by `position`, the first whose conditions fit counts."""

    __tablename__ = "sla_policy"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="promises of the operator"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("name of the policy"))
    position: Mapped[int] = mapped_column(info=not_personal("order in which policies are tried"))
    enabled: Mapped[bool] = mapped_column(default=True, info=not_personal("whether it counts"))
    conditions: Mapped[dict[str, Any]] = mapped_column(
        Json, default=dict, info=not_personal("which tickets it is for", keys=FACTS)
    )
    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("business_calendar.id", ondelete="RESTRICT"), index=True, info=not_personal("its calendar")
    )


class SlaPolicyVersion(Base):
    """What a policy promised from one moment on: its terms as a whole. Append only.

    Tickets keep the calendar of their version; which tickets a policy is for is asked of the policy's own row.
    """

    __tablename__ = "sla_policy_version"
    __table_args__ = table_args(
        UniqueConstraint("policy_id", "number"),
        CheckConstraint("on_reopen IN ('resume', 'restart')", name="on_reopen"),
        privacy=T(None, RowFate.KEEP_ROW, N_("Promised times"), why="promises of the operator"),
    )

    id: Mapped[int] = primary_key()
    policy_id: Mapped[int] = mapped_column(
        ForeignKey("sla_policy.id", ondelete="CASCADE"), info=not_personal("the policy")
    )
    number: Mapped[int] = mapped_column(info=not_personal("counts from 1"))
    name: Mapped[str] = mapped_column(info=not_personal("name of the policy then"))
    conditions: Mapped[dict[str, Any]] = mapped_column(
        Json, default=dict, info=not_personal("which tickets it was for", keys=FACTS)
    )
    calendar_id: Mapped[int] = mapped_column(
        ForeignKey("business_calendar.id", ondelete="RESTRICT"), index=True, info=not_personal("its calendar")
    )
    valid_from: Mapped[datetime] = mapped_column(info=not_personal("when it was saved"))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
            subject="author_id",
        ),
    )
    pause_on: Mapped[dict[str, list[str]]] = mapped_column(
        Json, default=dict, info=not_personal("statuses that pause, by metric", keys=METRICS)
    )
    on_reopen: Mapped[str] = mapped_column(default="resume", info=not_personal("resume or restart"))


class SlaTarget(Base):
    """The promised business minutes of one metric for one priority, and how long before it a warning comes."""

    __tablename__ = "sla_target"
    __table_args__ = table_args(
        UniqueConstraint("policy_version_id", "priority", "metric"),
        CheckConstraint("target_minutes > 0", name="target_minutes"),
        privacy=T(None, RowFate.KEEP_ROW, why="promises of the operator"),
    )

    id: Mapped[int] = primary_key()
    policy_version_id: Mapped[int] = mapped_column(
        ForeignKey("sla_policy_version.id", ondelete="CASCADE"), info=not_personal("the version")
    )
    priority: Mapped[str] = mapped_column(info=not_personal("priority it is for"))
    metric: Mapped[str] = mapped_column(info=not_personal("which clock"))
    target_minutes: Mapped[int] = mapped_column(info=not_personal("business minutes"))
    warn_minutes: Mapped[int] = mapped_column(default=0, info=not_personal("business minutes before due"))


class SlaEscalationStep(Base):
    """What happens before or after a due time. Negative offsets lie before it, in business minutes.

    `recipient` by action: notify = assignee, team, lead or person (then `person_id` says who); assign = lead or person;
    priority = the priority that the ticket gets at least; mail = an address.
    """

    __tablename__ = "sla_escalation_step"
    __table_args__ = table_args(
        CheckConstraint("action IN ('notify', 'assign', 'priority', 'mail')", name="action"),
        privacy=T(None, RowFate.KEEP_ROW, N_("Promised times"), why="promises of the operator"),
    )

    id: Mapped[int] = primary_key()
    policy_version_id: Mapped[int] = mapped_column(
        ForeignKey("sla_policy_version.id", ondelete="CASCADE"), index=True, info=not_personal("the version")
    )
    metric: Mapped[str] = mapped_column(info=not_personal("which clock"))
    offset_minutes: Mapped[int] = mapped_column(info=not_personal("business minutes from due"))
    action: Mapped[str] = mapped_column(info=not_personal("what is done"))
    recipient: Mapped[str] = mapped_column(
        info=personal(
            Kind.CONTACT,
            purpose=Purpose.SUPPORT,
            retain=Retain.ACCOUNT,
            export=Export.NEVER,
            on_erase="clear",
            source=Source.STAFF,
        )
    )
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.SUPPORT,
            retain=Retain.ACCOUNT,
            export=Export.NEVER,
            on_erase="clear",
            source=Source.STAFF,
            subject="person_id",
        ),
    )
    working_hours: Mapped[bool] = mapped_column(
        default=False, info=not_personal("letters wait for the next opening")
    )
