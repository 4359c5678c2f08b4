"""Missed promises that a lead excuses: with a reason, written down, and left apart by reports. Nothing is deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit
from app.accounts.permissions import Viewer
from app.errors import NotVisible, Refused
from app.tickets import record
from app.tickets.events import EventType
from app.tickets.models import SlaBreach, Ticket
from app.tickets.queries import lock_ticket, on_desk
from app.tickets.record import Acting
from app.words import N_

MAY_EXCUSE = "breaches.excuse"
REASON_AT_MOST = 500


def excuse(
    session: Session, ticket_id: int, breach_id: int, reason: str, *, viewer: Viewer, now: datetime
) -> bool:
    """Say why a missed promise does not count against the team. False if it is excused with these words already.

    Raises `NotVisible` for who is neither admin nor lead of the ticket's team, and `Refused`.
    """
    ticket, breach = _found(session, ticket_id, breach_id, viewer)
    reason = reason.strip()
    if not reason:
        raise Refused(N_("Enter a reason. It stands beside the missed deadline in every report."), "reason")
    if len(reason) > REASON_AT_MOST:
        raise Refused(N_("A reason has at most %(most)s characters."), "reason", most=REASON_AT_MOST)
    if breach.superseded_at is not None:
        raise Refused(N_("This deadline does not count as missed any more. There is nothing to excuse."))
    if breach.excused_by_id is not None and breach.excused_reason == reason:
        return False
    breach.excused_by_id, breach.excused_reason = viewer.person_id, reason
    _noted(session, ticket, breach, EventType.EXCUSED, viewer, now)
    return True


def take_back(session: Session, ticket_id: int, breach_id: int, *, viewer: Viewer, now: datetime) -> bool:
    """Let a missed promise count again. False if it does. Raises `NotVisible`."""
    ticket, breach = _found(session, ticket_id, breach_id, viewer)
    if breach.excused_by_id is None:
        return False
    breach.excused_by_id = breach.excused_reason = None
    _noted(session, ticket, breach, EventType.UNEXCUSED, viewer, now)
    return True


def _found(session: Session, ticket_id: int, breach_id: int, viewer: Viewer) -> tuple[Ticket, SlaBreach]:
    ticket = lock_ticket(session, ticket_id, on_desk(viewer))
    breach = session.scalar(
        select(SlaBreach).where(SlaBreach.id == breach_id, SlaBreach.ticket_id == ticket_id)
    )
    if breach is None or not viewer.may(MAY_EXCUSE, team_id=ticket.team_id):
        raise NotVisible
    return ticket, breach


def _noted(
    session: Session, ticket: Ticket, breach: SlaBreach, kind: EventType, viewer: Viewer, now: datetime
) -> None:
    acting = Acting(viewer.person_id, "agent")
    record.note(session, ticket, kind, acting, now=now, payload={"breach_id": breach.id})
    audit.record(
        session,
        actor_id=viewer.person_id,
        action="breach.excuse" if kind is EventType.EXCUSED else "breach.unexcuse",
        object_kind="ticket",
        object_id=ticket.id,
        at=now,
        fields=["excused_reason"],
    )
    session.flush()
