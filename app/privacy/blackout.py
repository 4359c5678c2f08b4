"""Black-out: a passage or a file disappears wherever it stands, leaving a mark with the reason.

First the places are found and shown, then exactly those chosen are changed. The ledger keeps where in a message
something stood, never what: a restored message gets the same holes again. The caller commits; files of captured mail and
the database's old copies are the last step (`finish`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app import audit, outbox
from app.articles import editions
from app.articles.models import ArticleText, Revision
from app.db import all_tables
from app.errors import NotVisible, Refused
from app.privacy import conversations, copies
from app.privacy.executor import ledger_of
from app.privacy.mentions import GO_WHOLE, may_hold, not_kept, text_columns
from app.privacy.models import FILE, PASSAGE, Blackout, ErasureRecord
from app.privacy.passages import Names, Span, cut, marker, passage_pattern, spans_of
from app.privacy.sinks import CapturedMailSink
from app.tickets.models import FIRST_NUMBER, Attachment, Message, Ticket
from app.web import Portal
from app.words import N_

SHORTEST, LONGEST = 3, 2_000  # characters of a passage
AT_MOST = 200  # places on one page; more are done in a second round
AROUND = 60  # characters of context in a preview


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands: table, row and column, the request it belongs to (0: none), and how the words read now.
    `kept` says that a statute or a case forbids to change it."""

    key: str
    table: str
    row: int
    column: str
    number: int
    before: str
    after: str
    kept: bool


def places(session: Session, passage: str, reason: str, *, lang: str) -> list[Place]:
    """Every place of a passage in the database's texts, articles included. Raises `Refused` for one that is too short."""
    pattern = passage_pattern(passage)
    if pattern is None or len(passage.strip()) < SHORTEST:
        raise Refused(N_("Name at least %(least)s characters."), "passage", least=SHORTEST)
    names = Names(frozenset({" ".join(passage.split())}), frozenset())
    mark = marker(reason, lang=lang)
    found: list[Place] = []
    for table, columns in _columns():
        for row in _rows(session, table, columns, names):
            for column in columns:
                found += _places_in(table, column, row, passage, mark)
    return found[:AT_MOST]


def _columns() -> Iterator[tuple[Table, list[Column[Any]]]]:
    """Texts that people typed, and those of articles, which are the operator's."""
    yield from text_columns()
    for table in (ArticleText.__table__, Revision.__table__):
        assert isinstance(table, Table)
        yield table, [table.c[name] for name in ("title", "summary", "body") if name in table.c]


def _rows(session: Session, table: Table, columns: Sequence[Column[Any]], names: Names) -> Sequence[Any]:
    ticket = table.c.id if table.name == "ticket" else table.c.get("ticket_id")
    return session.execute(
        select(
            table.c.id,
            (ticket if ticket is not None else func.abs(0)).label("of_ticket"),
            not_kept(table).label("free"),
            *columns,
        )
        .where(or_(*(may_hold(column, names) for column in columns)))
        .order_by(table.c.id)
        .limit(AT_MOST + 1)
    ).all()


def _places_in(table: Table, column: Column[Any], row: Any, passage: str, mark: str) -> Iterator[Place]:
    value = getattr(row, column.name)
    text = "\n".join(map(str, value.values())) if isinstance(value, dict) else (value or "")
    spans = spans_of(passage, text)
    if spans:
        yield Place(
            key=f"{table.name}.{row.id}.{column.name}",
            table=table.name,
            row=row.id,
            column=column.name,
            number=row.of_ticket + FIRST_NUMBER if row.of_ticket else 0,
            before=_excerpt(text, spans[0]),
            after=_excerpt_after(text, spans[0], mark),
            kept=not row.free,
        )


def _excerpt(text: str, span: Span) -> str:
    return text[max(0, span[0] - AROUND) : span[1] + AROUND]


def _excerpt_after(text: str, span: Span, mark: str) -> str:
    return text[max(0, span[0] - AROUND) : span[0]] + mark + text[span[1] : span[1] + AROUND]


def black_out(
    session: Session,
    portal: Portal,
    passage: str,
    chosen: Collection[str],
    reason: str,
    *,
    actor_id: int,
    now: datetime,
) -> Blackout:
    """Remove a passage from the chosen places. Raises `Refused` when a place is kept by a statute or a case, or nothing
    is chosen."""
    lang = portal.languages[0]
    found = [place for place in places(session, passage, reason, lang=lang) if place.key in chosen]
    if not found:
        raise Refused(N_("Choose at least one place."), "places")
    if any(place.kept for place in found):
        raise Refused(N_("One of these places must stay by law or for a case."), "places")
    mark = marker(reason, lang=lang)
    messages = {place.row for place in found if place.table == "message"}
    holes = _holes(session, messages, passage)
    tickets = [place.row for place in found if place.table == "ticket"]
    _note_in_ledger(session, portal, PASSAGE, holes, _ticket_keys(session, tickets), [], now)
    for place in found:
        _cut_in(session, place, passage, mark)
    row = _stored(session, PASSAGE, reason, [place.key for place in found], actor_id, now)
    _index_again(session, found, now)
    return row


def _cut_in(session: Session, place: Place, passage: str, mark: str) -> None:
    table = next(table for table in all_tables() if table.name == place.table)
    column = table.c[place.column]
    old = session.scalar(select(column).where(table.c.id == place.row).with_for_update())
    if place.table in GO_WHOLE:
        session.execute(delete(table).where(table.c.id == place.row))
        return
    if isinstance(old, dict):
        new: Any = {
            key: cut(text, spans_of(passage, text), mark) if isinstance(text, str) else text
            for key, text in old.items()
        }
    else:
        new = cut(old or "", spans_of(passage, old or ""), mark)
    values = {place.column: new}
    if place.table == "message":  # markup may part the words anywhere; the text beside it is the truth
        values["html"] = None
        if place.column == "html":
            del values["html"]
            values = {"html": None}
    session.execute(update(table).where(table.c.id == place.row).values(values))


def _holes(session: Session, message_ids: Collection[int], passage: str) -> list[str]:
    """Where the passage stands in messages, as the ledger keeps it: public id and places, no words."""
    rows = session.execute(
        select(Message.public_id, Message.body).where(Message.id.in_(message_ids)).order_by(Message.id)
    )
    return [f"{key}:{write_spans(spans_of(passage, body))}" for key, body in rows]


def write_spans(spans: Sequence[Span]) -> str:
    """Places in a text for the ledger: `12-18,40-46`."""
    return ",".join(f"{start}-{end}" for start, end in spans)


def read_spans(written: str) -> list[Span]:
    """The places again."""
    pairs = (pair.split("-") for pair in written.split(",") if pair)
    return [(int(start), int(end)) for start, end in pairs]


def _ticket_keys(session: Session, ticket_ids: Collection[int]) -> list[str]:
    return list(
        session.scalars(select(Ticket.public_id).where(Ticket.id.in_(ticket_ids)).order_by(Ticket.id))
    )


def _index_again(session: Session, found: Sequence[Place], now: datetime) -> None:
    """A changed article is a new edition of the help centre; its index is built anew, because one that is only changed
    keeps deleted text for a while."""
    texts = {place.row for place in found if place.table == "article_text"}
    revisions = [place.row for place in found if place.table == "revision"]
    texts |= set(session.scalars(select(Revision.article_text_id).where(Revision.id.in_(revisions))))
    if texts:
        which = ArticleText.id.in_(texts)
        newest = session.scalar(select(func.max(ArticleText.updated_at)).where(which)) or now
        later = max(now, newest + timedelta(seconds=1))  # pages kept in memory are named by it
        session.execute(update(ArticleText).where(which).values(updated_at=later))
        editions.turn(session)
        outbox.put(session, "articles.rebuild", run_at=now)


# --- files -----------------------------------------------------------------------------------------------------------


def black_out_file(
    session: Session,
    portal: Portal,
    attachment_id: int,
    reason: str,
    *,
    actor_id: int,
    now: datetime,
) -> Blackout:
    """Remove a file; its message says that one was removed, and why. Raises `NotVisible` or `Refused`."""
    row = session.execute(
        select(Attachment.storage_key, Attachment.message_id, _free_file()).where(
            Attachment.id == attachment_id
        )
    ).first()
    if row is None:
        raise NotVisible
    if not row[2]:
        raise Refused(N_("One of these places must stay by law or for a case."), "places")
    _note_in_ledger(session, portal, FILE, [], [], [row[0]], now)
    conversations.delete_file(session, portal.storage, row[0])
    message = session.get_one(Message, row[1])
    message.body = f"{message.body}\n\n{marker(reason, lang=portal.languages[0])}".strip()
    return _stored(session, FILE, reason, [f"attachment.{attachment_id}"], actor_id, now)


def _free_file() -> ColumnElement[bool]:
    table = Attachment.__table__
    assert isinstance(table, Table)
    return not_kept(table)


# --- both ------------------------------------------------------------------------------------------------------------


def _note_in_ledger(
    session: Session,
    portal: Portal,
    action: str,
    messages: Sequence[str],
    tickets: Sequence[str],
    files: Sequence[str],
    now: datetime,
) -> None:
    """Raises `OSError` when a place cannot be written; then nothing is changed."""
    entry = ledger_of(portal).append(
        at=int(now.timestamp()),
        action=action,
        subject=files[0] if files else "",
        messages=messages,
        tickets=tickets,
        files=files,
    )
    session.add(ErasureRecord(number=entry.number, digest=entry.digest, at=now))


def _stored(
    session: Session, kind: str, reason: str, where: list[str], actor_id: int, now: datetime
) -> Blackout:
    row = Blackout(kind=kind, reason=reason, actor_id=actor_id, at=now, places=where)
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor_id=actor_id,
        action="privacy.blackout",
        object_kind="blackout",
        object_id=row.id,
        at=now,
        count=len(where),
    )
    return row


def finish(portal: Portal, passage: str) -> None:
    """After the commit: captured letters that hold the passage go, copies of people's data are made again, and old copies
    on the disk are overwritten."""
    sink = CapturedMailSink(portal.captured_mail_dir)
    if passage:
        sink.erase_with(passage)
    copies.remake_all(portal)
    portal.database.overwrite_deleted()


def make_holes(session: Session, written: str, mark: str) -> bool:
    """Replay of the ledger: cut the same places out of a restored message, unless that is done."""
    key, _, spans = written.partition(":")
    message = session.scalar(select(Message).where(Message.public_id == key).with_for_update())
    if message is None:
        return False
    message.body = cut(message.body, read_spans(spans), mark)
    message.html = None
    return True
