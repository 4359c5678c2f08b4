"""What the desk's pages show beside the thread, in few statements. No Flask, and nothing here changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, literal, select, union_all
from sqlalchemy.orm import Session

from app.accounts.models import Grant, Membership, Organisation, Person, Team
from app.accounts.permissions import PERMISSIONS, Viewer
from app.errors import NotVisible
from app.paging import Page, page
from app.sla import queries as sla
from app.sla.calendar import BusinessCalendar
from app.sla.policy import METRICS
from app.tickets.deadlines import epoch
from app.tickets.models import FIRST_NUMBER, RequestType, SlaClock, Ticket, TicketTag
from app.tickets.queries import AT_DESK, WORK, on_desk

OTHERS = 5  # tickets of the same customer beside a ticket


@dataclass(frozen=True, slots=True)
class Choices:
    """What a ticket's fields may become: (id, name) each; names of request types by language are in `types`."""

    people: list[tuple[int, str]]
    teams: list[tuple[int, str]]
    types: list[tuple[int, dict[str, str]]]


# Asked with every ticket: made once, since making a statement takes longer than asking it.
_PEOPLE_AND_TEAMS = union_all(
    select(literal("person"), Person.id, Person.name, Person.sort_name).where(
        Person.kind == "staff",
        Person.disabled_at.is_(None),
        exists().where(Grant.person_id == Person.id, Grant.role.in_(PERMISSIONS[WORK])),
    ),
    select(literal("team"), Team.id, Team.name, Team.sort_name),
)
_TYPES = select(RequestType.id, RequestType.name).order_by(RequestType.position, RequestType.id)
_CLOCKS = (
    select(
        SlaClock.metric,
        SlaClock.run_no,
        SlaClock.state,
        SlaClock.due_at,
        SlaClock.warn_at,
        SlaClock.fulfilled_at,
        SlaClock.remaining_seconds,
    )
    .where(SlaClock.ticket_id == bindparam("ticket_id"))
    .order_by(SlaClock.metric, SlaClock.run_no)
)
_OTHERS = (
    select(Ticket.id, Ticket.subject, Ticket.status, Ticket.last_activity_at)
    .where(Ticket.requester_id == bindparam("requester_id"), Ticket.id != bindparam("but"), AT_DESK)
    .order_by(Ticket.last_activity_at.desc(), Ticket.id.desc())
    .limit(OTHERS)
)


def choices(session: Session) -> Choices:
    """Everybody who works on tickets, all teams, all request types. Two statements."""
    rows = sorted(session.execute(_PEOPLE_AND_TEAMS).all(), key=lambda row: (row[3], row[1]))
    types = session.execute(_TYPES)
    return Choices(
        people=[(row[1], row[2]) for row in rows if row[0] == "person"],
        teams=[(row[1], row[2]) for row in rows if row[0] == "team"],
        types=[(row[0], row[1]) for row in types],
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a clock of a ticket stands; `left` is in business seconds, negative when overdue, None when it ended."""

    metric: str
    state: str
    open: bool
    at_risk: bool
    due_at: datetime | None
    fulfilled_at: datetime | None
    left: int | None


def clocks(session: Session, ticket: Any, *, now: datetime) -> list[Standing]:
    """The newest run of each clock of a ticket (its `head`): what was promised, and how it stands. One statement once
    the calendar is known."""
    rows = session.execute(_CLOCKS.where(SlaClock.ticket_id == ticket.id)).all()
    newest = {row.metric: row for row in rows}
    known = ticket.calendar_id is not None and ticket.calendar_version is not None
    calendar = sla.calendar(session, ticket.calendar_id, ticket.calendar_version) if known and rows else None
    return [_standing(newest[metric], calendar, now) for metric in METRICS if metric in newest]


_CLOCKS = select(
    SlaClock.metric,
    SlaClock.run_no,
    SlaClock.state,
    SlaClock.due_at,
    SlaClock.warn_at,
    SlaClock.fulfilled_at,
    SlaClock.remaining_seconds,
).order_by(SlaClock.metric, SlaClock.run_no)


def _standing(clock: Any, calendar: BusinessCalendar | None, now: datetime) -> Standing:
    is_open = clock.fulfilled_at is None and clock.state in ("running", "paused", "breached")
    missed = clock.state == "running" and clock.due_at is not None and clock.due_at < now
    left: int | None = None
    if is_open and clock.state == "paused":
        left = clock.remaining_seconds
    elif is_open and calendar is not None and clock.due_at is not None:
        moment, due = epoch(now), epoch(clock.due_at)
        left = calendar.between(moment, due) if due >= moment else -calendar.between(due, moment)
    return Standing(
        clock.metric,
        "breached" if missed else clock.state,
        is_open,
        clock.warn_at is not None and clock.warn_at <= now,
        clock.due_at,
        clock.fulfilled_at,
        left,
    )


def tags(session: Session, ticket_id: int) -> list[str]:
    """The words by which a ticket is grouped, in order. One statement."""
    return list(session.scalars(_TAGS, {"ticket_id": ticket_id}))


_TAGS = select(TicketTag.tag).where(TicketTag.ticket_id == bindparam("ticket_id")).order_by(TicketTag.tag)


def others_of(session: Session, requester_id: int, *, but: int, viewer: Viewer) -> Sequence[Any]:
    """The newest other tickets of a customer. One statement."""
    if not viewer.may(WORK):
        return []
    return session.execute(_OTHERS, {"requester_id": requester_id, "but": but}).all()


@dataclass(frozen=True, slots=True)
class Customer:
    """A person as the desk knows her."""

    id: int
    name: str
    email: str
    proved_at: datetime | None
    created_at: datetime
    language: str | None
    organisations: list[str]


def customer(session: Session, person_id: int, viewer: Viewer) -> Customer:
    """One customer, for somebody who works on tickets. Two statements. Raises `NotVisible`."""
    row = (
        session.execute(
            select(
                Person.id, Person.name, Person.email, Person.proved_at, Person.created_at, Person.language
            ).where(Person.id == person_id)
        ).first()
        if viewer.may(WORK)
        else None
    )
    if row is None:
        raise NotVisible
    names = session.scalars(
        select(Organisation.name)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id)
        .order_by(Organisation.sort_name)
    )
    return Customer(*row, organisations=list(names))


def tickets_of(
    session: Session, person_id: int, viewer: Viewer, *, after: str | None, before: str | None
) -> Page:
    """A customer's tickets, newest activity first. One statement."""
    wanted: Any = select(Ticket.id, Ticket.subject, Ticket.status, Ticket.last_activity_at).where(
        Ticket.requester_id == person_id, on_desk(viewer)
    )
    return page(
        session, wanted, (Ticket.last_activity_at, Ticket.id), descending=True, after=after, before=before
    )


def found(
    session: Session, words: str, viewer: Viewer, *, after: str | None = None, before: str | None = None
) -> Page:
    """Tickets by words of their subject, the newest first. One statement."""
    wanted: Any = (
        select(
            Ticket.id,
            Ticket.subject,
            Ticket.status,
            Ticket.last_activity_at,
            Person.name.label("requester_name"),
        )
        .join(Person, Person.id == Ticket.requester_id)
        .where(on_desk(viewer))
    )
    for word in words.split()[:8]:
        wanted = wanted.where(Ticket.subject.icontains(word, autoescape=True))
    return page(session, wanted, (Ticket.id,), descending=True, after=after, before=before)


def numbered(session: Session, words: str, viewer: Viewer) -> int | None:
    """The ticket whose number was typed ("#10482", "10482"), if there is one. One statement."""
    digits = words.strip().lstrip("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 15):
        return None
    return session.scalar(select(Ticket.id).where(Ticket.id == int(digits) - FIRST_NUMBER, on_desk(viewer)))
