"""What a reader finds: the index proposes, the database decides who may read it. While there is no index, titles are
searched plainly and the answer says so."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.permissions import Viewer
from app.articles import editions, queries, synonyms
from app.articles.indexing import index_in
from app.articles.memory import Memory
from app.articles.queries import Line
from knowledge_base import search as library
from knowledge_base.document import LANGUAGES, Answer, Hit
from knowledge_base.index import BrokenIndex
from knowledge_base.synonyms import SynonymSet

LONGEST = 300  # characters of a search that count


@dataclass(frozen=True, slots=True)
class Find:
    """One found article. `title_html` and `snippet_html` are escaped and carry only `<mark>`."""

    id: int
    lang: str
    slug: str
    title: str
    title_html: str
    snippet_html: str
    anchor: str
    score: float
    category_id: int | None
    audience: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Finds:
    """One page of what was found. `keys` are the texts of all pages, bounded; `preparing`: there is no index yet;
    `answer`: the passage that answers best, where one article stands out."""

    finds: tuple[Find, ...]
    total: int
    did_you_mean: str | None
    keys: tuple[int, ...]
    preparing: bool = False
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An article offered while somebody types, with the names of its category by language."""

    slug: str
    title_html: str
    category: dict[str, str] | None


def find(
    session: Session,
    folder: Path,
    viewer: Viewer,
    text: str,
    *,
    lang: str,
    category: str | None = None,
    offset: int = 0,
    limit: int = 10,
    words: SynonymSet | None = None,
) -> Finds:
    """What answers a search in one language, best first. `category` is a path and includes those below it; `words`
    are those kept here (`app.articles.synonyms`)."""
    try:
        results = library.search(
            index_in(folder),
            text[:LONGEST],
            lang=lang,
            audiences=viewer.audiences,
            category=category,
            offset=offset,
            limit=limit,
            synonyms=words,
        )
    except BrokenIndex:
        return _plainly(session, viewer, text, lang=lang, offset=offset, limit=limit)
    known = queries.lines(session, viewer, lang, [hit.key for hit in results.hits])
    finds = tuple(_find(hit, known[hit.key], lang) for hit in results.hits if hit.key in known)
    answer = results.answer
    if answer is not None and (answer.key not in known or answer.title != known[answer.key].title):
        answer = None
    return Finds(finds, results.total, results.did_you_mean, results.keys, answer=answer)


def rank_of(
    folder: Path,
    viewer: Viewer,
    text: str,
    text_id: int,
    *,
    lang: str,
    words: SynonymSet | None = None,
) -> int | None:
    """At which place (from 1) a search of a moment ago showed a text. No statement."""
    try:
        keys = library.search(
            index_in(folder),
            text[:LONGEST],
            lang=lang,
            audiences=viewer.audiences,
            limit=0,
            synonyms=words,
        ).keys
    except BrokenIndex:
        return None
    return keys.index(text_id) + 1 if text_id in keys else None


def find_elsewhere(
    session: Session,
    folder: Path,
    viewer: Viewer,
    text: str,
    *,
    lang: str,
    limit: int,
    missing: frozenset[int],
    words: SynonymSet | None = None,
) -> tuple[Find, ...]:
    """What answers a search in the other languages, of articles that do not exist in this one: of the texts `missing`."""
    if not missing:
        return ()
    finds: list[Find] = []
    given: dict[str, Any] = {"audiences": viewer.audiences, "synonyms": words}
    for other in LANGUAGES:
        if other == lang:
            continue
        try:
            # which articles first, then the passages of those that are shown: passages are the dear part
            keys = library.search(index_in(folder), text[:LONGEST], lang=other, limit=0, **given).keys
            wanted = [key for key in keys[: limit * 2] if key in missing]
            known = queries.only_in(session, viewer, lang, other, wanted)
            shown = [place for place, key in enumerate(keys[: limit * 2]) if key in known][:limit]
            if not shown:
                continue
            deep = shown[-1] + 1
            hits = library.search(index_in(folder), text[:LONGEST], lang=other, limit=deep, **given).hits
        except BrokenIndex:
            return ()
        finds += [_find(hit, known[hit.key], other) for hit in hits if hit.key in known]
    return tuple(finds[:limit])


def suggest(
    session: Session, folder: Path, viewer: Viewer, text: str, *, lang: str, memory: Memory, limit: int = 6
) -> tuple[tuple[Suggestion, ...], int]:
    """What answers a text that is still being typed, and how much there is in all. One statement.

    That statement also tells whether the kept synonyms are still those this process knows; if not, it is done again.
    """
    number = memory.synonyms_number
    for _ in range(2):
        try:
            results = library.suggest(
                index_in(folder),
                text[:LONGEST],
                lang=lang,
                audiences=viewer.audiences,
                limit=limit,
                synonyms=synonyms.at(session, memory, number),
            )
        except BrokenIndex:
            plain = _plainly(session, viewer, text, lang=lang, offset=0, limit=limit)
            return tuple(Suggestion(find.slug, find.title_html, None) for find in plain.finds), plain.total
        keys = [hit.key for hit in results.hits]
        known, told = queries.lines_with_names(session, viewer, lang, keys, counter=synonyms.COUNTER)
        if told is None:
            told = editions.current(session, synonyms.COUNTER)
        if told == number:
            break
        number = memory.synonyms_number = told
    suggestions = []
    for hit in results.hits:
        if hit.key in known:
            line, names = known[hit.key]
            suggestions.append(Suggestion(line.slug, _find(hit, line, lang).title_html, names))
    return tuple(suggestions), results.total


def by_category(keys: tuple[int, ...], places: dict[int, int]) -> Counter[int]:
    """How many of what was found stand in each category."""
    return Counter(places[key] for key in keys if key in places)


def _find(hit: Hit, line: Line, lang: str) -> Find:
    return Find(
        id=line.id,
        lang=lang,
        slug=line.slug,
        title=line.title,
        # the index may lag: what it marked is shown only while it is the present title
        title_html=hit.title_html if hit.title == line.title else html.escape(line.title),
        snippet_html=hit.snippet_html,
        anchor=hit.anchor,
        score=hit.score,
        category_id=line.category_id,
        audience=line.audience,
        updated_at=line.updated_at,
    )


def _plainly(session: Session, viewer: Viewer, text: str, *, lang: str, offset: int, limit: int) -> Finds:
    words = [word for word in text[:LONGEST].replace("\x00", " ").split() if any(map(str.isalnum, word))][:8]
    lines, total = (
        queries.titled(session, viewer, lang, words, limit=limit, offset=offset) if words else ([], 0)
    )
    finds = tuple(
        Find(
            id=line.id,
            lang=lang,
            slug=line.slug,
            title=line.title,
            title_html=html.escape(line.title),
            snippet_html=html.escape(line.summary),
            anchor="",
            score=0.0,
            category_id=line.category_id,
            audience=line.audience,
            updated_at=line.updated_at,
        )
        for line in lines
    )
    return Finds(finds, total, None, tuple(find.id for find in finds), preparing=True)
