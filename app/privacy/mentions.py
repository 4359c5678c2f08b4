"""What other people wrote about an erased person: her address and full name leave their texts, quotes of hers too.

Which columns are texts comes from the classification. What a statute or a hold keeps stays as it is; published articles
are the operator's and are only reported (`flask privacy find`). The caller commits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Table,
    Text,
    and_,
    cast,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.personal import Kind
from app.privacy.facts import IN_FORCE
from app.privacy.models import LegalHold
from app.privacy.passages import WORD, Names
from app.privacy.planner import STATUTORY_YEARS
from app.privacy.registry import classification, row_classification, tables
from app.searchlog import Searched
from app.tickets.models import RequestType, Ticket, TicketTag

AT_ONCE = 500
# Rows that are nothing but the words: a tag or a search that names her goes whole.
GO_WHOLE = {TicketTag.__tablename__: "tag", Searched.__tablename__: "text"}
KEPT = frozenset({"legal_hold", "retained_identity", "privacy_request"})  # their own terms decide


def text_columns() -> Iterator[tuple[Table, list[Column[Any]]]]:
    """Every table with texts that somebody typed, and those columns."""
    for held in tables():
        if held.table.name not in KEPT:
            columns = [column for column in held.table.columns if is_text(column)]
            if columns:
                yield held.table, columns


def is_text(column: Column[Any]) -> bool:
    """Whether a column holds what somebody typed: content and names of files, tags, searches, and addresses in rows that
    belong to nobody."""
    says = classification(column)
    typed = says is not None and (says.kind in (Kind.CONTENT, Kind.FILE) or is_loose_address(column))
    if column.table.name in GO_WHOLE:
        typed = column.name == GO_WHOLE[column.table.name]
    return typed and not column.unique and isinstance(column.type, Text | JSON)


def is_loose_address(column: Column[Any]) -> bool:
    """Whether a column holds an address although its row belongs to nobody (whom an escalation writes to)."""
    says, rows = classification(column), row_classification(column.table)
    return says is not None and says.kind is Kind.CONTACT and rows is not None and rows.subject is None


def remove(
    session: Session, table: Table, columns: list[Column[Any]], names: Names, mark: str, *, after: int = 0
) -> tuple[int, int]:
    """Remove names from the next `AT_ONCE` rows of a table behind the row `after`.

    Gives the last row looked at (0: there are no more) and how many rows were changed.
    """
    rows = session.execute(
        select(table.c.id, *columns)
        .where(table.c.id > after, or_(*(may_hold(column, names) for column in columns)), not_kept(table))
        .order_by(table.c.id)
        .limit(AT_ONCE)
    ).all()
    changed = 0
    for row in rows:
        values = {
            column.name: new
            for column, old in zip(columns, row[1:], strict=True)
            if (new := _without(column, old, names, mark)) != old
        }
        if table.name in GO_WHOLE:
            if not values and not names.covers(str(row[1])):
                continue
            session.execute(delete(table).where(table.c.id == row[0]))
        elif values:
            session.execute(update(table).where(table.c.id == row[0]).values(values))
        else:
            continue
        changed += 1
    return (rows[-1][0] if rows else 0), changed


def _without(column: Column[Any], old: Any, names: Names, mark: str) -> Any:
    if isinstance(old, dict):
        return {
            key: names.removed(value, mark) if isinstance(value, str) else value for key, value in old.items()
        }
    if not isinstance(old, str) or not names.spans(old):
        return old
    if is_loose_address(column):
        return None if column.nullable else ""  # an address with a mark in it is none
    if column.name == "html":
        return None  # markup may part a name anywhere; the text beside it is the truth
    return names.removed(old, mark)


def may_hold(column: Column[Any], names: Names) -> ColumnElement[bool]:
    """A condition that lets every row through that could hold one of the names; of many, simply every row."""
    text = column if isinstance(column.type, Text) else cast(column, Text)
    wanted = [*names.emails, *names.names]
    if column.table.name in GO_WHOLE:  # a search for a part of her name counts too (`Names.covers`)
        wanted += [word for name in names.names for word in WORD.findall(name)]
    if len(wanted) > 20:
        return text != ""
    likes = (func.lower(text).like(_loose(word)) for word in wanted)
    return or_(false(), *likes)


def _loose(word: str) -> str:
    """A LIKE pattern that no writing of the word escapes: letters outside ASCII and everything between words match
    anything (SQLite lowers only ASCII, JSON writes the others as codes)."""
    return f"%{re.sub(r'[^a-z0-9]+', '%', word.lower())}%"


def not_kept(table: Table) -> ColumnElement[bool]:
    """The condition for rows of requests that no statute and no hold keeps; of other tables every row."""
    if table.name == "ticket":
        return table.c.id.not_in(_kept_tickets())
    if "ticket_id" in table.c:
        return or_(table.c.ticket_id.is_(None), table.c.ticket_id.not_in(_kept_tickets()))
    return table.c.id.is_not(None)


def _kept_tickets() -> Any:
    statutory = func.coalesce(Ticket.retention, RequestType.retention, "").in_(tuple(STATUTORY_YEARS))
    held = exists().where(
        and_(IN_FORCE, or_(LegalHold.ticket_id == Ticket.id, LegalHold.person_id == Ticket.requester_id))
    )
    return (
        select(Ticket.id)
        .outerjoin(RequestType, RequestType.id == Ticket.request_type_id)
        .where(or_(statutory, held))
    )
