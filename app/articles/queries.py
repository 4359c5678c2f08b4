"""What readers ask of the help centre. Who may read what is decided here, in the query, and nowhere else.

Lists select columns. An article that a reader may not see does not exist for her.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from app.accounts.permissions import Viewer
from app.articles.categories import Tree
from app.articles.models import (
    CUSTOMERS,
    LISTED,
    PUBLIC,
    PUBLISHED,
    Article,
    ArticleAudience,
    ArticleSlug,
    ArticleText,
    Category,
    Edition,
    Media,
    Revision,
)

EXAMPLES, SHOWN, SECTION, PAGE = 3, 5, 6, 25


@dataclass(frozen=True, slots=True)
class Line:
    """An article as lists show it."""

    id: int
    slug: str
    title: str
    summary: str
    category_id: int | None
    audience: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """An article as its page shows it, without its text."""

    id: int
    article_id: int
    slug: str
    title: str
    summary: str
    category_id: int | None
    audience: str
    updated_at: datetime
    number: int


LINE = (
    ArticleText.id,
    ArticleText.slug,
    ArticleText.title,
    ArticleText.summary,
    Article.category_id,
    Article.audience,
    ArticleText.updated_at,
)

# What is read often comes first; votes only tip the scales between articles read about equally often.
POPULARITY = ArticleText.views * (
    4.0 + 2.0 * (ArticleText.helpful_yes + 1.0) / (ArticleText.helpful_yes + ArticleText.helpful_no + 2.0)
)


Readership = tuple[Any, ...]


def readership(viewer: Viewer) -> Readership:
    """Names all viewers who may read the same articles; what is kept in memory for one serves the others."""
    if viewer.reads_everything:
        return ("staff",)
    if viewer.person_id is None:
        return ("visitor",)
    organisations = sorted(place[0] for place in viewer.organisations)
    return ("customer", tuple(organisations), tuple(sorted(segment[0] for segment in viewer.segments)))


def visible_to(viewer: Viewer) -> ColumnElement[bool]:
    """Whether a viewer may read an article: public ones; customers' when signed in; those listed for her
    organisations or segments; staff with the right to read internal articles read all."""
    return _visible(readership(viewer))


def _visible(readers: Readership) -> ColumnElement[bool]:
    if readers[0] == "staff":
        return true()
    kinds: list[ColumnElement[bool]] = [Article.audience == PUBLIC]
    if readers[0] == "customer":
        _, organisations, segments = readers
        kinds.append(Article.audience == CUSTOMERS)
        groups: list[ColumnElement[bool]] = []
        if organisations:
            groups.append(ArticleAudience.organisation_id.in_(organisations))
        if segments:
            groups.append(ArticleAudience.segment_id.in_(segments))
        if groups:
            # Named outright: inside another subquery `article` would silently become a table of its own here.
            listed = (
                select(ArticleAudience.id)
                .where(ArticleAudience.article_id == Article.id, or_(*groups))
                .correlate(Article)
            )
            kinds.append(and_(Article.audience == LISTED, listed.exists()))
    return or_(*kinds)


def published(viewer: Viewer, lang: str) -> tuple[ColumnElement[bool], ...]:
    """Conditions on `article_text` joined with `article`: what a viewer may read in a language."""
    return (ArticleText.lang == lang, ArticleText.state == PUBLISHED, visible_to(viewer))


# --- one article ---------------------------------------------------------------------------------------------------


def article(session: Session, viewer: Viewer, lang: str, slug: str) -> Reading | None:
    """The published article at an address, if the viewer may read it."""
    row = session.execute(_article_for(readership(viewer)), {"lang": lang, "slug": slug}).first()
    return None if row is None else Reading(*row)


@lru_cache(maxsize=256)
def _article_for(readers: Readership) -> Any:
    """The statement of the most visited page; making it takes longer than running it."""
    return (
        select(
            ArticleText.id,
            ArticleText.article_id,
            ArticleText.slug,
            ArticleText.title,
            ArticleText.summary,
            Article.category_id,
            Article.audience,
            ArticleText.updated_at,
            ArticleText.current_number,
        )
        .join(Article, Article.id == ArticleText.article_id)
        .where(
            ArticleText.lang == bindparam("lang"),
            ArticleText.slug == bindparam("slug"),
            ArticleText.state == PUBLISHED,
            _visible(readers),
        )
    )


def moved_to(session: Session, viewer: Viewer, lang: str, slug: str) -> str | None:
    """The present address of an article that once had this one."""
    return session.scalar(
        select(ArticleText.slug)
        .join(ArticleSlug, ArticleSlug.article_text_id == ArticleText.id)
        .join(Article, Article.id == ArticleText.article_id)
        .where(ArticleSlug.lang == lang, ArticleSlug.slug == slug, *published(viewer, lang))
    )


def in_other_languages(session: Session, viewer: Viewer, lang: str, slug: str) -> list[tuple[str, str, str]]:
    """(language, slug, title) of articles that have this address in another language only."""
    rows = session.execute(
        select(ArticleText.lang, ArticleText.slug, ArticleText.title)
        .join(Article, Article.id == ArticleText.article_id)
        .where(
            ArticleText.slug == slug,
            ArticleText.lang != lang,
            ArticleText.state == PUBLISHED,
            visible_to(viewer),
        )
        .order_by(ArticleText.lang)
    )
    return [(found_lang, found, title) for found_lang, found, title in rows]


def translations(session: Session, article_id: int) -> dict[str, str]:
    """Language -> slug of the published texts of an article the viewer was already shown."""
    rows = session.execute(
        select(ArticleText.lang, ArticleText.slug).where(
            ArticleText.article_id == article_id, ArticleText.state == PUBLISHED
        )
    )
    return {row[0]: row[1] for row in rows}


def body(session: Session, text_id: int, number: int) -> str:
    """The Markdown of one revision."""
    return session.scalars(
        select(Revision.body).where(Revision.article_text_id == text_id, Revision.number == number)
    ).one()


def image(session: Session, viewer: Viewer, media_id: int) -> Any | None:
    """(storage_key, content_type, sha256, name, article_id, size) of an image, if a published text of its article
    is readable for the viewer."""
    shown = select(ArticleText.id).where(ArticleText.article_id == Article.id, ArticleText.state == PUBLISHED)
    return session.execute(_image(media_id).where(shown.exists(), visible_to(viewer))).first()


def any_image(session: Session, media_id: int) -> Any | None:
    """The same for editors, who also see images of drafts; with the category, for their rights."""
    return session.execute(_image(media_id).add_columns(Article.category_id)).first()


def _image(media_id: int) -> Any:
    return (
        select(Media.storage_key, Media.content_type, Media.sha256, Media.name, Media.article_id, Media.size)
        .join(Article, Article.id == Media.article_id)
        .where(Media.id == media_id)
    )


# --- lists ---------------------------------------------------------------------------------------------------------


def lines(session: Session, viewer: Viewer, lang: str, ids: Collection[int]) -> dict[int, Line]:
    """Those of these texts that the viewer may read, by id: the database's word on what the index found."""
    if not ids:
        return {}
    rows = session.execute(_lines_for(readership(viewer)), {"lang": lang, "ids": list(ids)})
    return {row[0]: Line(*row) for row in rows}


@lru_cache(maxsize=256)
def _lines_for(readers: Readership) -> Any:
    # building a statement is dearer than running it, so it is made once for all who may read the same
    return (
        select(*LINE)
        .join(Article, Article.id == ArticleText.article_id)
        .where(
            ArticleText.id.in_(bindparam("ids", expanding=True)),
            ArticleText.lang == bindparam("lang"),
            ArticleText.state == PUBLISHED,
            _visible(readers),
        )
    )


def lines_with_names(
    session: Session, viewer: Viewer, lang: str, ids: Collection[int], *, counter: str
) -> tuple[dict[int, tuple[Line, dict[str, str] | None]], int | None]:
    """As `lines`, each with the names of its category; and by the way the number of a counter of `Edition`, None where
    no line told it."""
    if not ids:
        return {}, None
    given = {"lang": lang, "ids": list(ids), "counter": counter}
    rows = session.execute(_named_lines_for(readership(viewer)), given)
    known, told = {}, None
    for row in rows:
        known[row[0]], told = (Line(*row[:7]), row[7]), row[8]
    return known, told


@lru_cache(maxsize=256)
def _named_lines_for(readers: Readership) -> Any:
    number = select(Edition.number).where(Edition.name == bindparam("counter")).scalar_subquery()
    return (
        _lines_for(readers)
        .outerjoin(Category, Category.id == Article.category_id)
        .add_columns(Category.name, func.coalesce(number, 0))
    )


_TWIN = aliased(ArticleText)  # made once: it is dear


def only_in(session: Session, viewer: Viewer, lang: str, other: str, ids: Collection[int]) -> dict[int, Line]:
    """As `lines` for texts in `other`, without articles that the viewer can read in `lang` as well."""
    if not ids:
        return {}
    rows = session.execute(
        _only_for(readership(viewer)), {"lang": other, "twin_lang": lang, "ids": list(ids)}
    )
    return {row[0]: Line(*row) for row in rows}


@lru_cache(maxsize=256)
def _only_for(readers: Readership) -> Any:
    has_twin = select(_TWIN.id).where(
        _TWIN.article_id == Article.id, _TWIN.lang == bindparam("twin_lang"), _TWIN.state == PUBLISHED
    )
    return _lines_for(readers).where(~has_twin.exists())


def titled(
    session: Session, viewer: Viewer, lang: str, words: Iterable[str], *, limit: int, offset: int = 0
) -> tuple[list[Line], int]:
    """Articles whose title holds all these words, and their number: the plain search while there is no index."""
    conditions = [
        *published(viewer, lang),
        *(ArticleText.title.icontains(word, autoescape=True) for word in words),
    ]
    found = select(*LINE, func.count().over()).join(Article, Article.id == ArticleText.article_id)
    rows = session.execute(
        found.where(*conditions).order_by(POPULARITY.desc(), ArticleText.id).limit(limit).offset(offset)
    ).all()
    return [Line(*row[:7]) for row in rows], rows[0][7] if rows else 0


def related(session: Session, viewer: Viewer, lang: str, reading: Reading) -> list[Line]:
    """Up to four more articles of the same category, the most read first."""
    if reading.category_id is None:
        return []
    rows = session.execute(
        select(*LINE)
        .join(Article, Article.id == ArticleText.article_id)
        .where(
            Article.category_id == reading.category_id,
            ArticleText.id != reading.id,
            *published(viewer, lang),
        )
        .order_by(POPULARITY.desc(), ArticleText.id)
        .limit(4)
    )
    return [Line(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Heading:
    """A category on the home page: how many articles it and those below it hold, and the three most read."""

    category_id: int
    count: int
    examples: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Home:
    """What the home page lists: categories with articles, the most read, the newest; `count` of all articles."""

    headings: tuple[Heading, ...]
    popular: tuple[Line, ...]
    newest: tuple[Line, ...]
    count: int


def home(session: Session, viewer: Viewer, lang: str, tree: Tree) -> Home:
    """The lists of the home page. One statement over all articles, so the result is kept (see `memory`)."""
    rows = session.execute(
        select(*LINE, ArticleText.published_at, ArticleText.views)
        .join(Article, Article.id == ArticleText.article_id)
        .where(*published(viewer, lang))
        .order_by(POPULARITY.desc(), ArticleText.id)
    ).all()
    by_top: dict[int, list[Any]] = {}
    tops = {node_id: tree.top(node_id) for node_id in tree.by_id}
    for row in rows:
        top = tops.get(row.category_id) if row.category_id is not None else None
        if top is not None:
            by_top.setdefault(top, []).append(row)
    headings = tuple(
        Heading(node.id, len(found), tuple(Line(*row[:7]) for row in found[:EXAMPLES]))
        for node in tree.children(None)
        if (found := by_top.get(node.id))
    )
    newest = sorted(rows, key=lambda row: (row.published_at, row.id), reverse=True)[:SHOWN]
    read = [row for row in rows[:SHOWN] if row.views]
    return Home(
        headings,
        tuple(Line(*row[:7]) for row in read),
        tuple(Line(*row[:7]) for row in newest),
        len(rows),
    )


@dataclass(frozen=True, slots=True)
class Section:
    """A sub-category on the page of the category above it: its first articles, and how many there are."""

    category_id: int
    count: int
    lines: tuple[Line, ...]


def sections(session: Session, viewer: Viewer, lang: str, tree: Tree, category_id: int) -> list[Section]:
    """The categories directly below one, each with the six most read articles in it and below it. One statement."""
    children = tree.children(category_id)
    if not children:
        return []
    child_of = {found: child.id for child in children for found in tree.below(child.id)}
    place = case(child_of, value=Article.category_id)
    rank = func.row_number().over(partition_by=place, order_by=(POPULARITY.desc(), ArticleText.id))
    ranked = (
        select(
            *LINE, place.label("place"), rank.label("rank"), func.count().over(partition_by=place).label("n")
        )
        .join(Article, Article.id == ArticleText.article_id)
        .where(Article.category_id.in_(child_of), *published(viewer, lang))
        .subquery()
    )
    rows = session.execute(
        select(ranked).where(ranked.c.rank <= SECTION).order_by(ranked.c.place, ranked.c.rank)
    ).all()
    found = []
    for child in children:
        own = [row for row in rows if row.place == child.id]
        if own:
            found.append(Section(child.id, own[0].n, tuple(Line(*row[:7]) for row in own)))
    return found


def in_category(
    session: Session, viewer: Viewer, lang: str, category_id: int, *, page: int
) -> tuple[list[Line], int]:
    """One page of the articles right in a category, the most read first, and their number."""
    rows = session.execute(
        select(*LINE, func.count().over())
        .join(Article, Article.id == ArticleText.article_id)
        .where(Article.category_id == category_id, *published(viewer, lang))
        .order_by(POPULARITY.desc(), ArticleText.id)
        .limit(PAGE)
        .offset(PAGE * (page - 1))
    ).all()
    return [Line(*row[:7]) for row in rows], rows[0][7] if rows else 0


def missing_in(session: Session, lang: str) -> frozenset[int]:
    """Ids of the published texts in other languages whose article has none in this one; kept, to ask for no others."""
    rows = session.execute(
        select(ArticleText.id, ArticleText.article_id, ArticleText.lang).where(ArticleText.state == PUBLISHED)
    ).all()
    present = {row.article_id for row in rows if row.lang == lang}
    return frozenset(row.id for row in rows if row.article_id not in present)


def places(session: Session) -> dict[int, int]:
    """Category of every published text that has one, by the text's id; kept, to count what a search found."""
    rows = session.execute(
        select(ArticleText.id, Article.category_id)
        .join(Article, Article.id == ArticleText.article_id)
        .where(ArticleText.state == PUBLISHED, Article.category_id.is_not(None))
    )
    return {text_id: category_id for text_id, category_id in rows if category_id is not None}
