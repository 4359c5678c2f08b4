"""Many tickets judged again at once, after promises or hours changed: bounded pieces, a handful of statements each.

Finds what `deadlines.refresh` finds for one ticket, and writes it in bulk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.tickets import derived, histories
from app.tickets.books import Books
from app.tickets.deadlines import columns, epoch
from app.tickets.derived import Judged
from app.tickets.models import Ticket, TicketEvent

AT_ONCE = 500  # tickets of one transaction
TICKET = derived.raw(Ticket)


@histories.no_search_for_cycles()
def recount(session: Session, ticket_ids: Collection[int], *, now: datetime) -> None:
    """Find the deadlines of these tickets again; the caller has locked their rows. Writes what differs; finished
    clocks keep their numbers (R10, R11)."""
    if not ticket_ids:
        return
    session.flush()
    moment = epoch(now)
    found = dict(histories.in_bulk(session, TicketEvent.ticket_id.in_(ticket_ids)))
    books = Books.naming(session, found.values())
    tickets = session.execute(
        select(TICKET).where(TICKET.c.id.in_(ticket_ids)).order_by(TICKET.c.id)
    ).mappings()
    rows, judged = [], []
    for ticket in tickets.all():
        history = found.get(ticket["id"], [])
        result = books.replay(history, moment)
        rows.append(ticket)
        judged.append(Judged(ticket["id"], ticket["assignee_id"], ticket["team_id"], history, result))
    told = derived.write(session, judged, now=moment)
    changes = []
    for ticket, one in zip(rows, judged, strict=True):
        offer = books.offers.get(ticket["policy_version_id"] or 0)
        after = {
            **columns(ticket["created_at"], one.sla, told.get(one.ticket_id, [])),
            "calendar_id": offer.calendar_id if offer else None,
            "calendar_version": offer.calendar_version if offer else None,
        }
        if one.history and any(ticket[name] != value for name, value in after.items()):
            changes.append({"key": one.ticket_id, **after})
    _write(session, changes)


def _write(session: Session, changes: Sequence[Mapping[str, Any]]) -> None:
    if changes:
        values: dict[str, Any] = {name: bindparam(name) for name in changes[0] if name != "key"}
        session.execute(update(TICKET).where(TICKET.c.id == bindparam("key")).values(values), changes)
        session.expire_all()


def recount_of_calendar(
    session: Session, calendar_id: int, after_id: int, *, now: datetime
) -> tuple[int, int | None]:
    """Find the deadlines of the next open tickets again after their calendar changed (R11). Gives how many, and the id
    after which to go on, None at the end. Safe to repeat."""
    ids = session.scalars(
        select(Ticket.id)
        .where(Ticket.calendar_id == calendar_id, Ticket.is_open, Ticket.id > after_id)
        .order_by(Ticket.id)
        .limit(AT_ONCE)
        .with_for_update()
    ).all()
    recount(session, ids, now=now)
    return len(ids), ids[-1] if len(ids) == AT_ONCE else None
