"""From a search to what is missing: counted without cookies, read by editors, made a synonym or an article."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.articles import glossary
from app.articles.glossary import TermText
from app.articles.models import Article, ArticleText
from app.searchlog import SearchClick, Searched, SearchFollowed
from app.tickets.models import RequestType, Ticket
from tests.articles.makers import door, published
from tests.support.pages import Browser

LONG = "\n\n".join(f"Absatz {n} über anderes." for n in range(30))


@pytest.fixture
def centre(app: Flask, run_worker: Callable[[], int]) -> Flask:
    with app.extensions["portal"].database.session(write=True) as session:
        for title in ("Gutschrift anfordern", "Gutschrift prüfen", "Gutschrift drucken"):
            published(session, title, body=f"Zur Gutschrift.\n\n{LONG}")
        session.add(
            RequestType(
                name={"de": "Rechnung", "en": "Billing"}, help={}, priority="normal", position=1, active=True,
                retention="ticket_support",
            )
        )  # fmt: skip
        session.commit()
    run_worker()
    return app


def counted(app: Flask, table: type) -> list[tuple[int, ...]]:
    with app.extensions["portal"].database.session(write=False) as session:
        return [tuple(row) for row in session.execute(select(table.__table__).order_by(table.id))]  # type: ignore[attr-defined]


def test_a_search_and_its_click_are_counted_without_a_cookie(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/de/search?q=Gutschrift")
    visitor.visit("/de/search?q=Gutschrift&page=2")  # the same search
    visitor.get("/de/suggest?q=Gutschrift")  # not yet a search
    links = [
        a.get("href") for a in page.all("a") if (a.get("href") or "").startswith("/de/articles/gutschrift")
    ]
    third = list(dict.fromkeys(links))[2]
    visitor.visit(str(third), headers={"Referer": "http://localhost/de/search?q=Gutschrift"})
    visitor.visit(str(third), headers={"Referer": "http://elsewhere.example/de/search?q=Gutschrift"})
    visitor.visit(str(third), headers={"Referer": "http://localhost/de/search?q=%ZZ&q="})
    visitor.visit(str(third))
    assert [row[3:] for row in counted(centre, Searched)] == [("gutschrift", "gutschrift", 1, 0, 3)]
    assert [row[2:] for row in counted(centre, SearchClick)] == [(3, 1)]
    assert visitor.get_cookie("session") is None


def test_a_request_that_followed_is_counted_by_its_type_only(centre: Flask, customer: Browser) -> None:
    customer.visit("/de/search?q=Kaution+max@example.org")
    page = customer.visit(
        "/tickets/new", headers={"Referer": "http://localhost/de/search?q=Kaution+max@example.org"}
    )
    kind = next(o.get("value") for o in page.all("option") if o.get("value"))
    customer.send(page, "Send request", subject="Deposit", message="Where is it?", request_type=kind)
    with centre.extensions["portal"].database.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(Ticket)) == 1
    assert [row[3] for row in counted(centre, Searched)] == ["kaution"]
    assert [row[2:] for row in counted(centre, SearchFollowed)] == [(int(kind or 0), 1)]
    customer.send(customer.visit("/tickets/new"), "Send request", subject="Other", message="No search.")
    assert len(counted(centre, SearchFollowed)) == 1


def test_the_search_stays_with_a_form_that_comes_back(centre: Flask, customer: Browser) -> None:
    customer.visit("/de/search?q=Kaution")
    page = customer.visit("/tickets/new?searched=de:Kaution")
    page = customer.send(page, "Send request", subject="Deposit", status=422)
    customer.send(page, "Send request", message="Where is it?")
    assert [row[2:] for row in counted(centre, SearchFollowed)] == [(0, 1)]


def test_editors_turn_searches_into_words_and_articles(
    centre: Flask, visitor: Browser, editor: Browser, agent: Browser
) -> None:
    with centre.extensions["portal"].database.session(write=True) as session:
        glossary.save(session, None, "de", TermText("SLA", "Eine Zusage."), door=door())
        session.commit()
    for q in ("Xylophon", "Gutschrift", "SLA"):
        visitor.visit(f"/de/search?q={q}")
    agent.visit("/admin/searches", status=403)
    page = editor.visit("/admin/searches?lang=de")
    assert "xylophon" in page.text
    assert "gutschrift" in page.text
    assert "sla" not in editor.visit("/admin/searches?lang=de&lacking=hit").text.split()
    missing = editor.visit("/admin/searches?lang=de&lacking=hit")
    assert "xylophon" in missing.text
    assert "gutschrift" not in missing.text
    form = editor.visit(str(missing.one("a", aria_label="Make a synonym of “xylophon”").get("href")))
    assert (form.one("textarea", name="words").text or "").strip() == "xylophon"
    draft = editor.send(missing, "/admin/searches/draft")
    assert draft.one("input", name="title").get("value") == "Xylophon"
    with centre.extensions["portal"].database.session(write=False) as session:
        owner, state = session.execute(
            select(Article.owner_id, ArticleText.state)
            .join(ArticleText, ArticleText.article_id == Article.id)
            .where(ArticleText.title == "Xylophon")
        ).one()
    assert (owner, state) == (editor.person_id, "draft")
    assert "No searches here" in editor.visit("/admin/searches?lang=en").text


def test_the_answer_stands_first_when_it_is_clear(
    app: Flask, visitor: Browser, run_worker: Callable[[], int]
) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        published(
            session,
            "Vertrag",
            body=f"Anfang.\n\n## Kündigen\n\nKündigen Sie <b>drei</b> Wochen vorher.\n\n{LONG}",
        )
        published(session, "Versand", body=LONG)
        session.commit()
    run_worker()
    page = visitor.visit("/de/search?q=kündigen")
    answer = page.one("section", aria_labelledby="answer")
    link = answer.find(".//p/a")
    assert link is not None
    assert link.get("href") == "/de/articles/vertrag#kuendigen"
    assert answer.find(".//mark") is not None
    assert answer.find(".//b") is None
    assert not visitor.visit("/de/search?q=über+anderes").all("section", aria_labelledby="answer")


@pytest.mark.parametrize(
    "q", ["x" * 5000, "a@b.example", "\u05e9\u05dc\u05d5\u05dd", "%00", "🙂", "wort " * 200, "12345678"]
)
def test_odd_searches_are_answered_and_logged_without_fault(
    centre: Flask, visitor: Browser, q: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert visitor.get("/de/search", query_string={"q": q}).status_code == 200
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
