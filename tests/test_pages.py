"""Every page there is: none disappears unnoticed, each is whole for everybody who may open it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import meta, nodes
from sqlalchemy import select

from app.accounts import sessions
from app.accounts.models import CUSTOMER, Membership, Organisation, Person, Team
from app.articles.models import ArticleText, Category, GlossaryTerm, Media
from app.factory import create_app
from app.now import now
from app.reports.models import WhatIfRun
from app.sla.models import BusinessCalendar, SlaPolicy
from config import Settings
from tests import factories
from tests.support import demo
from tests.support.pages import Browser, Page, faults_of

HERE = Path(__file__).parent
SAVED = HERE / "routes.txt"
ROLES = ("visitor", CUSTOMER, "agent", "lead", "editor", "privacy_officer", "admin")
VISITS = [
    (role, lang)
    for role in ROLES
    for lang in ("en", "de")
    if lang == "en" or role in ("visitor", CUSTOMER, "admin")
]

# Pages that answer no HTML page of their own: what machines ask, fragments, files, links that only lead on.
NO_PAGES = {"/", "/healthz", "/readyz", "/metrics"}


# --- addresses -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages_app(tmp_path_factory: pytest.TempPathFactory, demo_data: Path) -> Iterator[Flask]:
    """The portal with the demo in it, which these tests only read."""
    folder = demo.copy(demo_data, tmp_path_factory.mktemp("pages") / "data")
    environ = {
        "PORTAL_DATA_DIR": str(folder),
        "PORTAL_SECRET_KEY": demo.SECRET,
        "PORTAL_BASE_URL": "http://localhost",
        "PORTAL_DEMO": "1",
    }
    made = create_app(Settings.from_env(environ))
    made.test_client_class = Browser
    yield made
    made.extensions["portal"].database.dispose()


def rules(app: Flask) -> set[str]:
    """Every address with its methods, as `routes.txt` keeps them."""
    return {
        f"{method} {rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_no_address_disappears(pages_app):
    """An address that people or scripts may know stays, or leads on to its successor."""
    saved = set(SAVED.read_text().split("\n")) - {""}
    gone = {line for line in saved - rules(pages_app) if not leads_on(pages_app, line)}
    assert gone == set(), "bring them back, or let them redirect"


def test_every_address_is_kept_in_the_list(pages_app):
    """`python -m tests.test_pages` writes the list anew."""
    missing = sorted(rules(pages_app) - set(SAVED.read_text().split("\n")))
    assert missing == [], "add these lines to tests/routes.txt: python -m tests.test_pages"


def leads_on(app: Flask, line: str) -> bool:
    """Whether a GET to an old address is answered by a redirect."""
    method, _, rule = line.partition(" ")
    path = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule)
    path = re.sub(r"<int:\w+>", "1", re.sub(r"<lang>", "en", path))
    path = re.sub(r"<[^>]+>", "x", path)
    return method == "GET" and app.test_client().get(path).status_code in (301, 302, 303, 307, 308)


def test_an_address_that_is_gone_is_noticed(pages_app):
    assert not leads_on(pages_app, "GET /help/old")
    assert not leads_on(pages_app, "POST /")
    assert leads_on(pages_app, "GET /")


# --- templates -----------------------------------------------------------------------------------------------------


def parents(app: Flask) -> dict[str, str | None]:
    """Each template with the one it extends."""
    found: dict[str, str | None] = {}
    for name in app.jinja_env.list_templates():
        tree = app.jinja_env.parse(app.jinja_env.loader.get_source(app.jinja_env, name)[0])
        extends = next(tree.find_all(nodes.Extends), None)
        found[name] = extends.template.value if extends else None
    return found


def blocks(app: Flask, name: str) -> set[str]:
    tree = app.jinja_env.parse(app.jinja_env.loader.get_source(app.jinja_env, name)[0])
    return {block.name for block in tree.find_all(nodes.Block)}


def test_every_template_compiles(pages_app):
    names = pages_app.jinja_env.list_templates()
    assert len(names) > 60
    for name in names:
        pages_app.jinja_env.get_template(name)


def test_every_template_finds_what_it_includes(pages_app):
    environment = pages_app.jinja_env
    names = set(environment.list_templates())
    for name in names:
        tree = environment.parse(environment.loader.get_source(environment, name)[0])
        for used in meta.find_referenced_templates(tree):
            assert used is None or used in names, f"{name} uses {used}"


def test_every_page_names_its_title(pages_app):
    chain = parents(pages_app)
    for name in set(chain) - set(chain.values()):
        if chain[name] is None:
            continue
        above: list[str] = []
        at: str | None = name
        while at and at != "base.html":
            above.append(at)
            at = chain[at]
        assert any("title" in blocks(pages_app, one) for one in above), f"{name} has no title"


def test_no_template_holds_script_or_style(pages_app):
    for name in pages_app.jinja_env.list_templates():
        source = pages_app.jinja_env.loader.get_source(pages_app.jinja_env, name)[0]
        source = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", source, flags=re.DOTALL)
        for pattern in (r"\sstyle=", r"\son[a-z]+=", r"<style", r"<script(?![^>]*src=)", r"javascript:"):
            assert not re.search(pattern, source), f"{name}: {pattern}"


# --- every page for everybody ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(pages_app: Flask) -> dict[str, Any]:
    """A value for each part of an address: things of the demo that are there."""
    with pages_app.extensions["portal"].database.session(write=True) as session:
        member = factories.person(session, "agent", name="Ali Agent")
        article = session.scalars(select(ArticleText).where(ArticleText.lang == "en").limit(1)).one()
        media = Media(
            article_id=article.article_id,
            storage_key="0" * 32,
            name="x.png",
            content_type="image/png",
            size=1,
            sha256="",
            width=1,
            height=1,
            created_at=now(),
        )
        policy_id = session.scalars(select(SlaPolicy.id).limit(1)).one()
        trial = WhatIfRun(
            author_id=member.id,
            policy_id=policy_id,
            created_at=now(),
            since=now(),
            draft={"targets": [{}, {"normal": {"resolution": 60}}], "week": None},
            state="done",
            done=1,
            total=1,
            result={
                "tickets": 1,
                "cells": [["resolution", None, "normal", 0, 0, 0, 1]],
                "worse": {"count": 1, "ids": [1], "metrics": [8]},
                "better": {"count": 0, "ids": [], "metrics": []},
                "differing": 1,
            },
        )
        session.add_all([media, trial])
        session.flush()
        found = {
            "run_id": trial.id,
            "person_id": member.id,
            "organisation_id": session.scalars(select(Organisation.id).limit(1)).one(),
            "team_id": session.scalars(select(Team.id).limit(1)).one(),
            "article_id": article.article_id,
            "category_id": session.scalars(select(Category.id).limit(1)).one(),
            "term_id": session.scalars(select(GlossaryTerm.id).limit(1)).one(),
            "calendar_id": session.scalars(select(BusinessCalendar.id).limit(1)).one(),
            "policy_id": policy_id,
            "slug": article.slug,
            "number": media.id,
            "name": "accounts.reset_password",
            "page": "imprint",
            "token": "not-a-token",
            "key": next(path.stem for path in [*letters(pages_app), Path("none.eml")]),
            "path": session.scalars(select(Category.path).limit(1)).one(),
        }
        session.commit()
    return found


def letters(app: Flask) -> list[Path]:
    return sorted(app.extensions["portal"].captured_mail_dir.glob("*.eml"))


# What an address means where its part is another thing than its name says elsewhere.
OWN_SAMPLES: dict[str, dict[str, Any]] = {
    "/admin/legal/<page>/<lang>/versions/<int:number>": {"number": 1},
}


def addresses(app: Flask, samples: dict[str, Any], lang: str) -> Iterator[tuple[str, str]]:
    """Every GET address with a real one of its kind, in one language."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or str(rule) in NO_PAGES:
            continue
        known = {**samples, **OWN_SAMPLES.get(str(rule), {}), "lang": lang, "text_lang": "en"}
        values = {name: known.get(name, _any(str(rule), name)) for name in rule.arguments}
        yield str(rule), adapter.build(rule.endpoint, values, method="GET")


def _any(rule: str, name: str) -> Any:
    """Something that fits a part of an address for which there is no sample."""
    choice = re.search(rf"<any\('?([^,')]+)[^>]*\):{name}>", rule)
    return choice[1] if choice else 1 if f"<int:{name}>" in rule else "x"


@pytest.fixture
def enter(pages_app: Flask) -> Callable[[str, str], Browser]:
    """A browser in which somebody of a role is signed in."""

    def made(role: str, lang: str) -> Browser:
        browser = pages_app.test_client()
        assert isinstance(browser, Browser)
        browser.lang = lang
        if role == "visitor":
            return browser
        with pages_app.extensions["portal"].database.session(write=True) as session:
            if role == CUSTOMER:
                person = session.get_one(Person, session.scalars(select(Membership.person_id).limit(1)).one())
                person.language = lang
            else:
                person = factories.person(session, role, language=lang)
            token = sessions.begin(session, person.id, device="Test", network="", now=now())
            session.commit()
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = token
        return browser

    return made


@pytest.mark.parametrize(("role", "lang"), VISITS)
def test_every_page_is_whole(pages_app, samples, enter, role, lang):
    """Title, one h1, labelled fields, unique ids, nothing inline, nothing from another host; in the right language."""
    browser, faults, opened = enter(role, lang), [], 0
    for rule, address in addresses(pages_app, samples, lang):
        answer = browser.get(
            address, base_url="http://localhost", headers={"Accept-Language": lang}, follow_redirects=True
        )
        if answer.status_code not in (200, 403, 404):
            faults.append(f"{address}: {answer.status_code}")
        opened += answer.status_code == 200
        if answer.mimetype != "text/html" or "sandbox" in answer.headers["Content-Security-Policy"]:
            continue
        page = Page(answer, address)
        faults += [f"{address}: {fault}" for fault in faults_of(page)]
        if "<html" in page.html and page.tree.get("lang") != lang:
            faults.append(f"{address} ({rule}) is in {page.tree.get('lang')}")
    assert not faults, "\n".join(faults)
    assert opened >= {"visitor": 10, CUSTOMER: 15, "agent": 15}.get(role, 20)


def test_an_admin_may_open_every_page(pages_app, samples, enter):
    """Where there is a sample of everything its address names; so that the samples really are pages, not refusals."""
    browser, shut = enter("admin", "en"), []
    for rule, address in addresses(pages_app, samples, "en"):
        answer = browser.get(address, base_url="http://localhost", follow_redirects=True)
        sampled = set(re.findall(r"(\w+)>", rule)) <= {*samples, "lang", "text_lang"} - {"token", "key"}
        if answer.status_code != 200 and sampled and rule not in SHUT:
            shut.append(f"{address}: {answer.status_code}")
    assert not shut, "\n".join(shut)


# Addresses at which even an admin finds nothing in the demo, with the reason.
SHUT = {
    "/account/organisation/<slug>": "for managers of this organisation",
    "/admin/legal/<page>/<lang>/versions/<int:number>": "the demo publishes none of the imprint",
    "/admin/privacy/blackout/places": "the step after the passage is named",
    "/admin/privacy/tickets": "asks for a ticket, and the demo has none",
    "/admin/privacy/tickets/<int:number>": "the demo has no requests",
    "/media/<int:number>/<name>": "an image of an article",
    "/privacy/exports/<name>": "for whose copy it is",
    "/privacy/exports/<name>/progress": "for whose copy it is",
    "/privacy/tickets/<int:number>": "for whose request it is",
    "/tickets/new/sent": "after a request",
}


if __name__ == "__main__":
    from wsgi import app

    SAVED.write_text("\n".join(sorted(rules(app), key=lambda line: line.split(" ")[::-1])) + "\n")
