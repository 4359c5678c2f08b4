"""A running demo and people in Chromium who look at it; whatever a page does wrong is noted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.db import Database
from tests import factories
from tests.browser.visitor import Visitor
from tests.support import demo
from tests.support.live import Live


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, demo_data: Path, browser: Any) -> Iterator[Live]:
    """`make run` with the demo on a free port, for tests that only look or that clean up after themselves."""
    folder = demo.copy(demo_data, tmp_path_factory.mktemp("server") / "data")
    running = Live(folder, PORTAL_DEMO="1", PORTAL_RATE_LIMITS="off", PORTAL_SECRET_KEY=demo.SECRET)
    _add_staff(running)
    running.start()
    yield running
    running.stop()


def _add_staff(running: Live) -> None:
    """Roles that the demo does not have."""
    database = Database(f"sqlite:///{running.data_dir / 'portal.db'}")
    with database.session(write=True) as session:
        for role in STAFF:
            factories.person(
                session, role.replace("-", "_"), email=f"{role}@kontorwerk.example", language="de"
            )
        session.commit()
    database.dispose()


STAFF = ("lead", "privacy-officer")


@pytest.fixture(scope="session")
def passwords(server: Live) -> dict[str, tuple[str, str]]:
    """Address and password of one person of each role."""
    accounts = json.loads((server.data_dir / "demo-accounts.json").read_text())
    known = {account["role"]: (account["email"], account["password"]) for account in reversed(accounts)}
    return known | {role: (f"{role}@kontorwerk.example", factories.PASSWORD) for role in STAFF}


@pytest.fixture(scope="session")
def cookies(server: Live, browser: Any, passwords: dict[str, tuple[str, str]]) -> Callable[[str], Any]:
    """The cookies of somebody of a role, signed in once."""
    kept: dict[str, Any] = {}

    def of(role: str) -> Any:
        if role not in kept and role != "visitor":
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{server.url}/account/sign-in")
            address, password = passwords[role]
            page.fill("[name=email]", address)
            page.fill("[name=password]", password)
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert "sign-in" not in page.url
            kept[role] = context.storage_state()
            context.close()
        return kept.get(role)

    return of


@pytest.fixture
def look(server: Live, browser: Any, cookies: Callable[[str], Any]) -> Iterator[Callable[..., Visitor]]:
    """Somebody of a role with a window of a width: `look("customer", lang="de", width=390)`."""
    opened: list[Visitor] = []

    def made(role: str = "visitor", *, lang: str = "de", width: int = 1280, **options: Any) -> Visitor:
        context = browser.new_context(
            base_url=server.url,
            locale=lang,
            viewport={"width": width, "height": 900},
            storage_state=cookies(role),
            reduced_motion="reduce",
            **options,
        )
        scripts = options.get("java_script_enabled", True)
        opened.append(Visitor(context, server.url, role, lang, scripts=scripts))
        return opened[-1]

    yield made
    for visitor in opened:
        visitor.context.close()
