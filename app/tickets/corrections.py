"""Notes of correction beside messages (GDPR Art. 16): what was written stays as it was, and everybody who reads it reads
how it is right. Who may add one is decided by the pages above; the caller commits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from app import audit
from app.errors import NotVisible
from app.tickets.models import Message, MessageCorrection, Ticket


def add(session: Session, message_key: str, text: str, *, actor_id: int, now: datetime) -> int:
    """Put a note of correction beside a message, named by its public id. Gives the ticket's id. Raises `NotVisible`."""
    row = session.execute(
        select(Message.id, Message.ticket_id).where(Message.public_id == message_key, Message.body != "")
    ).first()
    if row is None:
        raise NotVisible
    session.scalars(select(Ticket.id).where(Ticket.id == row.ticket_id).with_for_update()).one()
    made = MessageCorrection(message_id=row.id, text=text, created_at=now, author_id=actor_id)
    session.add(made)
    session.flush()
    audit.record(
        session,
        actor_id=actor_id,
        action="message.correct",
        object_kind="message_correction",
        object_id=made.id,
        at=now,
    )
    return int(row.ticket_id)


def ticket_of(session: Session, message_key: str) -> int:
    """The ticket that a message with something in it belongs to. Raises `NotVisible`."""
    found = session.scalar(
        select(Message.ticket_id).where(Message.public_id == message_key, Message.body != "")
    )
    if found is None:
        raise NotVisible
    return found


def of_ticket(session: Session, ticket_id: int) -> dict[int, list[Row]]:  # type: ignore[type-arg]
    """The notes of a ticket by message, oldest first. One statement."""
    found: dict[int, list[Row]] = {}  # type: ignore[type-arg]
    for row in session.execute(_OF_TICKET, {"ticket_id": ticket_id}):
        found.setdefault(row.message_id, []).append(row)
    return found


_OF_TICKET = (  # asked with every request that is shown: made once
    select(MessageCorrection.message_id, MessageCorrection.text, MessageCorrection.created_at)
    .join(Message, Message.id == MessageCorrection.message_id)
    .where(Message.ticket_id == bindparam("ticket_id"))
    .order_by(MessageCorrection.id)
)
