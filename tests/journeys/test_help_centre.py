"""Whole ways through the help centre, over HTTP and the worker: from a question to an answer, from a draft to a find."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.browser.visitor import wait_awake
from tests.support import demo
from tests.support.live import Live, wait_for
from tests.support.pages import Browser


@pytest.fixture
def firm(app: Flask) -> Flask:
    result = app.test_cli_runner().invoke(args=["demo", "load"])
    assert result.exit_code == 0, result.output
    return app


@pytest.mark.both_databases
def test_a_visitor_finds_reads_and_votes(firm: Flask, visitor: Browser) -> None:
    visitor.lang = "de"
    home = visitor.visit("/")
    assert home.path == "/de/"
    found = visitor.send(home, "/search", q="rechnung adresse aendern")
    article = visitor.follow(found, "Rechnungsadresse ändern")
    assert article.one("h1", text="Rechnungsadresse ändern") is not None
    thanks = visitor.send(article, "/vote", button="Ja")
    assert "Vielen Dank" in thanks.text
    english = visitor.follow(article, "English")
    assert english.tree.get("lang") == "en"
    category = visitor.visit("/de/categories/invoices")
    assert category.all("a", href="/de/articles/rechnungsadresse-aendern")


CUSTOMERS_WORDS = (
    ("de", "rechnung adresse aendern", "rechnungsadresse-aendern"),
    ("de", "Passwort vergesen", "passwort-vergessen"),
    ("de", "wie kündige ich", "abo-kuendigen"),
    ("de", "kann mich nicht einloggen", "anmeldung-funktioniert-nicht"),
    ("en", "change billing adress", "change-billing-address"),
    ("en", "delete my account", "delete-account"),
)


def test_customers_words_find(firm: Flask, visitor: Browser) -> None:
    for lang, q, slug in CUSTOMERS_WORDS:
        page = visitor.visit(f"/{lang}/search?q={q.replace(' ', '+')}")
        hits = page.one("ol", class_="hits").findall("li")  # type: ignore[union-attr]
        first = [hit.find(".//a").get("href") for hit in hits[:3]]
        assert f"/{lang}/articles/{slug}" in first, q


def test_an_editor_publishes_and_a_visitor_finds(
    app: Flask, editor: Browser, visitor: Browser, run_worker: Callable[[], int]
) -> None:
    page = editor.visit("/admin/articles/new")
    page = editor.send(
        page, "Save draft", button="Publish", lang="en", title="Borrow a projector", body="Ask at **reception**.",
        summary="Two days are free.", keywords="beamer",
    )  # fmt: skip
    run_worker()
    found = visitor.send(visitor.visit("/en/"), "/search", q="beamer")
    article = visitor.follow(found, "Borrow a projector")
    assert "Ask at reception." in article.text
    page = editor.send(page, "Withdraw", button="Withdraw")
    visitor.visit("/en/articles/borrow-a-projector", status=404)
    run_worker()
    assert "Nothing found" in visitor.visit("/en/search?q=beamer").text


@pytest.mark.browser
def test_suggestions_votes_and_preview_in_a_real_browser(
    live: Callable[..., Live], browser: Any, demo_data: Path, tmp_path: Path
) -> None:
    """Typing suggests, the arrow keys choose, the vote says thanks without a new page, publishing is found as soon as
    the running worker has seen it."""
    folder = demo.copy(demo_data, tmp_path / "live")
    server = live(folder, PORTAL_DEMO="1", PORTAL_SECRET_KEY=demo.SECRET).start()
    page = browser.new_page(locale="de-DE")
    page.goto(f"{server.url}/de/")
    wait_awake(page)
    page.type("input[name=q]", "rechnungsad")
    page.wait_for_selector("[role=option]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/de/articles/rechnungsadresse-aendern")
    page.click("text=Nein")
    page.check("input[name=reason][value=unclear]")
    page.fill("textarea[name=comment]", "Wo steht das?")
    page.click("text=Rückmeldung senden")
    page.wait_for_selector("text=Vielen Dank")
    assert page.url.endswith("/de/articles/rechnungsadresse-aendern")

    accounts = json.loads((server.data_dir / "demo-accounts.json").read_text())
    editor = next(account for account in accounts if account["role"] == "editor")
    page.goto(f"{server.url}/account/sign-in")
    page.fill("input[name=email]", editor["email"])
    page.fill("input[name=password]", editor["password"])
    with page.expect_navigation():
        page.press("input[name=password]", "Enter")
    page.goto(f"{server.url}/admin/articles/new")
    wait_awake(page)
    page.fill("input[name=title]", "Quallenfang")
    page.fill("textarea[name=body]", "Mit dem **Kescher**.")
    page.wait_for_selector(".editor-preview strong")
    with page.expect_navigation():
        page.click("button:has-text('Veröffentlichen')")
    search = f"{server.url}/de/search?q=Quallenfang"
    wait_for(
        lambda: "/articles/quallenfang" in page.request.get(search).text(), 60, "the article in the search"
    )
    page.wait_for_selector("text=die Suche kennt ihn")
    page.close()
