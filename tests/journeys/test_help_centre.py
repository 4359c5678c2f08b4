"""Whole ways through the help centre, over HTTP and the worker: from a question to an answer, from a draft to a find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.support.live import Live
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


@pytest.mark.parametrize(
    ("lang", "q", "slug"),
    [
        ("de", "rechnung adresse aendern", "rechnungsadresse-aendern"),
        ("de", "Passwort vergesen", "passwort-vergessen"),
        ("de", "wie kündige ich", "abo-kuendigen"),
        ("de", "kann mich nicht einloggen", "anmeldung-funktioniert-nicht"),
        ("en", "change billing adress", "change-billing-address"),
        ("en", "delete my account", "delete-account"),
    ],
)
def test_customers_words_find(firm: Flask, visitor: Browser, lang: str, q: str, slug: str) -> None:
    page = visitor.visit(f"/{lang}/search?q={q.replace(' ', '+')}")
    first = [hit.find(".//a").get("href") for hit in page.one("ol", class_="hits").findall("li")][:3]  # type: ignore[union-attr]
    assert f"/{lang}/articles/{slug}" in first


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
    live: Callable[..., Live], browser: Any, tmp_path: Path
) -> None:
    """Typing suggests, the arrow keys choose, the vote says thanks without a new page, publishing is found by the
    running worker within two seconds."""
    import json
    import time

    server = live(PORTAL_DEMO="1").start()
    page = browser.new_page(locale="de-DE")
    page.goto(f"{server.url}/de/")
    page.fill("input[name=q]", "")
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
    page.press("input[name=password]", "Enter")
    page.wait_for_load_state()
    page.goto(f"{server.url}/admin/articles/new")
    page.fill("input[name=title]", "Quallenfang")
    page.fill("textarea[name=body]", "Mit dem **Kescher**.")
    page.wait_for_selector(".editor-preview strong")
    page.click("button:has-text('Veröffentlichen')")
    page.wait_for_load_state()
    published = time.monotonic()
    while "/articles/quallenfang" not in (page.request.get(f"{server.url}/de/search?q=Quallenfang").text()):
        assert time.monotonic() - published < 2
    page.wait_for_selector("text=die Suche kennt ihn")
    page.close()
