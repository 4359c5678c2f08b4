"""Reader pages: what they show, what they cost, votes, old addresses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import preferences
from app.articles import categories, glossary, service
from app.articles.glossary import TermText
from app.articles.models import ArticleText, ArticleVote, Category
from app.now import now
from tests.articles.makers import content, door, published, translated
from tests.support.pages import Browser

Statements = Callable[[], AbstractContextManager[list[str]]]
HERE = {"Sec-Fetch-Site": "same-origin"}
SECTIONS = "Erstens.\n\n## Vorher\n\nText\n\n## Während\n\nText\n\n## Nachher\n\nText"


@pytest.fixture
def centre(app: Flask, run_worker: Callable[[], int]) -> Flask:
    """A small help centre: two levels of categories, some articles in both languages, two terms."""
    with app.extensions["portal"].database.session(write=True) as session:
        fruit = categories.by_path(session, "fruit", actor_id=None, now=now(), through="web")
        berries = categories.by_path(session, "fruit/berries", actor_id=None, now=now(), through="web")
        first = published(session, "Brombeeren pflücken", category_id=berries, body=SECTIONS)
        translated(session, first, "Pick blackberries", body=SECTIONS)
        for n in range(8):
            published(session, f"Bramble {n}", lang="en", category_id=berries)
        for n in range(30):
            published(session, f"Apple {n}", lang="en", category_id=fruit)
        published(session, "Nur deutsch")
        glossary.save(
            session,
            None,
            "en",
            TermText("Bramble", "A thorny shrub.", ("Brambles",), ("thorn",)),
            door=door(),
        )
        glossary.save(
            session, None, "en", TermText("Thorn", "Hurts <b>you</b>.", (), ("bramble", "gone")), door=door()
        )
        session.commit()
    run_worker()
    return app


def stored(app: Flask, slug: str) -> ArticleText:
    with app.extensions["portal"].database.session(write=False) as session:
        return session.scalars(select(ArticleText).where(ArticleText.slug == slug)).one()


def test_the_start_leads_to_the_language_of_the_browser(centre: Flask, visitor: Browser) -> None:
    for accepted, lang in (("de-AT,de;q=0.9", "de"), ("en-GB", "en"), ("fr", "de")):
        answer = visitor.get("/", headers={"Accept-Language": accepted})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/{lang}/")
    visitor.visit("/fr/", status=404)


def test_home(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/")
    assert page.all("a", href="/en/categories/fruit")
    assert not page.all("a", href="/en/categories/fruit/berries")
    assert "39 articles" in page.text
    assert len(page.one("section", aria_labelledby="newest").findall(".//a")) == 5
    assert page.all("a", href="/contact")


def test_pages_for_visitors_are_answered_by_304(centre: Flask, visitor: Browser) -> None:
    for path in (
        "/en/",
        "/en/articles/pick-blackberries",
        "/en/categories/fruit",
        "/en/glossary",
        "/en/search?q=apple",
    ):
        first = visitor.get(path)
        assert "Set-Cookie" not in first.headers, path
        again = visitor.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), path


def test_pages_of_signed_in_people_are_not_kept(centre: Flask, customer: Browser) -> None:
    assert customer.get("/en/").headers["Cache-Control"] == "no-store"


def test_article(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/articles/pick-blackberries")
    contents = page.one("nav", aria_label="On this page")
    assert [a.get("href") for a in contents.iter("a")] == ["#vorher", "#waehrend", "#nachher"]
    assert page.all("link", hreflang="de", href="/de/articles/brombeeren-pfluecken")
    assert page.all("a", hreflang="de", href="/de/articles/brombeeren-pfluecken")
    assert "1 minute to read" in page.text
    assert len(list(page.one("section", aria_labelledby="related").iter("a"))) == 4


def test_old_addresses_and_other_languages(centre: Flask, visitor: Browser) -> None:
    with centre.extensions["portal"].database.session(write=True) as session:
        text = session.scalars(select(ArticleText).where(ArticleText.slug == "pick-blackberries")).one()
        service.save(session, text, content("Pick"), slug="pick", based_on=None, door=door())
        session.commit()
    moved = visitor.get("/en/articles/pick-blackberries")
    assert (moved.status_code, moved.headers["Location"]) == (301, "/en/articles/pick")
    page = visitor.visit("/en/articles/nur-deutsch", status=404)
    assert page.all("a", href="/de/articles/nur-deutsch", hreflang="de")
    assert page.all("input", name="q")
    visitor.visit("/en/articles/never-was", status=404)


def test_views_are_counted(centre: Flask, visitor: Browser) -> None:
    for _ in range(3):
        visitor.visit("/en/articles/bramble-1")
    assert stored(centre, "bramble-1").views == 3


def test_category_pages(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/categories/fruit")
    assert len(page.one("ul", class_="summaries").findall("li")) == 25
    with centre.extensions["portal"].database.session(write=False) as session:
        berries = session.scalars(select(Category.id).where(Category.path == "fruit/berries")).one()
    section = page.one("section", aria_labelledby=f"category-{berries}")
    assert len(section.findall(".//li")) == 6
    assert "All 9 articles" in page.text
    second = visitor.visit("/en/categories/fruit?page=2")
    assert len(second.one("ul", class_="summaries").findall("li")) == 5
    visitor.visit("/en/categories/fruit?page=3", status=404)
    visitor.visit("/en/categories/nothing", status=404)


def test_search_pages_filters_and_terms(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/search?q=apple")
    assert "30 results" in page.text
    assert len(page.one("ol", class_="hits").findall("li")) == 10
    third = visitor.visit("/en/search?q=apple&page=3")
    assert third.one("ol", class_="hits").get("start") == "21"
    assert all("mark" in {e.tag for e in li.iter()} for li in third.one("ol", class_="hits").findall("li"))
    inside = visitor.visit("/en/search?q=bramble&category=fruit/berries")
    assert inside.all("a", aria_current="true")
    term = visitor.visit("/en/search?q=What+are+brambles%3F")
    assert "A thorny shrub" in term.one("section", aria_labelledby="term").find("div").find("p").text
    visitor.visit("/en/articles/pick-blackberries")  # now it is the most read
    nothing = visitor.visit("/en/search?q=qqxyzzy+brrumf")
    assert "Nothing found for “qqxyzzy brrumf”" in nothing.text
    assert nothing.one("section", aria_labelledby="popular").findall(".//a")
    assert nothing.all("a", href="/tickets/new?subject=qqxyzzy%20brrumf")


@pytest.mark.parametrize(
    "q",
    [
        "",
        "   ",
        "???",
        "*",
        '"',
        "x" * 5000,
        "\U0001f600",
        "שלום",
        "a OR b AND NOT (",
        "%",
        "' OR 1=1 --",
        "a\0b",
        "x",
        "[a-z]{3}(?!x)\\",
        "how is the",
        " ".join(f"word{number}" for number in range(200)),
    ],
)
def test_any_search_is_answered(centre: Flask, visitor: Browser, q: str) -> None:
    for path in ("/en/search", "/en/suggest", "/api/v1/search"):
        assert visitor.get(path, query_string={"q": q}).status_code == 200
    page = visitor.visit("/en/search?" + __import__("urllib.parse", fromlist=["x"]).urlencode({"q": q}))
    assert ("first 300 characters" in page.text) == (len(q) > 300)


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999", "²", "1e9"])
def test_odd_page_numbers(centre: Flask, visitor: Browser, page: str) -> None:
    visitor.visit(f"/en/search?q=apple&page={page}")


def test_bytes_that_are_no_text(centre: Flask, visitor: Browser) -> None:
    visitor.visit("/en/search?q=%ff%fe")
    visitor.visit("/en/articles/%ff", status=404)
    visitor.visit("/en/categories/%ff/%00", status=404)


def test_suggestions_are_a_list(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/suggest?q=bramb")
    options = page.all("li", role="option")
    assert len(options) == 7
    assert options[-1].find("a").get("href") == "/en/search?q=bramb"


def test_glossary(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/glossary")
    assert page.one("div", id="thorn") is not None
    assert page.all("a", href="/en/glossary#bramble")
    assert not page.all("a", href="/en/glossary#gone")
    assert not page.one("div", id="thorn").findall(".//b")
    within = visitor.visit("/en/glossary?q=shrub")
    assert not within.all("div", id="thorn")
    assert "1 term with" in within.text


@pytest.mark.both_databases
def test_statements(centre: Flask, visitor: Browser, customer: Browser, statements: Statements) -> None:
    """At most 8 a page and 4 a fragment, whoever looks; the first look fills what is kept in memory."""
    for path, most in (
        ("/en/", 8), ("/en/articles/pick-blackberries", 8), ("/en/categories/fruit", 8), ("/en/glossary", 8),
        ("/en/search?q=bramble", 8), ("/en/search?q=bramble&category=fruit", 8), ("/en/suggest?q=bra", 4),
        ("/api/v1/search?q=bramble&lang=en", 4),
    ):  # fmt: skip
        for browser in (visitor, customer):
            for _ in range(2):
                with statements() as sent:
                    assert browser.get(path).status_code == 200
                assert len(sent) <= most, (path, sent)


def test_statements_do_not_grow_with_articles(app: Flask, visitor: Browser, statements: Statements) -> None:
    def cost() -> list[int]:
        counts = []
        for path in ("/en/", "/en/categories/fruit", "/en/articles/apple-0"):
            visitor.get(path)
            with statements() as sent:
                visitor.get(path)
            counts.append(len(sent))
        return counts

    def add(first: int, last: int) -> None:
        with app.extensions["portal"].database.session(write=True) as session:
            fruit = categories.by_path(session, "fruit", actor_id=None, now=now(), through="web")
            for n in range(first, last):
                published(session, f"Apple {n}", lang="en", category_id=fruit)
            session.commit()

    add(0, 3)
    before = cost()
    add(3, 60)
    assert cost() == before


# --- votes ---------------------------------------------------------------------------------------------------------


def votes(app: Flask) -> list[Any]:
    with app.extensions["portal"].database.session(write=False) as session:
        return list(session.execute(select(ArticleVote.helpful, ArticleVote.reason, ArticleVote.comment)))


def test_a_vote_without_session_counts_once_a_day_and_network(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/articles/bramble-1")
    after = visitor.send(page, "/vote", button="Yes")
    assert "Thank you" in after.text
    visitor.send(page, "/vote", button="Yes")
    assert votes(centre) == [(True, None, None)]
    assert (stored(centre, "bramble-1").helpful_yes, stored(centre, "bramble-1").helpful_no) == (1, 0)
    other = visitor.post(
        "/en/articles/bramble-1/vote",
        data={"helpful": "no", "reason": "unclear", "comment": " Wie? "},
        headers=HERE,
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )
    assert other.status_code == 303
    assert votes(centre)[1:] == [(False, "unclear", "Wie?")]
    assert "Set-Cookie" not in other.headers


def test_a_vote_through_htmx_is_a_fragment(centre: Flask, visitor: Browser) -> None:
    answer = visitor.post(
        "/en/articles/bramble-1/vote", data={"helpful": "yes"}, headers={**HERE, "HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert b"<html" not in answer.data
    assert b"Thank you" in answer.data


def test_votes_from_elsewhere_and_odd_ones(centre: Flask, visitor: Browser) -> None:
    path = "/en/articles/bramble-1/vote"
    assert (
        visitor.post(path, data={"helpful": "yes"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code
        == 400
    )
    assert visitor.post(path, data={"helpful": "yes"}).status_code == 400
    for data in (
        {}, {"helpful": "maybe"}, {"helpful": "no", "reason": "evil"}, {"helpful": "no", "comment": "x" * 2001},
    ):  # fmt: skip
        answer = visitor.post(path, data=data, headers=HERE)
        assert answer.status_code == 422, data
    assert b"x" * 2001 in answer.data  # nothing typed is lost
    assert visitor.post("/en/articles/none/vote", data={"helpful": "yes"}, headers=HERE).status_code == 404
    assert votes(centre) == []


def test_what_one_typed_is_never_shown_to_another(centre: Flask, visitor: Browser) -> None:
    path = "/en/articles/bramble-1/vote"
    for name in ("first", "second"):
        answer = visitor.post(
            path, data={"helpful": "no", "reason": "odd", "comment": f"{name} comment"}, headers=HERE
        )
        assert answer.status_code == 422
        assert f"{name} comment".encode() in answer.data
    assert b"first comment" not in answer.data
    assert "comment" not in (
        visitor.visit("/en/articles/bramble-1").one("textarea", name="comment").text or ""
    )


def test_a_page_kept_for_visitors_follows_every_change(
    centre: Flask, visitor: Browser, customer: Browser
) -> None:
    assert "Company" not in visitor.visit("/en/").title
    for browser in (visitor, customer):
        browser.visit("/en/articles/bramble-1")
    with centre.extensions["portal"].database.session(write=True) as session:
        names = {"de": "Firma", "en": "Company"}
        preferences.change(session, "company_name", names, actor_id=None, now=now())
        text = session.scalars(select(ArticleText).where(ArticleText.slug == "bramble-1")).one()
        service.save(session, text, content("Changed title"), slug="", based_on=None, door=door())
        service.publish(session, text, door=door())
        session.commit()
    page = visitor.visit("/en/articles/bramble-1")
    assert "Company" in page.title
    assert page.one("h1", text="Changed title") is not None
    visitor.post("/theme", data={"theme": "dark"}, headers=HERE)
    assert visitor.visit("/en/articles/bramble-1").tree.get("data-theme") == "dark"
    assert centre.test_client().get("/en/articles/bramble-1").data.count(b'data-theme="dark"') == 0
    with centre.extensions["portal"].database.session(write=True) as session:
        text = session.scalars(select(ArticleText).where(ArticleText.slug == "bramble-1")).one()
        service.withdraw(session, text, to="draft", door=door())
        session.commit()
    centre.test_client().get("/en/articles/bramble-1")
    visitor.visit("/en/articles/bramble-1", status=404)


# --- unkind texts --------------------------------------------------------------------------------------------------

VECTORS = [
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](javascript:alert(1))",
    '![x](/media/1/"onerror="alert(1))',
    "<img src=x onerror=alert(1)>",
    '<a href="#" onclick="alert(1)">x</a>',
    "<svg/onload=alert(1)>",
    "<style>body{display:none}</style>",
    '| a |\n|---|\n| <iframe src="//evil.example"></iframe> |',
    "```\n</code></pre><script>alert(1)</script>\n```",
    '<https://ok.example/"onmouseover="alert(1)>',
    "[a]: javascript:alert(1)\n\n[a]",
]


@pytest.mark.parametrize("body", VECTORS)
def test_unkind_markdown_shows_and_does_nothing(
    app: Flask, visitor: Browser, run_worker: Callable[[], int], body: str
) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        published(
            session,
            f"Zebra {body}"[:200],
            slug="zebra",
            lang="en",
            summary=body[:400],
            body=f"Zebra {body}\n\n{body}",
            keywords=(body[:80],),
        )
        session.commit()
    run_worker()
    for path in (
        "/en/",
        "/en/articles/zebra",
        "/en/search?q=zebra",
        "/en/search?q=alert+script",
        "/en/suggest?q=zebra",
    ):
        page = visitor.visit(path)  # checks for inline scripts, styles and handlers
        for element in page.tree.iter():
            assert (
                not (element.get("href") or "").lower().replace(" ", "").startswith(("javascript:", "data:"))
            ), path
            assert not any(name.startswith("on") for name in element.attrib), path
        assert not page.all("iframe")
        assert not page.all("script", text="alert")


def test_a_search_is_shown_as_typed(centre: Flask, visitor: Browser) -> None:
    page = visitor.visit("/en/search?q=%3Cscript%3Ealert(1)%3C/script%3E%22%20onfocus%3D%22alert(1)")
    assert page.one("input", name="q").get("value") == '<script>alert(1)</script>" onfocus="alert(1)'
