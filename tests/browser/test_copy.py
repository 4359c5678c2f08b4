"""The page in a copy of somebody's data, opened from the disk in Chromium: nothing that axe knows, nothing from outside."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.admin.audit_words import ACTIONS
from app.now import now
from app.privacy import archive
from tests.browser.visitor import AXE, RULES, RUN_AXE
from tests.privacy.test_copy import Case

pytestmark = [pytest.mark.browser, pytest.mark.only_sqlite]


@pytest.mark.parametrize(("lang", "width", "scheme"), [("de", 1280, "light"), ("en", 320, "dark")])
def test_the_page_is_read_offline(
    app: Flask, browser: Any, tmp_path: Path, lang: str, width: int, scheme: str
) -> None:
    portal = app.extensions["portal"]
    case = Case(portal)
    archive.write(tmp_path / "copy.zip", portal, case.wanda.id, lang, actions=ACTIONS, now=now())
    with zipfile.ZipFile(tmp_path / "copy.zip") as found:
        found.extractall(tmp_path / "copy")
    window = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page, noted = window.new_page(), list[str]()
    page.on("console", lambda message: noted.append(message.text))
    page.on(
        "request", lambda request: noted.append(request.url) if not request.url.startswith("file:") else None
    )
    page.goto((tmp_path / "copy" / "index.html").as_uri())
    for fold in page.locator("summary").all():
        fold.click()
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE, RULES) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator(".files a").first.click()
    page.wait_for_url("**/attachments/**")
    assert "zaun in a file" in page.content()
    assert noted == []
    window.close()
