"""The desk in a real browser: answered by keyboard alone, worked without JavaScript, an article put into a reply."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_journeys import press_and_wait, tab_to
from tests.browser.visitor import Visitor, wait_awake

pytestmark = pytest.mark.browser

Look = Callable[..., Visitor]
REPLY = "form[action$='/replies'] button.btn-primary"


@pytest.mark.parametrize(("lang", "width"), [("de", 1280), ("en", 390)])
def test_the_next_ticket_is_taken_and_answered_by_keyboard_alone(look: Look, lang: str, width: int) -> None:
    visitor = look("agent", lang=lang, width=width)
    page = visitor.page
    visitor.go("/desk/")
    assert visitor.check() == []
    tab_to(page, "form[action='/desk/next'] button")
    press_and_wait(page, "Enter")
    expect(page.locator("h1")).to_contain_text("#")
    assert visitor.check() == []
    tab_to(page, "#message", most=90)
    page.keyboard.type(f"Answered by keys at {width} pixels.")
    tab_to(page, REPLY, most=90)
    press_and_wait(page, "Enter")
    expect(page.locator("article.msg-agent").last).to_contain_text(f"at {width} pixels")
    assert visitor.check() == []


def test_single_keys_move_in_the_queue_and_leave_fields_alone(look: Look) -> None:
    visitor = look("agent")
    page = visitor.page
    visitor.go("/desk/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr[aria-selected='true']")).to_have_count(1)
    page.keyboard.press("o")
    page.wait_for_url("**/desk/tickets/*")
    wait_awake(page)
    page.keyboard.press("r")
    expect(page.locator("#message")).to_be_focused()
    page.keyboard.type("jokes")
    expect(page.locator("#message")).to_have_value("jokes")


def test_a_ticket_is_worked_without_javascript(look: Look) -> None:
    visitor = look("agent", java_script_enabled=False)
    page = visitor.page
    visitor.go("/desk/?view=all")
    page.locator("a.ticket-link").first.click()
    page.locator("#note summary").click()
    page.locator("#note textarea").fill("Only for the team, without scripts.")
    page.locator("#note button.btn").last.click()
    expect(page.locator("article.msg-note").last).to_contain_text("without scripts")
    page.locator("#set-priority").select_option("urgent")
    page.locator("form[action$='/priority'] button").click()
    expect(page.locator("#set-priority")).to_have_value("urgent")


def test_an_article_is_put_into_the_reply(look: Look) -> None:
    visitor = look("agent")
    page = visitor.page
    visitor.go("/desk/?view=unassigned")
    with page.expect_navigation():
        page.locator("a.ticket-link").first.click()
    wait_awake(page)
    page.locator("[data-insert-article]").click()
    page.locator("#insert-q").fill("rechnungsadresse")
    page.locator("[data-insert-text]").first.click()
    assert "/de/articles/" in page.locator("#message").input_value()
