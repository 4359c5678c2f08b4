"""Erasing what stands in requests: texts emptied, files deleted, what was open closed, what must stay restricted.

Every function does at most `AT_ONCE` rows in the caller's session and gives how many, so that it is called again until
it gives 0; all are safe to repeat. Numbers and times stay, so that figures stay equal. The caller commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.drafts import Draft
from app.privacy.facts import said_about_her, wrote_as_customer
from app.privacy.passages import normalised, without_quotes
from app.storage import Storage
from app.tickets import deadlines, record
from app.tickets.events import EventType
from app.tickets.models import (
    FIRST_NUMBER,
    Attachment,
    Message,
    MessageCorrection,
    SlaBreach,
    SlaClock,
    Ticket,
)
from app.tickets.status import Status

AT_ONCE = 500
ASKED, TERM = "asked", "term"  # why a message is empty


def ids_of(session: Session, keys: Sequence[str]) -> list[int]:
    """The tickets with these public ids; those that are gone are left out."""
    found: list[int] = []
    for start in range(0, len(keys), AT_ONCE):
        which = Ticket.public_id.in_(keys[start : start + AT_ONCE])
        found += session.scalars(select(Ticket.id).where(which).order_by(Ticket.id))
    return found


def tickets_of(session: Session, keys: Sequence[str]) -> list[int]:
    """The tickets that hold the messages with these public ids."""
    found: set[int] = set()
    for start in range(0, len(keys), AT_ONCE):
        found |= set(
            session.scalars(select(Message.ticket_id).where(with_keys(keys[start : start + AT_ONCE])))
        )
    return sorted(found)


def in_tickets(ticket_ids: Collection[int], person_id: int | None) -> ColumnElement[bool]:
    """The messages that go with requests of hers: all but what other customers wrote there."""
    return and_(Message.ticket_id.in_(ticket_ids), said_about_her(person_id))


def all_in(ticket_ids: Collection[int]) -> ColumnElement[bool]:
    """Every message of these requests, whoever wrote it."""
    return Message.ticket_id.in_(ticket_ids)


def with_keys(keys: Sequence[str]) -> ColumnElement[bool]:
    """The messages with these public ids."""
    return Message.public_id.in_(keys)


def empty_texts(session: Session, which: ColumnElement[bool], *, why: str = ASKED) -> int:
    """Empty messages, leaving why (`ASKED` by the person or her erasure, `TERM`: its time was over); notes of correction beside them go with them."""
    ids = list(session.scalars(select(Message.id).where(which, _full()).order_by(Message.id).limit(AT_ONCE)))
    if ids:
        session.execute(delete(MessageCorrection).where(MessageCorrection.message_id.in_(ids)))
        emptied = update(Message).where(Message.id.in_(ids)).values(body="", html=None, emptied=why)
        session.execute(emptied.execution_options(synchronize_session=False))
    return len(ids)


def _full() -> ColumnElement[bool]:
    """The condition for messages that say something, or beside which something is said."""
    corrected = select(MessageCorrection.id).where(MessageCorrection.message_id == Message.id)
    return or_(Message.body != "", Message.html.is_not(None), corrected.correlate(Message).exists())


def delete_files(session: Session, storage: Storage, which: ColumnElement[bool]) -> int:
    """Delete the files of messages, then their rows: a crash between the two leaves rows, and they are done again."""
    rows = session.execute(
        select(Attachment.id, Attachment.storage_key)
        .join(Message, Message.id == Attachment.message_id)
        .where(which)
        .order_by(Attachment.id)
        .limit(AT_ONCE)
    ).all()
    return _delete(session, storage, [(row[0], row[1]) for row in rows])


def delete_file(session: Session, storage: Storage, key: str) -> int:
    """Delete one file by its storage key, also where its row is gone already."""
    rows = session.execute(
        select(Attachment.id, Attachment.storage_key).where(Attachment.storage_key == key)
    ).all()
    return _delete(session, storage, [(row[0], row[1]) for row in rows]) or int(storage.delete(key))


def _delete(session: Session, storage: Storage, rows: Sequence[tuple[int, str]]) -> int:
    for _, key in rows:
        storage.delete(key)
    if rows:
        session.execute(delete(Attachment).where(Attachment.id.in_([row[0] for row in rows])))
    return len(rows)


def close(session: Session, ticket_ids: Collection[int], *, now: datetime) -> int:
    """Close requests that were open, empty their subjects and what was noted about them.

    What was missed before stays missed, what still ran is cancelled: no figure of a report changes.
    """
    rows = session.scalars(
        select(Ticket)
        .where(Ticket.id.in_(ticket_ids), or_(Ticket.subject != "", Ticket.is_open))
        .order_by(Ticket.id)
        .limit(AT_ONCE)
        .with_for_update()
    ).all()
    for ticket in rows:
        if ticket.is_open:
            _close(session, ticket, now)
        ticket.subject = ""
    session.flush()
    done = [ticket.id for ticket in rows]
    noted = and_(SlaBreach.ticket_id.in_(done), SlaBreach.excused_reason.is_not(None))
    session.execute(update(SlaBreach).where(noted).values(excused_reason=None))
    return len(rows)


def _close(session: Session, ticket: Ticket, now: datetime) -> None:
    deadlines.refresh(session, ticket, now=now)  # what is missed by now must be written down as missed
    record.note(session, ticket, EventType.ERASED, record.SYSTEM, now=now)
    record.place(session, ticket, Status.CLOSED, record.SYSTEM, now=now)
    session.execute(
        update(SlaClock)
        .where(SlaClock.ticket_id == ticket.id, SlaClock.state.in_(("running", "paused")))
        .values(state="cancelled", due_at=None, warn_at=None, remaining_seconds=None)
    )
    ticket.next_due_at = ticket.next_breach_at = ticket.next_warning_at = None
    ticket.next_metric = None
    if ticket.sla_state in ("running", "paused"):
        ticket.sla_state = "none"


def restrict(session: Session, ticket_ids: Collection[int], *, now: datetime) -> int:
    """Take requests out of sight that a statute or a case keeps (BDSG section 35(3))."""
    rows = session.scalars(
        select(Ticket)
        .where(Ticket.id.in_(ticket_ids), Ticket.restricted_at.is_(None))
        .order_by(Ticket.id)
        .limit(AT_ONCE)
        .with_for_update()
    ).all()
    for ticket in rows:
        if ticket.is_open:
            _close(session, ticket, now)
        ticket.restricted_at = now
    session.flush()
    return len(rows)


# --- quotes ----------------------------------------------------------------------------------------------------------


def tickets_with_others(session: Session, ticket_ids: Collection[int], person_id: int) -> list[int]:
    """Those of the requests in which both she and somebody whose words stay have written."""
    wrote = select(Message.ticket_id).where(wrote_as_customer(person_id), Message.body != "")
    staying = or_(Message.author_id.is_distinct_from(person_id), Message.author_kind == "agent")
    found = (
        select(Message.ticket_id)
        .where(Message.ticket_id.in_(ticket_ids), Message.ticket_id.in_(wrote), staying)
        .distinct()
        .order_by(Message.ticket_id)
    )
    return list(session.scalars(found))


def strip_quotes(session: Session, ticket_id: int, going: ColumnElement[bool], mark: str) -> int:
    """Remove from the messages that stay in one request the lines that repeat those that go."""
    in_ticket = Message.ticket_id == ticket_id
    hers = session.scalars(select(Message.body).where(in_ticket, going, Message.body != ""))
    said = " ".join(filter(None, map(normalised, hers)))
    if not said:
        return 0
    changed = 0
    staying = select(Message).where(in_ticket, ~going, Message.body != "").with_for_update()
    for message in session.scalars(staying):
        body = without_quotes(message.body, said, mark)
        if body != message.body:
            message.body, message.html = body, None
            changed += 1
    session.flush()
    return changed


# --- what is left ----------------------------------------------------------------------------------------------------


def discard_drafts(session: Session, numbers: Collection[int]) -> int:
    """Forget what is half typed in forms of these requests, by whomever."""
    names = [
        form for number in numbers for form in (f"ticket:{number}", f"ticket-reply:{number - FIRST_NUMBER}")
    ]
    gone = 0
    for start in range(0, len(names), AT_ONCE):
        result = session.execute(delete(Draft).where(Draft.form.in_(names[start : start + AT_ONCE])))
        gone += int(getattr(result, "rowcount", 0))
    return gone


def leftovers(session: Session, which: ColumnElement[bool]) -> int:
    """How many of these messages still say something or have a file."""
    full = select(func.count()).where(which, _full())
    files = (
        select(func.count())
        .select_from(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .where(which)
    )
    return (session.scalar(full) or 0) + (session.scalar(files) or 0)
