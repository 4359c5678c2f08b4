"""The edition of the help centre: a number that grows with every change readers could see, so that pages kept in
memory can be named by it. Other things kept in memory have counters of their own. Reading one is one cheap statement."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.articles.models import Edition
from app.db import insert_or_add

NAME = "help centre"


_NUMBERS = select(Edition.name, Edition.number)


def numbers(session: Session) -> dict[str, int]:
    """All counters by name; one that never turned is missing."""
    return {row.name: row.number for row in session.execute(_NUMBERS)}


def current(session: Session, name: str = NAME) -> int:
    """The number of the present edition."""
    return session.scalar(select(Edition.number).where(Edition.name == name)) or 0


def turn(session: Session, name: str = NAME) -> None:
    """Begin a new edition, in the transaction of the change."""
    insert_or_add(session, Edition, {"name": name, "number": 1}, ["name"], {"number": Edition.number + 1})
