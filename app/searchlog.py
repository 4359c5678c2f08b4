"""What was searched, as counts by day: no person, no network, no session, and no row for a single search.

Addresses, telephone and other long numbers are taken out before anything is written. Names of other people cannot be
told from other words; therefore long texts are not kept at all, and what was typed only once is soon forgotten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint, cast, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, insert_or_add, primary_key, table_args
from app.paging import Page, page
from app.personal import RowFate, T, not_personal
from knowledge_base.analysis import clean, fold, normal, stem, stop_words, words

LONGEST = 100  # characters; longer texts are letters rather than searches, and letters name people
LONE_DAYS = 14  # what nobody typed a second time is forgotten after this
NO_TYPE = 0  # a request whose type was not chosen
WITHOUT_HIT, WITHOUT_CLICK = "hit", "click"
MOST_SPELLINGS = 4

_ADDRESS = re.compile(r"\S*@\S*|\S+\s*[(\[]\s*at\s*[)\]]\s*\S+|(?:https?://|www\.)\S+", re.IGNORECASE)
_ACCOUNT = re.compile(r"\b[a-z]{2}\d{2}(?:[ ]?[\da-z]{4}){2,}(?:[ ]?[\da-z]{1,3})?\b", re.IGNORECASE)
_TELEPHONE = re.compile(r"\+?\(?\d(?:[\s()/.\-\u2013]{0,2}\d){5,}")
_LONG_NUMBER = re.compile(r"\d{5,}")


class Searched(Base):
    """One text, as often as it was searched on one day. `hits` is what it found the last time."""

    __tablename__ = "searched"
    __table_args__ = table_args(
        UniqueConstraint("on_day", "lang", "text"),
        privacy=T(None, RowFate.KEEP_ROW, why="counts by day, of nobody in particular"),
    )

    id: Mapped[int] = primary_key()
    on_day: Mapped[date] = mapped_column(info=not_personal("the day"))
    lang: Mapped[str] = mapped_column(info=not_personal("language"))
    text: Mapped[str] = mapped_column(
        info=not_personal("what was typed, without addresses and long numbers; belongs to no person")
    )
    stems: Mapped[str] = mapped_column(info=not_personal("the words of the text, reduced to their stems"))
    count: Mapped[int] = mapped_column(info=not_personal("how often"))
    empty: Mapped[int] = mapped_column(info=not_personal("how often nothing was found"))
    hits: Mapped[int] = mapped_column(info=not_personal("how much was found"))


class SearchClick(Base):
    """How often the hit at a rank was opened after a search."""

    __tablename__ = "search_click"
    __table_args__ = table_args(
        UniqueConstraint("searched_id", "rank"), privacy=T(None, RowFate.KEEP_ROW, why="counts")
    )

    id: Mapped[int] = primary_key()
    searched_id: Mapped[int] = mapped_column(
        ForeignKey("searched.id", ondelete="CASCADE"), info=not_personal("what was searched")
    )
    rank: Mapped[int] = mapped_column(info=not_personal("place in the list of hits"))
    count: Mapped[int] = mapped_column(info=not_personal("how often"))


class SearchFollowed(Base):
    """How often a request of a type was sent after a search. Which one is not known here."""

    __tablename__ = "search_followed"
    __table_args__ = table_args(
        UniqueConstraint("searched_id", "request_type_id"), privacy=T(None, RowFate.KEEP_ROW, why="counts")
    )

    id: Mapped[int] = primary_key()
    searched_id: Mapped[int] = mapped_column(
        ForeignKey("searched.id", ondelete="CASCADE"), info=not_personal("what was searched")
    )
    request_type_id: Mapped[int] = mapped_column(info=not_personal("row number of the type; 0: none chosen"))
    count: Mapped[int] = mapped_column(info=not_personal("how often"))


# --- writing it down -----------------------------------------------------------------------------------------------


def kept_text(typed: str, own: str = "") -> str:
    """What is kept of a search: lower case, without addresses, bank accounts, telephone and long numbers, and without
    the words of `own`, the searching person's name. Empty: nothing is kept."""
    text = clean(typed).replace("\x00", " ")
    for pattern in (_ADDRESS, _ACCOUNT, _TELEPHONE, _LONG_NUMBER):
        text = pattern.sub(" ", text)
    names = {normal(word.text) for word in words(clean(own))}
    pieces = [piece for piece in text.casefold().split() if normal(piece.strip(".,;:!?()\"'")) not in names]
    kept = " ".join(pieces)
    return kept if len(kept) <= LONGEST and any(map(str.isalnum, kept)) else ""


def stems_of(text: str, lang: str) -> str:
    """By what searches are grouped: the stems of the words that matter, in alphabetical order."""
    forms = {fold(word.text, lang) for word in words(text) if not word.whole}
    telling = {form for form in forms if form not in stop_words(lang)} or forms
    return " ".join(sorted({stem(form, lang) for form in telling}))


def searched(session: Session, typed: str, *, lang: str, hits: int, on: date, own: str = "") -> None:
    """Count one search."""
    text = kept_text(typed, own)
    if not text:
        return
    empty = int(not hits)
    insert_or_add(
        session,
        Searched,
        {
            "on_day": on,
            "lang": lang,
            "text": text,
            "stems": stems_of(text, lang),
            "count": 1,
            "empty": empty,
            "hits": hits,
        },
        ["on_day", "lang", "text"],
        {"count": Searched.count + 1, "empty": Searched.empty + empty, "hits": hits},
    )


def clicked(session: Session, typed: str, *, lang: str, rank: int, on: date, own: str = "") -> None:
    """Count that the hit at `rank` (from 1) was opened after a search of today or yesterday; others do not count."""
    if (number := _lately(session, typed, lang, on, own)) is not None:
        _count(session, SearchClick, number, "rank", rank)


def followed(
    session: Session, typed: str, *, lang: str, request_type_id: int | None, on: date, own: str = ""
) -> None:
    """Count that a request was sent after a search of today or yesterday."""
    if (number := _lately(session, typed, lang, on, own)) is not None:
        _count(session, SearchFollowed, number, "request_type_id", request_type_id or NO_TYPE)


def _lately(session: Session, typed: str, lang: str, on: date, own: str) -> int | None:
    return session.scalar(
        select(Searched.id)
        .where(
            Searched.on_day.in_((on, on - timedelta(days=1))),
            Searched.lang == lang,
            Searched.text == kept_text(typed, own),
        )
        .order_by(Searched.on_day.desc())
        .limit(1)
    )


def _count(session: Session, table: type[Any], searched_id: int, name: str, value: int) -> None:
    insert_or_add(
        session,
        table,
        {"searched_id": searched_id, name: value, "count": 1},
        ["searched_id", name],
        {"count": table.count + 1},
    )


def sweep(session: Session, *, keep: timedelta, today: date) -> None:
    """Forget what is older than `keep`, and what was typed only once and is older than `LONE_DAYS`."""
    session.execute(delete(Searched).where(Searched.on_day < today - keep))
    lone = (
        select(func.min(Searched.id))
        .group_by(Searched.lang, Searched.stems)
        .having(func.sum(Searched.count) == 1, func.max(Searched.on_day) < today - timedelta(days=LONE_DAYS))
    )
    session.execute(
        delete(Searched).where(Searched.id.in_(lone)), execution_options={"synchronize_session": False}
    )


# --- reading it ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Searches of the same words. `spellings` are texts as typed, the most frequent first; `requests` counts those that
    followed by type (`NO_TYPE`: none); `rank` is the mean place of opened hits."""

    stems: str
    count: int
    empty: int
    clicks: int
    rank: float | None
    spellings: tuple[str, ...]
    requests: dict[int, int]

    @property
    def followed(self) -> int:
        return sum(self.requests.values())


@dataclass(frozen=True, slots=True)
class Report:
    """One page of groups, the most frequent first."""

    groups: tuple[Group, ...]
    before: str | None
    after: str | None


def report(
    session: Session,
    *,
    lang: str,
    since: date,
    lacking: str = "",
    before: str | None = None,
    after: str | None = None,
) -> Report:
    """What was searched in a language since a day; `lacking` a hit or a click: only groups that had none of it at
    times (hit) or ever (click). Three statements."""
    found = _grouped(session, lang, since, lacking, before, after)
    shown = [row.stems for row in found.rows]
    spellings: dict[str, list[str]] = {}
    requests: dict[str, dict[int, int]] = {}
    mine = (Searched.lang == lang, Searched.on_day >= since, Searched.stems.in_(shown))
    for row in session.execute(
        select(Searched.stems, Searched.text)
        .where(*mine)
        .group_by(Searched.stems, Searched.text)
        .order_by(func.sum(Searched.count).desc(), Searched.text)
    ):
        spellings.setdefault(row.stems, []).append(row.text)
    for stems, type_id, times in session.execute(
        select(Searched.stems, SearchFollowed.request_type_id, func.sum(SearchFollowed.count))
        .join(SearchFollowed, SearchFollowed.searched_id == Searched.id)
        .where(*mine)
        .group_by(Searched.stems, SearchFollowed.request_type_id)
    ):
        requests.setdefault(stems, {})[type_id] = int(times)
    groups = (
        Group(
            row.stems,
            row.times,
            row.empty,
            row.clicks,
            row.ranks / row.clicks if row.clicks else None,
            tuple(spellings.get(row.stems, ())[:MOST_SPELLINGS]),
            requests.get(row.stems, {}),
        )
        for row in found.rows
    )
    return Report(tuple(groups), found.before, found.after)


def _grouped(
    session: Session, lang: str, since: date, lacking: str, before: str | None, after: str | None
) -> Page:
    opened = (
        select(
            SearchClick.searched_id,
            func.sum(SearchClick.count).label("clicks"),
            func.sum(SearchClick.count * SearchClick.rank).label("ranks"),
        )
        .group_by(SearchClick.searched_id)
        .subquery()
    )

    def total(column: Any, name: str) -> Any:
        return cast(func.coalesce(func.sum(column), 0), BigInteger).label(name)

    groups = (
        select(
            Searched.stems,
            total(Searched.count, "times"),
            total(Searched.empty, "empty"),
            total(opened.c.clicks, "clicks"),
            total(opened.c.ranks, "ranks"),
        )
        .outerjoin(opened, opened.c.searched_id == Searched.id)
        .where(Searched.lang == lang, Searched.on_day >= since)
        .group_by(Searched.stems)
        .subquery()
    )
    wanted = select(groups)
    if lacking == WITHOUT_HIT:
        wanted = wanted.where(groups.c.empty > 0)
    elif lacking == WITHOUT_CLICK:
        wanted = wanted.where(groups.c.clicks == 0)
    keys = (groups.c.times, groups.c.stems)
    return page(session, wanted, keys, descending=True, before=before, after=after)
