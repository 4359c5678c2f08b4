"""Carries out again what the ledger says was erased and a restored database still has, found by public ids only.

Pieces of many entries share one transaction; copies on the disk are overwritten once at the end. A restored database
that goes on with an erasure of its own is left to its worker.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from app.accounts import consents
from app.accounts.models import Person
from app.accounts.sessions import end_all
from app.now import now
from app.privacy import blackout, conversations, facts, mentions
from app.privacy.executor import ROWS, ledger_of
from app.privacy.jobs import JobSink
from app.privacy.ledger import Entry, LedgerFault
from app.privacy.models import (
    FAILED,
    PASSAGE,
    PERSON,
    RUNNING,
    ErasureRecord,
    PrivacyRequest,
    RetainedIdentity,
)
from app.privacy.passages import Names, marker
from app.privacy.planner import Plan, plan
from app.privacy.sinks import (
    CapturedMailSink,
    DatabaseSink,
    DemoAccountsSink,
    Subject,
    UpgradeCopySink,
)
from app.tickets.models import FIRST_NUMBER, Message, Ticket
from app.web import Portal

AT_ONCE = 200


def missing(session: Session, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that this database has not carried out; empty when it is not behind the ledger.

    Raises `LedgerFault` when the database followed another ledger, or one that was longer: then somebody took the
    ledger back.
    """
    known = {row[0]: row[1] for row in session.execute(select(ErasureRecord.number, ErasureRecord.digest))}
    if known and max(known) > len(entries):
        raise LedgerFault(
            f"The database knows {max(known)} erasures, the ledger only {len(entries)}. The ledger was taken back."
        )
    for entry in entries:
        if known.get(entry.number, entry.digest) != entry.digest:
            raise LedgerFault(f"The database followed another ledger from erasure {entry.number} on.")
    behind = [entry for entry in entries if entry.number not in known]
    return [entry for entry in behind if not _goes_on(session, entry)]


def _goes_on(session: Session, entry: Entry) -> bool:
    """Whether a crash came between ledger and database, and the erasure's own job goes on."""
    going = select(PrivacyRequest.id).where(
        PrivacyRequest.plan_digest == entry.plan, PrivacyRequest.state.in_((RUNNING, FAILED))
    )
    return bool(entry.plan) and session.scalar(going) is not None


def replay(portal: Portal) -> int:
    """Erase again whatever the ledger names and this database has not erased. Gives the number of entries.

    Raises `LedgerFault`. Safe to repeat and to break off.
    """
    entries = ledger_of(portal).entries()
    with portal.database.session(write=False) as session:
        todo = missing(session, entries)
    people: list[tuple[str, str]] = []
    numbers: set[int] = set()
    for start in range(0, len(todo), AT_ONCE):
        block = todo[start : start + AT_ONCE]
        with portal.database.session(write=True) as session:
            found, tickets = _again(session, portal, block)
            if found:
                names = Names.of(found)
                mark = marker("", lang=portal.languages[0])
                _remove_mentions(session, names, mark)
            moment = now()
            session.add_all(
                ErasureRecord(number=entry.number, digest=entry.digest, at=moment) for entry in block
            )
            session.commit()
        people += found
        numbers |= tickets
    if todo:
        _outside(portal, people, numbers)
        portal.database.overwrite_deleted()
    return len(todo)


def _again(
    session: Session, portal: Portal, entries: Sequence[Entry]
) -> tuple[list[tuple[str, str]], set[int]]:
    """Erase what a block of entries names. Gives addresses and names of the people, and numbers of their requests."""
    mark = marker("", lang=portal.languages[0])
    for entry in entries:
        if entry.action == PASSAGE:
            for written in entry.messages:
                blackout.make_holes(session, written, mark)
            hidden = update(Ticket).where(Ticket.public_id.in_(entry.tickets)).values(subject=mark)
            session.execute(hidden)
        elif entry.action != PERSON:
            _empty(session, portal, entry.tickets, entry.messages, None)
        for key in entry.files:
            conversations.delete_file(session, portal.storage, key)
    by_key = {entry.subject: entry for entry in entries if entry.action == PERSON}
    rows = session.execute(
        select(Person.id, Person.public_id, Person.email, Person.name).where(
            Person.public_id.in_(by_key), Person.erased_at.is_(None)
        )
    ).all()
    if not rows:
        return [], set()
    ids = {row[0] for row in rows}
    numbers: set[int] = set()
    talked = _talked(session, ids)
    for person_id, public_id, email, name in rows:
        if person_id in talked:
            numbers |= _conversations(session, portal, by_key[public_id], person_id, email, name)
        JobSink(session).erase(Subject((), person_id))
    _rows_of(session, rows)
    return [(row[2], row[3]) for row in rows], numbers


def _talked(session: Session, ids: Collection[int]) -> set[int]:
    """Which of these people have a request or a message."""
    asked = session.scalars(select(Ticket.requester_id).where(Ticket.requester_id.in_(ids)).distinct())
    wrote = session.scalars(select(Message.author_id).where(Message.author_id.in_(ids)).distinct())
    return {*asked, *(key for key in wrote if key is not None)}


def _conversations(
    session: Session, portal: Portal, entry: Entry, person_id: int, email: str, name: str
) -> set[int]:
    """Her requests: what the ledger names, and whatever else may go by now. Gives their numbers."""
    made = plan(facts.of_person(session, person_id, entry.subject), now().date())
    going = tuple({*entry.tickets, *made.delete})
    texts = tuple({*entry.messages, *made.texts})
    ids = _empty(session, portal, going, texts, person_id)
    kept = [key for key in made.restrict if key not in entry.tickets]
    if kept:
        conversations.restrict(session, conversations.ids_of(session, kept), now=now())
        _keep_identity(session, person_id, email, name, made)
    return {ticket_id + FIRST_NUMBER for ticket_id in ids}


def _keep_identity(session: Session, person_id: int, email: str, name: str, made: Plan) -> None:
    known = select(RetainedIdentity.id).where(RetainedIdentity.person_id == person_id)
    if session.scalar(known) is None:
        session.add(RetainedIdentity(person_id=person_id, name=name, email=email, until=made.kept_until))


def _empty(
    session: Session,
    portal: Portal,
    tickets: Sequence[str],
    texts: Sequence[str],
    person_id: int | None,
) -> list[int]:
    """Empty requests and messages by their public ids. Gives the requests' ids."""
    mark = marker("", lang=portal.languages[0])
    ids = conversations.ids_of(session, tickets)
    whose = person_id if person_id is not None else _requester(session, ids)
    conditions = [conversations.in_tickets(block, whose) for block in facts.blocks(ids)]
    conditions += [
        conversations.with_keys(texts[start : start + AT_ONCE]) for start in range(0, len(texts), AT_ONCE)
    ]
    shared = conversations.tickets_with_others(session, ids, whose) if ids and whose else []
    for ticket_id in shared:
        conversations.strip_quotes(session, ticket_id, conversations.in_tickets([ticket_id], whose), mark)
    for ticket_id in conversations.tickets_of(session, texts):
        conversations.strip_quotes(session, ticket_id, Message.public_id.in_(texts), mark)
    for which in conditions:
        while conversations.delete_files(session, portal.storage, which):
            pass
        while conversations.empty_texts(session, which):
            pass
    while conversations.close(session, ids, now=now()):
        pass
    return ids


def _requester(session: Session, ticket_ids: Sequence[int]) -> int | None:
    return session.scalar(select(Ticket.requester_id).where(Ticket.id.in_(ticket_ids)).limit(1))


def _rows_of(session: Session, rows: Sequence[tuple[int, str, str, str]]) -> None:
    """Everything else of these people by its classification, their own rows last."""
    moment = now()
    sink = DatabaseSink(session)
    sink.erase_many([row[0] for row in rows], only=ROWS - {"person"})
    for person_id, public_id, _, _ in rows:
        end_all(session, person_id)
        sink.erase(Subject((), person_id, public_id), only={"person", "privacy_request"})
    ids = [row[0] for row in rows]
    consents.end_all(session, ids, through=consents.ERASURE, now=moment)
    session.execute(update(Person).where(Person.id.in_(ids)).values(erased_at=moment))
    still_open = and_(Person.id.in_(ids), Person.disabled_at.is_(None))
    session.execute(update(Person).where(still_open).values(disabled_at=moment))


def _remove_mentions(session: Session, names: Names, mark: str) -> None:
    for table, columns in mentions.text_columns():
        last = 0
        while True:
            last, _ = mentions.remove(session, table, columns, names, mark, after=last)
            if not last:
                break


def _outside(portal: Portal, people: Sequence[tuple[str, str]], numbers: Collection[int]) -> None:
    """The stores beside the database, once for all."""
    needles = tuple(word for pair in people for word in pair if word)
    mail = CapturedMailSink(portal.captured_mail_dir)
    mail.erase(Subject(needles, numbers=tuple(numbers)))
    UpgradeCopySink(portal.data_dir / "backups").erase(Subject(needles))
    accounts = DemoAccountsSink(portal.data_dir / "demo-accounts.json")
    for email, _ in people:
        accounts.erase(Subject((), email=email))
