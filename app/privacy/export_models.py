"""Tables of copies of a person's data: which were made and when, and what the privacy officer decided about internal
notes. The archive itself lies in a folder of its own; no rule is decided here.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, RowFate, Source, T, not_personal, personal
from app.words import N_

BUILDING, READY, REMOVED = "building", "ready", "removed"
RELEASED, WITHHELD = "released", "withheld"


class DataExport(Base):
    """One copy of a person's data. `file_key` names its archive in the folder of copies; the row outlives the file as
    proof of what was handed over and when."""

    __tablename__ = "data_export"
    __table_args__ = table_args(
        CheckConstraint("state IN ('building', 'ready', 'removed')", name="state"),
        Index("ix_data_export_person_id_id", "person_id", "id"),
        Index("ix_data_export_state_expires_at", "state", "expires_at"),
        privacy=T("person_id", RowFate.KEEP_ROW, N_("Copies of your data")),
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True, default=lambda: str(uuid.uuid4()), info=not_personal("name of the copy in addresses")
    )
    file_key: Mapped[str] = mapped_column(
        unique=True,
        default=lambda: secrets.token_hex(16),
        info=personal(
            Kind.FILE,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.EXPORT_FILE,
            export=Export.NEVER,
            on_erase="keep",  # the name is random; by it the file itself is found and removed
            source=Source.USE,
        ),
    )
    request_id: Mapped[int] = mapped_column(
        ForeignKey("privacy_request.id", ondelete="CASCADE"), index=True, info=not_personal("the request")
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), info=not_personal("whose data it holds")
    )
    lang: Mapped[str] = mapped_column(info=not_personal("language of the readable page"))
    state: Mapped[str] = mapped_column(info=not_personal("being built, ready, or removed"))
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Copy asked for"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.DSR_LOG,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )
    made_at: Mapped[datetime | None] = mapped_column(info=not_personal("when the archive was complete"))
    expires_at: Mapped[datetime | None] = mapped_column(info=not_personal("when the archive is removed"))
    size: Mapped[int] = mapped_column(default=0, info=not_personal("bytes of the archive"))
    held_back: Mapped[int] = mapped_column(default=0, info=not_personal("number of notes held back in it"))
    downloads: Mapped[int] = mapped_column(
        default=0,
        info=personal(
            Kind.DERIVED,
            N_("How often the copy was downloaded"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.DSR_LOG,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        ),
    )
    downloaded_at: Mapped[datetime | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Copy downloaded last"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.DSR_LOG,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )


class NoteDecision(Base):
    """What the privacy officer decided about one internal note and the person it is about: released in these words,
    or withheld for this reason (GDPR Art. 15(4))."""

    __tablename__ = "note_decision"
    __table_args__ = table_args(
        UniqueConstraint("person_id", "message_id"),
        CheckConstraint("state IN ('released', 'withheld')", name="state"),
        privacy=T("person_id", RowFate.DELETE_ROW, N_("Internal notes about you")),
    )

    id: Mapped[int] = primary_key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), info=not_personal("whom the note is about")
    )
    message_id: Mapped[int] = mapped_column(
        ForeignKey("message.id", ondelete="CASCADE"), index=True, info=not_personal("the note")
    )
    state: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Decision"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.DSR_LOG,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )
    text: Mapped[str] = mapped_column(
        default="",
        info=personal(
            Kind.CONTENT,
            N_("Note, as released"),
            purpose=Purpose.SUPPORT,
            retain=(Retain.TICKET_SUPPORT, Retain.DSR_LOG),
            export=Export.ART15,
            source=Source.STAFF,
        ),
    )
    reason: Mapped[str] = mapped_column(
        default="",
        info=personal(
            Kind.CONTENT,
            N_("Why it is withheld"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.DSR_LOG,
            export=Export.ART15,
            source=Source.STAFF,
        ),
    )
    decided_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            source=Source.USE,
            subject="decided_by_id",
        ),
    )
    decided_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Decided"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.DSR_LOG,
            export=Export.ART15,
            source=Source.USE,
        )
    )
