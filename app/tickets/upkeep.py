"""What time does to requests: solved ones are closed, unproved ones of guests go, orphaned files are swept.

Called by the worker's timetable; every call does a bounded piece and is safe to repeat.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.tickets import deadlines, record
from app.tickets.models import Attachment, Ticket
from app.tickets.status import Status

AT_ONCE = 500


def close_solved(session: Session, *, after: timedelta, now: datetime) -> int:
    """Close requests that have been solved for so long. Gives how many."""
    due = session.scalars(
        select(Ticket)
        .where(Ticket.status == Status.SOLVED.value, Ticket.status_at <= now - after)
        .order_by(Ticket.status_at, Ticket.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for ticket in due:
        record.move(session, ticket, Status.CLOSED, record.SYSTEM, now=now)
        deadlines.refresh(session, ticket, now=now)
    session.flush()
    return len(due)


def sweep_unproved(session: Session, *, after: timedelta, now: datetime) -> int:
    """Delete guests' requests whose address nobody proved within so long. Gives how many. Their files go with the next
    sweep of files, the guests of whom nothing else is known with that of people."""
    due = session.scalars(
        select(Ticket.id)
        .where(Ticket.proved_at.is_(None), Ticket.created_at <= now - after)
        .order_by(Ticket.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if due:
        session.execute(delete(Ticket).where(Ticket.id.in_(due)))
    return len(due)


def known_files(session: Session) -> set[str]:
    """The storage keys of all attachments; files under other keys belong to nobody here."""
    return set(session.scalars(select(Attachment.storage_key)))
