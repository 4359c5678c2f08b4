"""Answers to "was this article helpful", given by anybody, without a name."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.articles.models import VOTE_REASONS, Article, ArticleText, ArticleVote
from app.db import locked
from app.errors import Refused
from app.throttle import Limit
from app.words import N_

LONGEST_COMMENT = 2_000
ONE_A_DAY = Limit("article.vote", 1, timedelta(days=1))  # from one network for one article


def cast(
    session: Session,
    *,
    text_id: int,
    article_id: int,
    helpful: bool,
    reason: str | None,
    comment: str | None,
    now: datetime,
) -> None:
    """Count one vote. A reason and a comment are kept with a vote against. Raises `Refused`."""
    if reason and reason not in VOTE_REASONS:
        raise Refused(N_("Choose one of the reasons."), "reason")
    if comment and len(comment) > LONGEST_COMMENT:
        raise Refused(N_("Use at most %(max)d characters."), "comment", max=LONGEST_COMMENT)
    session.execute(locked(select(Article.id).where(Article.id == article_id)))
    session.add(
        ArticleVote(
            article_text_id=text_id,
            helpful=helpful,
            reason=None if helpful else reason or None,
            comment=None if helpful else (comment or "").strip() or None,
            created_at=now,
        )
    )
    counter = ArticleText.helpful_yes if helpful else ArticleText.helpful_no
    session.execute(
        update(ArticleText)
        .where(ArticleText.id == text_id)
        .values({counter: counter + 1})
        .execution_options(synchronize_session=False)
    )
    session.flush()


_TEXTS = ArticleText.__table__
_SEEN = (
    update(_TEXTS)  # type: ignore[arg-type]
    .where(_TEXTS.c.id == bindparam("text_id"))
    .values(views=_TEXTS.c.views + 1)
)


def seen(session: Session, text_id: int) -> None:
    """Count one view (an observation)."""
    session.execute(_SEEN, {"text_id": text_id})
