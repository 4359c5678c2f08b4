"""What is asked of the audit log: one page of it, newest first, and the names of what it tells of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, literal, null, select, union_all
from sqlalchemy.orm import Session

from app.accounts.models import STAFF, Organisation, Person, Team
from app.articles.models import Article, ArticleText, Category, GlossaryTerm
from app.audit import AuditEntry
from app.paging import Page, page

KEYS = (AuditEntry.at, AuditEntry.id)
MOST_STAFF = 200  # names offered in the filter; anybody else is reached by the link on her name


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; None and empty mean any. `day` is a day in the portal's zone."""

    action: str = ""
    kind: str = ""
    person_id: int | None = None
    day: date | None = None


def entries(
    session: Session, wanted: Filter, zone: ZoneInfo, *, after: str | None, before: str | None
) -> Page:
    """One page of entries with the actor's name, newest first."""
    statement = select(
        AuditEntry.id,
        AuditEntry.at,
        AuditEntry.actor_id,
        AuditEntry.through,
        AuditEntry.action,
        AuditEntry.object_kind,
        AuditEntry.object_id,
        AuditEntry.details,
        Person.name.label("actor"),
    ).outerjoin(Person, Person.id == AuditEntry.actor_id)
    return page(session, _wanted(statement, wanted, zone), KEYS, descending=True, after=after, before=before)


def _wanted(statement: Select[Any], wanted: Filter, zone: ZoneInfo) -> Select[Any]:
    if wanted.action:
        statement = statement.where(AuditEntry.action == wanted.action)
    if wanted.kind:
        kinds = ("article", "article_text") if wanted.kind == "article" else (wanted.kind,)
        statement = statement.where(AuditEntry.object_kind.in_(kinds))
    if wanted.person_id is not None:
        statement = statement.where(AuditEntry.actor_id == wanted.person_id)
    if wanted.day is not None:
        start = datetime.combine(wanted.day, time(), zone)
        end = datetime.combine(wanted.day + timedelta(days=1), time(), zone)
        statement = statement.where(AuditEntry.at >= start, AuditEntry.at < end)
    return statement


@dataclass(frozen=True, slots=True)
class Named:
    """What an object is called today, and what its page's address needs: a row number and perhaps a language."""

    name: str
    page_id: int
    lang: str | None


def names(session: Session, objects: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Named]:
    """The objects of these kinds and row numbers, in one statement; gone ones are missing."""
    ids: dict[str, set[int]] = {}
    for kind, number in objects:
        ids.setdefault(kind, set()).add(number)
    asked = [_NAMES[kind].where(_IDS[kind].in_(ids[kind])) for kind in _NAMES if kind in ids]
    if not asked:
        return {}
    return {(kind, number): Named(*rest) for kind, number, *rest in session.execute(union_all(*asked))}


def staff(session: Session) -> list[Row[int, str]]:
    """The team's members, by name, for the filter."""
    return list(
        session.execute(
            select(Person.id, Person.name)
            .where(Person.kind == STAFF)
            .order_by(Person.sort_name, Person.id)
            .limit(MOST_STAFF)
        )
    )


_IDS = {
    "person": Person.id,
    "organisation": Organisation.id,
    "team": Team.id,
    "article": Article.id,
    "article_text": ArticleText.id,
    "category": Category.id,
    "glossary_term": GlossaryTerm.id,
}


def _named(kind: str, name: Any, page_id: Any = None, lang: Any = None) -> Select[Any]:
    number = _IDS[kind]
    return select(
        literal(kind), number, name, number if page_id is None else page_id, null() if lang is None else lang
    )


_NAMES: dict[str, Select[Any]] = {
    "person": _named("person", Person.name),
    "organisation": _named("organisation", Organisation.name),
    "team": _named("team", Team.name),
    "article": _named("article", ArticleText.title, lang=ArticleText.lang).join(
        ArticleText, ArticleText.article_id == Article.id
    ),
    "article_text": _named("article_text", ArticleText.title, ArticleText.article_id, ArticleText.lang),
    "category": _named("category", Category.path),
    "glossary_term": _named("glossary_term", GlossaryTerm.term),
}
