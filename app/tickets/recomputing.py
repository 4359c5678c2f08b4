"""Everything that follows from events made anew, for all tickets or the open ones: in pieces, each its own transaction.

Where nothing was wrong nothing is written. Safe to repeat and to break off.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select, update

from app.db import Database
from app.tickets.deadlines import ENGINE_VERSION
from app.tickets.models import Ticket
from app.tickets.recounting import recount

AT_ONCE = 1000


def all_again(database: Database, *, everything: bool, now: datetime) -> Iterator[int]:
    """Judge all tickets again, or the open ones. Gives the size of each piece once it is committed."""
    after = 0
    while True:
        wanted = select(Ticket.id).where(Ticket.id > after).order_by(Ticket.id).limit(AT_ONCE)
        if not everything:
            wanted = wanted.where(Ticket.is_open)
        with database.session(write=True) as session:
            ids = session.scalars(wanted.with_for_update()).all()
            recount(session, ids, now=now)
            session.commit()
        if not ids:
            return
        after = ids[-1]
        yield len(ids)


def bring_up_to_date(database: Database, *, now: datetime) -> int:
    """Judge again the tickets that an earlier version of the portal judged (after an upgrade). Gives how many."""
    count = 0
    older = select(Ticket.id).where(Ticket.engine_version.is_distinct_from(ENGINE_VERSION)).limit(AT_ONCE)
    while True:
        with database.session(write=False) as session:
            if session.scalar(older.limit(1)) is None:
                return count
        with database.session(write=True) as session:
            ids = session.scalars(older.with_for_update(skip_locked=True)).all()
            recount(session, ids, now=now)
            session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(engine_version=ENGINE_VERSION))
            session.commit()
        if not ids:
            return count
        count += len(ids)


def how_many(database: Database, *, everything: bool) -> int:
    """How many tickets that are."""
    counted = select(func.count()).select_from(Ticket)
    with database.session(write=False) as session:
        return session.scalar(counted if everything else counted.where(Ticket.is_open)) or 0
