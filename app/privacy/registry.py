"""What the classification of the columns says, read from the models: the source of my data, export and erasure.

Nothing here is written by hand about a table; a new column is known by what stands beside it in its model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, MetaData, Select, Table, select

from app.db import Base
from app.personal import Export, Kind, P, RowFate, T

CLEARABLE = "clear"
FATES = ("row", "clear", "truncate", "keep")


@dataclass(frozen=True, slots=True)
class Held:
    """One table as far as it holds something on a person."""

    table: Table
    says: T
    columns: tuple[tuple[Column[Any], P], ...]


def classification(column: Column[Any]) -> P | None:
    """What a column says of itself."""
    found = column.info.get("privacy")
    return found if isinstance(found, P) else None


def row_classification(table: Table) -> T | None:
    """What a table says of its rows."""
    found = table.info.get("privacy_table")
    return found if isinstance(found, T) else None


def tables(metadata: MetaData | None = None) -> Iterator[Held]:
    """Every classified table with its personal columns, parents before children."""
    for table in (metadata or Base.metadata).sorted_tables:
        says = row_classification(table)
        if says is not None:
            columns = ((column, classification(column)) for column in table.columns)
            yield Held(table, says, tuple((c, p) for c, p in columns if p and p.kind is not Kind.NONE))


def faults(metadata: MetaData) -> list[str]:
    """What is missing or contradictory in the classification, a line each; empty when every column and table is
    classified by the rules."""
    found = []
    for table in metadata.sorted_tables:
        says = row_classification(table)
        if says is None:
            found.append(f"{table.name}: the table is not classified")
            continue
        if says.subject is None and not says.why:
            found.append(f"{table.name}: belongs to nobody, without a reason")
        if says.subject is not None and not _ends_at_person(table, says.subject):
            found.append(f"{table.name}: the path {says.subject} does not end at a person")
        for column in table.columns:
            found.extend(
                f"{table.name}.{column.name}: {fault}" for fault in _column_faults(table, says, column)
            )
    return found


def _column_faults(table: Table, says: T, column: Column[Any]) -> Iterator[str]:
    held = classification(column)
    if held is None:
        yield "is not classified"
        return
    if held.kind is Kind.NONE:
        if not held.why:
            yield "is not personal, without a reason"
        return
    if held.purpose is None or not held.retain:
        yield "has no purpose or no term"
    if held.export is not Export.NEVER and not held.label:
        yield "is exported, without words for the person"
    if held.subject is not None and not _ends_at_person(table, held.subject):
        yield f"the path {held.subject} does not end at a person"
    yield from _fate_faults(says, column, held)


def _fate_faults(says: T, column: Column[Any], held: P) -> Iterator[str]:
    fate = held.on_erase
    if fate not in FATES and not (fate.startswith("replace:") and fate.partition(":")[2] in PSEUDONYMS):
        yield f"its fate {fate!r} is unknown"
    if fate == "row" and says.on_erase is RowFate.KEEP_ROW:
        yield "stands in a kept row and does not say what becomes of it"
    if fate.startswith("replace:") and held.kind is Kind.CONTENT:
        yield "content is never replaced, only cleared"
    if fate == "keep" and held.kind in (Kind.CONTENT, Kind.CONTACT, Kind.CREDENTIAL, Kind.NETWORK):
        yield f"{held.kind.value} may not survive erasure"
    if fate == "clear" and not column.nullable and column.type.python_type is not str:
        yield "is cleared, but may be neither null nor empty"


def _ends_at_person(table: Table, path: str) -> bool:
    if path == "self":
        return table.name == "person"
    for name in path.split("."):
        keys = list(table.columns[name].foreign_keys) if name in table.columns else []
        if len(keys) != 1:
            return False
        table = keys[0].column.table
    return table.name == "person"


def rows_of(table: Table, path: str, person_id: int | Collection[int]) -> ColumnElement[bool]:
    """The condition for the rows of one person (or several), along the path of foreign keys."""
    first, _, rest = path.partition(".")
    column = table.c.id if path == "self" else table.c[first]
    if not rest:
        return column == person_id if isinstance(person_id, int) else column.in_(person_id)
    parent = next(iter(column.foreign_keys)).column.table
    return column.in_(select(parent.c.id).where(rows_of(parent, rest, person_id)))


def titles_of(table: Table) -> Select[Any]:
    """What the rows of a table are called: their own title, that of the texts that belong to them, or their number."""
    newest = table.c.id.desc()
    if "title" in table.c:
        return select(table.c.title).order_by(newest)
    for texts in table.metadata.sorted_tables:
        for key in texts.foreign_keys:
            if key.column.table is table and "title" in texts.c:
                return (
                    select(texts.c.title).join(table, table.c.id == key.parent).order_by(newest, texts.c.id)
                )
    return select(table.c.id).order_by(newest)


def named_parent(column: Column[Any]) -> Table | None:
    """The table that a reference is shown by the name of; None for plain columns and for people."""
    for key in column.foreign_keys:
        if "name" in key.column.table.c and key.column.table.name != "person":
            return key.column.table
    return None


def pseudonym_name(public_id: str) -> str:
    """What stands for the name of an erased person: one pseudonym a person, so that counts stay right."""
    return f"P-{public_id[:8]}"


def pseudonym_address(public_id: str) -> str:
    """What stands for the address of an erased person; the top-level domain can never receive mail (RFC 2606)."""
    return f"{public_id}@erased.invalid"


PSEUDONYMS = {"pseudonym_name": pseudonym_name, "pseudonym_address": pseudonym_address}
