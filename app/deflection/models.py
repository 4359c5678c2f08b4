"""The table of questions that articles answered before a request was sent."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, primary_key, table_args
from app.personal import RowFate, T, not_personal


class SolvedWithout(Base):
    """How often an article shown beside the request form solved the problem, by day, without any person."""

    __tablename__ = "solved_without"
    __table_args__ = table_args(
        UniqueConstraint("on_day", "article_id", "lang"),
        privacy=T(None, RowFate.KEEP_ROW, why="counts without persons"),
    )

    id: Mapped[int] = primary_key()
    on_day: Mapped[date] = mapped_column(info=not_personal("the day"))
    article_id: Mapped[int] = mapped_column(
        ForeignKey("article.id", ondelete="CASCADE"), index=True, info=not_personal("the article")
    )
    lang: Mapped[str] = mapped_column(info=not_personal("language"))
    count: Mapped[int] = mapped_column(info=not_personal("how often"))
