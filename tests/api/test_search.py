"""The JSON search: its shape, its faults, public articles only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.articles import categories
from app.now import now
from tests.articles.makers import published
from tests.support.pages import Browser

Search = Callable[..., Any]


@pytest.fixture
def search(app: Flask, visitor: Browser, run_worker: Callable[[], int]) -> Search:
    with app.extensions["portal"].database.session(write=True) as session:
        place = categories.by_path(session, "obst/beeren", actor_id=None, now=now(), through="web")
        for n in range(12):
            published(
                session,
                f"Brombeere {n} <b>",
                category_id=place,
                summary="Frucht",
                body="Eine Brombeere & mehr.",
            )
        published(session, "Bramble", lang="en", body="A Brombeere abroad.")
        session.commit()
    run_worker()

    def ask(status: int = 200, **query: Any) -> Any:
        answer = visitor.get("/api/v1/search", query_string=query)
        assert answer.status_code == status
        assert answer.mimetype == ("application/json" if status == 200 else "application/problem+json")
        return json.loads(answer.data)

    return ask


def test_the_shape_of_an_answer(search: Search) -> None:
    found = search(q="Brombeere", lang="de", limit=3)
    assert set(found) == {"query", "lang", "total", "took_ms", "did_you_mean", "results", "fallback"}
    assert (found["query"], found["lang"], found["total"], len(found["results"])) == (
        "Brombeere",
        "de",
        12,
        3,
    )
    first = found["results"][0]
    assert set(first) == {"slug", "lang", "title", "url", "snippet", "score", "category"}
    assert first["url"] == f"http://localhost/de/articles/{first['slug']}"
    assert first["category"] == "obst/beeren"
    assert first["snippet"] == "Eine <mark>Brombeere</mark> &amp; mehr."
    assert "<b>" in first["title"]
    assert [(hit["slug"], hit["lang"]) for hit in found["fallback"]] == [("bramble", "en")]
    assert all(hit["lang"] == "de" for hit in found["results"])


def test_the_last_word_is_a_beginning_and_ten_is_the_limit(search: Search) -> None:
    assert search(q="bromb")["total"] == 12
    assert len(search(q="bromb")["results"]) == 10


def test_the_first_language_is_the_default(search: Search) -> None:
    assert search(q="Brombeere")["lang"] == "de"


@pytest.mark.parametrize("q", ["", " ", "?", "x" * 5000, "\U0001f600", "\u202eabc", "AND OR NOT", "a*b[c]"])
def test_any_text_is_answered(search: Search, q: str) -> None:
    assert search(q=q)["lang"] == "de"


def test_without_a_question(search: Search) -> None:
    assert search()["results"] == []


@pytest.mark.parametrize(
    "query",
    [{"lang": "fr"}, {"limit": "0"}, {"limit": "51"}, {"limit": "x"}, {"limit": "-1"}, {"limit": "²"}],
)
def test_what_cannot_be_answered_is_a_problem_document(search: Search, query: dict[str, str]) -> None:
    problem = search(400, q="x", **query)
    assert problem["status"] == 400
    assert {"type", "title", "detail"} <= set(problem)
