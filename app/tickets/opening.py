"""How a request begins: sent by a person who is signed in, by a guest, or by the team on somebody's behalf; and proved.

Sent twice with the same `send_key` it is one request. A guest's request is nobody's until the address is proved.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app import outbox
from app.accounts import service as accounts
from app.accounts.models import Membership, Person
from app.accounts.permissions import Viewer
from app.accounts.queries import lock_person
from app.errors import NotVisible
from app.tickets import deadlines, links, messages, record
from app.tickets.events import EventType
from app.tickets.messages import Request, Sent
from app.tickets.models import Message, Ticket
from app.tickets.queries import WORK, lock_ticket
from app.tickets.record import Acting
from app.tickets.rules import Rules
from app.tickets.status import Status


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
    message = messages.store(
        session, ticket, request, author, public=first_message != "internal", key=key, now=now
    )
    opener = author if by is None else Acting(by, "agent")
    created |= {"message_id": message.id, "policy_version_id": ticket.policy_version_id}
    record.note(session, ticket, EventType.CREATED, opener, now=now, public=True, payload=created)
    for clock in clocks:
        clock.ticket_id = ticket.id
        session.add(clock)
    links.ensure(session, ticket.id, person.id, secret=rules.secret, now=now)
    letter = outbound or rules.letters_an_hour is None or recent < rules.letters_an_hour
    if outbound:
        messages.put_reply(session, ticket, message, rules=rules, now=now)
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


def behind_link(session: Session, token: str, *, rules: Rules, now: datetime) -> tuple[int, bool] | None:
    """The ticket behind a link and whether it is proved already, changing nothing; None for a dead link."""
    found = links.live(session, [links.hash_of(token)], period=rules.link, now=now)
    if found is None:
        return None
    proved_at = session.scalar(select(Ticket.proved_at).where(Ticket.id == found[0]))
    return found[0], proved_at is not None


def prove(session: Session, token: str, *, rules: Rules, now: datetime) -> tuple[int, int]:
    """The button behind the link in a letter: the address is hers, and the clocks of an unproved request begin.

    Gives ticket and person; safe to repeat. Raises `NotVisible` for a link that opens nothing (any more).
    """
    found = links.live(session, [links.hash_of(token)], period=rules.link, now=now)
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
