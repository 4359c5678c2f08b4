"""The demo firm: loaded, loaded again, taken away."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import demo
from app.accounts import consents
from app.accounts.models import Organisation, Person, Segment, Team
from app.articles import indexing
from app.articles.models import Article, ArticleText, Category
from app.now import now
from app.preferences import Preferences
from app.privacy import export, holds
from tests.articles.makers import published
from tests.support.pages import Browser


def counted(app: Flask, *tables: Any) -> list[int]:
    with app.extensions["portal"].database.session(write=False) as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def command(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["demo", *arguments])


def leave_proofs(portal: Any) -> None:
    """Somebody of the demo agrees to a survey, asks for her data, and is held by a case: rows that outlive people."""
    moment = now()
    with portal.database.session(write=True) as session:
        person = session.scalars(select(Person).where(Person.kind == "customer").limit(1)).one()
        first, second = session.scalars(select(Person.id).where(Person.kind == "staff").limit(2))
        words = consents.wording(session, "survey")
        consents.give(
            session, person.id, "survey", digest=words.digest, lang="de", through="page", secret="s" * 40, now=moment
        )  # fmt: skip
        export.ask(session, person.id, lang="de", now=moment)
        held = {"ground": "dispute", "reason": "Court", "review_on": moment.date() + timedelta(days=30)}
        made = holds.propose(session, address=person.email, number=None, **held, actor_id=first, now=moment)
        holds.confirm(session, made.public_id, actor_id=second, now=moment)
        session.commit()


@pytest.mark.both_databases
def test_load_twice_and_clear(app: Flask, visitor: Browser) -> None:
    portal = app.extensions["portal"]
    tables = (Article, ArticleText, Person, Organisation, Segment, Team, Category)
    with portal.database.session(write=True) as session:
        published(session, "Eigener", slug="eigener")
        session.commit()
    result = command(app, "load")
    assert result.exit_code == 0, result.output
    path = portal.data_dir / demo.ACCOUNTS
    accounts = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    roles = [account["role"] for account in accounts]
    assert roles.count("customer") >= 2
    assert roles.count("agent") == 2
    assert {"admin", "editor"} <= set(roles)
    assert len({account["password"] for account in accounts}) == len(accounts)
    assert all(account["email"].endswith(".example") for account in accounts)
    before = counted(app, *tables)
    assert command(app, "load").exit_code == 0
    assert counted(app, *tables) == before
    assert json.loads(path.read_text()) == accounts
    with portal.database.session(write=False) as session:
        assert indexing.index_in(portal.search_dir).keys() == indexing.published_ids(session)
        for lang in ("de", "en"):
            texts = session.scalar(
                select(func.count()).where(ArticleText.lang == lang, ArticleText.starter.is_(None))
            )
            assert texts is not None
            assert texts >= 25
    visitor.lang = "de"
    home = visitor.visit("/de/")
    assert "Kontorwerk" in home.title
    assert home.all("section", aria_labelledby="popular")
    assert "34117 Kassel" in visitor.visit("/imprint").text
    page = visitor.visit("/account/sign-in")
    admin = next(account for account in accounts if account["role"] == "admin")
    visitor.send(page, "sign-in", email=admin["email"], password=admin["password"])
    visitor.visit("/admin/articles")
    leave_proofs(portal)
    assert command(app, "clear", "--yes").exit_code == 0
    assert counted(app, Person, Organisation, Segment, Team) == [0, 0, 0, 0]
    with portal.database.session(write=False) as session:
        left = session.scalars(select(ArticleText.slug).where(ArticleText.starter.is_(None))).all()
        assert left == ["eigener"]
        assert Preferences.read(session)["company_name"] != demo.COMPANY
        assert indexing.index_in(portal.search_dir).keys() == indexing.published_ids(session)
    assert not path.exists()
    assert "34117 Kassel" not in app.test_client().get("/imprint").get_data(as_text=True)


def test_generated_data_is_the_same_for_the_same_seed(app: Flask, run_worker: Callable[[], int]) -> None:
    from app.demo_articles import articles

    assert list(articles(20, 7)) == list(articles(20, 7)) != list(articles(20, 8))
    result = command(app, "load", "--articles", "20", "--customers", "5", "--agents", "3", "--seed", "7")
    assert result.exit_code == 0, result.output
    with app.extensions["portal"].database.session(write=False) as session:
        made = session.scalar(select(func.count()).where(ArticleText.slug.startswith("demo-")))
        crowd = sum(
            session.scalar(select(func.count()).where(Person.email.startswith(role))) or 0
            for role in ("customer-", "agent-")
        )
    assert (made, crowd) == (40, 8)
