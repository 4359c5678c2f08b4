"""Somebody with a browser window. Every page is listened to; `check` says what is wrong with the present one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """async tags => {
    const found = await axe.run(document, {runOnly: tags, resultTypes: ['violations']})
    return found.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | '))
}"""


def wait_awake(page: Any) -> None:
    """Wait until the page's scripts listen: a person is slower than they are, a test is not. `Visitor.go` does; other
    ways to a page need it when what is done next depends on a script."""
    if page.locator("script[src*='js/app.js']").count():
        page.wait_for_selector("html[data-awake]", state="attached")


class Visitor:
    """A browser context with one page. `noted` holds what the browser complained of since the last check."""

    def __init__(self, context: Any, base: str, role: str, lang: str, scripts: bool = True) -> None:
        self.context, self.base, self.role, self.lang, self.scripts = context, base, role, lang, scripts
        self.page = context.new_page()
        self.page.set_default_timeout(30_000)  # patience for a busy machine; nothing is timed
        self.noted: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda fault: self.noted.append(f"script: {fault}"))
        context.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        # the browser reports the status of the page itself as a fault; the test asks for it where it matters
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.noted.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and f"{parts.scheme}://{parts.netloc}" != self.base:
            self.noted.append(f"asks another host: {request.url}")

    def go(self, path: str) -> int:
        """Open a page; gives its status."""
        answer = self.page.goto(f"{self.base}{path}")
        if self.scripts:
            wait_awake(self.page)
        return answer.status if answer else 0

    def speak(self) -> None:
        """Make a signed-in person's pages come in this window's language."""
        other = self.page.locator(f"form[action='/language'] button[value={self.lang}]")
        if other.count():
            with self.page.expect_navigation():
                other.first.click()

    def check(self, axe: bool = True) -> list[str]:
        """What is wrong with the present page: accessibility, console, other hosts, sideways scrolling."""
        faults, self.noted = self.noted, []
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            faults.append(f"scrolls sideways by {wide} px")
        if axe:
            if not self.page.evaluate("'axe' in window"):
                self.page.evaluate(AXE)  # under the page's own CSP, which stays as it is
            faults += self.page.evaluate(RUN_AXE, RULES)
        return [f"{urlsplit(self.page.url).path} ({self.role}, {self.lang}): {fault}" for fault in faults]

    def links(self) -> list[str]:
        """The addresses of this portal that the present page leads to."""
        found = self.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        return list(dict.fromkeys(self._own(address) for address in found if self._own(address)))

    def _own(self, address: str) -> str:
        parts = urlsplit(address)
        if f"{parts.scheme}://{parts.netloc}" != self.base:
            return ""
        return parts.path + (f"?{parts.query}" if parts.query else "")
