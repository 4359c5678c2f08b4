"""`flask people`: adding, listing, closing, links."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import passwords
from app.accounts.models import Grant, Person, Team
from app.audit import AuditEntry
from app.outbox import Job
from tests import factories
from tests.support.pages import Browser


def run(app: Flask, *arguments: str, typed: str | None = None) -> Any:
    return app.test_cli_runner().invoke(args=["people", *arguments], input=typed)


def create(
    app: Flask, role: str, email: str = "ada@example.org", *more: str, typed: str | None = None
) -> Any:
    return run(app, "create", "--role", role, "--email", email, "--name", "Ada Lang", *more, typed=typed)


def all_of(app: Flask, model: Any) -> list[Any]:
    with app.extensions["portal"].database.session(write=False) as session:
        return list(session.scalars(select(model).order_by(model.id)))


@pytest.mark.parametrize(
    ("role", "kind", "held"),
    [
        ("customer", "customer", []),
        ("agent", "staff", ["agent"]),
        ("lead", "staff", ["lead"]),
        ("editor", "staff", ["editor"]),
        ("privacy-officer", "staff", ["privacy_officer"]),
        ("admin", "staff", ["admin"]),
    ],
)
def test_a_person_of_each_role_is_added_with_a_link(
    app: Flask, role: str, kind: str, held: list[str]
) -> None:
    result = create(app, role)
    assert result.exit_code == 0, result.output
    assert "http://localhost/account/invitation/" in result.output
    (person,) = all_of(app, Person)
    assert (person.kind, person.email, person.name, person.language) == (
        kind,
        "ada@example.org",
        "Ada Lang",
        "de",
    )
    assert [grant.role for grant in all_of(app, Grant)] == held
    assert {(entry.action, entry.through, entry.actor_id) for entry in all_of(app, AuditEntry)} == {
        ("person.create", "command line", None),
        ("person.link", "command line", None),
    }
    assert all_of(app, Job) == []  # the link is handed over, not mailed


def test_the_printed_link_opens_the_account(app: Flask, visitor: Browser) -> None:
    link = create(app, "admin").output.strip().splitlines()[-1]
    visitor.send(visitor.visit(link), name="Ada Lang", password="laterne-kupfer-43")
    page = visitor.visit("/account/sign-in?next=/admin/people")
    page = visitor.send(page, email="ada@example.org", password="laterne-kupfer-43")
    assert page.path == "/admin/people"


def test_a_password_comes_from_standard_input(app: Flask) -> None:
    result = create(app, "admin", "ada@example.org", "--password-stdin", typed="laterne-kupfer-43\n")
    assert result.exit_code == 0, result.output
    assert "http" not in result.output
    (person,) = all_of(app, Person)
    assert passwords.matches(person.password_hash, "laterne-kupfer-43")
    assert person.proved_at is not None


def test_a_lead_gets_a_team(app: Flask) -> None:
    for email in ("a@example.org", "b@example.org"):
        assert create(app, "lead", email, "--team", "Technik").exit_code == 0
    (team,) = all_of(app, Team)
    assert [grant.team_id for grant in all_of(app, Grant)] == [team.id, team.id]


@pytest.mark.parametrize(
    ("arguments", "typed", "says"),
    [
        (("customer", "no address"), None, "no e-mail address"),
        (("customer", "a@example.org", "--language", "fr"), None, "must be one of de, en"),
        (("agent", "a@example.org", "--team", "x"), None, "only a lead"),
        (("emperor",), None, "is not one of"),
        (("customer", "a@example.org", "--password-stdin"), "passwort123\n", "easy to guess"),
        (("customer", "a@example.org", "--password-stdin"), "", "at least 10"),
        (("customer", "known@example.org"), None, "already a person with this address"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    app: Flask, arguments: tuple[str, ...], typed: str | None, says: str
) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        factories.person(session, email="known@example.org")
        session.commit()
    result = create(app, *arguments, typed=typed)
    assert result.exit_code != 0
    assert says in result.output
    assert "Traceback" not in result.output
    assert len(all_of(app, Person)) == 1


def test_people_are_listed(app: Flask) -> None:
    create(app, "agent", "agent@example.org")
    create(app, "customer", "customer@example.org")
    run(app, "disable", "customer@example.org")
    output = run(app, "list").output
    assert "agent@example.org\tAda Lang\tagent\tno password yet" in output
    assert "customer@example.org\tAda Lang\tcustomer\tclosed" in output
    assert "customer@" not in run(app, "list", "--role", "agent").output


def test_an_account_is_closed_and_opened(app: Flask, sign_in: Any) -> None:
    person = sign_in(email="ada@example.org")
    assert run(app, "disable", "ADA@example.org").exit_code == 0
    assert person.visit("/account/").path.startswith("/account/sign-in")
    assert run(app, "enable", "ada@example.org").exit_code == 0
    assert [entry.action for entry in all_of(app, AuditEntry)] == ["person.close", "person.reopen"]
    assert run(app, "disable", "nobody@example.org").exit_code == 1


def test_the_last_admin_is_not_closed_here_either(app: Flask, sign_in: Any) -> None:
    sign_in("admin", email="admin@example.org")
    result = run(app, "disable", "admin@example.org")
    assert result.exit_code == 1
    assert "last admin" in result.output


def test_a_reset_link_is_printed_and_works(app: Flask, visitor: Browser) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        factories.person(session, email="ada@example.org")
        session.commit()
    link = run(app, "reset-link", "ada@example.org").output.strip().splitlines()[-1]
    page = visitor.send(visitor.visit(link), password="segel-winter-teppich-9")
    visitor.send(page, email="ada@example.org", password="segel-winter-teppich-9")
    assert run(app, "reset-link", "nobody@example.org").exit_code == 1
    assert all_of(app, Job) != []  # the notice that the password was changed
