"""What people do, with the keyboard alone and with JavaScript off."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.browser.visitor import Visitor, wait_awake

pytestmark = pytest.mark.browser

Look = Callable[..., Visitor]
FOCUS = """() => {
    const at = document.activeElement, style = getComputedStyle(at)
    return {ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
            seen: at.getBoundingClientRect().width > 0}
}"""


def tab_to(page: Page, selector: str, most: int = 60) -> None:
    """Press Tab until the element has the focus; wherever it rests on the way, it can be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["seen"]:
            where = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
            assert focus["ring"], f"the focus cannot be seen on {where}"
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


def press_and_wait(page: Page, key: str) -> None:
    with page.expect_navigation():
        page.keyboard.press(key)
    wait_awake(page)


# --- keyboard alone ----------------------------------------------------------------------------------------------


def test_skip_link_is_the_first_stop(look: Look) -> None:
    visitor = look()
    visitor.go("/de/")
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.locator(":focus")).to_have_attribute("href", "#inhalt")
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "inhalt"


def test_suggestions_by_arrow_keys(look: Look) -> None:
    visitor = look()
    page = visitor.page
    visitor.go("/de/")
    page.keyboard.press("/")  # the shortcut to the search
    expect(page.locator("#q")).to_be_focused()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/suggest?" in request.url else None)
    page.keyboard.type("rechnung", delay=20)
    options = page.locator("#q-list [role=option]")
    expect(options.first).to_be_visible()
    assert len(asked) < len("rechnung")  # not with every key
    expect(page.locator("[data-suggest-status]")).to_contain_text("Vorschl")
    expect(page.locator("#q")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#q-list [aria-selected=true]")
    expect(chosen).to_have_count(1)
    first = chosen.get_attribute("id")
    assert page.locator("#q").get_attribute("aria-activedescendant") == first
    page.keyboard.press("ArrowDown")
    assert page.locator("#q").get_attribute("aria-activedescendant") != first
    page.keyboard.press("ArrowUp")
    address = page.locator("#q-list [aria-selected=true]").get_attribute("href")
    assert visitor.check() == []  # with the list open
    press_and_wait(page, "Enter")
    assert address is not None
    assert page.url.endswith(address)
    assert visitor.check() == []


def test_a_newer_question_ends_an_older_one(look: Look) -> None:
    """The answer to the first letters comes last, and must not take the place of the right one."""
    page = look().page
    page.goto("/de/")
    wait_awake(page)
    held: list[Route] = []
    page.route("**/suggest?*", lambda route: route.continue_() if held else held.append(route))
    page.locator("#q").focus()
    with page.expect_request("**/suggest?q=rech"):
        page.keyboard.type("rech")
    with page.expect_event("requestfailed", lambda request: request.url.endswith("q=rech")):
        page.keyboard.type("nung")
    expect(page.locator("#q-list [role=option]").first).to_be_visible()
    with suppress(Error):  # nobody waits for it any more
        held[0].fulfill(content_type="text/html", body="<ul><li><a href='/de/'>Overtaken</a></li></ul>")
    with page.expect_response("**/suggest?q=rechnungen"):
        page.keyboard.type("en")
    expect(page.locator("#q-list")).not_to_contain_text("Overtaken")
    expect(page.locator("#q-list [role=option]").first).to_be_visible()


def test_escape_closes_then_clears(look: Look) -> None:
    visitor = look()
    page = visitor.page
    visitor.go("/de/")
    page.locator("#q").focus()
    page.keyboard.type("rechnung", delay=20)
    expect(page.locator("#q-list [role=option]").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#q-list")).to_be_hidden()
    expect(page.locator("#q")).to_have_value("rechnung")
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_have_value("")


def test_signing_in_and_out(look: Look, passwords: dict[str, tuple[str, str]]) -> None:
    visitor = look("visitor", lang="en")
    page, (address, password) = visitor.page, passwords["agent"]
    visitor.go("/en/")
    tab_to(page, "a.sign-in")
    press_and_wait(page, "Enter")
    tab_to(page, "[name=email]")
    page.keyboard.type(address)
    tab_to(page, "[name=password]")
    page.keyboard.type("not the password")
    press_and_wait(page, "Enter")
    expect(page.locator("[data-error-summary]")).to_be_focused()
    assert page.title().split()[0] in ("Fehler:", "Error:")
    assert page.locator("[name=email]").input_value() == address
    assert visitor.check() == []
    tab_to(page, "[name=password]")
    page.keyboard.type(password)
    press_and_wait(page, "Enter")
    assert "sign-in" not in page.url
    tab_to(page, "details.person > summary")
    page.keyboard.press("Enter")
    expect(page.locator("details.person .menu-list")).to_be_visible()
    assert visitor.check() == []  # with the menu open
    page.keyboard.press("Escape")
    expect(page.locator("details.person .menu-list")).to_be_hidden()
    expect(page.locator("details.person > summary")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "form[action='/account/sign-out'] button")
    press_and_wait(page, "Enter")
    expect(page.locator("a.sign-in")).to_be_visible()


def test_writing_and_publishing_an_article(look: Look) -> None:
    visitor = look("editor", lang="en")
    page = visitor.page
    visitor.go("/admin/articles")
    visitor.speak()
    tab_to(page, "a[href='/admin/articles/new']")
    press_and_wait(page, "Enter")
    tab_to(page, "[name=title]")
    page.keyboard.type("Quokka feeding hours")
    tab_to(page, "textarea[name=body]")
    page.keyboard.type("Feed the **quokka** at noon.")
    tab_to(page, "button[value=publish]")
    press_and_wait(page, "Enter")
    assert re.search(r"/admin/articles/\d+/(de|en)$", page.url)
    assert visitor.check() == []
    lang = page.url.rsplit("/", 1)[1]

    def found() -> bool:
        visitor.go(f"/{lang}/search?q=quokka")
        return page.locator("main a", has_text="Quokka feeding hours").count() > 0

    for _ in range(50):  # the worker brings it into the index; within two seconds on an idle machine
        if found():
            break
        page.wait_for_timeout(200)
    assert found()


# --- without JavaScript ------------------------------------------------------------------------------------------


def test_reading_without_javascript(look: Look) -> None:
    visitor = look("visitor", java_script_enabled=False)
    page = visitor.page
    visitor.go("/de/")
    page.fill("#q", "Rechnung herunterladen")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/de/search" in page.url
    hit = page.locator("main a[href^='/de/articles/']").first
    with page.expect_navigation():
        hit.click()
    assert "/de/articles/" in page.url
    with page.expect_navigation():
        page.locator("button[name=helpful][value=yes]").click()
    expect(page.locator("main")).to_contain_text("Vielen Dank")
    assert visitor.noted == []


def test_language_and_theme_without_javascript(look: Look) -> None:
    visitor = look("visitor", java_script_enabled=False)
    page = visitor.page
    visitor.go("/imprint")
    with page.expect_navigation():
        page.locator("form[action='/language'] button[value=en]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    with page.expect_navigation():
        page.locator("form[action='/theme'] button[value=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_signing_in_without_javascript(look: Look, passwords: dict[str, tuple[str, str]]) -> None:
    visitor = look("visitor", java_script_enabled=False)
    page, (address, password) = visitor.page, passwords["customer"]
    visitor.go("/account/sign-in")
    page.fill("[name=email]", address)
    page.fill("[name=password]", password)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.locator("details.person > summary").click()
    with page.expect_navigation():
        page.locator("details.person a[href='/privacy/']").click()
    expect(page.locator("main")).to_contain_text(address)
    page.locator("details.person > summary").click()
    with page.expect_navigation():
        page.locator("form[action='/account/sign-out'] button").click()
    assert visitor.noted == []


def test_editing_without_javascript(look: Look) -> None:
    visitor = look("editor", java_script_enabled=False)
    page = visitor.page
    visitor.go("/admin/articles/new")
    page.fill("[name=title]", "Wombat")
    page.fill("textarea[name=body]", "Der **Wombat** schläft.")
    with page.expect_navigation():
        page.locator("button[name=preview]").click()
    expect(page.locator("main strong", has_text="Wombat")).to_be_visible()
    expect(page.locator("textarea[name=body]")).to_have_value("Der **Wombat** schläft.")
    with page.expect_navigation():
        page.locator("button[value=save]").click()
    assert re.search(r"/admin/articles/\d+/(de|en)$", page.url)


def test_settings_without_javascript(look: Look) -> None:
    visitor = look("admin", java_script_enabled=False)
    page = visitor.page
    visitor.go("/admin/settings")
    page.fill("[name=period_draft_days]", "0")
    with page.expect_navigation():
        page.locator("main button[type=submit]").last.click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    page.locator("[data-error-summary] a").click()
    assert page.url.endswith("#period_draft_days")
    page.fill("[name=period_draft_days]", "31")
    with page.expect_navigation():
        page.locator("main button[type=submit]").last.click()
    expect(page.locator("[name=period_draft_days]")).to_have_value("31")
