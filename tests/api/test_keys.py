"""Keys for programs: made and revoked on the command line, and what the search shows with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import ApiToken, Person
from app.audit import AuditEntry
from app.now import now
from tests.articles.makers import published
from tests.support.pages import Browser


@pytest.fixture
def centre(app: Flask, run_worker: Callable[[], int]) -> Flask:
    with app.extensions["portal"].database.session(write=True) as session:
        published(session, "Anker heben")
        published(session, "Anker für Kundschaft", tokens=("customers",))
        published(session, "Anker intern", tokens=("internal",))
        session.commit()
    run_worker()
    return app


def made(app: Flask, email: str, scopes: str = "search") -> str:
    result = app.test_cli_runner().invoke(args=["token", "create", "--email", email, "--scopes", scopes])
    assert result.exit_code == 0, result.output
    return str(result.stdout.splitlines()[-1])


def found(browser: Browser, key: str = "", status: int = 200) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = browser.get("/api/v1/search?q=Anker&lang=de", headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.mimetype == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        return None
    return {hit["slug"] for hit in answer.get_json()["results"]}


def test_a_key_shows_what_its_owner_may_see(
    centre: Flask, visitor: Browser, customer: Browser, agent: Browser
) -> None:
    public, customers, everything = (
        {"anker-heben"},
        {"anker-heben", "anker-fuer-kundschaft"},
        {"anker-heben", "anker-fuer-kundschaft", "anker-intern"},
    )
    assert found(visitor) == public
    assert found(agent) == public  # a cookie counts for nothing here
    assert found(visitor, made(centre, customer.email)) == customers
    assert found(visitor, made(centre, agent.email.upper(), "articles:read,search")) == everything


def test_a_key_ends(centre: Flask, visitor: Browser, agent: Browser) -> None:
    run = centre.test_cli_runner().invoke
    first, second, third = (made(centre, agent.email) for _ in range(3))
    assert run(args=["token", "revoke", first]).exit_code == 0
    found(visitor, first, 401)
    with centre.extensions["portal"].database.session(write=False) as session:
        number = session.scalars(select(ApiToken.id).order_by(ApiToken.id)).all()[1]
    assert run(args=["token", "revoke", str(number)]).exit_code == 0
    assert run(args=["token", "revoke", str(number)]).exit_code == 0
    found(visitor, second, 401)
    assert found(visitor, third)
    listed = run(args=["token", "list"]).output
    assert (listed.count("revoked"), listed.count("valid")) == (2, 1)
    assert third not in listed
    with centre.extensions["portal"].database.session(write=True) as session:
        session.get_one(Person, agent.person_id).disabled_at = now()
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.object_kind == "api_token")
        ).all()
        assert sorted(actions) == ["token.create"] * 3 + ["token.revoke"] * 2
        session.commit()
    found(visitor, third, 401)


def test_only_the_hash_is_stored(centre: Flask, agent: Browser) -> None:
    key = made(centre, agent.email)
    with centre.extensions["portal"].database.session(write=False) as session:
        row = session.scalars(select(ApiToken)).one()
        assert key not in f"{row.token_hash} {row.scopes}"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Basic abc", "Bearer \u00e4", "portal_abc", "Bearer  "]
)
def test_what_is_no_key(centre: Flask, visitor: Browser, header: str) -> None:
    answer = visitor.get("/api/v1/search?q=Anker", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.get_json(force=True)["status"] == 401


def test_a_key_without_the_scope(centre: Flask, visitor: Browser, agent: Browser) -> None:
    key = made(centre, agent.email)
    with centre.extensions["portal"].database.session(write=True) as session:
        session.scalars(select(ApiToken)).one().scopes = ["tickets:read"]
        session.commit()
    found(visitor, key, 403)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--email", "nobody@example.org", "--scopes", "search"],
        ["--email", "{agent}", "--scopes", "everything"],
    ],
)
def test_what_is_refused(centre: Flask, agent: Browser, arguments: list[str]) -> None:
    given = [argument.replace("{agent}", agent.email) for argument in arguments]
    result = centre.test_cli_runner().invoke(args=["token", "create", *given])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
