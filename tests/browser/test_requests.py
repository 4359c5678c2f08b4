"""A request in a real browser: by keyboard alone, without JavaScript, and what the scripts add."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from playwright.sync_api import expect

from tests.browser.test_journeys import press_and_wait, tab_to
from tests.browser.visitor import Visitor, wait_awake
from tests.support.live import Live, wait_for
from tests.support.mailbox import Mailbox, link_in

pytestmark = pytest.mark.browser

Look = Callable[..., Visitor]
SEND = "form[action='/tickets/new'] button.btn-primary"
REPLY = "form[action$='/replies'] button.btn-primary"

_guests = count(1)


def new_address() -> str:
    return f"browser-guest{next(_guests)}@example.org"


def link_to(server: Live, address: str) -> str:
    """The link in the letter to a guest, without the host."""
    mails = Mailbox(server.data_dir / "mail")
    letters = wait_for(lambda: mails.to(address), what=f"the letter to {address}")
    return link_in(letters[0], "/t/").removeprefix(server.url)


@pytest.mark.parametrize(("lang", "width"), [("de", 1280), ("en", 390), ("de", 390), ("en", 1280)])
def test_a_guest_asks_confirms_and_writes_back_by_keyboard_alone(
    look: Look, server: Live, lang: str, width: int
) -> None:
    visitor = look("visitor", lang=lang, width=width)
    page, address = visitor.page, new_address()
    visitor.go(f"/{lang}/")
    tab_to(page, "a[href='/tickets/new']")
    press_and_wait(page, "Enter")
    tab_to(page, "#subject")
    page.keyboard.type("Kaputt" if lang == "de" else "Broken")
    tab_to(page, SEND)
    press_and_wait(page, "Enter")  # without a text
    expect(page.locator("[data-error-summary]")).to_be_focused()
    assert visitor.check() == []
    tab_to(page, "#message")
    page.keyboard.type("Die Maschine bleibt kalt.")
    tab_to(page, "#name")
    page.keyboard.type("Gusti Gast")
    tab_to(page, "#email")
    page.keyboard.type(address)
    tab_to(page, SEND)
    press_and_wait(page, "Enter")
    expect(page.locator("main")).to_contain_text(address)
    assert visitor.check() == []

    visitor.go(link_to(server, address))
    assert visitor.check() == []
    tab_to(page, "main button")
    press_and_wait(page, "Enter")
    expect(page.locator("h1")).to_contain_text("Kaputt" if lang == "de" else "Broken")
    assert visitor.check() == []
    tab_to(page, "#message")
    page.keyboard.type("Noch etwas.")
    tab_to(page, REPLY)
    press_and_wait(page, "Enter")
    expect(page.locator("article.msg")).to_have_count(2)
    tab_to(page, "form[action$='/resolution'] button")
    press_and_wait(page, "Enter")
    tab_to(page, "form[action$='/reopening'] button")
    press_and_wait(page, "Enter")
    expect(page.locator("form[action$='/resolution']")).to_be_visible()
    assert visitor.check() == []


def test_without_javascript(look: Look, server: Live) -> None:
    visitor = look("visitor", java_script_enabled=False)
    page, address = visitor.page, new_address()
    visitor.go("/tickets/new")
    for name, typed in {"subject": "Kalt", "message": "Text", "name": "Gusti", "email": address}.items():
        page.fill(f"#{name}", typed)
    page.set_input_files("#attachments", [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"words"}])
    with page.expect_navigation():
        page.click(SEND)
    visitor.go(link_to(server, address))
    with page.expect_navigation():
        page.click("main button")
    expect(page.locator("main")).to_contain_text("a.txt")
    page.fill("#message", "Mehr")
    with page.expect_navigation():
        page.click(REPLY)
    expect(page.locator("article.msg")).to_have_count(2)
    assert visitor.noted == []


def test_an_article_that_helps_ends_the_form(look: Look) -> None:
    visitor = look("visitor")
    page = visitor.page
    visitor.go("/tickets/new")
    page.locator("#subject").focus()
    page.keyboard.type("Rechnung herunterladen", delay=10)
    helps = page.locator("[data-helps]")
    expect(helps).to_be_visible()
    expect(helps.locator("li")).not_to_have_count(0)
    assert visitor.check() == []
    with page.context.expect_page() as opened:
        helps.locator("a").first.click()
    assert "/de/articles/" in opened.value.url
    opened.value.close()
    expect(page.locator("#subject")).to_have_value("Rechnung herunterladen")
    tab_to(page, "[data-helps] button")
    press_and_wait(page, "Enter")
    assert page.url.endswith("/tickets/new/solved")
    assert visitor.check() == []
    visitor.go("/tickets/new")
    expect(page.locator("#subject")).to_have_value("")


def test_a_visitors_text_waits_on_her_device_until_it_is_sent_once(look: Look, server: Live) -> None:
    visitor = look("visitor")
    page, address = visitor.page, new_address()
    visitor.go("/tickets/new")
    page.fill("#subject", "Halb")
    page.fill("#message", "geschrieben")
    page.reload()
    wait_awake(page)
    expect(page.locator("#subject")).to_have_value("Halb")
    expect(page.locator("#message")).to_have_value("geschrieben")
    page.fill("#name", "Gusti")
    page.fill("#email", address)
    with page.expect_navigation():
        page.dblclick(SEND)
    expect(page.locator("main")).to_contain_text(address)
    visitor.go("/tickets/new")
    expect(page.locator("#subject")).to_have_value("")
    link_to(server, address)
    assert len(Mailbox(server.data_dir / "mail").to(address)) == 1


def test_a_customers_text_is_kept_on_the_server(look: Look) -> None:
    visitor = look("customer")
    page = visitor.page
    visitor.go("/tickets/new")
    with page.expect_response(lambda answer: answer.url.endswith("/tickets/new/draft")) as kept:
        page.fill("#subject", "Entwurf")
    assert kept.value.status == 204
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    wait_awake(page)
    expect(page.locator("#subject")).to_have_value("Entwurf")
    page.fill("#message", "Fertig.")
    with page.expect_navigation():
        page.click(SEND)
    visitor.go("/tickets/new")
    expect(page.locator("#subject")).to_have_value("")
    visitor.go("/tickets/")
    expect(page.locator("main")).to_contain_text("Entwurf")
    assert visitor.check() == []
