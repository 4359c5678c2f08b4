"""The table of legal texts: every published version of every page in every language is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, RowFate, Source, T, not_personal, personal
from app.words import N_


class LegalText(Base):
    """One version of one page in one language. Append only; the highest number is what readers see."""

    __tablename__ = "legal_text"
    __table_args__ = table_args(
        UniqueConstraint("page", "lang", "version"),
        privacy=T(None, RowFate.KEEP_ROW, N_("Legal texts"), why="the operator's published texts"),
    )

    id: Mapped[int] = primary_key()
    page: Mapped[str] = mapped_column(info=not_personal("imprint, privacy-notice, accessibility or contact"))
    lang: Mapped[str] = mapped_column(info=not_personal("language"))
    version: Mapped[int] = mapped_column(info=not_personal("counts from 1"))
    body: Mapped[str] = mapped_column(info=not_personal("the operator's published text, Markdown"))
    published_at: Mapped[datetime] = mapped_column(info=not_personal("since when it is shown"))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
            subject="author_id",
        ),
    )
