"""What a person asks for herself beside a copy and a deletion: a correction, a restriction, an objection.

They are requests with a clock, answered by the privacy officer (`app.privacy.service`); objecting to advertising acts at
once. What a restriction does to requests stands here; the caller commits.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from app import audit, outbox
from app.accounts import consents
from app.accounts.queries import lock_person
from app.errors import NotVisible, Refused
from app.privacy import facts, officers
from app.privacy.models import (
    DONE,
    FILE,
    MESSAGE,
    OBJECTION,
    OPEN,
    PERSON,
    RECTIFICATION,
    RESTRICTION,
    TICKET,
    UNFINISHED,
    WITHDRAWN,
    PrivacyRequest,
)
from app.tickets import deadlines, record
from app.tickets.models import Attachment, Message, Ticket
from app.tickets.status import Status
from app.words import N_

ASKED_BY_HERSELF = (RECTIFICATION, RESTRICTION, OBJECTION)
MARKETING = "marketing"  # the key of an objection to advertising, which needs no reason (Art. 21(2), (3))
MONTHS_TO_ANSWER, MONTHS_LONGER = 1, 2  # GDPR Art. 12(3)
AT_ONCE = 200


def months_after(moment: datetime, months: int) -> datetime:
    """The same day so many months later, or the month's last day (Regulation 1182/71, Art. 3(2)(c))."""
    year, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + year, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def stored(
    session: Session,
    kind: str,
    person_id: int,
    *,
    state: str,
    words: str = "",
    scope: str = PERSON,
    key: str = "",
    actor_id: int | None = None,
    now: datetime,
) -> PrivacyRequest:
    """A new request, to be answered within a month. `actor_id` is the officer who wrote it down."""
    made = PrivacyRequest(
        kind=kind,
        person_id=person_id,
        state=state,
        scope=scope,
        scope_key=key,
        note=words,
        started_by_id=actor_id,
        created_at=now,
        due_at=months_after(now, MONTHS_TO_ANSWER),
    )
    session.add(made)
    session.flush()
    return made


def ask(
    session: Session,
    person_id: int,
    kind: str,
    words: str,
    *,
    scope: str = PERSON,
    key: str = "",
    now: datetime,
) -> PrivacyRequest:
    """Write down what she asks for; asked twice for the same thing, it is the same request.

    `scope` and `key` name one request or message of hers. Raises `NotVisible` for what is not hers.
    """
    if kind not in ASKED_BY_HERSELF:
        raise NotVisible
    person = lock_person(session, person_id)
    if person.disabled_at is not None or person.erased_at is not None:
        raise NotVisible
    if scope != PERSON and not is_hers(session, person_id, scope, key):
        raise NotVisible
    known = session.scalar(
        select(PrivacyRequest)
        .where(*_same(person_id, kind, scope, key), PrivacyRequest.state.in_(UNFINISHED))
        .limit(1)
    )
    if known is not None:
        return known
    made = stored(session, kind, person_id, state=OPEN, words=words, scope=scope, key=key, now=now)
    outbox.put(session, "privacy.received", run_at=now, request_id=made.id)
    officers.tell(session, made, now=now)
    return made


def object_to_marketing(session: Session, person_id: int, *, now: datetime) -> PrivacyRequest:
    """She objects to advertising and surveys: every consent ends at once, without a reason (GDPR Art. 21(3))."""
    lock_person(session, person_id)
    ended = consents.end_all(session, [person_id], through=consents.OBJECTION, now=now)
    known = session.scalar(
        select(PrivacyRequest)
        .where(*_same(person_id, OBJECTION, PERSON, MARKETING))
        .order_by(PrivacyRequest.id.desc())
        .limit(1)
    )
    if known is not None and not ended:
        return known
    made = stored(session, OBJECTION, person_id, state=DONE, key=MARKETING, now=now)
    made.done_at = now
    session.flush()
    return made


def _same(person_id: int, kind: str, scope: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        PrivacyRequest.person_id == person_id,
        PrivacyRequest.kind == kind,
        PrivacyRequest.scope == scope,
        PrivacyRequest.scope_key == key,
    )


def is_hers(session: Session, person_id: int, scope: str, key: str) -> bool:
    """Whether a request is hers, a message stands in hers or is written by her, or a file was sent by her."""
    hers = Ticket.requester_id == person_id
    seen = and_(Message.public, Message.withdrawn_at.is_(None))
    wrote = facts.wrote_as_customer(person_id)
    wanted = {
        TICKET: select(Ticket.id).where(Ticket.public_id == key, hers, Ticket.proved_at.is_not(None)),
        MESSAGE: select(Message.id)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(Message.public_id == key, seen, or_(hers, wrote)),
        FILE: select(Attachment.id)
        .join(Message, Message.id == Attachment.message_id)
        .where(Attachment.storage_key == key, seen, wrote),
    }.get(scope)
    return wanted is not None and session.scalar(wanted) is not None


def of_person(session: Session, person_id: int) -> Sequence[PrivacyRequest]:
    """Her requests, newest first."""
    return session.scalars(
        select(PrivacyRequest)
        .where(PrivacyRequest.person_id == person_id)
        .order_by(PrivacyRequest.id.desc())
        .limit(50)
    ).all()


def one_of(session: Session, person_id: int, public_id: str) -> PrivacyRequest:
    """One request of hers. Raises `NotVisible`."""
    found = session.scalar(
        select(PrivacyRequest).where(
            PrivacyRequest.public_id == public_id, PrivacyRequest.person_id == person_id
        )
    )
    if found is None:
        raise NotVisible
    return found


# --- restriction (Art. 18) -----------------------------------------------------------------------------------------


def restrict(session: Session, request: PrivacyRequest, *, now: datetime) -> int:
    """Take the requests of a restriction out of sight: nobody finds or works on them, they are only kept. Open ones are
    put on hold. Gives how many."""
    count = 0
    while tickets := _next(session, request, Ticket.restricted_at.is_(None)):
        for ticket in tickets:
            if ticket.is_open and ticket.status != Status.ON_HOLD:
                record.place(session, ticket, Status.ON_HOLD, record.SYSTEM, now=now)
                deadlines.refresh(session, ticket, now=now)
            ticket.restricted_at = now
        session.flush()
        count += len(tickets)
    return count


def lift(
    session: Session,
    request_id: int,
    *,
    person_id: int | None = None,
    actor_id: int | None = None,
    now: datetime,
) -> int:
    """End a restriction: by the person herself (`person_id`), or by the officer, who tells her (Art. 18(3)). Gives how
    many requests are back. Raises `NotVisible` or `Refused`."""
    request = session.scalar(
        select(PrivacyRequest)
        .where(PrivacyRequest.id == request_id, PrivacyRequest.kind == RESTRICTION)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if request is None or (person_id is not None and request.person_id != person_id):
        raise NotVisible
    lock_person(session, request.person_id or 0)
    if request.state != DONE:
        raise Refused(N_("This restriction is not in force."))
    request.state, request.done_at = WITHDRAWN, now
    session.flush()
    count = 0
    back = and_(Ticket.restricted_at.is_not(None), ~_still_restricted())
    while tickets := _next(session, request, back):
        for ticket in tickets:
            held = ticket.status == Status.ON_HOLD and ticket.status_at == ticket.restricted_at
            ticket.restricted_at = None
            if held:
                record.place(session, ticket, Status.OPEN, record.SYSTEM, now=now)
                deadlines.refresh(session, ticket, now=now)
        session.flush()
        count += len(tickets)
    if actor_id is not None:
        outbox.put(session, "privacy.lifted", run_at=now, request_id=request.id)
        audit.record(
            session,
            actor_id=actor_id,
            action="privacy.lift",
            object_kind="privacy_request",
            object_id=request.id,
            at=now,
        )
    return count


def withdraw(session: Session, person_id: int, public_id: str, *, now: datetime) -> None:
    """She takes a request back that nobody has answered. Raises `NotVisible` or `Refused`."""
    lock_person(session, person_id)
    request = one_of(session, person_id, public_id)
    if request.kind not in ASKED_BY_HERSELF or request.state != OPEN:
        raise Refused(N_("This request is done, or being carried out."))
    taken = update(PrivacyRequest).where(PrivacyRequest.id == request.id, PrivacyRequest.state == OPEN)
    session.execute(taken.values(state=WITHDRAWN, done_at=now))


def _next(session: Session, request: PrivacyRequest, which: ColumnElement[bool]) -> Sequence[Ticket]:
    wanted = select(Ticket).where(Ticket.requester_id == request.person_id, which)
    if request.scope == TICKET:
        wanted = wanted.where(Ticket.public_id == request.scope_key)
    return session.scalars(
        wanted.order_by(Ticket.id).limit(AT_ONCE).with_for_update().execution_options(populate_existing=True)
    ).all()


def _still_restricted() -> ColumnElement[bool]:
    """The condition for requests that another restriction in force covers."""
    other = aliased(PrivacyRequest)
    covers = or_(other.scope == PERSON, other.scope_key == Ticket.public_id)
    return exists().where(
        other.kind == RESTRICTION, other.state == DONE, other.person_id == Ticket.requester_id, covers
    )
