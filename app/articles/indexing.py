"""Keeps the search index like the database: what is indexed of an article, the worker's chores, rebuilding.

The index is never the truth: it may lag, it may be thrown away, and it does not decide who may read what.
"""

from __future__ import annotations

import fcntl
import logging
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import markup
from app.accounts.models import Organisation, Segment
from app.articles.audience import ORGANISATION, SEGMENT
from app.articles.models import (
    INTERNAL,
    LISTED,
    PUBLISHED,
    Article,
    ArticleAudience,
    ArticleText,
    Category,
    Revision,
)
from app.db import Database
from app.outbox import QUEUED, Job
from app.web import Portal
from knowledge_base.document import Document, Section
from knowledge_base.index import BrokenIndex, Index

BLOCK = 200  # texts read at once
MANY_VIEWS = 100_000  # as popular as an article gets

log = logging.getLogger(__name__)


@lru_cache(maxsize=16)
def index_in(folder: Path) -> Index:
    """This process's index on a folder. Nothing is opened yet; searching raises `BrokenIndex` while there is none."""
    return Index(folder)


# --- what is indexed -----------------------------------------------------------------------------------------------


def documents(session: Session, text_ids: Collection[int] | None = None) -> Iterator[Document]:
    """The published texts among these (None: all), as they are to be found."""
    wanted = sorted(text_ids if text_ids is not None else published_ids(session))
    for start in range(0, len(wanted), BLOCK):
        block = wanted[start : start + BLOCK]
        groups = _groups(session, block)
        for row in _rows(session, block):
            yield _document(row, groups)


def published_ids(session: Session, text_ids: Collection[int] | None = None) -> set[int]:
    """Ids of all published texts, or of those among the given ones."""
    found = select(ArticleText.id).where(ArticleText.state == PUBLISHED)
    if text_ids is not None:
        found = found.where(ArticleText.id.in_(text_ids))
    return set(session.scalars(found))


def _rows(session: Session, text_ids: list[int]) -> Any:
    return session.execute(
        select(
            ArticleText.id,
            ArticleText.article_id,
            ArticleText.lang,
            ArticleText.slug,
            ArticleText.updated_at,
            ArticleText.views,
            ArticleText.helpful_yes,
            ArticleText.helpful_no,
            Article.audience,
            Category.path,
            Revision.title,
            Revision.summary,
            Revision.keywords,
            Revision.body,
        )
        .join(Article, Article.id == ArticleText.article_id)
        .join(
            Revision,
            (Revision.article_text_id == ArticleText.id) & (Revision.number == ArticleText.current_number),
        )
        .outerjoin(Category, Category.id == Article.category_id)
        .where(ArticleText.id.in_(text_ids), ArticleText.state == PUBLISHED)
        .order_by(ArticleText.id)
    )


def _groups(session: Session, text_ids: list[int]) -> dict[int, set[str]]:
    """The groups that may read the listed articles among these, by article id, in the words of the index."""
    rows = session.execute(
        select(ArticleAudience.article_id, Organisation.slug, Segment.slug)
        .join(Article, Article.id == ArticleAudience.article_id)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .outerjoin(Organisation, Organisation.id == ArticleAudience.organisation_id)
        .outerjoin(Segment, Segment.id == ArticleAudience.segment_id)
        .where(ArticleText.id.in_(text_ids), Article.audience == LISTED)
    )
    found: dict[int, set[str]] = {}
    for article_id, organisation, segment in rows:
        token = ORGANISATION + organisation if organisation is not None else f"{SEGMENT}{segment}"
        found.setdefault(article_id, set()).add(token)
    return found


def _document(row: Any, groups: dict[int, set[str]]) -> Document:
    own = groups.get(row.article_id, set()) if row.audience == LISTED else {row.audience}
    votes = row.helpful_yes + row.helpful_no
    return Document(
        key=row.id,
        lang=row.lang,
        slug=row.slug,
        title=row.title,
        summary=row.summary,
        keywords=tuple(row.keywords),
        sections=tuple(
            Section(part.anchor, part.heading, part.text.replace("\n", "\n\n"))
            for part in markup.parts(row.body)
        ),
        category=row.path or "",
        audiences=frozenset(own | {INTERNAL}),  # who reads internal articles reads all
        updated_at=int(row.updated_at.timestamp()),
        popularity=min(1.0, math.log1p(row.views) / math.log1p(MANY_VIEWS)),
        helpful=(row.helpful_yes + 1) / (votes + 2),
    )


# --- keeping it like the database ----------------------------------------------------------------------------------


def refresh(session: Session, folder: Path, text_ids: Collection[int]) -> None:
    """Bring some texts in the index to what the database says. Raises `IndexBusy`; safe to repeat.

    What counts is read after the index's lock was taken, so that of two who do this at once the later one wins.
    """
    index = opened(session, folder)
    present = published_ids(session, text_ids)
    gone = set(text_ids) - present
    if present:
        index.replace(_fresh(session, present))
    if gone:
        index.remove(_still_gone(session, gone))


def rebuild(session: Session, folder: Path) -> Index:
    """Build the whole index anew beside the old one. Raises `IndexBusy`."""
    return Index.rebuild(folder, _fresh(session, None))


def opened(session: Session, folder: Path) -> Index:
    """The index, rebuilt first if it is missing or cannot be read; of several processes one does it."""
    index = index_in(folder)
    try:
        index.view()
    except BrokenIndex:
        with _alone(folder):
            try:
                index.view()
            except BrokenIndex as fault:
                log.warning("the search index is built anew: %s", fault)
                rebuild(session, folder)
    return index


def ensure(database: Database, folder: Path) -> None:
    """At a start: have an index that holds exactly the published texts."""
    with database.session(write=False) as session:
        index = opened(session, folder)
        if index.keys() != published_ids(session):
            log.warning("the search index differs from the database and is built anew")
            rebuild(session, folder)


def _fresh(session: Session, text_ids: Collection[int] | None) -> Iterator[Document]:
    session.rollback()  # a new look: on SQLite a session sees what was there when it began to read
    yield from documents(session, text_ids)


def _still_gone(session: Session, text_ids: set[int]) -> Iterator[int]:
    session.rollback()
    yield from text_ids - published_ids(session, text_ids)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "rebuild.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- what the worker does ------------------------------------------------------------------------------------------


def index_batch(session: Session, jobs: list[dict[str, Any]], portal: Portal) -> None:
    """Batch `articles.index`: one text (`article_text_id`), an article's (`article_id`), a category's (`category_id`,
    with those below it), or those listed for an organisation (`organisation_id`)."""
    text_ids = {int(ids["article_text_id"]) for ids in jobs if "article_text_id" in ids}
    articles = [int(ids["article_id"]) for ids in jobs if "article_id" in ids]
    text_ids.update(session.scalars(select(ArticleText.id).where(ArticleText.article_id.in_(articles))))
    for category_id in {int(ids["category_id"]) for ids in jobs if "category_id" in ids}:
        text_ids |= _texts_below(session, category_id)
    for organisation_id in {int(ids["organisation_id"]) for ids in jobs if "organisation_id" in ids}:
        text_ids |= _texts_for(session, organisation_id)
    refresh(session, portal.search_dir, text_ids)


def rebuild_batch(session: Session, jobs: list[dict[str, Any]], portal: Portal) -> None:
    """Batch `articles.rebuild`: the whole index, after an import."""
    rebuild(session, portal.search_dir)


def check_index(session: Session, moment: datetime, portal: Portal) -> None:
    """Recurring: a broken or missing index is built anew."""
    opened(session, portal.search_dir)


def renew_index(session: Session, moment: datetime, portal: Portal) -> None:
    """Recurring: merges segments, removes deleted text from the files, takes over views and votes."""
    rebuild(session, portal.search_dir)


def awaits_index(session: Session, text_id: int, article_id: int) -> bool:
    """Whether the worker has yet to bring a text's last change into the index."""
    names = (
        Job.ids["article_text_id"].as_integer() == text_id,
        Job.ids["article_id"].as_integer() == article_id,
    )
    waiting = select(func.count()).where(
        Job.state == QUEUED, Job.name == "articles.index", names[0] | names[1]
    )
    return bool(session.scalar(waiting))


def _texts_below(session: Session, category_id: int) -> set[int]:
    path = session.scalar(select(Category.path).where(Category.id == category_id))
    if path is None:
        return set()
    return set(
        session.scalars(
            select(ArticleText.id)
            .join(Article, Article.id == ArticleText.article_id)
            .join(Category, Category.id == Article.category_id)
            .where((Category.path == path) | Category.path.startswith(path + "/", autoescape=True))
        )
    )


def _texts_for(session: Session, organisation_id: int) -> set[int]:
    return set(
        session.scalars(
            select(ArticleText.id)
            .join(ArticleAudience, ArticleAudience.article_id == ArticleText.article_id)
            .where(ArticleAudience.organisation_id == organisation_id)
        )
    )
