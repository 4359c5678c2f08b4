"""A person whose every personal column holds a word that stands nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, Table, Text, UniqueConstraint
from sqlalchemy.orm import Session

from app.db import Base, Instant, Localised
from app.i18n import format_date, format_datetime
from app.personal import Kind, P
from app.privacy.registry import classification, row_classification
from tests.factories import LISTED, ONE_OF, SPECIAL

START = datetime(2021, 1, 1, 12, tzinfo=UTC)

LEFT_OUT = {
    "person.disabled_at",  # she has to sign in to read her page
    "person.erasing_at",
    "person.erased_at",
}


@dataclass(frozen=True)
class Canary:
    """One planted value: where, what the classification says of it, and how it reads on a page."""

    table: str
    column: str
    says: P
    words: str


@dataclass
class Planted:
    """A person with one row in every table, all hers, and the canaries in them."""

    person_id: int = 0
    canaries: list[Canary] = field(default_factory=list)


def plant(session: Session, tag: str, first_day: int = 0) -> Planted:
    """One row in each table about a new person. `tag` stands in all texts; instants begin on `first_day`."""
    planted, keys = Planted(), {}
    for number, table in enumerate(Base.metadata.sorted_tables):
        values: dict[str, Any] = {}
        for position, column in enumerate(table.columns):
            if column.primary_key:
                continue
            moment = START + timedelta(days=first_day + number * 40 + position)
            value = _value(table, column, keys, tag, moment)
            if value is not ...:
                values[column.name] = value
        values |= dict.fromkeys(_unset(table))
        row = session.execute(table.insert().values(**values)).inserted_primary_key
        keys[table.name] = row[0]
        planted.canaries += _canaries(table, values)
    session.flush()
    planted.person_id = keys["person"]
    return planted


def _value(table: Table, column: Column[Any], keys: dict[str, int], tag: str, moment: datetime) -> Any:
    name = f"{table.name}.{column.name}"
    if name in LEFT_OUT:
        return None
    fixed = _fixed(table, column)
    if fixed is not ...:
        return fixed
    for reference in column.foreign_keys:
        return keys.get(reference.column.table.name, ... if column.nullable else 1)
    if isinstance(column.type, Instant):
        return moment
    if isinstance(column.type, Date):
        return moment.date()
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Text):
        return f"{tag}-{table.name}-{column.name}-canary"
    if isinstance(column.type, BigInteger):
        alone = any(
            column.name in one.columns for one in table.constraints if isinstance(one, UniqueConstraint)
        )
        return int(moment.timestamp()) if column.unique or alone else 1
    word = f"{tag}-{table.name}-{column.name}-canary"
    return {"de": word, "en": word} if isinstance(column.type, Localised) else {"note": word}


def _fixed(table: Table, column: Column[Any]) -> Any:
    """A value that a check constraint allows, where only some are; else `...`."""
    if column.name in SPECIAL.get(table.name, {}):
        return SPECIAL[table.name][column.name]
    found = (pair for rule in _rules(table) for pair in LISTED.finditer(rule))
    return next((pair[2] for pair in found if pair[1] == column.name), ...)


def _rules(table: Table) -> list[str]:
    return [str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)]


def _unset(table: Table) -> list[str]:
    """Where exactly one of two references may be set, the one that is not: a person stays."""
    found = []
    for rule in _rules(table):
        for pair in ONE_OF.finditer(rule):
            found.append(pair[1] if pair[2] == "person_id" else pair[2])
    return found


def _canaries(table: Table, values: dict[str, Any]) -> list[Canary]:
    """What of a row can be recognised on a page. Codes that a rule fixes and plain numbers cannot."""
    rows = row_classification(table)
    found = []
    for column in table.columns:
        says, value = classification(column), values.get(column.name)
        if says is None or says.kind is Kind.NONE or _fixed(table, column) is not ...:
            continue
        if rows is None or (rows.subject is None and says.subject is None):
            continue
        words = _words(value)
        if words is not None:
            found.append(Canary(table.name, column.name, says, words))
    return found


def _words(value: Any) -> str | None:
    if isinstance(value, datetime):
        return format_datetime(value, "en")
    if isinstance(value, date):
        return format_date(value, "long", "en")
    if isinstance(value, dict):
        return str(next(iter(value.values())))
    return value if isinstance(value, str) else None
