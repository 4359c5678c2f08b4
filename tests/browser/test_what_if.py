"""Other promises tried in a real browser: by keyboard, where the result comes by itself, and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from app.sla.calendar_keeping import WEEKDAYS
from tests.browser.test_journeys import press_and_wait, tab_to
from tests.browser.visitor import Visitor
from tests.support.live import wait_for

pytestmark = pytest.mark.browser

Look = Callable[..., Visitor]


def to_standard(visitor: Visitor) -> None:
    """The draft of the promises that most tickets of the demo have."""
    visitor.go("/reports/what-if")
    others = visitor.page.locator("nav.tabs a", has_text="Standard")
    if others.count():
        visitor.go(others.first.get_attribute("href"))


@pytest.mark.parametrize(("lang", "width"), [("de", 1280), ("en", 390)])
def test_a_trial_by_keyboard_whose_result_comes_by_itself(look: Look, lang: str, width: int) -> None:
    visitor = look("lead", lang=lang, width=width)
    page = visitor.page
    visitor.go("/reports/")
    assert visitor.check() == []
    to_standard(visitor)
    assert visitor.check() == []
    for field in page.locator("[name$=_first_response]").all():
        field.fill("1 min")
    for day in WEEKDAYS:  # always open, so that it does not matter on which days the demo was asked
        page.locator(f"[name={day}]").fill("0-24")
    page.locator("h1").click()
    tab_to(page, "#normal_first_response", most=90)
    page.keyboard.press("Control+a")
    page.keyboard.type("2 min")
    press_and_wait(page, "Enter")
    expect(page.locator("#outcome")).to_be_visible()
    assert visitor.check() == []
    with page.expect_navigation():
        page.locator("a[href$='/worse']").click()
    expect(page.locator("table a[href^='/desk/tickets/']").first).to_be_visible()
    assert visitor.check() == []


def test_a_trial_without_javascript(look: Look) -> None:
    visitor = look("admin", java_script_enabled=False)
    page = visitor.page
    to_standard(visitor)
    page.locator("#normal_first_response").fill("soon")
    page.locator("main form button.btn-primary").click()
    expect(page.locator(".summary")).to_be_visible()
    expect(page.locator("#normal_first_response")).to_have_value("soon")
    page.locator("#normal_first_response").fill("2 min")
    page.locator("main form button.btn-primary").click()
    expect(page.locator("#tried")).to_be_visible()
    address = page.url

    def done() -> bool:
        page.goto(address)
        return page.locator("#outcome").count() == 1

    wait_for(done, 60, "the trial's result")
