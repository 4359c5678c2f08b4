"""Writes down what happens to a ticket: one event for each thing, and the moves of its status.

Who may do what is decided by the services; events are never changed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.errors import Refused
from app.tickets import status
from app.tickets.events import PAYLOAD, EventType
from app.tickets.labels import STATUS
from app.tickets.models import Ticket, TicketEvent
from app.tickets.status import OPEN_STATES, Actor, Status
from app.words import N_, Word


@dataclass(frozen=True, slots=True)
class Acting:
    """Who does something: `kind` is customer, participant, agent or system."""

    person_id: int | None
    kind: str

    @property
    def actor(self) -> Actor:
        """Whose moves of the status are allowed to her."""
        return {"agent": Actor.AGENT, "system": Actor.SYSTEM}.get(self.kind, Actor.CUSTOMER)


SYSTEM = Acting(None, "system")


def on_customer_side(ticket: Ticket, person_id: int) -> Acting:
    """The requester, or somebody else who writes beside her (a colleague)."""
    return Acting(person_id, "customer" if ticket.requester_id == person_id else "participant")


def note(
    session: Session,
    ticket: Ticket,
    kind: EventType,
    acting: Acting,
    *,
    now: datetime,
    public: bool = False,
    payload: dict[str, object] | None = None,
) -> TicketEvent:
    """Write one event. The payload holds only the keys that `PAYLOAD` names for its type."""
    payload = payload or {}
    assert payload.keys() <= set(PAYLOAD[kind]), (kind, payload)
    event = TicketEvent(
        ticket_id=ticket.id,
        occurred_at=now,
        recorded_at=now,
        type=kind.value,
        actor_id=acting.person_id,
        author_kind=acting.kind,
        is_requester=acting.person_id is not None and acting.person_id == ticket.requester_id,
        public=public,
        auto=acting.kind == "system",
        payload=payload,
    )
    session.add(event)
    return event


def note_many(
    session: Session, happened: Mapping[int, tuple[EventType, dict[str, object]]], *, now: datetime
) -> None:
    """Write one event of the house itself for each of many tickets, by id: its type and payload. One statement."""
    for kind, payload in happened.values():
        assert payload.keys() <= set(PAYLOAD[kind]), (kind, payload)
    rows = [
        {
            "ticket_id": ticket_id,
            "occurred_at": now,
            "recorded_at": now,
            "type": kind.value,
            "actor_id": None,
            "author_kind": SYSTEM.kind,
            "is_requester": False,
            "public": False,
            "auto": True,
            "payload": payload,
        }
        for ticket_id, (kind, payload) in happened.items()
    ]
    if rows:
        session.execute(insert(TicketEvent), rows)


def move(session: Session, ticket: Ticket, to: Status, acting: Acting, *, now: datetime) -> bool:
    """Give a ticket another status and write it down. False if it has that status already.

    Raises `Refused` for a move that this actor may not make.
    """
    before = Status(ticket.status)
    if before is to:
        return False
    if not status.may_follow(before, to, acting.actor):
        raise Refused(
            N_("A request that is “%(from_status)s” cannot become “%(to_status)s”."),
            "status",
            from_status=Word(STATUS[before]),
            to_status=Word(STATUS[to]),
        )
    place(session, ticket, to, acting, now=now)
    return True


def place(session: Session, ticket: Ticket, to: Status, acting: Acting, *, now: datetime) -> None:
    """Set a status without asking whether it may follow (taking back a reply) and write it down."""
    note(session, ticket, EventType.STATUS, acting, now=now, payload={"from": ticket.status, "to": to.value})
    ticket.status, ticket.status_at = to.value, now
    ticket.solved_at = now if to is Status.SOLVED else ticket.solved_at
    ticket.closed_at = now if to is Status.CLOSED else None
    ticket.is_open = to in OPEN_STATES and ticket.disposal is None
