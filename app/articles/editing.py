"""What editors ask of the help centre: lists, one text with everything around it, and where they may write.

An editor limited to a category writes in it and in those below it; what she may not edit does not exist for her here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Organisation, Person, Segment
from app.accounts.permissions import Viewer
from app.articles import service
from app.articles.audience import Audience
from app.articles.categories import Tree
from app.articles.models import ARCHIVED, DRAFT, PUBLISHED, Article, ArticleText, GlossaryTerm, Revision
from app.articles.service import Content
from app.db import sort_key
from app.errors import NotVisible
from app.paging import Page, page

STATES = (DRAFT, PUBLISHED, ARCHIVED)
MOST_CHOICES = 200  # organisations offered as boxes to tick


@dataclass(frozen=True, slots=True)
class Text:
    """A text as its editor sees it: the latest revision, and what readers see of it."""

    id: int
    slug: str
    state: str
    current_number: int | None
    latest_number: int
    published_at: datetime | None
    updated_at: datetime
    views: int
    helpful_yes: int
    helpful_no: int
    content: Content


@dataclass(frozen=True, slots=True)
class Editing:
    """An article with its text in one language, if there is one, and the states of its other languages."""

    article_id: int
    lang: str
    category_id: int | None
    audience: Audience
    text: Text | None
    states: dict[str, str]


def may_edit(viewer: Viewer, tree: Tree, category_id: int | None) -> bool:
    """Whether she may edit articles of a category (None: those without one, which is for editors of everything)."""
    places = [node.id for node in tree.trail(category_id)] or [0]
    return any(viewer.may("articles.edit", category_id=place) for place in places)


def places(viewer: Viewer, tree: Tree) -> list[int]:
    """Ids of the categories an editor may put articles in, in reading order; 0 is none."""
    chosen = [node.id for _, node in tree.walk() if may_edit(viewer, tree, node.id)]
    return [0, *chosen] if may_edit(viewer, tree, None) else chosen


def listed(
    session: Session,
    viewer: Viewer,
    tree: Tree,
    *,
    q: str = "",
    state: str = "",
    lang: str = "",
    category_id: int | None = None,
    before: str | None = None,
    after: str | None = None,
) -> Page:
    """Texts an editor may edit, the last changed first. One statement."""
    found: Any = select(
        ArticleText.id,
        ArticleText.article_id,
        ArticleText.lang,
        ArticleText.title,
        ArticleText.state,
        (ArticleText.current_number < ArticleText.latest_number).label("has_draft"),
        ArticleText.views,
        ArticleText.helpful_yes,
        ArticleText.helpful_no,
        ArticleText.updated_at,
        Article.category_id,
        Article.audience,
    ).join(Article, Article.id == ArticleText.article_id)
    if not may_edit(viewer, tree, None):
        found = found.where(Article.category_id.in_(places(viewer, tree)))
    if q:
        found = found.where(ArticleText.title.icontains(q, autoescape=True))
    if state in STATES:
        found = found.where(ArticleText.state == state)
    if lang:
        found = found.where(ArticleText.lang == lang)
    if category_id is not None:
        found = found.where(Article.category_id.in_(tree.below(category_id)))
    keys = (ArticleText.updated_at, ArticleText.id)
    return page(session, found, keys, descending=True, before=before, after=after)


def editing(session: Session, viewer: Viewer, tree: Tree, article_id: int, lang: str) -> Editing:
    """An article for its editor. Raises `NotVisible` if there is none, or none that she may edit."""
    article = session.get(Article, article_id)
    if article is None or not may_edit(viewer, tree, article.category_id):
        raise NotVisible
    texts = {
        text.lang: text
        for text in session.scalars(select(ArticleText).where(ArticleText.article_id == article_id))
    }
    return Editing(
        article_id,
        lang,
        article.category_id,
        service.audience_of(session, article),
        _text(session, texts[lang]) if lang in texts else None,
        {found: text.state for found, text in texts.items()},
    )


def _text(session: Session, text: ArticleText) -> Text:
    return Text(
        text.id,
        text.slug,
        text.state,
        text.current_number,
        text.latest_number,
        text.published_at,
        text.updated_at,
        text.views,
        text.helpful_yes,
        text.helpful_no,
        service.latest(session, text),
    )


def last_saving(session: Session, text_id: int) -> tuple[str | None, datetime | None]:
    """Name of the author and moment of the latest revision, to tell who was faster."""
    row = session.execute(
        select(Person.name, Revision.created_at)
        .select_from(Revision)
        .outerjoin(Person, Person.id == Revision.author_id)
        .where(Revision.article_text_id == text_id)
        .order_by(Revision.number.desc())
        .limit(1)
    ).first()
    return (None, None) if row is None else (row[0], row[1])


def groups(session: Session, chosen: Audience) -> tuple[dict[str, str], dict[str, str]]:
    """Organisations and customer groups to choose from, names by slug; those chosen are always among them."""
    organisations = session.execute(
        select(Organisation.slug, Organisation.name)
        .order_by(Organisation.slug.not_in(chosen.organisations), Organisation.sort_name, Organisation.id)
        .limit(MOST_CHOICES)
    )
    segments = session.execute(select(Segment.slug, Segment.name).order_by(Segment.name).limit(MOST_CHOICES))
    return {row[0]: row[1] for row in organisations}, {row[0]: row[1] for row in segments}


def terms(
    session: Session, lang: str, *, q: str, before: str | None = None, after: str | None = None
) -> Page:
    """Terms of the glossary in one language, in alphabetical order. One statement."""
    found: Any = select(GlossaryTerm.id, GlossaryTerm.term, GlossaryTerm.slug, GlossaryTerm.updated_at).where(
        GlossaryTerm.lang == lang
    )
    if q:
        found = found.where(GlossaryTerm.sort_key.contains(sort_key(q), autoescape=True))
    return page(session, found, (GlossaryTerm.sort_key, GlossaryTerm.id), before=before, after=after)
