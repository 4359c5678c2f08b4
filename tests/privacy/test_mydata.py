"""My data: everything that is held and shown, nothing that is not, and nothing of anybody else."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask

from app.accounts import sessions
from app.accounts.models import Person
from app.now import now
from app.personal import Export, Kind
from app.privacy.registry import tables
from tests.privacy.canaries import Planted, plant
from tests.support.pages import Browser, Page


@pytest.fixture
def planted(app: Flask) -> tuple[Planted, Planted]:
    """Two people with rows in every table."""
    with app.app_context(), app.extensions["portal"].database.session(write=True) as session:
        hers, others = plant(session, "hers"), plant(session, "other", first_day=10_000)
        session.commit()
    return hers, others


@pytest.fixture
def read(app: Flask, planted: tuple[Planted, Planted]) -> Callable[..., Page]:
    """Her page, in English."""

    def page() -> Page:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        with app.extensions["portal"].database.session(write=True) as session:
            session.get_one(Person, planted[0].person_id).language = "en"
            token = sessions.begin(session, planted[0].person_id, device="Test", network="", now=now())
            session.commit()
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = token
        return browser.visit("/privacy/")

    return page


# What the page cannot show as it was planted, since reading the page changes it.
LIVE = {("person", "language"), ("person", "last_seen_at")}


def shown(page: Page) -> str:
    return " ".join(unescape("".join(page.one("main").itertext())).split()).replace("\u00a0", " ")


@pytest.mark.both_databases
def test_every_exported_column_is_shown(planted, read):
    words = shown(read())
    exported = [
        canary
        for canary in planted[0].canaries
        if canary.says.export is not Export.NEVER and (canary.table, canary.column) not in LIVE
    ]
    assert len(exported) > 20
    missing = [f"{canary.table}.{canary.column}" for canary in exported if canary.words not in words]
    assert missing == []


def test_every_exported_column_has_its_words_on_the_page(planted, read):
    """Also for numbers and codes, which no canary can mark."""
    words = shown(read())
    labels = {
        f"{held.table.name}.{column.name}": says.label
        for held in tables()
        for column, says in held.columns
        if says.export is not Export.NEVER and (held.says.subject or says.subject)
    }
    assert "article.owner_id" in labels
    assert [name for name, label in labels.items() if label not in words] == []


def test_the_articles_one_looks_after_are_named(planted, read):
    page = read()
    (section,) = page.all("section", aria_labelledby="data-article-owner_id")
    assert "hers-article_text-title-canary" in "".join(section.itertext())


def test_what_is_never_exported_is_not_shown(planted, read):
    words = shown(read())
    hidden = [canary for canary in planted[0].canaries if canary.says.export is Export.NEVER]
    assert len([canary for canary in hidden if canary.says.kind is Kind.CREDENTIAL]) >= 4
    assert [f"{canary.table}.{canary.column}" for canary in hidden if canary.words in words] == []


def test_nothing_of_another_person_is_shown(planted, read):
    page = read()
    words = shown(page)
    (receive,) = page.all(
        "section", aria_labelledby="receive"
    )  # recipients are the operator's, told to everybody
    assert "other-" not in words.replace(" ".join("".join(receive.itertext()).split()), "")
    assert [f"{one.table}.{one.column}" for one in planted[1].canaries if one.words in words] == []


def test_each_section_says_why_and_how_long(planted, read):
    page = read()
    sections = [
        element for element in page.all("section") if element.get("aria-labelledby", "").startswith("data-")
    ]
    assert len(sections) >= 8
    for section in sections:
        told = " ".join("".join(section.itertext()).split())
        assert "Art. 6(1)" in told, told


def test_a_person_without_any_traces(customer):
    assert customer.email in customer.visit("/privacy/").text


def test_a_visitor_sees_nothing(visitor, planted):
    page = visitor.visit("/privacy/")
    assert "canary" not in page.html
    assert not [one for one in page.all("section") if one.get("aria-labelledby", "").startswith("data-")]


def test_few_statements(customer, statements):
    with statements() as sent:
        customer.visit("/privacy/")
    assert len(sent) <= 12, "\n".join(sent)
