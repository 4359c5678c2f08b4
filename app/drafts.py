"""Unsent text of a signed-in person, one draft a form, kept on the server so that nothing typed is lost.

Knows forms by name only; what the fields mean belongs to the page.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, bindparam, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, Json, insert_or_add, primary_key, table_args
from app.errors import Refused
from app.personal import Export, Kind, Purpose, Retain, Source, T, not_personal, personal
from app.words import N_

MAX_FIELDS = 40
MAX_CHARACTERS = 300_000


class Draft(Base):
    """The last saved state of one form of one person."""

    __tablename__ = "draft"
    __table_args__ = table_args(
        UniqueConstraint("person_id", "form"), privacy=T("person_id", label=N_("Unsent drafts"))
    )

    id: Mapped[int] = primary_key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), info=not_personal("whose draft it is")
    )
    form: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED, N_("Form"), purpose=Purpose.ACCOUNT, retain=Retain.DRAFT, export=Export.ART15
        )
    )
    fields: Mapped[dict[str, str]] = mapped_column(
        Json,
        info=personal(
            Kind.CONTENT,
            N_("What you had typed"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.DRAFT,
            keys=("*",),
        ),
    )
    saved_at: Mapped[datetime] = mapped_column(
        index=True,
        info=personal(
            Kind.DERIVED,
            N_("Saved at"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.DRAFT,
            export=Export.ART15,
            source=Source.USE,
        ),
    )


def save(session: Session, person_id: int, form: str, fields: dict[str, str], *, now: datetime) -> None:
    """Keep what was typed, replacing the earlier state. Raises `Refused` when it is out of all proportion."""
    if len(fields) > MAX_FIELDS or sum(map(len, fields.values())) > MAX_CHARACTERS or len(form) > 200:
        raise Refused(N_("The draft is too large to be kept."))
    insert_or_add(
        session,
        Draft,
        {"person_id": person_id, "form": form, "fields": fields, "saved_at": now},
        ["person_id", "form"],
        {"fields": fields, "saved_at": now},
    )


def load(session: Session, person_id: int, form: str) -> Draft | None:
    """The kept state of a form, if there is one."""
    return session.scalar(_KEPT, {"person_id": person_id, "form": form})


_KEPT = select(Draft).where(Draft.person_id == bindparam("person_id"), Draft.form == bindparam("form"))


def discard(session: Session, person_id: int, form: str) -> None:
    """Forget a form's draft; called in the transaction that stores what was typed."""
    session.execute(delete(Draft).where(Draft.person_id == person_id, Draft.form == form))


def sweep(session: Session, *, before: datetime) -> int:
    """Remove drafts last saved before an instant. Gives how many."""
    return int(getattr(session.execute(delete(Draft).where(Draft.saved_at < before)), "rowcount", 0))
