"""The conversation of a request: opened, proved, answered from both sides, solved and reopened.

Each verb locks first, writes its events, has the deadlines found again and puts its letters; done twice with the same
`send_key` it happens once. What the team does beside writing is in `app.tickets.handling`. Knows no page and no letter's
words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app import outbox
from app.accounts import service as accounts
from app.accounts.models import Membership, Person
from app.accounts.permissions import Viewer
from app.accounts.queries import lock_person
from app.errors import Conflict, NotVisible, Refused
from app.tickets import deadlines, links, record
from app.tickets.events import EventType
from app.tickets.models import Attachment, Message, Ticket, TicketEvent
from app.tickets.queries import (
    WORK,
    Reader,
    TypeChoice,
    lock_ticket,
    newest_message_id,
    on_desk,
    on_own_side,
)
from app.tickets.record import Acting
from app.tickets.rules import Rules
from app.tickets.status import Status, after_agent_action, after_customer_message, takes_messages
from app.words import N_

# A letter leaves a little after the last moment in which its message may be taken back: instants are whole seconds, and
# two hosts' clocks may differ.
AFTER_UNDO = timedelta(seconds=2)
TEXT_AT_MOST = 20_000  # characters of a message; Markdown costs more than its length

CLOSED = N_("This request is closed. Send a new one; your text is still here.")
TAKEN_BY_MESSAGE = N_("%(name)s has written a message (%(at)s). Read it first; your text is still here.")


@dataclass(frozen=True, slots=True)
class File:
    """A file that lies in the storage already: its key there, its clean name, what it is."""

    storage_key: str
    name: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks, as it comes from a form, a mail or an interface. Already cleaned and within its limits."""

    subject: str
    body: str
    send_key: str
    language: str
    kind: TypeChoice | None = None
    files: tuple[File, ...] = ()
    private: bool = False
    privacy_version: int = 0
    channel: str = "web"
    body_kind: str = "markdown"


@dataclass(frozen=True, slots=True)
class Text:
    """One message on its way into a request."""

    body: str
    send_key: str
    files: tuple[File, ...] = ()
    body_kind: str = "markdown"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it. `repeated` means that it had been sent before: nothing was stored now, and files that came
    with it belong to nobody. `letter` says whether a confirmation goes out."""

    ticket_id: int
    message_id: int
    repeated: bool = False
    letter: bool = True


# --- a request begins ----------------------------------------------------------------------------------------------


def open_ticket(session: Session, request: Request, *, viewer: Viewer, rules: Rules, now: datetime) -> Sent:
    """A signed-in person sends a request; it belongs to the first organisation she is in."""
    if viewer.person_id is None:
        raise NotVisible
    person = lock_person(session, viewer.person_id)
    organisation_id = viewer.organisations[0][0] if viewer.organisations else None
    return _open(session, request, person, organisation_id=organisation_id, proved=True, rules=rules, now=now)


def open_as_guest(
    session: Session, request: Request, *, name: str, address: str, rules: Rules, now: datetime
) -> Sent:
    """A visitor sends a request. It stays unproved until she presses the button behind the link in the letter, even
    when the address is a known one: anybody may have typed it."""
    person = accounts.guest(session, address, name=name, language=request.language, now=now)
    return _open(session, request, person, organisation_id=None, proved=False, rules=rules, now=now)


def open_on_behalf(
    session: Session,
    request: Request,
    *,
    viewer: Viewer,
    address: str,
    name: str,
    first_message: str = "customer",
    team_id: int | None = None,
    priority: str | None = None,
    rules: Rules,
    now: datetime,
) -> Sent:
    """A member of the team opens a request for somebody.

    `first_message` says what its text is: `customer` (what she said on the phone), `internal` (a note about it; she
    sees only the subject) or `agent_public` (we write to her first).
    """
    if not viewer.may(WORK) or viewer.person_id is None:
        raise NotVisible
    person = accounts.guest(session, address, name=name, language=request.language, now=now)
    return _open(
        session,
        request,
        person,
        organisation_id=_organisation_of(session, person.id),
        proved=True,
        by=viewer.person_id,
        first_message=first_message,
        team_id=team_id,
        priority=priority,
        rules=rules,
        now=now,
    )


def _organisation_of(session: Session, person_id: int) -> int | None:

    return session.scalar(
        select(Membership.organisation_id)
        .where(Membership.person_id == person_id)
        .order_by(Membership.id)
        .limit(1)
    )


def _open(
    session: Session,
    request: Request,
    person: Person,
    *,
    organisation_id: int | None,
    proved: bool,
    by: int | None = None,
    first_message: str = "customer",
    team_id: int | None = None,
    priority: str | None = None,
    rules: Rules,
    now: datetime,
) -> Sent:
    """`by` is the member of the team who opens it for the person. The person's row is locked: a second sending with
    the same key waits here and then finds the first."""
    key = f"{person.id}.{request.send_key}"
    earlier, recent = _earlier(session, key, person.id, now)
    if earlier is not None:
        return earlier
    outbound = first_message == "agent_public"
    status = Status.PENDING if outbound else Status.NEW
    ticket = Ticket(
        subject=request.subject,
        requester_id=person.id,
        organisation_id=organisation_id,
        request_type_id=request.kind.id if request.kind else None,
        team_id=team_id or (request.kind.team_id if request.kind else None),
        status=status.value,
        status_at=now,
        priority=priority or (request.kind.priority if request.kind else "normal"),
        channel=request.channel,
        language=request.language,
        private=request.private,
        privacy_version=request.privacy_version,
        created_at=now,
        proved_at=now if proved else None,
        last_activity_at=now,
        last_author_kind="customer" if first_message == "customer" else "agent",
        is_open=True,
        send_key=key,
    )
    created: dict[str, object] = {
        "by": "customer" if by is None else "agent",
        "first_message": first_message,
        "status": ticket.status,
        "priority": ticket.priority,
        "proved": proved,
    }
    clocks = deadlines.begin(session, ticket, created, time_zone=rules.time_zone, now=now)
    session.add(ticket)
    session.flush()
    author = Acting(person.id, "customer") if first_message == "customer" else Acting(by, "agent")
    message = _message(session, ticket, request, author, public=first_message != "internal", key=key, now=now)
    opener = author if by is None else Acting(by, "agent")
    created |= {"message_id": message.id, "policy_version_id": ticket.policy_version_id}
    record.note(session, ticket, EventType.CREATED, opener, now=now, public=True, payload=created)
    for clock in clocks:
        clock.ticket_id = ticket.id
        session.add(clock)
    links.ensure(session, ticket.id, person.id, secret=rules.secret, now=now)
    letter = outbound or rules.letters_an_hour is None or recent < rules.letters_an_hour
    if outbound:
        _put_reply(session, ticket, message, rules=rules, now=now)
    elif letter:
        outbox.put(session, "tickets.received", run_at=now, ticket_id=ticket.id)
    session.flush()
    return Sent(ticket.id, message.id, letter=letter)


def _earlier(session: Session, key: str, person_id: int, now: datetime) -> tuple[Sent | None, int]:
    """The request sent before with this key, and how many the person sent within the last hour."""
    an_hour_ago = now - timedelta(hours=1)
    rows = session.execute(
        select(Ticket.id, Ticket.send_key, Ticket.created_at).where(
            or_(
                Ticket.send_key == key,
                and_(Ticket.requester_id == person_id, Ticket.last_activity_at > an_hour_ago),
            )
        )
    ).all()
    for ticket_id, known, _ in rows:
        if known == key:
            first = session.scalars(select(Message.id).where(Message.send_key == key)).one()
            return Sent(ticket_id, first, repeated=True), 0
    return None, sum(created > an_hour_ago for _, _, created in rows)


def _message(
    session: Session,
    ticket: Ticket,
    text: Request | Text,
    author: Acting,
    *,
    public: bool,
    key: str,
    now: datetime,
) -> Message:
    """Store one message with its files; it has its id afterwards."""
    message = Message(
        ticket_id=ticket.id,
        author_id=author.person_id,
        author_kind=author.kind,
        public=public,
        body=text.body,
        body_kind=text.body_kind,
        created_at=now,
        send_key=key,
    )
    session.add(message)
    session.flush()
    session.add_all(
        Attachment(
            message_id=message.id,
            ticket_id=ticket.id,
            storage_key=file.storage_key,
            name=file.name,
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
            created_at=now,
        )
        for file in text.files
    )
    return message


def prove(session: Session, token: str, *, rules: Rules, now: datetime) -> tuple[int, int]:
    """The button behind the link in a letter: the address is hers, and the clocks of an unproved request begin.

    Gives ticket and person; safe to repeat. Raises `NotVisible` for a link that opens nothing (any more).
    """
    found = links.live(session, links.hash_of(token), period=rules.link, now=now)
    if found is None:
        raise NotVisible
    ticket_id, person_id = found
    person = lock_person(session, person_id)
    ticket = lock_ticket(session, ticket_id, Ticket.disposal.is_(None))
    person.proved_at = person.proved_at or now
    if ticket.proved_at is None and ticket.requester_id == person_id:
        ticket.proved_at = ticket.last_activity_at = now
        ticket.organisation_id = _organisation_of(session, person_id)
        acting = Acting(person_id, "customer")
        record.note(session, ticket, EventType.PROVED, acting, now=now)
        deadlines.rematch(session, ticket, acting, time_zone=rules.time_zone, now=now)
        deadlines.refresh(session, ticket, now=now)
    session.flush()
    return ticket_id, person_id


# --- the customer's side ---------------------------------------------------------------------------------------------


def reply_as_customer(
    session: Session, ticket_id: int, text: Text, *, reader: Reader, rules: Rules, now: datetime
) -> Sent:
    """The customer, or a colleague who may see the request, writes. A solved request opens again within its period.

    Raises `NotVisible`, and `Refused` for a closed one.
    """
    ticket = lock_ticket(session, ticket_id, on_own_side(reader))
    earlier = _message_with(session, ticket, text.send_key)
    if earlier is not None:
        return Sent(ticket.id, earlier, repeated=True)
    _may_be_written_to(ticket, rules, now)
    acting = record.on_customer_side(ticket, _person_of(reader))
    message = _message(session, ticket, text, acting, public=True, key=_key(ticket, text.send_key), now=now)
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
    until = reopens_until(ticket.solved_at, ticket.status, rules)
    if not takes_messages(Status(ticket.status)) or (until is not None and now > until):
        raise Refused(CLOSED)


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
    earlier = _message_with(session, ticket, text.send_key)
    if earlier is not None:
        return Sent(ticket.id, earlier, repeated=True)
    if not takes_messages(Status(ticket.status)):
        raise Refused(CLOSED)
    _nothing_newer(session, ticket, seen_message_id, viewer)
    message = _message(session, ticket, text, acting, public=True, key=_key(ticket, text.send_key), now=now)
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
    _put_reply(session, ticket, message, rules=rules, now=now)
    return _kept(session, ticket, message, now)


def add_note(session: Session, ticket_id: int, text: Text, *, viewer: Viewer, now: datetime) -> Sent:
    """A member of the team writes for the team only. Notes may be added to closed tickets too."""
    ticket, acting = _at_work(session, ticket_id, viewer)
    earlier = _message_with(session, ticket, text.send_key)
    if earlier is not None:
        return Sent(ticket.id, earlier, repeated=True)
    message = _message(session, ticket, text, acting, public=False, key=_key(ticket, text.send_key), now=now)
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
    deadlines.refresh(session, ticket, now=now, everything=True)
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


def _put_reply(session: Session, ticket: Ticket, message: Message, *, rules: Rules, now: datetime) -> None:
    """The customer's letter, after the time in which the reply may be taken back."""
    wait = rules.undo + AFTER_UNDO if rules.undo else timedelta(0)
    outbox.put(
        session,
        "tickets.agent_replied",
        run_at=now + wait,
        message_id=message.id,
        person_id=ticket.requester_id,
    )


# --- what all verbs share --------------------------------------------------------------------------------------------


def _key(ticket: Ticket, send_key: str) -> str:
    """Unique over all messages; within one ticket its lock keeps two sendings apart."""
    return f"t{ticket.id}.{send_key}"


def _message_with(session: Session, ticket: Ticket, send_key: str) -> int | None:
    return session.scalar(select(Message.id).where(Message.send_key == _key(ticket, send_key)))


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
