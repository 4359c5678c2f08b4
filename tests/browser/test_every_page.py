"""Every page once in Chromium: no fault that axe-core knows, nothing in the console, no other host, no sideways scroll.

One language a width in `make test`; all of language, theme, width and role in `make test-full`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from app.factory import create_app
from config import Settings
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

ROLES = ("visitor", "customer", "agent", "lead", "editor", "privacy-officer", "admin")
STARTS = {
    "visitor": ["/{lang}/", "/account/sign-in", "/account/sign-up", "/account/reset", "/{lang}/search?q=rechnung",
                "/{lang}/search?q=qqqq", "/account/sign-up/sent", "/account/reset/sent", "/account/reset/no-such-link",
                "/no-such-page", "/mail/"],
    "customer": ["/{lang}/", "/account/", "/account/security", "/account/address", "/privacy/", "/no-such-page"],
    "admin": ["/admin/", "/account/", "/privacy/", "/admin/articles/new", "/admin/people/new", "/admin/teams/new",
              "/admin/organisations/new", "/admin/categories/new", "/admin/glossary/new", "/admin/roles"],
}  # fmt: skip
STAFF = ["/admin/", "/account/", "/privacy/"]
NO_PAGES = ("/api/", "/media/", "/attachments/", "/healthz", "/readyz", "/metrics")
MOST_LINKS = 400  # the demo's pages are finite; a loop in the links is not


@pytest.fixture(scope="session")
def known_routes(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Tells which address is the same kind of page as another."""
    folder = tmp_path_factory.mktemp("routes")
    return create_app(Settings.from_env({"PORTAL_DATA_DIR": str(folder)}))


def kind_of(routes: Flask, path: str) -> str | None:
    """The route of an address; None for what is no page."""
    if urlsplit(path).path.startswith(NO_PAGES) or (path.startswith("/mail/") and path.endswith("/html")):
        return None  # no page, or a letter in a sandbox where no script runs, axe neither
    try:
        rule, _ = routes.url_map.bind("localhost").match(urlsplit(path).path, return_rule=True)
    except HTTPException:
        return "no such page"
    return str(rule)


def pages(visitor: Visitor, routes: Flask, lang: str) -> Iterator[str]:
    """One address of each kind of page this person can reach by links, opened in turn."""
    starts = STARTS.get(visitor.role, STAFF)
    waiting, seen = deque(path.format(lang=lang) for path in starts), set()
    kinds: dict[str, int] = {}
    for _ in range(MOST_LINKS):
        if not waiting:
            return
        path = waiting.popleft()
        kind, other = kind_of(routes, path), "en" if lang == "de" else "de"
        given = path in [start.format(lang=lang) for start in starts]
        if kind is None or path in seen or path.startswith(f"/{other}/") or f"/{other}" in path[-3:]:
            continue
        if kinds.get(kind) and not given:
            continue
        seen.add(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        status = visitor.go(path)
        assert status < 500, f"{path}: {status}"
        yield kind
        waiting.extend(visitor.links())


def faults(visitor: Visitor, routes: Flask, lang: str) -> tuple[list[str], set[str]]:
    """What is wrong on all pages, and which kinds of pages were opened."""
    found, kinds = [], set()
    visitor.go("/account/sign-in" if visitor.role == "visitor" else "/account/")
    visitor.speak()
    for kind in pages(visitor, routes, lang):
        kinds.add(kind)
        shown = visitor.page.evaluate("document.documentElement.lang")
        if shown != lang:
            found.append(f"{visitor.page.url} is in {shown}")
        found += visitor.check()
    return found, kinds


@pytest.mark.parametrize(("width", "lang"), [(1280, "de"), (390, "en")])
@pytest.mark.parametrize("role", ["visitor", "customer", "admin"])
def test_pages(look: Callable[..., Visitor], known_routes: Flask, role: str, width: int, lang: str) -> None:
    found, kinds = faults(look(role, lang=lang, width=width), known_routes, lang)
    assert not found, "\n".join(found)
    assert len(kinds) >= {"visitor": 14, "customer": 12, "admin": 28}[role], sorted(kinds)


@pytest.mark.full
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("lang", ["de", "en"])
@pytest.mark.parametrize("role", ROLES)
def test_pages_in_every_state(
    look: Callable[..., Visitor], known_routes: Flask, role: str, lang: str, width: int, theme: str
) -> None:
    visitor = look(role, lang=lang, width=width, color_scheme=theme)
    found, _ = faults(visitor, known_routes, lang)
    assert not found, "\n".join(found)


# --- the checks themselves can fail --------------------------------------------------------------------------------

BAD = {
    "axe": "document.querySelector('h1').innerHTML = '<img src=\"/favicon.ico\">'",
    "sideways": "document.body.append(Object.assign(document.createElement('p'), {textContent: 'x'.repeat(4000)}))",
    "console": "console.error('broken')",
    "csp": "document.body.append(Object.assign(document.createElement('script'), {textContent: 'var x = 1'}))",
    "other host": "document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png', alt: ''}))",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_page_is_noticed(look: Callable[..., Visitor], what: str) -> None:
    visitor = look("visitor")
    visitor.go("/account/sign-in")
    assert visitor.check() == []
    visitor.page.evaluate(BAD[what])
    visitor.page.wait_for_timeout(100)
    assert visitor.check() != []


def test_the_vendored_axe_is_whole() -> None:
    source = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text()
    assert source.startswith("/*! axe v4.")
