"""What is held about one person, in plain words: from the classification of the columns and the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from app.personal import Export, Kind, P
from app.privacy.registry import Held, named_parent, rows_of, tables, titles_of
from app.words import N_

SHOWN = 25  # rows of one sort on the page; the count says how many there are

# Codes as a person reads them; a code that is missing is shown as it is.
CODES = {
    "customer": N_("Customer"),
    "staff": N_("Team member"),
    "member": N_("Member"),
    "colleague": N_("Colleague"),
    "manager": N_("Manager"),
    "admin": N_("Administrator"),
    "agent": N_("Agent"),
    "lead": N_("Team lead"),
    "editor": N_("Editor"),
    "privacy_officer": N_("Privacy officer"),
    "de": N_("German"),
    "en": N_("English"),
    "light": N_("Light"),
    "dark": N_("Dark"),
    "system": N_("System"),
    "sign_up": N_("Confirm an address"),
    "reset": N_("Reset a password"),
    "invitation": N_("Accept an invitation"),
    "new_address": N_("Confirm a new address"),
    "survey": N_("Survey by email"),
    "news": N_("News about the product"),
    "page": N_("On our page"),
    "link": N_("By the link in an email"),
    "renewed": N_("Replaced by a newer one"),
    "erasure": N_("Deletion"),
    "objection": N_("Objection"),
    "rectification": N_("Correction"),
    "restriction": N_("Restriction"),
    "access": N_("Information"),
    "export": N_("Copy of the data"),
    "grace": N_("Can be taken back"),
    "running": N_("Being carried out"),
    "done": N_("Done"),
    "withdrawn": N_("Taken back"),
    "refused": N_("Refused"),
    "held": N_("Held back by a case"),
    "open": N_("Open"),
    "new": N_("New"),
    "pending": N_("Waiting for customer"),
    "on_hold": N_("On hold"),
    "solved": N_("Solved"),
    "closed": N_("Closed"),
    "low": N_("Low"),
    "normal": N_("Normal"),
    "high": N_("High"),
    "urgent": N_("Urgent"),
    "web": N_("Form"),
    "desk": N_("Desk"),
    "mail": N_("Email"),
    "phone": N_("Phone"),
    "letter": N_("Letter"),
    "visit": N_("Visit"),
    "api": N_("Interface"),
    "import": N_("Import"),
    "privacy": N_("Show your data"),
    "deletion_undo": N_("Take back a deletion"),
}


CODED = (
    Kind.DERIVED,
    Kind.PREFERENCE,
    Kind.CONSENT,
    Kind.AUDIT,
)  # kinds whose texts are codes, not typed words


class Code(str):
    """A value that is one of `CODES`; what somebody typed is never taken for one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One sort of data: what it is, where it is from, why it is held, on which basis, how long, and whether it is
    shown here (a check value of a password is not)."""

    label: str
    source: str
    purpose: str
    basis: str
    terms: tuple[str, ...]
    shown: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One table's part: its name, how many rows there are, the newest of them as (label, value) pairs, the facts.

    Labels and codes are marked for translation; values are text, numbers, days or instants.
    """

    name: str
    label: str
    count: int
    rows: list[list[tuple[str, Any]]]
    facts: tuple[Fact, ...]


def sections(session: Session, person_id: int) -> list[Section]:
    """Everything held about a person, one section a table that has rows of hers."""
    mine = [held for held in tables() if held.says.subject is not None]
    counts = _counts(session, mine, person_id)
    return [
        Section(
            name=held.table.name,
            label=held.says.label or held.table.name,
            count=counts[held.table.name],
            rows=_rows(session, held, person_id),
            facts=tuple(_fact(says) for _, says in held.columns if says.label),
        )
        for held in mine
        if counts[held.table.name]
    ] + list(_mentions(session, person_id))


def _mentions(session: Session, person_id: int) -> Iterator[Section]:
    """Rows that belong to nobody but name her in one column (the owner of an article), by their titles."""
    for held in tables():
        for column, says in held.columns:
            if held.says.subject is not None or says.subject is None or says.export is Export.NEVER:
                continue
            hers = rows_of(held.table, says.subject, person_id)
            count = session.scalar(select(func.count()).select_from(held.table).where(hers)) or 0
            if count:
                titles = session.scalars(titles_of(held.table).where(hers).limit(SHOWN))
                rows = [[(says.label, str(title))] for title in titles]
                yield Section(f"{held.table.name}-{column.name}", says.label, count, rows, (_fact(says),))


def _counts(session: Session, mine: Iterable[Held], person_id: int) -> dict[str, int]:
    """Rows per table, in one statement."""
    each = [
        select(literal(held.table.name), func.count())
        .select_from(held.table)
        .where(rows_of(held.table, held.says.subject or "", person_id))
        for held in mine
    ]
    return {str(name): int(count) for name, count in session.execute(union_all(*each))}


def _rows(session: Session, held: Held, person_id: int) -> list[list[tuple[str, Any]]]:
    shown = [
        (column, says) for column, says in held.columns if says.label and says.export is not Export.NEVER
    ]
    if not shown:
        return []
    source: Any = held.table
    columns = []
    for column, _ in shown:
        named = named_parent(column)
        if named is None:
            columns.append(column)
        else:  # a reference is shown by the name of what it refers to
            parent = named.alias()
            source = source.outerjoin(parent, parent.c.id == column)
            columns.append(parent.c.name)
    statement = (
        select(*columns)
        .select_from(source)
        .where(rows_of(held.table, held.says.subject or "", person_id))
        .order_by(held.table.c.id.desc())
        .limit(SHOWN)
    )
    labels = [(says.label, says.kind in CODED) for _, says in shown]
    return [
        [
            (label, Code(value) if coded and isinstance(value, str) and value in CODES else _readable(value))
            for (label, coded), value in zip(labels, row, strict=True)
            if value not in (None, "")
        ]
        for row in session.execute(statement)
    ]


def _readable(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() <= {"de", "en"}:
        return value  # a text in several languages; the page shows the reader's
    if isinstance(value, dict):
        return "\n".join(f"{name}: {text}" for name, text in value.items())
    if isinstance(value, str | date | datetime | int):
        return value
    return str(value)


def _fact(says: P) -> Fact:
    assert says.purpose is not None
    return Fact(
        label=says.label,
        source=says.source.value,
        purpose=says.purpose.words,
        basis=says.purpose.basis.value,
        terms=tuple(term.words for term in says.retain),
        shown=says.export is not Export.NEVER,
    )
