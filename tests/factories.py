"""Rows for tests, made directly: people, organisations, one row in every table."""

from __future__ import annotations

import itertools
import re
from datetime import date, datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, Table, Text
from sqlalchemy.orm import Session

from app.accounts.models import CUSTOMER, MEMBER, STAFF, Grant, Membership, Organisation, Person
from app.db import Base, Instant, sort_key
from app.now import now

PASSWORD = "a long and quiet password"

_numbers = itertools.count(1)


@cache
def password_hash() -> str:
    """A hash of `PASSWORD` that is quick to check."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


def person(session: Session, role: str = CUSTOMER, **given: Any) -> Person:
    """A person who proved her address and has `PASSWORD`. `role` is customer or a role of staff."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "kind": CUSTOMER if role == CUSTOMER else STAFF,
        "name": f"{role.replace('_', ' ').title()} Person{number}",
        "email": f"{role}{number}@example.org",
        "password_hash": password_hash(),
        "language": "en",
        "proved_at": now(),
        "created_at": now(),
        **given,
    }
    values.setdefault("sort_name", sort_key(values["name"]))
    made = Person(**values)
    session.add(made)
    session.flush()
    if role != CUSTOMER:
        session.add(Grant(person_id=made.id, role=role, created_at=now()))
        session.flush()
    return made


def organisation(session: Session, name: str = "", *members: Person, role: str = MEMBER) -> Organisation:
    """An organisation and its members."""
    name = name or f"Company {next(_numbers)}"
    slug = name.lower().replace(" ", "-")
    made = Organisation(slug=slug, name=name, sort_name=sort_key(name), created_at=now())
    session.add(made)
    session.flush()
    for member in members:
        session.add(Membership(organisation_id=made.id, person_id=member.id, role=role, created_at=now()))
    session.flush()
    return made


# What the check constraints ask for beyond one of a list and exactly one of two.
SPECIAL: dict[str, dict[str, Any]] = {
    "calendar_exception": {"kind": "hours"},
    "legal_hold": {"confirmed_by_id": None},
}
LISTED = re.compile(r"(\w+) IN \('(\w+)'")
ONE_OF = re.compile(r"\((\w+) IS NULL\) <> \((\w+) IS NULL\)")


def row_in_every_table(session: Session) -> dict[str, int]:
    """One row in each table, each referring to the others' rows. Gives the number of rows by table.

    New tables need nothing here unless a check constraint asks for special values.
    """
    keys: dict[str, int] = {}
    for table in Base.metadata.sorted_tables:
        values = {c.name: _value(table, c, keys) for c in table.columns if not c.primary_key}
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint):
                rule = str(constraint.sqltext)
                values |= {found[1]: found[2] for found in LISTED.finditer(rule)}
                values |= {found[2]: None for found in ONE_OF.finditer(rule)}
        values |= SPECIAL.get(table.name, {})
        result = session.execute(table.insert().values(**values))
        keys[table.name] = result.inserted_primary_key[0]
    session.flush()
    return dict.fromkeys(keys, 1)


def _value(table: Table, column: Column[Any], keys: dict[str, int]) -> Any:
    name = f"{table.name}.{column.name}"
    for reference in column.foreign_keys:
        return keys.get(reference.column.table.name)
    kind = column.type
    if isinstance(kind, Instant):
        return datetime.fromtimestamp(1_790_000_000 + len(keys), tz=now().tzinfo)
    if isinstance(kind, Date):
        return date(2026, 11, 20)
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, Text):
        return f"{name} Größe \U0001f4e6 {len(keys)}"
    if isinstance(kind, BigInteger):
        return 1
    return {"de": "Straße", "en": "street"}
