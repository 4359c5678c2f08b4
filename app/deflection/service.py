"""Questions that an article answered before a request was sent: counted by day and article, without any person."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.articles.models import ArticleText
from app.db import insert_or_add
from app.deflection.models import SolvedWithout


def count_solved(session: Session, *, slug: str, lang: str, on: date) -> bool:
    """Count that an article solved a problem on a day. False for an article that does not exist."""
    article_id = session.scalar(
        select(ArticleText.article_id).where(ArticleText.slug == slug, ArticleText.lang == lang)
    )
    if article_id is None:
        return False
    insert_or_add(
        session,
        SolvedWithout,
        {"on_day": on, "article_id": article_id, "lang": lang, "count": 1},
        ["on_day", "article_id", "lang"],
        {"count": SolvedWithout.count + 1},
    )
    return True
