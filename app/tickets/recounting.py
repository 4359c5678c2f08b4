"""Many tickets judged again at once, after promises or hours changed: bounded pieces, a handful of statements each.

Finds what `deadlines.refresh` finds for one ticket, and writes it in bulk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.db import write_many
from app.tickets import derived, histories
from app.tickets.books import Books
from app.tickets.deadlines import columns, epoch
from app.tickets.derived import Judged, Notice
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
    of_these = _TICKETS.where(TICKET.c.id.in_(ticket_ids)).order_by(TICKET.c.id)
    tickets = session.execute(of_these).all()
    judged = []
    for ticket in tickets:
        history = found.get(ticket.id, [])
        judged.append(
            Judged(ticket.id, ticket.assignee_id, ticket.team_id, history, books.replay(history, moment))
        )
    told = derived.write(session, judged, now=moment)
    _write_tickets(session, tickets, judged, told, books)


_DERIVED = (
    *("engine_version", "next_due_at", "next_metric", "next_breach_at", "next_warning_at", "at_risk_at"),
    *("sla_state", "queue_key", "calendar_id", "calendar_version"),
)
_TICKETS = select(
    *(TICKET.c[name] for name in ("id", "assignee_id", "team_id", "created_at", "policy_version_id")),
    *(TICKET.c[name] for name in _DERIVED),
)


def _write_tickets(
    session: Session,
    tickets: Sequence[Row[Any]],
    judged: Sequence[Judged],
    told: Mapping[int, list[Notice]],
    books: Books,
) -> None:
    """Store what differs, column by column: each that is set costs its indexes."""
    changes: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for ticket, one in zip(tickets, judged, strict=True):
        if not one.history:
            continue
        offer = books.offers.get(ticket.policy_version_id or 0)
        after = {
            **columns(ticket.created_at, one.sla, told.get(one.ticket_id, [])),
            "calendar_id": offer.calendar_id if offer else None,
            "calendar_version": offer.calendar_version if offer else None,
        }
        values = tuple([after[name] for name in _DERIVED])
        if values != ticket[-len(_DERIVED) :]:
            names = tuple(name for name in _DERIVED if after[name] != getattr(ticket, name))
            changes[names].append((*(after[name] for name in names), one.ticket_id))
    for names, rows in changes.items():
        write_many(session, derived.changing(TICKET, names), (*names, "key"), rows)
    if changes:
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
