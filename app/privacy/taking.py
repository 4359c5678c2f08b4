"""What goes into a copy of a person's data: every exported column of every table with rows of hers, whole conversations,
what was done with her data, and the internal notes that are held back.

Which columns there are comes from the classification. Rows come as streams; nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Table, and_, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import STAFF, Grant, Person
from app.audit import AuditEntry
from app.personal import Export, Kind, P, Source
from app.privacy.export_models import RELEASED, WITHHELD, DataExport, NoteDecision
from app.privacy.masking import Masks
from app.privacy.mentions import may_hold
from app.privacy.models import PrivacyRequest
from app.privacy.passages import Names, normalised
from app.privacy.registry import Held, named_parent, rows_of, tables, titles_of
from app.storage import Storage
from app.tickets.files import clean_name
from app.tickets.models import FIRST_NUMBER, Attachment, Message, StaffAccess, Ticket
from app.words import N_

AT_ONCE = 200  # requests whose files are looked up together
SHOWN = (Export.ART15, Export.ART20, Export.BOTH)
PORTABLE = (Export.ART20, Export.BOTH)
THREADS = frozenset({"ticket", "message", "attachment"})  # they stand together, as conversations
WHY_HELD_BACK = N_(
    "Internal notes may hold opinions of the team and data of other people. The privacy officer looks at each first."
)


# --- what is taken -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sort:
    """One table as far as it goes into a copy: its words, its columns with what they say, and whose rows are hers."""

    table: Table
    title: str
    path: str
    columns: tuple[tuple[Column[Any], P], ...]
    hidden: tuple[P, ...]  # held, told of, but not handed out: check values of passwords
    by_title: bool = False  # the rows belong to nobody; they are named by their titles

    @property
    def of_a_request(self) -> bool:
        """Whether its rows name the request they are about."""
        return "ticket_id" in self.table.c and self.table.name not in THREADS


def sorts() -> list[Sort]:
    """Every table that can hold something of a person's that goes into her copy."""
    found = []
    for held in tables():
        if held.says.subject is not None:
            shown = tuple((column, says) for column, says in held.columns if says.export in SHOWN)
            hidden = tuple(says for _, says in held.columns if says.export not in SHOWN and says.label)
            if shown or hidden:
                found.append(
                    Sort(held.table, held.says.label or held.table.name, held.says.subject, shown, hidden)
                )
        else:
            found += _named_in(held)
    return found


def _named_in(held: Held) -> Iterator[Sort]:
    """Columns that name her in rows that belong to nobody, like the owner of an article."""
    for column, says in held.columns:
        if says.subject is not None and says.export in SHOWN:
            yield Sort(held.table, says.label, says.subject, ((column, says),), (), by_title=True)


def other_sorts() -> list[Sort]:
    """The same without requests, messages and files, which stand together as conversations."""
    return [sort for sort in sorts() if sort.table.name not in THREADS]


# --- who it is for ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taker:
    """Whose copy is made, and with what: one session that sees one state, masks for others, where files lie."""

    session: Session
    storage: Storage
    person: Person
    masks: Masks

    @cached_property
    def columns(self) -> dict[str, list[Column[Any]]]:
        """The exported columns of each table."""
        return {sort.table.name: [column for column, _ in sort.columns] for sort in sorts()}

    def of_hers(self, text: str) -> str:
        """A text that she wrote herself: as it is. What a member of the team wrote at work may name customers."""
        return self.masks.text(text) if self.person.kind == STAFF else text


def count(session: Session, person_id: int) -> int:
    """How many messages and files there are, for the progress."""
    files = select(func.count()).select_from(Attachment).join(Message, Message.id == Attachment.message_id)
    each = (select(func.count()).select_from(Message), files)
    hers = (one.join(Ticket, Ticket.id == Message.ticket_id).where(_hers(person_id)) for one in each)
    return sum(session.scalar(one) or 0 for one in hers)


# --- tables ----------------------------------------------------------------------------------------------------------


def rows(taker: Taker, sort: Sort) -> Iterator[dict[str, Any]]:
    """Her rows of one table, oldest first: a value for each exported column, by its name."""
    if sort.by_title:
        column = sort.columns[0][0]
        titles = titles_of(sort.table).where(rows_of(sort.table, sort.path, taker.person.id))
        for title in taker.session.scalars(titles):
            yield {column.name: str(title)}
        return
    for row in _streamed(taker, _statement(sort, taker.person.id)):
        found = row._asdict()
        if sort.table.name == StaffAccess.__tablename__:
            found = {
                "at": found["at"].date(),
                "role": _role(taker, found["looked"]),
                "request": found["request"],
            }
        yield {name: _own(taker, sort, name, value) for name, value in found.items()}


def _streamed(taker: Taker, statement: Any) -> Iterator[Any]:
    """Rows as they come; the cursor is closed even if somebody reads only the first of them."""
    with taker.session.execute(statement.execution_options(yield_per=200)) as found:
        yield from found


def _statement(sort: Sort, person_id: int) -> Any:
    source: Any = sort.table
    wanted: list[Any] = []
    for column, _ in sort.columns:
        parent = named_parent(column)
        if parent is None:
            wanted.append(column)
        else:  # a reference says the name of what it refers to
            named = parent.alias()
            source = source.outerjoin(named, named.c.id == column)
            wanted.append(named.c.name.label(column.name))
    if sort.of_a_request:
        wanted.append((sort.table.c.ticket_id + FIRST_NUMBER).label("request"))
    if sort.table.name == StaffAccess.__tablename__:
        wanted.append(sort.table.c.person_id.label("looked"))
    return (
        select(*wanted)
        .select_from(source)
        .where(rows_of(sort.table, sort.path, person_id))
        .order_by(sort.table.c.id)
    )


def _own(taker: Taker, sort: Sort, name: str, value: Any) -> Any:
    """A value as it goes into the copy: what the team wrote, or she wrote as one of it, may name others."""
    says = next((says for column, says in sort.columns if column.name == name), None)
    if says is None or says.kind is not Kind.CONTENT:
        return value
    if taker.person.kind != STAFF and says.source is not Source.STAFF:
        return value
    if isinstance(value, dict):
        return {key: taker.masks.text(text) if isinstance(text, str) else text for key, text in value.items()}
    return taker.masks.text(value) if isinstance(value, str) else value


def _role(taker: Taker, person_id: int) -> str:
    """The right by which somebody of the team looked; single agents are not named (CJEU C-579/21)."""
    role = taker.session.scalar(
        select(Grant.role).where(Grant.person_id == person_id).order_by(Grant.id).limit(1)
    )
    return role or STAFF


# --- conversations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request: its number, whether it is hers, its exported columns (none of somebody else's), and its messages."""

    number: int
    own: bool
    fields: dict[str, Any]
    messages: Iterator[Said]


@dataclass(frozen=True, slots=True)
class Said:
    """A message: who wrote it, its exported columns, and its files."""

    own: bool
    author: str
    fields: dict[str, Any]
    files: tuple[Enclosed, ...]


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file of a message: its exported columns, its name in the archive (None when it is missing), and where it lies."""

    path: str | None
    fields: dict[str, Any]
    storage_key: str


def _hers(person_id: int) -> ColumnElement[bool]:
    """The condition for messages that go into her copy: what was said in her requests, and what she wrote anywhere.
    Internal notes of others, and answers taken back before they were sent, are not said to her."""
    said = and_(Ticket.requester_id == person_id, Message.public, Message.withdrawn_at.is_(None))
    return or_(said, Message.author_id == person_id)


def authors(taker: Taker) -> Iterator[int]:
    """Others who wrote in what she gets, in the order of their first message."""
    found = (
        select(Message.author_id)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(_hers(taker.person.id), Message.author_id.is_not(None), Message.author_id != taker.person.id)
        .group_by(Message.author_id)
        .order_by(func.min(Message.id))
    )
    yield from (person_id for person_id in taker.session.scalars(found) if person_id is not None)


def conversations(taker: Taker) -> Iterator[Conversation]:
    """Her requests with all that was said in them, and her own messages in those of others; oldest first."""
    wrote_in = select(Message.ticket_id).where(Message.author_id == taker.person.id)
    columns = taker.columns["ticket"]
    last = 0
    while True:
        block = taker.session.execute(
            _with_names(columns)
            .where(or_(Ticket.requester_id == taker.person.id, Ticket.id.in_(wrote_in)), Ticket.id > last)
            .order_by(Ticket.id)
            .limit(AT_ONCE)
        ).all()
        if not block:
            return
        last = block[-1].key
        files = _files(taker, [row.key for row in block])
        for row in block:
            own = row.requester == taker.person.id
            values = {column.name: getattr(row, column.name) for column in columns} if own else {}
            yield Conversation(
                row.key + FIRST_NUMBER,
                own,
                {name: _subject(taker, row, name, value) for name, value in values.items()},
                _said(taker, row, files),
            )


def _with_names(columns: list[Column[Any]]) -> Any:
    source: Any = Ticket.__table__
    wanted: list[Any] = [
        Ticket.id.label("key"),
        Ticket.requester_id.label("requester"),
        Ticket.channel.label("came"),
    ]
    for column in columns:
        parent = named_parent(column)
        if parent is None:
            wanted.append(column)
        else:
            named = parent.alias()
            source = source.outerjoin(named, named.c.id == column)
            wanted.append(named.c.name.label(column.name))
    return select(*wanted).select_from(source)


def _subject(taker: Taker, row: Any, name: str, value: Any) -> Any:
    """A subject that the team wrote (a phone call, a visit) may name somebody else."""
    if name == "subject" and row.came not in ("web", "mail", "api", "import"):
        return taker.masks.text(value)
    return taker.of_hers(value) if name == "subject" else value


def _said(taker: Taker, ticket: Any, files: dict[int, list[Row[Any]]]) -> Iterator[Said]:
    names = [column.name for column in taker.columns["message"]]
    thread = normalised(ticket.subject)
    for row in _messages(taker, ticket.key):
        own = row.author_id == taker.person.id
        body = row.body
        if not own:
            body = taker.masks.received(body, thread)
        elif row.author_kind == "agent":
            body = taker.masks.text(body)
        thread = f"{thread} {normalised(row.body)}"
        yield Said(
            own,
            taker.masks.say(N_("You")) if own else taker.masks.label(row.author_id),
            {name: getattr(row, name) for name in names} | {"body": body},
            tuple(_enclosed(taker, ticket.key, file, own=own) for file in files.get(row.id, [])),
        )


def _messages(taker: Taker, ticket_id: int) -> Iterator[Any]:
    columns = taker.columns["message"]
    wanted = (
        select(Message.id, Message.author_id, Message.author_kind, *columns)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(Message.ticket_id == ticket_id, _hers(taker.person.id))
        .order_by(Message.id)
    )
    yield from _streamed(taker, wanted)


def _files(taker: Taker, ticket_ids: list[int]) -> dict[int, list[Row[Any]]]:
    """Files of these requests that go into her copy, by message."""
    columns = taker.columns["attachment"]
    found: dict[int, list[Row[Any]]] = {}
    for row in taker.session.execute(
        select(Attachment.id, Attachment.message_id, Attachment.storage_key, *columns)
        .join(Message, Message.id == Attachment.message_id)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(Attachment.ticket_id.in_(ticket_ids), _hers(taker.person.id))
        .order_by(Attachment.id)
    ):
        found.setdefault(row.message_id, []).append(row)
    return found


def _enclosed(taker: Taker, ticket_id: int, row: Any, *, own: bool) -> Enclosed:
    names = [column.name for column in taker.columns["attachment"]]
    name = row.name if own else taker.masks.text(row.name)
    return Enclosed(
        path_of(ticket_id + FIRST_NUMBER, row.id, name) if _lies_in(taker.storage, row.storage_key) else None,
        {one: getattr(row, one) for one in names} | {"name": name},
        row.storage_key,
    )


def _lies_in(storage: Storage, key: str) -> bool:
    try:
        return storage.path(key).is_file()
    except FileNotFoundError:  # no key that the storage ever gave
        return False


def path_of(number: int, attachment_id: int, name: str) -> str:
    """Where a file lies in the archive: no folder of its own choosing, never the same twice."""
    return f"attachments/{number}/{attachment_id}-{clean_name(name)}"


# --- notes, journal --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """An internal note about her: in which of her requests (None: in somebody else's), when, by which role, and what
    became of it. `text` is what the officer released; `original` is for her eyes only."""

    row: int
    key: str
    ticket_id: int
    original: str
    request: int | None
    written_at: datetime
    author: str
    state: str
    text: str
    why: str
    files: int


HELD_BACK = "held_back"


def notes(taker: Taker, *, after: int = 0) -> Iterator[Note]:
    """Internal notes in her requests, and those elsewhere that name her; also what was taken back before it was sent.
    `after` leaves out those up to a row."""
    files = (
        select(func.count()).where(Attachment.message_id == Message.id).correlate(Message).scalar_subquery()
    )
    found = about_her(taker.person).where(Message.id > after)
    for row in _streamed(
        taker, found.add_columns(NoteDecision.state, NoteDecision.text, NoteDecision.reason, files)
    ):
        message: Message = row[0]
        own = row.requester_id == taker.person.id
        if not own and not _names(taker.person).spans(message.body):
            continue
        state = row.state or HELD_BACK
        yield Note(
            row=message.id,
            key=message.public_id,
            ticket_id=message.ticket_id,
            original=message.body,
            request=message.ticket_id + FIRST_NUMBER if own else None,
            written_at=message.created_at,
            author=taker.masks.label(message.author_id),
            state=state,
            text=taker.masks.text(row.text) if state == RELEASED else "",
            why=row.reason if state == WITHHELD else taker.masks.say(WHY_HELD_BACK) if not row.state else "",
            files=row[-1],
        )


def _names(person: Person) -> Names:
    return Names.of([(person.email, person.name)])


def about_her(person: Person) -> Any:
    """Select notes (`Message`) that may be about somebody, with the requester and the officer's decision. Those in
    requests of others are to be looked at again: the database compares loosely."""
    internal = or_(Message.public.is_(False), Message.withdrawn_at.is_not(None))
    column: Any = Message.__table__.c.body
    hers = or_(Ticket.requester_id == person.id, may_hold(column, _names(person)))
    return (
        select(Message, Ticket.requester_id)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .outerjoin(
            NoteDecision, and_(NoteDecision.message_id == Message.id, NoteDecision.person_id == person.id)
        )
        .where(internal, Message.body != "", Message.author_id.is_distinct_from(person.id), hers)
        .order_by(Message.id)
    )


def journal(taker: Taker) -> Iterator[dict[str, Any]]:
    """What others did with her account and her requests under data protection: when, what, by which role."""
    asked = select(PrivacyRequest.id).where(PrivacyRequest.person_id == taker.person.id)
    copies = select(DataExport.id).where(DataExport.person_id == taker.person.id)
    about = or_(
        and_(AuditEntry.object_kind == "person", AuditEntry.object_id == taker.person.id),
        and_(AuditEntry.object_kind == "privacy_request", AuditEntry.object_id.in_(asked)),
        and_(AuditEntry.object_kind == "data_export", AuditEntry.object_id.in_(copies)),
    )
    by_others = AuditEntry.actor_id.is_distinct_from(taker.person.id)
    entries = (
        select(AuditEntry.at, AuditEntry.action, AuditEntry.actor_id)
        .where(about, by_others)
        .order_by(AuditEntry.id)
    )
    for row in _streamed(taker, entries):
        yield {"at": row.at, "action": row.action, "by": taker.masks.label(row.actor_id)}
