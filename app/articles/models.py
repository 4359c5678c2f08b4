"""Tables of the help centre: categories, articles, their texts per language with revisions, votes, glossary, images.

An article is one thing in up to as many languages as the portal speaks; each language has its own address, state
and revisions. No rule is decided here.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Json, Localised, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, RowFate, Source, T, not_personal, personal
from app.words import N_

PUBLIC, CUSTOMERS, INTERNAL, LISTED = "public", "customers", "internal", "listed"
DRAFT, PUBLISHED, ARCHIVED = "draft", "published", "archived"
VOTE_REASONS = ("wrong", "unclear", "outdated", "missing", "other")


class Category(Base):
    """A heading of the help centre. `path` is the slugs from the top, joined by `/`, and names it in addresses."""

    __tablename__ = "category"
    __table_args__ = table_args(
        Index("ix_category_parent_id_position", "parent_id", "position"),
        privacy=T(None, RowFate.KEEP_ROW, why="a heading of the help centre"),
    )

    id: Mapped[int] = primary_key()
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("category.id", ondelete="RESTRICT"), info=not_personal("the category above")
    )
    path: Mapped[str] = mapped_column(unique=True, info=not_personal("address of the category"))
    name: Mapped[dict[str, str]] = mapped_column(Localised, info=not_personal("heading", keys=("*",)))
    description: Mapped[dict[str, str]] = mapped_column(
        Localised, info=not_personal("what stands below the heading", keys=("*",))
    )
    position: Mapped[int] = mapped_column(default=0, info=not_personal("sort order"))


class Article(Base):
    """What an article is in every language: its category, its readers, its owner."""

    __tablename__ = "article"
    __table_args__ = table_args(
        CheckConstraint("audience IN ('public', 'customers', 'internal', 'listed')", name="audience"),
        Index("ix_article_category_id", "category_id"),
        privacy=T(
            None, RowFate.KEEP_ROW, N_("Articles"), why="published knowledge; authors are named in revisions"
        ),
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True,
        default=lambda: str(uuid.uuid4()),
        info=not_personal("name of the article to the outside"),
    )
    category_id: Mapped[int | None] = mapped_column(
        ForeignKey("category.id", ondelete="SET NULL"), info=not_personal("category")
    )
    audience: Mapped[str] = mapped_column(
        info=not_personal("who may read it; `listed`: see article_audience")
    )
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            N_("Article you look after"),
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.ART15,
            on_erase="keep",
            source=Source.STAFF,
            subject="owner_id",
        ),
    )
    review_on: Mapped[date | None] = mapped_column(info=not_personal("day by which it should be read again"))
    created_at: Mapped[datetime] = mapped_column(info=not_personal("when it was made"))


class ArticleAudience(Base):
    """One of the groups that may read a `listed` article: an organisation or a segment."""

    __tablename__ = "article_audience"
    __table_args__ = table_args(
        CheckConstraint("(organisation_id IS NULL) <> (segment_id IS NULL)", name="one_of"),
        privacy=T(None, RowFate.KEEP_ROW, why="groups, not persons"),
    )

    id: Mapped[int] = primary_key()
    article_id: Mapped[int] = mapped_column(
        ForeignKey("article.id", ondelete="CASCADE"), index=True, info=not_personal("the article")
    )
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id", ondelete="CASCADE"), index=True, info=not_personal("a company")
    )
    segment_id: Mapped[int | None] = mapped_column(
        ForeignKey("segment.id", ondelete="CASCADE"), index=True, info=not_personal("a customer group")
    )


class ArticleText(Base):
    """An article in one language. Title and summary repeat the current revision's, so that lists need no join.

    `starter` and `starter_digest` say which shipped text it came from; while the digest fits the current revision
    nobody has edited it here.
    """

    __tablename__ = "article_text"
    __table_args__ = table_args(
        UniqueConstraint("lang", "slug"),
        UniqueConstraint("article_id", "lang"),
        CheckConstraint("state IN ('draft', 'published', 'archived')", name="state"),
        Index("ix_article_text_lang_state_updated_at", "lang", "state", "updated_at", "id"),
        Index("ix_article_text_updated_at_id", "updated_at", "id"),
        privacy=T(None, RowFate.KEEP_ROW, why="published knowledge; authors are named in revisions"),
    )

    id: Mapped[int] = primary_key()
    article_id: Mapped[int] = mapped_column(
        ForeignKey("article.id", ondelete="CASCADE"), info=not_personal("the article")
    )
    lang: Mapped[str] = mapped_column(info=not_personal("language"))
    slug: Mapped[str] = mapped_column(info=not_personal("address"))
    title: Mapped[str] = mapped_column(info=not_personal("title of the current revision"))
    summary: Mapped[str] = mapped_column(info=not_personal("summary of the current revision"))
    state: Mapped[str] = mapped_column(info=not_personal("draft, published or archived"))
    current_number: Mapped[int | None] = mapped_column(
        info=not_personal("number of the revision readers see")
    )
    latest_number: Mapped[int] = mapped_column(info=not_personal("number of the revision editors see"))
    published_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it was first published"))
    updated_at: Mapped[datetime] = mapped_column(info=not_personal("when readers last saw it change"))
    views: Mapped[int] = mapped_column(
        default=0, info=not_personal("how often it was read, by nobody in particular")
    )
    helpful_yes: Mapped[int] = mapped_column(default=0, info=not_personal("number of votes"))
    helpful_no: Mapped[int] = mapped_column(default=0, info=not_personal("number of votes"))
    starter: Mapped[str | None] = mapped_column(info=not_personal("name of the shipped text it came from"))
    starter_digest: Mapped[str | None] = mapped_column(info=not_personal("digest of that text"))


class Revision(Base):
    """What an article in one language said from one saving to the next. Append only."""

    __tablename__ = "revision"
    __table_args__ = table_args(
        UniqueConstraint("article_text_id", "number"),
        privacy=T("author_id", RowFate.KEEP_ROW, N_("Articles you wrote")),
    )

    id: Mapped[int] = primary_key()
    article_text_id: Mapped[int] = mapped_column(
        ForeignKey("article_text.id", ondelete="CASCADE"), info=not_personal("the article in one language")
    )
    number: Mapped[int] = mapped_column(info=not_personal("counts from 1 in each language"))
    title: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Title of the article"),
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.ART15,
            on_erase="keep",
            source=Source.PERSON,
        )
    )
    summary: Mapped[str] = mapped_column(info=not_personal("published knowledge of the operator"))
    keywords: Mapped[list[str]] = mapped_column(Json, info=not_personal("words customers use", keys=("*",)))
    body: Mapped[str] = mapped_column(info=not_personal("published knowledge of the operator, Markdown"))
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
        ),
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Written"),
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )


class ArticleSlug(Base):
    """An address an article had before; it leads to the present one."""

    __tablename__ = "article_slug"
    __table_args__ = table_args(
        UniqueConstraint("lang", "slug"), privacy=T(None, RowFate.KEEP_ROW, why="old addresses of articles")
    )

    id: Mapped[int] = primary_key()
    lang: Mapped[str] = mapped_column(info=not_personal("language"))
    slug: Mapped[str] = mapped_column(info=not_personal("old address"))
    article_text_id: Mapped[int] = mapped_column(
        ForeignKey("article_text.id", ondelete="CASCADE"), index=True, info=not_personal("the article")
    )


class ArticleVote(Base):
    """One answer to "was this helpful", without a name. The comment is free text by somebody unknown."""

    __tablename__ = "article_vote"
    __table_args__ = table_args(
        Index("ix_article_vote_article_text_id_id", "article_text_id", "id"),
        privacy=T(None, RowFate.KEEP_ROW, N_("Votes on articles"), why="votes are taken without a name"),
    )

    id: Mapped[int] = primary_key()
    article_text_id: Mapped[int] = mapped_column(
        ForeignKey("article_text.id", ondelete="CASCADE"), info=not_personal("the article")
    )
    helpful: Mapped[bool] = mapped_column(info=not_personal("the vote"))
    reason: Mapped[str | None] = mapped_column(info=not_personal("one of the fixed reasons"))
    comment: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.CONTENT,
            N_("Comment on an article"),
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.NEVER,
            on_erase="clear",
        )
    )
    created_at: Mapped[datetime] = mapped_column(info=not_personal("when somebody voted"))


class GlossaryTerm(Base):
    """A word of the trade and what it means, in one language."""

    __tablename__ = "glossary_term"
    __table_args__ = table_args(
        UniqueConstraint("lang", "slug"),
        Index("ix_glossary_term_lang_sort_key", "lang", "sort_key", "id"),
        privacy=T(None, RowFate.KEEP_ROW, why="general knowledge"),
    )

    id: Mapped[int] = primary_key()
    lang: Mapped[str] = mapped_column(info=not_personal("language"))
    slug: Mapped[str] = mapped_column(info=not_personal("address"))
    term: Mapped[str] = mapped_column(info=not_personal("the word"))
    sort_key: Mapped[str] = mapped_column(info=not_personal("how the word sorts"))
    definition: Mapped[str] = mapped_column(info=not_personal("what it means, Markdown"))
    also: Mapped[list[str]] = mapped_column(Json, info=not_personal("other names", keys=("*",)))
    related: Mapped[list[str]] = mapped_column(
        Json, info=not_personal("addresses of related terms", keys=("*",))
    )
    updated_at: Mapped[datetime] = mapped_column(info=not_personal("when it changed"))
    starter_digest: Mapped[str | None] = mapped_column(
        info=not_personal("digest of the shipped text it came from")
    )


class Media(Base):
    """An image of articles. The file lies in the storage under `storage_key`."""

    __tablename__ = "media"
    __table_args__ = table_args(
        privacy=T("uploaded_by_id", RowFate.KEEP_ROW, N_("Images you uploaded for articles"))
    )

    id: Mapped[int] = primary_key()
    article_id: Mapped[int | None] = mapped_column(
        ForeignKey("article.id", ondelete="CASCADE"),
        index=True,
        info=not_personal("the article it was made for"),
    )
    storage_key: Mapped[str] = mapped_column(unique=True, info=not_personal("random name of the file"))
    name: Mapped[str] = mapped_column(
        info=personal(
            Kind.FILE,
            N_("File name"),
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.ART15,
            on_erase="clear",
        )
    )
    content_type: Mapped[str] = mapped_column(info=not_personal("kind of image"))
    size: Mapped[int] = mapped_column(info=not_personal("bytes"))
    sha256: Mapped[str] = mapped_column(info=not_personal("digest of the content"))
    width: Mapped[int] = mapped_column(info=not_personal("pixels"))
    height: Mapped[int] = mapped_column(info=not_personal("pixels"))
    uploaded_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
        ),
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Uploaded"),
            purpose=Purpose.EDITORIAL,
            retain=Retain.EDITORIAL,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )


class Edition(Base):
    """Counts the changes to what readers see, in one row; what is kept in memory is named by this number."""

    __tablename__ = "edition"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="a counter"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("what is counted"))
    number: Mapped[int] = mapped_column(info=not_personal("number of changes"))


class SynonymGroup(Base):
    """Words and phrases of one language that mean the same to customers."""

    __tablename__ = "synonym_group"
    __table_args__ = table_args(
        Index("ix_synonym_group_lang_sort_key", "lang", "sort_key"),
        privacy=T(None, RowFate.KEEP_ROW, why="words of a language"),
    )

    id: Mapped[int] = primary_key()
    lang: Mapped[str] = mapped_column(info=not_personal("language"))
    words: Mapped[list[str]] = mapped_column(Json, info=not_personal("words customers use", keys=("*",)))
    sort_key: Mapped[str] = mapped_column(info=not_personal("sort order"))
    updated_at: Mapped[datetime] = mapped_column(info=not_personal("when it was changed"))


class StopWords(Base):
    """The words of one language that say little about what is sought here, besides those the search knows itself."""

    __tablename__ = "stop_words"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="words of a language"))

    id: Mapped[int] = primary_key()
    lang: Mapped[str] = mapped_column(unique=True, info=not_personal("language"))
    words: Mapped[list[str]] = mapped_column(Json, info=not_personal("words customers use", keys=("*",)))
    updated_at: Mapped[datetime] = mapped_column(info=not_personal("when it was changed"))
