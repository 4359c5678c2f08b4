"""Writing articles: creating, saving, publishing, withdrawing, archiving, and who may read them.

A text has revisions; readers see the current one, editors the latest. Every change locks the article first, writes
its audit entry and puts the work of the search index, all in the caller's transaction.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit, outbox
from app.accounts.models import Organisation, Segment
from app.articles import editions, slugs
from app.articles.audience import Audience
from app.articles.models import (
    ARCHIVED,
    DRAFT,
    LISTED,
    PUBLISHED,
    Article,
    ArticleAudience,
    ArticleSlug,
    ArticleText,
    Category,
    Revision,
)
from app.db import locked
from app.errors import Conflict, NotVisible, Refused
from app.words import N_

LONGEST_TITLE, LONGEST_SUMMARY, LONGEST_BODY, MOST_KEYWORDS = 200, 500, 200_000, 50


@dataclass(frozen=True, slots=True)
class Content:
    """What a revision holds."""

    title: str
    summary: str
    keywords: tuple[str, ...]
    body: str

    def check(self) -> None:
        """Raises `Refused` for a missing title or text, and for what is out of all proportion."""
        if not self.title.strip():
            raise Refused(N_("Enter a title."), "title")
        for field, text, limit in (
            ("title", self.title, LONGEST_TITLE),
            ("summary", self.summary, LONGEST_SUMMARY),
            ("body", self.body, LONGEST_BODY),
        ):
            if len(text) > limit:
                raise Refused(
                    N_("This text has %(length)d characters. The limit is %(limit)d."),
                    field,
                    length=len(text),
                    limit=limit,
                )
        if len(self.keywords) > MOST_KEYWORDS:
            raise Refused(N_("Use at most %(limit)d keywords."), "keywords", limit=MOST_KEYWORDS)

    @property
    def digest(self) -> str:
        """Recognises the same content, e.g. a shipped text that nobody has edited."""
        held = json.dumps([self.title, self.summary, list(self.keywords), self.body], ensure_ascii=False)
        return hashlib.blake2b(held.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Door:
    """Who changes something, when, and through which door; what every entry of the audit log needs.

    `bulk`: the caller turns the edition and brings the index up to date once, at the end.
    """

    actor_id: int | None
    now: datetime
    through: str = "web"
    bulk: bool = False


def create(
    session: Session,
    *,
    lang: str,
    slug: str,
    content: Content,
    category_id: int | None,
    audience: Audience,
    door: Door,
) -> ArticleText:
    """A new article with its first text, as a draft. Raises `Refused` or `Conflict` (address taken)."""
    content.check()
    article = Article(category_id=None, audience=audience.kind, owner_id=door.actor_id, created_at=door.now)
    session.add(article)
    session.flush()
    _settle(session, article, category_id=category_id, audience=audience)
    return add_text(session, article, lang=lang, slug=slug, content=content, door=door)


def add_text(
    session: Session, article: Article, *, lang: str, slug: str, content: Content, door: Door
) -> ArticleText:
    """The first text of an article in a language, as a draft. An empty slug is made of the title."""
    content.check()
    slug = slugs.checked(slug) if slug else _free_slug(session, lang, content.title)
    _claim(session, lang, slug, None)
    text = ArticleText(
        article_id=article.id,
        lang=lang,
        slug=slug,
        title=content.title,
        summary=content.summary,
        state=DRAFT,
        latest_number=0,
        updated_at=door.now,
    )
    try:
        with session.begin_nested():
            session.add(text)
    except IntegrityError:
        raise Conflict(
            N_("This article has a text in this language meanwhile, or the address is taken.")
        ) from None
    _add_revision(session, text, content, door)
    _note(session, "article.create", text, door)
    return text


def text_of(session: Session, article_id: int, lang: str) -> ArticleText:
    """An article's text in a language, the article locked. Raises `NotVisible`."""
    session.execute(locked(select(Article.id).where(Article.id == article_id)))
    text = session.scalar(
        select(ArticleText)
        .where(ArticleText.article_id == article_id, ArticleText.lang == lang)
        .execution_options(populate_existing=True)
    )
    if text is None:
        raise NotVisible
    return text


def save(
    session: Session, text: ArticleText, content: Content, *, slug: str, based_on: int | None, door: Door
) -> bool:
    """Keep a new latest revision and perhaps a new address; readers go on seeing the current revision.

    `based_on` is the revision the author had before her: raises `Conflict` if there is a newer one (None: whatever
    it is). False if nothing changed.
    """
    if based_on is not None and text.latest_number != based_on:
        raise Conflict(N_("Somebody else saved this article meanwhile. Your text is still here."))
    content.check()
    fields = []
    slug = slugs.checked(slug) if slug else text.slug
    if slug != text.slug:
        _move(session, text, slug, door)
        fields.append("slug")
    before = latest(session, text)
    if content != before:
        _add_revision(session, text, content, door)
        fields += [name for name in Content.__slots__ if getattr(before, name) != getattr(content, name)]
    if not fields:
        return False
    if text.state != PUBLISHED:
        text.title, text.summary, text.updated_at = content.title, content.summary, door.now
    session.flush()
    _note(session, "article.save", text, door, fields=fields, version=text.latest_number)
    return True


def publish(session: Session, text: ArticleText, *, door: Door) -> None:
    """Let readers see the latest revision; the worker brings it into the search."""
    content = latest(session, text)
    text.state, text.current_number = PUBLISHED, text.latest_number
    text.title, text.summary = content.title, content.summary
    text.published_at, text.updated_at = text.published_at or door.now, door.now
    session.flush()
    _seen(session, door, article_text_id=text.id)
    _note(session, "article.publish", text, door, version=text.latest_number)


def withdraw(session: Session, text: ArticleText, *, to: str, door: Door) -> None:
    """Take a text from readers: back to `draft`, or `archived`."""
    if to not in (DRAFT, ARCHIVED):
        raise ValueError(to)
    content = latest(session, text)
    before, text.state, text.current_number = text.state, to, None
    text.title, text.summary, text.updated_at = content.title, content.summary, door.now
    session.flush()
    if before == PUBLISHED:
        _seen(session, door, article_text_id=text.id)
    _note(session, "article.withdraw" if to == DRAFT else "article.archive", text, door)


def settle(
    session: Session, article_id: int, *, category_id: int | None, audience: Audience, door: Door
) -> bool:
    """Set category and readers of an article, in all languages at once. False if nothing changed.

    Raises `Refused` for an organisation or segment that does not exist, naming it.
    """
    article = session.scalar(locked(select(Article).where(Article.id == article_id)))
    if article is None:
        raise NotVisible
    fields = _settle(session, article, category_id=category_id, audience=audience)
    if not fields:
        return False
    _seen(session, door, article_id=article.id)
    audit.record(
        session,
        actor_id=door.actor_id,
        action="article.settle",
        object_kind="article",
        object_id=article.id,
        at=door.now,
        through=door.through,
        fields=fields,
    )
    return True


def latest(session: Session, text: ArticleText) -> Content:
    """What editors see of a text."""
    return revision(session, text.id, text.latest_number)


def revision(session: Session, text_id: int, number: int) -> Content:
    """What one revision of a text says."""
    title, summary, keywords, body = session.execute(
        select(Revision.title, Revision.summary, Revision.keywords, Revision.body).where(
            Revision.article_text_id == text_id, Revision.number == number
        )
    ).one()
    return Content(title, summary, tuple(keywords), body)


def audience_of(session: Session, article: Article) -> Audience:
    """Who may read an article, with the groups' slugs."""
    if article.audience != LISTED:
        return Audience(article.audience)
    rows = session.execute(
        select(Organisation.slug, Segment.slug)
        .select_from(ArticleAudience)
        .outerjoin(Organisation, Organisation.id == ArticleAudience.organisation_id)
        .outerjoin(Segment, Segment.id == ArticleAudience.segment_id)
        .where(ArticleAudience.article_id == article.id)
    ).all()
    return Audience(
        LISTED,
        frozenset(organisation for organisation, _ in rows if organisation is not None),
        frozenset(segment for _, segment in rows if segment is not None),
    )


def _settle(session: Session, article: Article, *, category_id: int | None, audience: Audience) -> list[str]:
    fields = []
    if article.category_id != category_id:
        if category_id is not None and session.get(Category, category_id) is None:
            raise Refused(N_("This category does not exist any more."), "category_id")
        article.category_id = category_id
        fields.append("category")
    if audience_of(session, article) != audience:
        rows = _group_rows(session, article.id, audience)
        session.execute(delete(ArticleAudience).where(ArticleAudience.article_id == article.id))
        session.add_all(rows)
        article.audience = audience.kind
        fields.append("audience")
    session.flush()
    return fields


def _group_rows(session: Session, article_id: int, audience: Audience) -> list[ArticleAudience]:
    rows = []
    for slug in sorted(audience.organisations):
        found = session.scalar(select(Organisation.id).where(Organisation.slug == slug))
        if found is None:
            raise Refused(N_("There is no organisation “%(slug)s”."), "audience", slug=slug[:80])
        rows.append(ArticleAudience(article_id=article_id, organisation_id=found))
    for slug in sorted(audience.segments):
        found = session.scalar(select(Segment.id).where(Segment.slug == slug))
        if found is None:
            raise Refused(N_("There is no customer group “%(slug)s”."), "audience", slug=slug[:80])
        rows.append(ArticleAudience(article_id=article_id, segment_id=found))
    return rows


def _add_revision(session: Session, text: ArticleText, content: Content, door: Door) -> None:
    text.latest_number += 1
    session.add(
        Revision(
            article_text_id=text.id,
            number=text.latest_number,
            title=content.title,
            summary=content.summary,
            keywords=list(content.keywords),
            body=content.body,
            author_id=door.actor_id,
            created_at=door.now,
        )
    )
    session.flush()


def _move(session: Session, text: ArticleText, slug: str, door: Door) -> None:
    """Give a text a new address; the old one leads here from now on."""
    _claim(session, text.lang, slug, text.id)
    session.add(ArticleSlug(lang=text.lang, slug=text.slug, article_text_id=text.id))
    text.slug = slug
    session.flush()
    if text.state == PUBLISHED:
        _seen(session, door, article_text_id=text.id)


def _claim(session: Session, lang: str, slug: str, text_id: int | None) -> None:
    """An address is free if no present article has it; being somebody's old address does not matter."""
    owner = session.scalar(select(ArticleText.id).where(ArticleText.lang == lang, ArticleText.slug == slug))
    if owner is not None and owner != text_id:
        raise Conflict(N_("Another article has the address “%(slug)s”."), "slug", slug=slug[:80])
    session.execute(delete(ArticleSlug).where(ArticleSlug.lang == lang, ArticleSlug.slug == slug))


def _free_slug(session: Session, lang: str, title: str) -> str:
    stem, number = slugs.slug_of(title), 2
    taken = set(
        session.scalars(
            select(ArticleText.slug).where(
                ArticleText.lang == lang, ArticleText.slug.startswith(stem, autoescape=True)
            )
        )
    )
    slug = stem
    while slug in taken:
        slug, number = f"{stem}-{number}", number + 1
    return slug


def _seen(session: Session, door: Door, **ids: int) -> None:
    """What every change that readers see brings: a new edition, and work for the index."""
    if door.bulk:
        return
    editions.turn(session)
    outbox.put(session, "articles.index", run_at=door.now, **ids)


def _note(session: Session, action: str, text: ArticleText, door: Door, **details: object) -> None:
    audit.record(
        session,
        actor_id=door.actor_id,
        action=action,
        object_kind="article_text",
        object_id=text.id,
        at=door.now,
        through=door.through,
        lang=text.lang,
        **details,
    )
