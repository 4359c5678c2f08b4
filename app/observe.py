"""Observations: what happened while people looked (last visit, views, heartbeats). None of it changes what anybody
can do, so it is written after the answer is sent, in one short transaction without a disk flush (`app.web.observe_later`).

Knows the tables of counting; the meaning of a count belongs to whoever asks for it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, insert_or_add, primary_key, table_args
from app.personal import RowFate, T, not_personal


class Heartbeat(Base):
    """When a process last said that it lives."""

    __tablename__ = "heartbeat"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="processes, not persons"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("kind of process"))
    at: Mapped[datetime] = mapped_column(info=not_personal("when it was last alive"))
    detail: Mapped[str] = mapped_column(info=not_personal("what it last finished"))


def beat(session: Session, name: str, *, now: datetime, detail: str = "") -> None:
    """Say that a process lives."""
    insert_or_add(
        session,
        Heartbeat,
        {"name": name, "at": now, "detail": detail},
        ["name"],
        {"at": now, "detail": detail},
    )


def last_beat(session: Session, name: str) -> datetime | None:
    """When a process last said that it lives."""
    return session.scalar(select(Heartbeat.at).where(Heartbeat.name == name))
