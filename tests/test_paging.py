"""Paging by key: every row once, both ways, and damaged places."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.accounts.models import Team
from app.audit import AuditEntry, record
from app.db import Database
from app.paging import page

KEYS = (AuditEntry.at, AuditEntry.id)


@pytest.fixture
def filled(database: Database):
    with database.session(write=True) as session:
        for number in range(60):
            moment = datetime.fromtimestamp(1_000 + number // 7, UTC)
            record(session, actor_id=None, action="x.y", object_kind="x", object_id=number, at=moment)
        session.commit()
    with database.session(write=False) as session:
        yield session


@pytest.mark.parametrize("descending", [True, False])
def test_every_row_once_there_and_back(filled, descending):
    def look(**place):
        return page(filled, select(AuditEntry.object_id), KEYS, descending=descending, **place)

    pages = [look()]
    while pages[-1].after:
        pages.append(look(after=pages[-1].after))
    numbers = [row.object_id for one in pages for row in one.rows]
    assert numbers == sorted(range(60), reverse=descending)
    assert [len(one.rows) for one in pages] == [25, 25, 10]
    back = [pages[-1]]
    while back[-1].before:
        back.append(look(before=back[-1].before))
    assert [one.rows for one in reversed(back)] == [one.rows for one in pages]


def test_texts_as_keys(database):
    with database.session(write=True) as session:
        for number in range(30):
            name = f"Team {number % 3} ö"
            session.add(
                Team(name=f"{name} {number}", sort_name=name, created_at=datetime(2026, 1, 1, tzinfo=UTC))
            )
        session.flush()
        first = page(session, select(Team.id), (Team.sort_name, Team.id), rows=20)
        second = page(session, select(Team.id), (Team.sort_name, Team.id), rows=20, after=first.after)
        assert len({row.id for row in [*first.rows, *second.rows]}) == 30


DAMAGED = [
    "ö!!",
    "WzFd",
    "W10",
    "x" * 100,
    "WzEuNSwgMV0",
    "WyJhIiwgMV0",
    "Wzk5OTk5OTk5OTk5OTk5OTk5OSwgMV0",
    "bnVsbA",
]


@pytest.mark.parametrize("place", DAMAGED)
def test_a_damaged_place_is_the_first_page(filled, place):
    for way in ("after", "before"):
        found = page(filled, select(AuditEntry.object_id), KEYS, **{way: place})
        assert [row.object_id for row in found.rows] == list(range(25))
        assert found.before is None


def test_an_empty_list(database):
    with database.session(write=False) as session:
        found = page(session, select(AuditEntry.id), KEYS)
    assert (found.rows, found.after, found.before) == ([], None, None)


@given(place=st.text())
def test_no_place_breaks_it(place):
    from app.paging import _read

    found = _read(place, KEYS)
    assert found is None or len(found) == 2
