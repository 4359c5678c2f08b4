"""The conversation of a request: answered from both sides, noted, taken back, solved and reopened.

Each verb locks first, writes its events, has the deadlines found again and puts its letters; done twice with the same
`send_key` it happens once. How a request begins is `app.tickets.opening`, what the team does beside writing
`app.tickets.handling`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import Person
from app.accounts.permissions import Viewer
from app.errors import Conflict, NotVisible, Refused
from app.tickets import deadlines, links, messages, record
from app.tickets.events import EventType
from app.tickets.messages import Sent, Text
from app.tickets.models import Message, Ticket, TicketEvent
from app.tickets.queries import (
    Reader,
    lock_ticket,
    newest_message_id,
    on_desk,
    on_own_side,
)
from app.tickets.record import Acting
from app.tickets.rules import Rules
from app.tickets.status import Status, after_agent_action, after_customer_message, takes_messages
from app.words import N_

CLOSED = N_("This request is closed. Send a new one; your text is still here.")
TAKEN_BY_MESSAGE = N_("%(name)s has written a message (%(at)s). Read it first; your text is still here.")


# --- the customer's side ---------------------------------------------------------------------------------------------


def reply_as_customer(
    session: Session, ticket_id: int, text: Text, *, reader: Reader, rules: Rules, now: datetime
) -> Sent:
    """The customer, or a colleague who may see the request, writes. A solved request opens again within its period.

    Raises `NotVisible`, and `Refused` for a closed one.
    """
    ticket = lock_ticket(session, ticket_id, on_own_side(reader))
    earlier = messages.stored_with(session, ticket, text.send_key)
    if earlier is not None:
        return Sent(ticket.id, earlier, repeated=True)
    _may_be_written_to(ticket, rules, now)
    acting = record.on_customer_side(ticket, _person_of(reader))
    message = messages.store(
        session, ticket, text, acting, public=True, key=messages.key_in(ticket, text.send_key), now=now
    )
    record.note(
        session,
        ticket,
        EventType.MESSAGE,
        acting,
        now=now,
        public=True,
        payload={"message_id": message.id},
    )
    record.move(session, ticket, after_customer_message(Status(ticket.status)), acting, now=now)
    _active(ticket, "customer", now)
    if ticket.assignee_id is not None and ticket.assignee_id != acting.person_id:
        outbox.put(
            session,
            "tickets.customer_answered",
            run_at=now,
            message_id=message.id,
            person_id=ticket.assignee_id,
        )
    return _kept(session, ticket, message, now)


def resolve(session: Session, ticket_id: int, *, reader: Reader, now: datetime) -> bool:
    """The customer says that her problem is solved. False if the request was solved already."""
    ticket = lock_ticket(session, ticket_id, on_own_side(reader))
    _not_restricted(ticket)
    acting = record.on_customer_side(ticket, _person_of(reader))
    return _moved(session, ticket, Status.SOLVED, acting, now)


def reopen(session: Session, ticket_id: int, *, reader: Reader, rules: Rules, now: datetime) -> bool:
    """The customer opens a solved request again, within its period. False if it is open already."""
    ticket = lock_ticket(session, ticket_id, on_own_side(reader))
    if ticket.is_open:
        return False
    _may_be_written_to(ticket, rules, now)
    acting = record.on_customer_side(ticket, _person_of(reader))
    moved = _moved(session, ticket, Status.OPEN, acting, now)
    if moved and ticket.assignee_id is not None:
        outbox.put(session, "tickets.reopened", run_at=now, ticket_id=ticket.id, person_id=ticket.assignee_id)
    return moved


def reopens_until(solved_at: datetime | None, status: str, rules: Rules) -> datetime | None:
    """Until when a customer may open a request again; None where she may not, or it is open."""
    return solved_at + rules.reopen if status == Status.SOLVED and solved_at else None


def _may_be_written_to(ticket: Ticket, rules: Rules, now: datetime) -> None:
    _not_restricted(ticket)
    until = reopens_until(ticket.solved_at, ticket.status, rules)
    if not takes_messages(Status(ticket.status)) or (until is not None and now > until):
        raise Refused(CLOSED)


def _not_restricted(ticket: Ticket) -> None:
    """Who had the processing of a request restricted (Art. 18 GDPR) is not answered until she lifts that."""
    if ticket.restricted_at is not None:
        raise Refused(
            N_("You had this request restricted; nobody works on it. Lift that first in “My data”.")
        )


def _person_of(reader: Reader) -> int:
    if reader.person_id is None:
        raise NotVisible
    return reader.person_id


# --- the team's side -------------------------------------------------------------------------------------------------


def reply_as_agent(
    session: Session,
    ticket_id: int,
    text: Text,
    *,
    viewer: Viewer,
    rules: Rules,
    now: datetime,
    status_after: str = "pending",
    seen_message_id: int | None = None,
) -> Sent:
    """A member of the team answers publicly; the customer's letter waits as long as the reply may be taken back.

    `status_after` is the status afterwards (the present one stays if it equals it). `seen_message_id` is the newest
    message the writer had seen: if somebody wrote meanwhile, nothing is sent. Raises `Conflict`, `Refused`,
    `NotVisible`.
    """
    ticket, acting = _at_work(session, ticket_id, viewer)
    earlier = messages.stored_with(session, ticket, text.send_key)
    if earlier is not None:
        return Sent(ticket.id, earlier, repeated=True)
    if not takes_messages(Status(ticket.status)):
        raise Refused(CLOSED)
    _nothing_newer(session, ticket, seen_message_id, viewer)
    message = messages.store(
        session, ticket, text, acting, public=True, key=messages.key_in(ticket, text.send_key), now=now
    )
    record.note(
        session,
        ticket,
        EventType.MESSAGE,
        acting,
        now=now,
        public=True,
        payload={"message_id": message.id},
    )
    record.move(session, ticket, _wanted(status_after, ticket), acting, now=now)
    _active(ticket, "agent", now)
    links.ensure(session, ticket.id, ticket.requester_id, secret=rules.secret, now=now)
    messages.put_reply(session, ticket, message, rules=rules, now=now)
    return _kept(session, ticket, message, now)


def add_note(session: Session, ticket_id: int, text: Text, *, viewer: Viewer, now: datetime) -> Sent:
    """A member of the team writes for the team only. Notes may be added to closed tickets too."""
    ticket, acting = _at_work(session, ticket_id, viewer)
    earlier = messages.stored_with(session, ticket, text.send_key)
    if earlier is not None:
        return Sent(ticket.id, earlier, repeated=True)
    message = messages.store(
        session, ticket, text, acting, public=False, key=messages.key_in(ticket, text.send_key), now=now
    )
    record.note(session, ticket, EventType.MESSAGE, acting, now=now, payload={"message_id": message.id})
    record.move(session, ticket, after_agent_action(Status(ticket.status)), acting, now=now)
    return _kept(session, ticket, message, now)


def withdraw_message(
    session: Session, ticket_id: int, message_id: int, *, viewer: Viewer, rules: Rules, now: datetime
) -> bool:
    """Take one's own public reply back while its letter still waits; the status returns to what it was.

    False if it was taken back already. Raises `Refused` when it is too late.
    """
    ticket, acting = _at_work(session, ticket_id, viewer)
    message = session.scalar(
        select(Message).where(
            Message.id == message_id,
            Message.ticket_id == ticket_id,
            Message.author_id == viewer.person_id,
            Message.author_kind == "agent",
            Message.public,
        )
    )
    if message is None:
        raise NotVisible
    if message.withdrawn_at is not None:
        return False
    if now >= message.created_at + rules.undo:
        raise Refused(N_("The reply has been sent. It cannot be taken back any more."))
    message.withdrawn_at = now
    record.note(
        session,
        ticket,
        EventType.MESSAGE_WITHDRAWN,
        acting,
        now=now,
        payload={"message_id": message.id},
    )
    _undo_move(session, ticket, message, acting, now)
    newest = session.execute(
        select(Message.author_kind, Message.created_at)
        .where(Message.ticket_id == ticket_id, Message.public, Message.withdrawn_at.is_(None))
        .order_by(Message.id.desc())
        .limit(1)
    ).first()
    if newest is not None:
        _active(ticket, "agent" if newest[0] == "agent" else "customer", newest[1])
    deadlines.refresh(session, ticket, now=now)
    session.flush()
    return True


def _undo_move(session: Session, ticket: Ticket, message: Message, acting: Acting, now: datetime) -> None:
    """Return to the status before the reply, unless somebody moved the ticket since."""
    events = session.scalars(
        select(TicketEvent)
        .where(
            TicketEvent.ticket_id == ticket.id,
            TicketEvent.type == EventType.STATUS.value,
            TicketEvent.occurred_at >= message.created_at,
        )
        .order_by(TicketEvent.id)
    ).all()
    mine = [e for e in events if e.actor_id == acting.person_id and e.occurred_at == message.created_at]
    if len(events) == 1 and mine and ticket.status == mine[0].payload["to"]:
        record.place(session, ticket, Status(mine[0].payload["from"]), acting, now=now)


def _at_work(session: Session, ticket_id: int, viewer: Viewer) -> tuple[Ticket, Acting]:
    ticket = lock_ticket(session, ticket_id, on_desk(viewer))
    return ticket, Acting(viewer.person_id, "agent")


def _nothing_newer(session: Session, ticket: Ticket, seen: int | None, viewer: Viewer) -> None:
    if seen is None or newest_message_id(session, ticket.id) <= seen:
        return
    newer = session.execute(
        select(Person.name, Message.created_at)
        .outerjoin(Person, Person.id == Message.author_id)
        .where(
            Message.ticket_id == ticket.id,
            Message.id > seen,
            Message.withdrawn_at.is_(None),
            Message.author_id.is_distinct_from(viewer.person_id),
        )
        .order_by(Message.id.desc())
        .limit(1)
    ).first()
    if newer is not None:
        raise Conflict(TAKEN_BY_MESSAGE, "message", name=newer[0] or "", at=newer[1])


def _wanted(status_after: str, ticket: Ticket) -> Status:
    try:
        wanted = Status(status_after)
    except ValueError:
        raise Refused(N_("Choose a status."), "status_after") from None
    return after_agent_action(Status(ticket.status)) if wanted is Status.NEW else wanted


# --- what all verbs share --------------------------------------------------------------------------------------------


def _active(ticket: Ticket, author: str, now: datetime) -> None:
    ticket.last_activity_at, ticket.last_author_kind = now, author


def _moved(session: Session, ticket: Ticket, to: Status, acting: Acting, now: datetime) -> bool:
    moved = record.move(session, ticket, to, acting, now=now)
    if moved:
        ticket.last_activity_at = now
        deadlines.refresh(session, ticket, now=now)
        session.flush()
    return moved


def _kept(session: Session, ticket: Ticket, message: Message, now: datetime) -> Sent:
    deadlines.refresh(session, ticket, now=now)
    session.flush()
    return Sent(ticket.id, message.id)
