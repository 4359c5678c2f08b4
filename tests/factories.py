"""Rows for tests, made directly: people, organisations, one row in every table."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import BigInteger, Boolean, Column, Date, Table, Text
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


# Columns whose check constraints allow only some values.
ALLOWED: dict[str, Any] = {
    "person.kind": CUSTOMER,
    "grant.role": "agent",
    "membership.role": MEMBER,
    "article.audience": "public",
    "article_text.state": "draft",
    "business_hours.weekday": 6,
    "calendar_exception.kind": "hours",
    "calendar_exception.source": "manual",
    "sla_policy_version.on_reopen": "resume",
    "sla_escalation_step.action": "notify",
    "request_type.retention": "ticket_support",
    "ticket.status": "open",
    "ticket.priority": "normal",
    "ticket.disposal": None,
    "message.author_kind": "customer",
    "message.body_kind": "markdown",
}


def row_in_every_table(session: Session) -> dict[str, int]:
    """One row in each table, each referring to the others' rows. Gives the number of rows by table.

    New tables need nothing here unless a check constraint asks for special values.
    """
    keys: dict[str, int] = {}
    for table in Base.metadata.sorted_tables:
        values = {
            column.name: _value(table, column, keys) for column in table.columns if not column.primary_key
        }
        values = {name: value for name, value in values.items() if value is not ...} | ONE_OF.get(
            table.name, {}
        )
        result = session.execute(table.insert().values(**values))
        keys[table.name] = result.inserted_primary_key[0]
    session.flush()
    return dict.fromkeys(keys, 1)


# Tables where exactly one of several references may be set.
ONE_OF: dict[str, dict[str, Any]] = {
    "segment_member": {"organisation_id": None},
    "article_audience": {"segment_id": None},
}


def _value(table: Table, column: Column[Any], keys: dict[str, int]) -> Any:
    name = f"{table.name}.{column.name}"
    if name in ALLOWED:
        return ALLOWED[name]
    for reference in column.foreign_keys:
        return keys.get(reference.column.table.name, ... if column.nullable else 1)
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
        return 7
    return {"de": "Straße", "en": "street"}
