"""Counting tries, for all processes together, without another server.

Knows keys and windows; the meaning of a key ("sign-in of this address") belongs to the caller. Keys are stored as
keyed hashes, so the table tells no address and no network.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, literal, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, Instant, insert_or_add, primary_key, table_args
from app.personal import RowFate, T, not_personal


class Throttle(Base):
    """How often a key was tried in the window that ends at `until`."""

    __tablename__ = "throttle"
    __table_args__ = table_args(
        privacy=T(None, RowFate.KEEP_ROW, why="keyed hashes that end with their window")
    )

    id: Mapped[int] = primary_key()
    key: Mapped[str] = mapped_column(
        unique=True, info=not_personal("keyed hash of what is counted; not reversible without the secret")
    )
    count: Mapped[int] = mapped_column(info=not_personal("number of tries"))
    until: Mapped[datetime] = mapped_column(index=True, info=not_personal("end of the window"))


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` tries of one key in `window`."""

    name: str
    most: int
    window: timedelta


def tries(session: Session, limit: Limit, subject: str, *, secret: str, now: datetime) -> int:
    """Count one more try and give the number in the running window (this one included). Commits nothing.

    Counting is one statement, so that two processes never miss each other's try.
    """
    key = _key(limit, subject, secret)
    fresh = Throttle.until <= now
    ends = literal(now + limit.window, Instant())  # CASE does not pass the column's type on
    insert_or_add(
        session,
        Throttle,
        {"key": key, "count": 1, "until": now + limit.window},
        ["key"],
        {
            "count": case((fresh, 1), else_=Throttle.count + 1),
            "until": case((fresh, ends), else_=Throttle.until),
        },
    )
    return session.scalars(select(Throttle.count).where(Throttle.key == key)).one()


def ends_at(session: Session, limit: Limit, subject: str, *, secret: str) -> datetime | None:
    """When the running window of a key ends; None if there is none."""
    return session.scalar(select(Throttle.until).where(Throttle.key == _key(limit, subject, secret)))


def give_back(session: Session, limit: Limit, subject: str, *, secret: str) -> None:
    """Take one try back that turned out to be right, so that a busy office does not lock itself out."""
    session.execute(
        update(Throttle)
        .where(Throttle.key == _key(limit, subject, secret), Throttle.count > 0)
        .values(count=Throttle.count - 1)
        .execution_options(synchronize_session=False)
    )


def forget(session: Session, limit: Limit, subject: str, *, secret: str) -> None:
    """Start over for one key (a password was chosen anew)."""
    session.execute(delete(Throttle).where(Throttle.key == _key(limit, subject, secret)))


def sweep(session: Session, *, now: datetime) -> None:
    """Remove windows that have ended."""
    session.execute(delete(Throttle).where(Throttle.until <= now))


def _key(limit: Limit, subject: str, secret: str) -> str:
    text = f"throttle|{limit.name}|{subject}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:40]
