"""What pages read of data protection: certificates, the inbox of requests, one request with its steps. Nothing changes
here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select
from sqlalchemy.orm import Session, aliased

from app.accounts.models import Person
from app.errors import NotVisible
from app.paging import Page, page
from app.privacy.facts import IN_FORCE
from app.privacy.models import (
    FAILED,
    UNFINISHED,
    Certificate,
    JobStep,
    LegalHold,
    PrivacyRequest,
    RetainedIdentity,
)
from app.tickets.models import FIRST_NUMBER, Attachment, Message, Ticket


def certificate_of(session: Session, key: str) -> Certificate | None:
    """A certificate by its random name."""
    return session.scalar(select(Certificate).where(Certificate.public_id == key))


def is_under_way(session: Session, key: str) -> bool:
    """Whether this will be the name of a certificate, once what it is about is done and verified."""
    waiting = select(PrivacyRequest.id).where(
        PrivacyRequest.certificate_key == key, PrivacyRequest.state.in_(UNFINISHED)
    )
    return session.scalar(waiting) is not None


# --- the officer's inbox -------------------------------------------------------------------------------------------


def inbox(session: Session, *, done: bool, after: str | None, before: str | None) -> Page:
    """Requests: unfinished ones by the day they are due, or the others, newest first."""
    statement: Any = select(
        PrivacyRequest.id,
        PrivacyRequest.public_id,
        PrivacyRequest.kind,
        PrivacyRequest.scope,
        PrivacyRequest.state,
        PrivacyRequest.created_at,
        PrivacyRequest.due_at,
        PrivacyRequest.done_at,
        PrivacyRequest.run_at,
        Person.name.label("person_name"),
    ).outerjoin(Person, Person.id == PrivacyRequest.person_id)
    unfinished = PrivacyRequest.state.in_(UNFINISHED)
    if done:
        keys: Any = (PrivacyRequest.id,)
        return page(session, statement.where(~unfinished), keys, descending=True, after=after, before=before)
    keys = (PrivacyRequest.due_at, PrivacyRequest.id)
    return page(session, statement.where(unfinished), keys, after=after, before=before)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is to do: unfinished requests, those past their day, stopped ones, holds in force, proposed ones,
    and ones to be looked at again."""

    unfinished: int
    late: int
    failed: int
    holds: int
    proposed: int
    review: int


def counts(session: Session, *, now: datetime) -> Counts:
    """For the head of the officer's pages. Two statements."""
    live = PrivacyRequest.state.in_(UNFINISHED)
    of_requests = {
        "unfinished": live,
        "late": and_(live, PrivacyRequest.due_at < now),
        "failed": PrivacyRequest.state == FAILED,
    }
    of_holds = {
        "holds": IN_FORCE,
        "proposed": and_(LegalHold.confirmed_at.is_(None), LegalHold.released_at.is_(None)),
        "review": and_(IN_FORCE, LegalHold.review_on <= now.date()),
    }
    requests = _counted(session, PrivacyRequest, of_requests)
    return Counts(*requests, *_counted(session, LegalHold, of_holds))


def _counted(
    session: Session, table: type[PrivacyRequest | LegalHold], wanted: dict[str, ColumnElement[bool]]
) -> list[int]:
    columns = [func.count().filter(which).label(name) for name, which in wanted.items()]
    return [int(value) for value in session.execute(select(*columns).select_from(table)).one()]


@dataclass(frozen=True, slots=True)
class Case:
    """One request as the officer sees it: who it is about and who started it, its steps, its certificate."""

    request: PrivacyRequest
    person: Person | None
    started_by: str | None
    steps: Sequence[Row]  # type: ignore[type-arg]
    certificate: str | None
    identity: RetainedIdentity | None


def case(session: Session, public_id: str) -> Case:
    """One request. Raises `NotVisible`."""
    starter = aliased(Person)
    row = session.execute(
        select(PrivacyRequest, Person, starter.name, Certificate.public_id, RetainedIdentity)
        .outerjoin(Person, Person.id == PrivacyRequest.person_id)
        .outerjoin(starter, starter.id == PrivacyRequest.started_by_id)
        .outerjoin(Certificate, Certificate.request_id == PrivacyRequest.id)
        .outerjoin(RetainedIdentity, RetainedIdentity.person_id == PrivacyRequest.person_id)
        .where(PrivacyRequest.public_id == public_id)
    ).first()
    if row is None:
        raise NotVisible
    steps = session.execute(
        select(JobStep.name, JobStep.state, JobStep.count, JobStep.error, JobStep.done_at)
        .where(JobStep.request_id == row[0].id)
        .order_by(JobStep.position, JobStep.id)
    ).all()
    return Case(row[0], row[1], row[2], steps, row[3], row[4])


# --- one ticket, for the officer -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thread:
    """A request of somebody with its messages and files, so that parts of it can be chosen."""

    ticket: Row  # type: ignore[type-arg]
    messages: Sequence[Row]  # type: ignore[type-arg]
    files: dict[int, list[Row]]  # type: ignore[type-arg]


def thread(session: Session, number: int) -> Thread:
    """A request by the number people say. Raises `NotVisible`."""
    ticket = session.execute(
        select(
            Ticket.id,
            Ticket.public_id,
            Ticket.subject,
            Ticket.restricted_at,
            Ticket.retention,
            Person.name.label("requester"),
        )
        .join(Person, Person.id == Ticket.requester_id)
        .where(Ticket.id == number - FIRST_NUMBER)
    ).first()
    if ticket is None:
        raise NotVisible
    messages = session.execute(
        select(
            Message.id,
            Message.public_id,
            Message.public,
            Message.body,
            Message.created_at,
            Person.name.label("author"),
        )
        .outerjoin(Person, Person.id == Message.author_id)
        .where(Message.ticket_id == ticket.id)
        .order_by(Message.id)
        .limit(500)
    ).all()
    files: dict[int, list[Row]] = {}  # type: ignore[type-arg]
    for row in session.execute(
        select(Attachment.id, Attachment.message_id, Attachment.storage_key, Attachment.name, Attachment.size)
        .where(Attachment.ticket_id == ticket.id)
        .order_by(Attachment.id)
    ):
        files.setdefault(row.message_id, []).append(row)
    return Thread(ticket, messages, files)


def own_thread(session: Session, number: int, person_id: int) -> Thread:
    """A request of hers with what she may see of it: public messages, and the files she sent. Raises `NotVisible`."""
    ticket = session.execute(
        select(Ticket.id, Ticket.public_id, Ticket.subject, Ticket.restricted_at).where(
            Ticket.id == number - FIRST_NUMBER,
            Ticket.requester_id == person_id,
            Ticket.proved_at.is_not(None),
        )
    ).first()
    if ticket is None:
        raise NotVisible
    said = and_(Message.ticket_id == ticket.id, Message.public, Message.withdrawn_at.is_(None))
    messages = session.execute(
        select(
            Message.id,
            Message.public_id,
            Message.author_id,
            Message.author_kind,
            Message.body,
            Message.created_at,
        )
        .where(said)
        .order_by(Message.id)
        .limit(500)
    ).all()
    files: dict[int, list[Row]] = {}  # type: ignore[type-arg]
    for row in session.execute(
        select(Attachment.message_id, Attachment.storage_key, Attachment.name, Attachment.size)
        .join(Message, Message.id == Attachment.message_id)
        .where(said, Message.author_id == person_id)
        .order_by(Attachment.id)
    ):
        files.setdefault(row.message_id, []).append(row)
    return Thread(ticket, messages, files)


def own_requests(session: Session, person_id: int) -> Sequence[Row]:  # type: ignore[type-arg]
    """Her newest requests that still say something, so that she can choose one."""
    return session.execute(
        select((Ticket.id + FIRST_NUMBER).label("number"), Ticket.subject)
        .where(Ticket.requester_id == person_id, Ticket.proved_at.is_not(None), Ticket.subject != "")
        .order_by(Ticket.id.desc())
        .limit(25)
    ).all()


def numbers_of(session: Session, places: Sequence[str]) -> dict[str, int]:
    """The number of the request that a finding ("message/7") belongs to, where it belongs to one."""
    wanted: dict[str, set[int]] = {}
    for place in places:
        table, _, row = place.partition("/")
        if table in ("ticket", "message", "attachment") and row.isdigit():
            wanted.setdefault(table, set()).add(int(row))
    found: dict[str, int] = {f"ticket/{row}": row + FIRST_NUMBER for row in wanted.get("ticket", ())}
    for table, column in (("message", Message), ("attachment", Attachment)):
        keys = wanted.get(table)
        if keys:
            rows = session.execute(select(column.id, column.ticket_id).where(column.id.in_(keys)))
            found |= {f"{table}/{row[0]}": row[1] + FIRST_NUMBER for row in rows}
    return found
