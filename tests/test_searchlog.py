"""The search log: what is kept of a text, counts, what is forgotten, what editors read."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from app import searchlog
from app.db import Database
from app.searchlog import SearchClick, Searched, SearchFollowed

TODAY = date(2026, 11, 20)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Rechnung  ändern", "rechnung ändern"),
        ("login max.muster@example.org geht nicht", "login geht nicht"),
        ("mail an max (at) example.org", "mail an"),
        ("https://example.org/konto?id=7 defekt", "defekt"),
        ("rückruf +49 (0)30 123 456-78", "rückruf"),
        ("anruf 030/1234567 bitte", "anruf bitte"),
        ("rechnung 20261234", "rechnung"),
        ("iban DE89 3704 0044 0532 0130 00 falsch", "iban falsch"),
        ("geburtstag 12.03.1984", "geburtstag"),
        ("fehler 404", "fehler 404"),
        ("iphone 15 pro", "iphone 15 pro"),
        ("wort " * 30, ""),
        ("123456789", ""),
        ("?! \U0001f600", ""),
        ("a\x00b", "a b"),
    ],
)
def test_what_is_kept_of_a_text(typed: str, kept: str) -> None:
    assert searchlog.kept_text(typed) == kept


def test_the_searching_persons_own_name_is_not_kept() -> None:
    assert searchlog.kept_text("Konto von Pia Muster, Zürich", "Pia Muster") == "konto von zürich"


def test_grouped_by_stem() -> None:
    forms = ("wie kündige ich den vertrag", "Vertrag kündigen", "verträge kündigen")
    assert len({searchlog.stems_of(form.casefold(), "de") for form in forms}) == 1
    assert searchlog.stems_of("wie", "de")  # only stop words still make a group


def test_counted_by_day(database: Database) -> None:
    with database.light_session() as session:
        for hits in (3, 0, 2):
            searchlog.searched(session, "Storno", lang="de", hits=hits, on=TODAY)
        searchlog.searched(session, "storno", lang="de", hits=2, on=TODAY - timedelta(days=1))
        session.commit()
        rows = session.execute(
            select(Searched.on_day, Searched.count, Searched.empty, Searched.hits).order_by(Searched.on_day)
        ).all()
    assert [tuple(row) for row in rows] == [(TODAY - timedelta(days=1), 1, 0, 2), (TODAY, 3, 1, 2)]


def test_clicks_and_requests_count_only_after_a_search(database: Database) -> None:
    with database.light_session() as session:
        searchlog.clicked(session, "storno", lang="de", rank=1, on=TODAY)
        searchlog.searched(session, "storno", lang="de", hits=3, on=TODAY)
        for rank in (1, 1, 4):
            searchlog.clicked(session, "Storno", lang="de", rank=rank, on=TODAY + timedelta(days=1))
        searchlog.clicked(session, "storno", lang="de", rank=1, on=TODAY + timedelta(days=2))
        searchlog.followed(session, "storno", lang="de", request_type_id=7, on=TODAY)
        searchlog.followed(session, "storno", lang="de", request_type_id=None, on=TODAY)
        searchlog.followed(session, "storno", lang="en", request_type_id=7, on=TODAY)
        session.commit()
        clicks = session.execute(select(SearchClick.rank, SearchClick.count).order_by(SearchClick.rank)).all()
        sent = session.execute(
            select(SearchFollowed.request_type_id, SearchFollowed.count).order_by(
                SearchFollowed.request_type_id
            )
        ).all()
    assert [tuple(row) for row in clicks] == [(1, 2), (4, 1)]
    assert [tuple(row) for row in sent] == [(0, 1), (7, 1)]


def test_what_is_forgotten(database: Database) -> None:
    old, lately = TODAY - timedelta(days=40), TODAY - timedelta(days=15)
    with database.light_session() as session:
        searchlog.searched(session, "alt", lang="de", hits=1, on=old)
        searchlog.searched(session, "alt", lang="de", hits=1, on=old)
        searchlog.clicked(session, "alt", lang="de", rank=1, on=old)
        searchlog.searched(session, "Erika Mustermann", lang="de", hits=0, on=lately)
        searchlog.searched(session, "Rechnung", lang="de", hits=1, on=lately)
        searchlog.searched(session, "Rechnungen", lang="de", hits=1, on=lately)
        searchlog.searched(session, "neu", lang="de", hits=1, on=TODAY)
        searchlog.sweep(session, keep=timedelta(days=30), today=TODAY)
        session.commit()
        left = set(session.scalars(select(Searched.text)))
        assert session.scalar(select(func.count()).select_from(SearchClick)) == 0
    assert left == {"rechnung", "rechnungen", "neu"}


def test_what_editors_read(database: Database) -> None:
    with database.light_session() as session:
        for text, hits in (("Erstattung", 0), ("Erstattung", 0), ("Erstattungen", 2), ("Rechnung", 5)):
            searchlog.searched(session, text, lang="de", hits=hits, on=TODAY)
        searchlog.searched(session, "invoice", lang="en", hits=5, on=TODAY)
        searchlog.searched(session, "Mahnung", lang="de", hits=5, on=TODAY - WEEK)
        searchlog.clicked(session, "Rechnung", lang="de", rank=3, on=TODAY)
        searchlog.clicked(session, "rechnung", lang="de", rank=1, on=TODAY)
        searchlog.followed(session, "Erstattung", lang="de", request_type_id=7, on=TODAY)
        session.commit()
    with database.session(write=False) as session:
        given = {"lang": "de", "since": TODAY - timedelta(days=1)}
        first, second = searchlog.report(session, **given).groups  # type: ignore[arg-type]
        assert (first.count, first.empty, first.clicks, first.rank) == (3, 2, 0, None)
        assert (first.spellings, first.requests, first.followed) == (
            ("erstattung", "erstattungen"),
            {7: 1},
            1,
        )
        assert (second.count, second.empty, second.clicks, second.rank) == (1, 0, 2, 2.0)
        for lacking in (searchlog.WITHOUT_HIT, searchlog.WITHOUT_CLICK):
            (only,) = searchlog.report(session, lacking=lacking, **given).groups  # type: ignore[arg-type]
            assert only.stems == first.stems
        assert len(searchlog.report(session, lang="de", since=TODAY - WEEK).groups) == 3


def test_the_list_pages_by_key(database: Database) -> None:
    with database.light_session() as session:
        for number in range(60):
            for _ in range(1 + number % 3):
                searchlog.searched(session, f"wort{number:02}", lang="de", hits=1, on=TODAY)
        session.commit()
    seen: list[str] = []
    with database.session(write=False) as session:
        after = None
        while True:
            page = searchlog.report(session, lang="de", since=TODAY, after=after)
            seen += [group.stems for group in page.groups]
            if (after := page.after) is None:
                break
        back = searchlog.report(session, lang="de", since=TODAY, before=page.before)
    assert len(seen) == len(set(seen)) == 60
    assert [group.stems for group in back.groups] == seen[25:50]
