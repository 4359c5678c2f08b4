"""Time passes: near deadlines, missed ones and steps of escalation are told and done, each exactly once.

The sweep reads indexes and asks the replay; it never computes a time of its own, so a run that was missed loses nothing.
What happened stands in `sla_fired`, in one transaction with the letters' jobs.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, union_all
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import LEAD, Grant, Person, TeamMember
from app.db import Database, insert_ignoring
from app.sla import queries as sla
from app.sla.models import PRIORITIES, SlaEscalationStep
from app.tickets import deadlines, record
from app.tickets.derived import BREACH, STEP, WARNING, Notice
from app.tickets.events import EventType
from app.tickets.models import SlaFired, Ticket
from app.tickets.queries import assignable, works_on_tickets

AT_ONCE = 50  # tickets of one transaction
TOLD_FOR = timedelta(
    days=30
)  # what is older is noted without a letter: after a long standstill it helps nobody
MOST_TOLD = 20  # people who get one letter
FIRED_KEY = ["ticket_id", "metric", "run_no", "step", "due_at"]

log = logging.getLogger(__name__)


def sweep(database: Database, *, time_zone: str, now: datetime) -> int:
    """Tell and do everything that is due, in bounded transactions. Gives how many tickets were looked at."""
    count, left = 0, set[int]()
    while True:
        with database.session(write=False) as session:  # nothing due: nobody's place is taken
            if not due(session, now=now, without=left):
                return count
        with database.session(write=True) as session:
            done, more = sweep_some(session, time_zone=time_zone, now=now, without=left)
            session.commit()
        count += len(done)
        left |= more


def due(session: Session, *, now: datetime, without: Collection[int] = (), limit: int = AT_ONCE) -> list[int]:
    """Tickets for which there is something to tell, found by two indexes. One statement."""
    walks = [
        select(Ticket.id)
        .where(when, Ticket.restricted_at.is_(None), Ticket.id.not_in(without))
        .order_by(column)
        .limit(limit)
        .subquery()
        for when, column in (
            (Ticket.next_warning_at <= now, Ticket.next_warning_at),
            (Ticket.next_breach_at < now, Ticket.next_breach_at),
        )
    ]
    return list(dict.fromkeys(session.scalars(union_all(*(select(walk) for walk in walks)))))


def sweep_some(
    session: Session, *, time_zone: str, now: datetime, without: Collection[int] = ()
) -> tuple[set[int], set[int]]:
    """One piece of it; the caller commits. Gives the tickets that are done, and those left for the next run: another
    sweep has them, or they failed (and hold up no other)."""
    wanted = due(session, now=now, without=without)
    tickets = session.scalars(
        select(Ticket).where(Ticket.id.in_(wanted)).order_by(Ticket.id).with_for_update(skip_locked=True)
    ).all()
    done = set()
    for ticket in tickets:
        try:
            with session.begin_nested():
                look_at(session, ticket, time_zone=time_zone, now=now)
            done.add(ticket.id)
        except Exception as fault:
            log.error(
                "the deadlines of ticket %d could not be looked at: %s", ticket.id, type(fault).__name__
            )
    return done, set(wanted) - done


def look_at(session: Session, ticket: Ticket, *, time_zone: str, now: datetime) -> None:
    """Write what is true of a ticket now, and tell or do what is due of it. The caller has locked its row."""
    for _ in range(len(PRIORITIES) + 1):  # a step may raise the priority, which may make more due
        told = deadlines.refresh(session, ticket, now=now)
        ripe = [notice for notice in told if notice.at <= deadlines.epoch(now)]
        acted = [_happens(session, ticket, notice, time_zone=time_zone, now=now) for notice in ripe]
        if not any(acted):
            coming = [notice for notice in told if notice.at > deadlines.epoch(now)]
            ticket.next_warning_at = deadlines.instant(coming[0].at) if coming else None
            session.flush()
            return
        session.flush()
    deadlines.refresh(session, ticket, now=now)  # what the last step made due stands in the index


def _happens(session: Session, ticket: Ticket, notice: Notice, *, time_zone: str, now: datetime) -> bool:
    """Once: note it, and tell or do it. Says whether the ticket was changed."""
    at = deadlines.instant(notice.due_at)
    key = dict(zip(FIRED_KEY, (ticket.id, notice.metric, notice.run_no, notice.step, at), strict=True))
    if not insert_ignoring(session, SlaFired, {**key, "sent_at": now}, FIRED_KEY):
        return False
    if notice.at < deadlines.epoch(now - TOLD_FOR):
        return False
    fired_id = session.scalars(select(SlaFired.id).filter_by(**key)).one()
    if notice.step == WARNING:
        _tell(session, "tickets.sla_warning", fired_id, assignee_or_team(session, ticket), now)
    elif notice.step == BREACH:
        people = [*assignee_or_team(session, ticket), *leads(session, ticket.team_id)]
        _tell(session, "tickets.sla_breached", fired_id, people, now)
    else:
        step = session.get(SlaEscalationStep, int(notice.step.removeprefix(STEP)))
        return step is not None and _escalate(session, ticket, step, fired_id, time_zone=time_zone, now=now)
    return False


def _tell(session: Session, letter: str, fired_id: int, people: Sequence[int], run_at: datetime) -> None:
    for person_id in list(dict.fromkeys(people))[:MOST_TOLD]:
        outbox.put(session, letter, run_at=run_at, fired_id=fired_id, person_id=person_id)


# --- steps of escalation ---------------------------------------------------------------------------------------------


def _escalate(
    session: Session, ticket: Ticket, step: SlaEscalationStep, fired_id: int, *, time_zone: str, now: datetime
) -> bool:
    """Carry out one step; says whether it changed the ticket."""
    match step.action:
        case "notify":
            run_at = _opening(session, ticket, now) if step.working_hours else now
            _tell(session, "tickets.sla_escalation", fired_id, _named(session, ticket, step), run_at)
        case "mail":
            run_at = _opening(session, ticket, now) if step.working_hours else now
            outbox.put(session, "tickets.sla_escalation", run_at=run_at, fired_id=fired_id)
        case "assign":
            return _assign(session, ticket, _named(session, ticket, step), now)
        case "priority":
            return _raise(session, ticket, step.recipient, time_zone, now)
    return False


def _named(session: Session, ticket: Ticket, step: SlaEscalationStep) -> list[int]:
    """Whom a step names. One who has left, or a team without a lead, names nobody."""
    match step.recipient:
        case "assignee":
            return assignee_or_team(session, ticket)
        case "team":
            return members(session, ticket.team_id)
        case "lead":
            return leads(session, ticket.team_id)
    return _working(session, [step.person_id]) if step.person_id is not None else []


def _assign(session: Session, ticket: Ticket, people: Sequence[int], now: datetime) -> bool:
    if not people or ticket.assignee_id in people:
        return False
    payload: dict[str, object] = {"from_id": ticket.assignee_id, "to_id": people[0]}
    record.note(session, ticket, EventType.ASSIGNEE, record.SYSTEM, now=now, payload=payload)
    ticket.assignee_id = people[0]
    outbox.put(session, "tickets.assigned", run_at=now, ticket_id=ticket.id, person_id=people[0])
    return True


def _raise(session: Session, ticket: Ticket, at_least: str, time_zone: str, now: datetime) -> bool:
    if at_least not in PRIORITIES or PRIORITIES.index(at_least) <= PRIORITIES.index(ticket.priority):
        return False
    payload: dict[str, object] = {"from": ticket.priority, "to": at_least}
    record.note(session, ticket, EventType.PRIORITY, record.SYSTEM, now=now, payload=payload)
    ticket.priority = at_least
    deadlines.rematch(session, ticket, record.SYSTEM, time_zone=time_zone, now=now)
    return True


def _opening(session: Session, ticket: Ticket, now: datetime) -> datetime:
    """When the team works next, by the ticket's calendar."""
    if ticket.calendar_id is None or ticket.calendar_version is None:
        return now
    calendar = sla.calendar(session, ticket.calendar_id, ticket.calendar_version)
    return deadlines.instant(calendar.next_open(deadlines.epoch(now))) or now


# --- who is told -----------------------------------------------------------------------------------------------------


def assignee_or_team(session: Session, ticket: Ticket) -> list[int]:
    """Who has the ticket; while nobody has it (or she has left), her team, else its lead, else all who could take it."""
    if ticket.assignee_id is not None and (there := _working(session, [ticket.assignee_id])):
        return there
    near = members(session, ticket.team_id) or leads(session, ticket.team_id)
    return near or [person_id for person_id, _ in assignable(session)]


def members(session: Session, team_id: int | None) -> list[int]:
    """The members of a team who work on tickets."""
    of_team = select(TeamMember.person_id).where(TeamMember.team_id == team_id).order_by(TeamMember.id)
    return _working(session, session.scalars(of_team).all()) if team_id is not None else []


def leads(session: Session, team_id: int | None) -> list[int]:
    """The leads of a team; of a ticket without a team, all leads."""
    granted = select(Grant.person_id).where(Grant.role == LEAD).order_by(Grant.id)
    if team_id is not None:
        granted = granted.where(or_(Grant.team_id == team_id, Grant.team_id.is_(None)))
    return _working(session, session.scalars(granted).all())


def _working(session: Session, people: Sequence[int]) -> list[int]:
    """Those of them who work on tickets, in the same order."""
    there = {key for key in people if session.scalar(select(Person.id).where(works_on_tickets(key)))}
    return [key for key in people if key in there]
