"""Who may see which request, and what is read of one of them. Lists are in `app.tickets.lists`.

Visibility is a condition in the database; nothing is loaded and then hidden. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from app.accounts.models import (
    COLLEAGUE,
    MANAGER,
    Grant,
    Organisation,
    Person,
    Team,
    TeamMember,
)
from app.accounts.permissions import PERMISSIONS, Viewer
from app.db import locked
from app.errors import NotVisible
from app.tickets.events import EventType
from app.tickets.models import (
    FIRST_NUMBER,
    Attachment,
    Message,
    RequestType,
    Ticket,
    TicketEvent,
)

WORK = "tickets.work"


@dataclass(frozen=True, slots=True)
class ByLink:
    """Somebody who came by the link of one request: she sees that one, in the name of whom it was sent to."""

    ticket_id: int
    person_id: int


Reader = Viewer | ByLink


def number(ticket_id: int) -> int:
    """How people call a ticket ("#10482"). It is never a right."""
    return ticket_id + FIRST_NUMBER


def ticket_id_of(shown: int) -> int:
    """The id behind a shown number."""
    return shown - FIRST_NUMBER


# --- who may see what --------------------------------------------------------------------------------------------


def present() -> ColumnElement[bool]:
    """The condition for tickets that were not taken out as merged, spam or deleted, whoever looks."""
    return Ticket.disposal.is_(None)


# Conditions of statements that are made once: making one takes longer than asking it. Whose they are is given by name.
READER: BindParameter[Any] = bindparam("reader")
SHARED: BindParameter[Any] = bindparam("shared", expanding=True)
AT_DESK = and_(Ticket.disposal.is_(None), Ticket.restricted_at.is_(None))


def shared_with(viewer: Viewer) -> list[int]:
    """The organisations whose requests she may read: where she is colleague or manager."""
    return [place[0] for place in viewer.organisations if place[2] in (COLLEAGUE, MANAGER)]


def on_own_side(reader: Reader) -> ColumnElement[bool]:
    """The condition for tickets that she sees as a customer: her own, her organisations' where she may read them and
    the request is not private, or the one her link opens. Unproved and disposed ones are nobody's.
    """
    if isinstance(reader, ByLink):
        return and_(present(), Ticket.proved_at.is_not(None), Ticket.id == reader.ticket_id)
    if reader.person_id is None:
        return false()
    return of_customer(reader.person_id, shared_with(reader) or None)


def of_customer(person: Any, shared: Any) -> ColumnElement[bool]:
    """The same for somebody signed in, and the organisations whose requests she may read (None: none); as values, or as
    `READER` and `SHARED`."""
    proved, mine = and_(present(), Ticket.proved_at.is_not(None)), Ticket.requester_id == person
    if shared is None:
        return and_(proved, mine)
    theirs = and_(
        Ticket.organisation_id.in_(shared), Ticket.private.is_(False), Ticket.restricted_at.is_(None)
    )
    return and_(proved, or_(mine, theirs))


def on_desk(viewer: Viewer) -> ColumnElement[bool]:
    """The condition for tickets that she sees as a member of the team: all but disposed and restricted ones."""
    return AT_DESK if viewer.may(WORK) else false()


def visible_to(reader: Reader) -> ColumnElement[bool]:
    """The condition for tickets that somebody may see, from whichever side."""
    if isinstance(reader, Viewer) and reader.may(WORK):
        return or_(on_desk(reader), on_own_side(reader))
    return on_own_side(reader)


def is_visible(session: Session, ticket_id: int, reader: Reader) -> bool:
    """Whether she may see this ticket."""
    return session.scalar(select(Ticket.id).where(Ticket.id == ticket_id, visible_to(reader))) is not None


def lock_ticket(session: Session, ticket_id: int, which: ColumnElement[bool]) -> Ticket:
    """The ticket's row, locked until the transaction ends. Every write on a ticket begins with it.

    Raises `NotVisible` where `which` does not hold.
    """
    found: Ticket | None = session.scalar(
        locked(select(Ticket).where(Ticket.id == ticket_id, which)).execution_options(populate_existing=True)
    )
    if found is None:
        raise NotVisible
    return found


# --- one ticket --------------------------------------------------------------------------------------------------


_requester, _assignee = aliased(Person), aliased(Person)
_HEAD = (  # made once: building it costs as much as asking it
    select(
        *(column for column in Ticket.__table__.columns if column.name not in ("send_key", "public_id")),
        _requester.name.label("requester_name"),
        _requester.email.label("requester_email"),
        _requester.kind.label("requester_kind"),
        _requester.password_hash.is_not(None).label("requester_has_account"),
        _assignee.name.label("assignee_name"),
        Team.name.label("team_name"),
        Organisation.name.label("organisation_name"),
        RequestType.name.label("request_type_name"),
    )
    .join(_requester, _requester.id == Ticket.requester_id)
    .outerjoin(_assignee, _assignee.id == Ticket.assignee_id)
    .outerjoin(Team, Team.id == Ticket.team_id)
    .outerjoin(Organisation, Organisation.id == Ticket.organisation_id)
    .outerjoin(RequestType, RequestType.id == Ticket.request_type_id)
    .where(Ticket.id == bindparam("id"))
)
_HEAD_AT_DESK = _HEAD.where(AT_DESK)
_HEAD_OF_OWN = _HEAD.where(of_customer(READER, None))
_HEAD_OF_SHARED = _HEAD.where(of_customer(READER, SHARED))


def head(session: Session, ticket_id: int, which: ColumnElement[bool]) -> Row:  # type: ignore[type-arg]
    """What stands above a thread, with the names of requester, assignee, team, organisation and type. One statement.

    Raises `NotVisible` where `which` does not hold.
    """
    wanted = _HEAD_AT_DESK if which is AT_DESK else _HEAD.where(which)
    return _the_one(session.execute(wanted, {"id": ticket_id}).first())


def head_on_own_side(session: Session, ticket_id: int, reader: Reader) -> Row:  # type: ignore[type-arg]
    """The same for somebody who sees the ticket as a customer. One statement. Raises `NotVisible`."""
    if isinstance(reader, ByLink) or reader.person_id is None:
        return head(session, ticket_id, on_own_side(reader))
    shared = shared_with(reader)
    values = {"id": ticket_id, "reader": reader.person_id, "shared": shared}
    return _the_one(session.execute(_HEAD_OF_SHARED if shared else _HEAD_OF_OWN, values).first())


def _the_one(row: Row | None) -> Row:  # type: ignore[type-arg]
    if row is None:
        raise NotVisible
    return row


def thread(
    session: Session, ticket_id: int, *, internal: bool, until: datetime | None = None
) -> Sequence[Row]:  # type: ignore[type-arg]
    """The messages of a ticket, oldest first: who wrote them, when, what. One statement.

    Without `internal` notes are not even read. `until` leaves out what agents wrote later: a reply that may still be
    taken back has not been said yet. Messages taken back are gone for everybody.
    """
    wanted = _thread(internal, until is not None)
    return session.execute(wanted, {"ticket_id": ticket_id, "until": until}).all()


@cache
def _thread(internal: bool, bounded: bool) -> Any:
    wanted = (
        select(
            Message.id,
            Message.author_id,
            Message.author_kind,
            Message.public,
            Message.auto,
            Message.body,
            Message.body_kind,
            Message.html,
            Message.emptied,
            Message.created_at,
            Person.name.label("author_name"),
        )
        .outerjoin(Person, Person.id == Message.author_id)
        .where(Message.ticket_id == bindparam("ticket_id"), Message.withdrawn_at.is_(None))
        .order_by(Message.id)
    )
    if not internal:
        wanted = wanted.where(Message.public)
    if bounded:
        said = or_(Message.author_kind != "agent", Message.created_at <= bindparam("until"))
        wanted = wanted.where(said)
    return wanted


def files(session: Session, ticket_id: int) -> dict[int, list[Row]]:  # type: ignore[type-arg]
    """The files of a ticket by message: id, name, kind and size. One statement."""
    found: dict[int, list[Row]] = {}  # type: ignore[type-arg]
    for row in session.execute(_FILES, {"ticket_id": ticket_id}):
        found.setdefault(row.message_id, []).append(row)
    return found


_FILES = (
    select(Attachment.message_id, Attachment.id, Attachment.name, Attachment.content_type, Attachment.size)
    .where(Attachment.ticket_id == bindparam("ticket_id"))
    .order_by(Attachment.id)
)


def ticket_of_file(session: Session, attachment_id: int) -> int | None:
    """The ticket a file belongs to; whether anybody may see it is another question."""
    return session.scalar(select(Attachment.ticket_id).where(Attachment.id == attachment_id))


def file(session: Session, attachment_id: int, reader: Reader) -> Row:  # type: ignore[type-arg]
    """One file for somebody who may see it: a customer only files of public messages that were not taken back.

    Raises `NotVisible`.
    """
    said = and_(Message.public, Message.withdrawn_at.is_(None), on_own_side(reader))
    if isinstance(reader, Viewer) and reader.may(WORK):
        said = or_(said, on_desk(reader))
    row = session.execute(
        select(
            Attachment.id,
            Attachment.ticket_id,
            Attachment.storage_key,
            Attachment.name,
            Attachment.content_type,
            Attachment.size,
        )
        .join(Message, Message.id == Attachment.message_id)
        .join(Ticket, Ticket.id == Attachment.ticket_id)
        .where(Attachment.id == attachment_id, said)
    ).first()
    if row is None:
        raise NotVisible
    return row


def newest_message_id(session: Session, ticket_id: int) -> int:
    """The last message of a ticket, notes included; a composer remembers it to notice what came meanwhile."""
    return session.scalar(select(func.max(Message.id)).where(Message.ticket_id == ticket_id)) or 0


def history(session: Session, ticket_id: int) -> Sequence[Row]:  # type: ignore[type-arg]
    """What happened to a ticket, oldest first, with the name of who did it. One statement."""
    return session.execute(
        select(
            TicketEvent.id,
            TicketEvent.occurred_at,
            TicketEvent.type,
            TicketEvent.actor_id,
            TicketEvent.author_kind,
            TicketEvent.public,
            TicketEvent.payload,
            Person.name.label("actor_name"),
        )
        .outerjoin(Person, Person.id == TicketEvent.actor_id)
        .where(TicketEvent.ticket_id == ticket_id)
        .order_by(TicketEvent.occurred_at, TicketEvent.id)
    ).all()


def last_change(session: Session, ticket_id: int, kind: EventType) -> tuple[str, datetime] | None:
    """Who changed one field of a ticket last, and when."""
    row = session.execute(
        select(Person.name, TicketEvent.occurred_at)
        .outerjoin(Person, Person.id == TicketEvent.actor_id)
        .where(TicketEvent.ticket_id == ticket_id, TicketEvent.type == kind.value)
        .order_by(TicketEvent.occurred_at.desc(), TicketEvent.id.desc())
        .limit(1)
    ).first()
    return None if row is None else (row[0] or "", row[1])


# --- what may be chosen ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypeChoice:
    """A request type as far as opening a request needs it; `name` and `help` by language."""

    id: int
    name: dict[str, str]
    help: dict[str, str]
    team_id: int | None
    priority: str

    def named(self, lang: str) -> str:
        """Its name in a language, else in any it has."""
        return self.name.get(lang) or next(iter(self.name.values()), "")


def request_types(session: Session) -> list[TypeChoice]:
    """The types that customers may choose, in their order. One statement."""
    rows = session.execute(
        select(RequestType.id, RequestType.name, RequestType.help, RequestType.team_id, RequestType.priority)
        .where(RequestType.active)
        .order_by(RequestType.position, RequestType.id)
    )
    return [TypeChoice(*row) for row in rows]


def works_on_tickets(person_id: int) -> ColumnElement[bool]:
    """The condition (on `Person`) that somebody may have tickets assigned."""
    granted = exists().where(Grant.person_id == Person.id, Grant.role.in_(PERMISSIONS[WORK]))
    return and_(Person.id == person_id, Person.disabled_at.is_(None), granted)


def assignable(session: Session) -> Sequence[Row[int, str]]:
    """Everybody who may have tickets assigned, by name."""
    granted = exists().where(Grant.person_id == Person.id, Grant.role.in_(PERMISSIONS[WORK]))
    return session.execute(
        select(Person.id, Person.name)
        .where(Person.kind == "staff", Person.disabled_at.is_(None), granted)
        .order_by(Person.sort_name, Person.id)
    ).all()


def teams(session: Session) -> Sequence[Row[int, str]]:
    """All teams, by name."""
    return session.execute(select(Team.id, Team.name).order_by(Team.sort_name, Team.id)).all()


def teams_of(session: Session, person_id: int) -> list[int]:
    """The teams a member of staff is in."""
    return list(session.scalars(select(TeamMember.team_id).where(TeamMember.person_id == person_id)))
