"""Who changed what: one row for every change made in the admin area, by a lead or on the command line.

Written in the transaction of the change it tells of. It keeps ids and names of fields, never contents about people.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, Json, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, RowFate, Source, T, not_personal, personal
from app.words import N_


class AuditEntry(Base):
    """One change. `object_id` is the row number of the object in the table that `object_kind` names."""

    __tablename__ = "audit_entry"
    __table_args__ = table_args(
        Index("ix_audit_entry_at_id", "at", "id"),
        Index("ix_audit_entry_object_kind_object_id", "object_kind", "object_id"),
        privacy=T("actor_id", RowFate.KEEP_ROW, N_("Changes you made")),
    )

    id: Mapped[int] = primary_key()
    at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.AUDIT,
            N_("Time of the change"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )
    actor_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
        ),
    )
    through: Mapped[str] = mapped_column(info=not_personal("web, command line or worker"))
    action: Mapped[str] = mapped_column(
        info=personal(
            Kind.AUDIT,
            N_("What you changed"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )
    object_kind: Mapped[str] = mapped_column(info=not_personal("table of the object"))
    object_id: Mapped[int | None] = mapped_column(info=not_personal("row number of the object"))
    details: Mapped[dict[str, Any]] = mapped_column(
        Json,
        info=not_personal(
            "names of changed fields, row numbers, and values of settings",
            keys=(
                "fields",
                "from",
                "to",
                "role",
                "state",
                "count",
                "lang",
                "version",
                "*_id",
                "name",
                "reason",
            ),
        ),
    )


def record(
    session: Session,
    *,
    actor_id: int | None,
    action: str,
    object_kind: str,
    object_id: int | None,
    at: datetime,
    through: str = "web",
    **details: Any,
) -> None:
    """Write one entry in the caller's transaction.

    `action` is `<noun>.<verb>` ("article.publish"). `details` holds names of changed fields and settings' values,
    never names, addresses or texts of people. `actor_id` is None for the command line and the worker.
    """
    session.add(
        AuditEntry(
            at=at,
            actor_id=actor_id,
            through=through if actor_id is None or through != "web" else "web",
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            details=details,
        )
    )
