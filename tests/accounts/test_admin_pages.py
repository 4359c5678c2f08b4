"""The admin pages of people, organisations and teams: who may open them, what each button does, and that it is audited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from app.accounts import admin_views, group_admin_views
from app.accounts.models import (
    ADMIN,
    AGENT,
    CUSTOMER,
    EDITOR,
    LEAD,
    MANAGER,
    MEMBER,
    PRIVACY_OFFICER,
    ROLES,
    Grant,
    Membership,
    Organisation,
    Person,
    Team,
    TeamMember,
    Token,
)
from app.accounts.permissions import PERMISSIONS, Held, Viewer
from app.articles.models import Category
from app.audit import AuditEntry
from app.db import Database
from app.now import now
from tests import factories
from tests.support.mailbox import Mailbox, link_in
from tests.support.pages import Browser

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def database_of_app(app: Flask) -> Database:
    opened: Database = app.extensions["portal"].database
    return opened


@pytest.fixture
def world(database_of_app: Database) -> dict[str, int]:
    """A customer in an organisation, an agent in a team, a category."""
    with database_of_app.session(write=True) as session:
        person = factories.person(session, name="Jörg Größmann", email="joerg@example.org")
        place = factories.organisation(session, "Firma", person)
        agent = factories.person(session, AGENT, name="Agentin Eins")
        team = Team(name="Technik", sort_name="technik", created_at=now())
        category = Category(path="a", name={"de": "Rechnungen", "en": "Invoices"}, description={}, position=0)
        session.add_all([team, category])
        session.flush()
        session.add(TeamMember(team_id=team.id, person_id=agent.id))
        session.commit()
        return {
            "person": person.id,
            "organisation": place.id,
            "agent": agent.id,
            "team": team.id,
            "category": category.id,
        }


def audited(database: Database) -> list[str]:
    with database.session(write=False) as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def addresses(app: Flask, world: dict[str, int]) -> list[tuple[str, Rule]]:
    """Every address of these pages, filled with things that exist."""
    values = {
        "person_id": world["person"],
        "organisation_id": world["organisation"],
        "team_id": world["team"],
        "token_id": 1,
    }
    with app.test_request_context():
        return [
            (rule.build({name: values[name] for name in rule.arguments})[1], rule)  # type: ignore[index]
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith((admin_views.bp.name + ".", group_admin_views.bp.name + "."))
        ]


ADMINS_ONLY = {CUSTOMER, AGENT, LEAD, EDITOR, PRIVACY_OFFICER}


@pytest.mark.parametrize("role", sorted(ADMINS_ONLY))
def test_only_those_who_may_get_in(
    app: Flask, world: dict[str, int], sign_in: Callable[..., Browser], database_of_app: Database, role: str
) -> None:
    browser = sign_in(role)
    token = browser.visit("/account/").all("input", name="csrf_token")[0].get("value")
    before = audited(database_of_app)
    for path, rule in addresses(app, world):
        needed = app.view_functions[rule.endpoint].needs_action  # type: ignore[attr-defined]
        allowed = role in PERMISSIONS[needed]
        for method in rule.methods & {"GET", "POST"}:  # type: ignore[operator]
            status = browser.open(
                path, method=method, data={"csrf_token": token}, headers=SAME_SITE
            ).status_code
            if not allowed:
                assert status == 403, f"{role} {method} {path}: {status}"
            else:
                assert status in (200, 404), f"{role} {method} {path}: {status}"
    assert audited(database_of_app) == before


def test_visitors_are_asked_to_sign_in(app: Flask, world: dict[str, int], visitor: Browser) -> None:
    for path, rule in addresses(app, world):
        if "GET" in (rule.methods or ()):
            assert visitor.visit(path).path.startswith("/account/sign-in?next=")


def test_an_admin_adds_a_person_who_accepts_and_gets_in(
    admin: Browser,
    visitor: Browser,
    world: dict[str, int],
    mails: Mailbox,
    run_worker: Callable[[], int],
    database_of_app: Database,
) -> None:
    page = admin.follow(admin.visit("/admin/people"), "Add a person")
    page = admin.send(
        page,
        name="Lena Leitung",
        email="Lena@example.org",
        language="en",
        roles=["agent"],
        lead=[str(world["team"])],
        editor=[str(world["category"])],
    )
    assert "An invitation is on its way." in page.text
    assert "Lena Leitung" in page.title
    assert audited(database_of_app) == ["person.create", "person.link"]
    run_worker()
    page = visitor.visit(link_in(mails.last("lena@example.org"), "/account/invitation/"))
    assert page.one("input", name="name").get("value") == "Lena Leitung"
    page = visitor.send(page, password="laterne-kupfer-43")
    page = visitor.send(page, email="lena@example.org", password="laterne-kupfer-43")
    page = visitor.visit("/admin/teams")
    assert "Technik" in page.text
    with database_of_app.session(write=False) as session:
        held = {(g.role, g.team_id, g.category_id) for g in session.scalars(select(Grant).order_by(Grant.id))}
        assert {
            ("agent", None, None),
            ("lead", world["team"], None),
            ("editor", None, world["category"]),
        } <= held


def test_a_known_address_is_told_to_the_admin_with_what_was_typed(
    admin: Browser, world: dict[str, int]
) -> None:
    page = admin.send(admin.visit("/admin/people/new"), status=422, name="Zweite", email="JOERG@example.org")
    assert "There is already a person with this address." in page.text
    assert page.one("input", name="name").get("value") == "Zweite"


def test_an_admin_edits_roles_and_address(
    admin: Browser, world: dict[str, int], database_of_app: Database
) -> None:
    path = f"/admin/people/{world['person']}"
    token = admin.visit(path).all("input", name="csrf_token")[0].get("value")
    data = {"csrf_token": token, "name": "Jörg G.", "email": "new@example.org", "language": "de"}
    assert admin.post(path, data=data, headers=SAME_SITE).status_code == 303
    page = admin.send(admin.visit(path), "/roles", roles=["agent", "privacy_officer"], editor=["all"])
    assert "The roles count from now." in page.text
    for words in ("Roles changed: Agent, Editor, Privacy officer", "Changed", "Team member"):
        assert words in page.html or words in page.text
    page = admin.send(page, "/roles", roles=[], editor=[])
    assert "Roles changed: Customer" in page.text
    assert audited(database_of_app) == ["person.edit", "person.roles", "person.roles"]
    with database_of_app.session(write=False) as session:
        person = session.get_one(Person, world["person"])
        assert (person.email, person.kind, person.proved_at) == ("new@example.org", CUSTOMER, None)


def test_posted_roles_beside_the_offered_ones_are_refused(admin: Browser, world: dict[str, int]) -> None:
    path = f"/admin/people/{world['person']}"
    token = admin.visit(path).all("input", name="csrf_token")[0].get("value")
    for data in ({"roles": "emperor"}, {"lead": "4711"}, {"editor": "4711"}, {"lead": "x"}):
        answer = admin.post(f"{path}/roles", data={"csrf_token": token, **data}, headers=SAME_SITE)
        assert answer.status_code == 422


def test_an_account_is_closed_and_opened_again(
    admin: Browser, sign_in: Callable[..., Browser], database_of_app: Database
) -> None:
    person = sign_in()
    path = f"/admin/people/{person.person_id}"
    page = admin.send(admin.visit(path), "/closure")
    assert "The account is closed." in page.text
    assert person.visit("/account/").path.startswith("/account/sign-in")
    page = admin.send(page, "/reopening")
    page = admin.send(page, "/link")
    assert "An email with a link is on its way." in page.text
    assert audited(database_of_app) == ["person.close", "person.reopen", "person.link"]


def test_the_last_admin_reads_why_she_stays_one(admin: Browser, database_of_app: Database) -> None:
    path = f"/admin/people/{admin.person_id}"
    page = admin.send(admin.visit(path), "/roles", status=422, roles=["agent"])
    assert "This is the last admin who can sign in." in page.text
    page = admin.send(admin.visit(path), "/closure", status=422)
    assert "You cannot close your own account here." in page.text
    assert page.one("input", name="email").get("value") == admin.email
    assert audited(database_of_app) == []


def test_organisations_are_kept(
    admin: Browser,
    visitor: Browser,
    world: dict[str, int],
    database_of_app: Database,
    mails: Mailbox,
    run_worker: Callable[[], int],
) -> None:
    page = admin.send(admin.visit("/admin/organisations/new"), name="Bäckerei Süß", slug="")
    assert page.one("input", name="slug").get("value") == "baeckerei-suess"
    page = admin.send(page, "Add", email="joerg@example.org", role=MANAGER)
    assert "The person belongs to the organisation now." in page.text
    page = admin.send(page, "Add", email="stranger@example.org", role=MEMBER)
    assert "stranger@example.org" in page.text
    page = admin.send(page, "/withdrawal")
    assert "stranger@example.org" not in page.text
    page = admin.send(page, f"/members/{world['person']}/role", role=MEMBER)
    page = admin.send(page, f"/members/{world['person']}/removal")
    assert "Nobody belongs to this organisation yet." in page.text
    path = page.path
    token = page.all("input", name="csrf_token")[0].get("value")
    for name, slug, status in (("Neu", "neu", 303), ("Neu", "firma", 422), ("Neu", "Groß", 422)):
        data = {"csrf_token": token, "name": name, "slug": slug}
        assert admin.post(path, data=data, headers=SAME_SITE).status_code == status
    assert "Neu" in admin.visit("/admin/organisations?q=neu").text
    assert "No organisation fits" in admin.visit("/admin/organisations?q=xyz").text
    assert audited(database_of_app) == [
        "organisation.create",
        "membership.set",
        "membership.invite",
        "membership.withdraw",
        "membership.set",
        "membership.remove",
        "organisation.edit",
    ]
    run_worker()
    assert mails.to("stranger@example.org") == []  # withdrawn before it went out


def test_a_membership_is_removed_on_the_persons_page(
    admin: Browser, world: dict[str, int], database_of_app: Database
) -> None:
    page = admin.send(admin.visit(f"/admin/people/{world['person']}"), "/memberships/")
    assert "does not belong to the organisation any more" in page.text
    with database_of_app.session(write=False) as session:
        assert session.scalars(select(Membership)).all() == []
        assert session.scalars(select(Organisation.slug)).all() == ["firma"]
    assert audited(database_of_app) == ["membership.remove"]


def test_teams_are_kept(admin: Browser, world: dict[str, int], database_of_app: Database) -> None:
    page = admin.send(admin.visit("/admin/teams/new"), name="Rechnungen")
    page = admin.send(page, "Add", person_id=str(world["agent"]))
    assert "Agentin Eins" in page.text
    page = admin.send(page, f"/members/{world['agent']}/removal")
    page = admin.send(page, "Save", name="Verträge")
    assert page.title.startswith("Verträge")
    page = admin.send(page, "Save", status=422, name="Technik")
    assert "There is already a team called Technik." in page.text
    page = admin.send(page, "/deletion")
    assert "Verträge" not in page.text
    assert audited(database_of_app) == ["team.create", "team.add", "team.remove", "team.edit", "team.delete"]


def test_a_lead_keeps_her_own_team_and_sees_no_other(
    world: dict[str, int], sign_in: Callable[..., Browser], database_of_app: Database
) -> None:
    lead = sign_in(AGENT, name="Leo Leitung")
    with database_of_app.session(write=True) as session:
        other = Team(name="Fremd", sort_name="fremd", created_at=now())
        session.add(other)
        session.add(Grant(person_id=lead.person_id, role=LEAD, team_id=world["team"], created_at=now()))
        session.commit()
        foreign = other.id
    page = lead.visit("/admin/teams")
    assert "Technik" in page.text
    assert "Fremd" not in page.text
    page = lead.send(lead.follow(page, "Technik"), "Add", person_id=str(lead.person_id))
    assert "Team lead and member" in page.text
    assert "Delete the team" not in page.text
    assert lead.get(f"/admin/teams/{foreign}").status_code == 404
    token = page.all("input", name="csrf_token")[0].get("value")
    for path, status in (
        (f"/admin/teams/{foreign}/members", 404),
        (f"/admin/teams/{foreign}/members/{world['agent']}/removal", 404),
        (f"/admin/teams/{world['team']}", 403),
        (f"/admin/teams/{world['team']}/deletion", 403),
        ("/admin/teams/new", 403),
    ):
        data = {"csrf_token": token, "person_id": str(world["agent"]), "name": "x"}
        assert lead.post(path, data=data, headers=SAME_SITE).status_code == status, path
    assert audited(database_of_app) == ["team.add"]


def test_unknown_things_are_not_found(admin: Browser) -> None:
    for path in ("/admin/people/4711", "/admin/organisations/4711", "/admin/teams/4711"):
        assert admin.get(path).status_code == 404
    token = admin.visit("/admin/people/new").all("input", name="csrf_token")[0].get("value")
    for path in (
        "people/4711/closure",
        "people/4711/roles",
        "organisations/4711/members",
        "teams/4711/deletion",
    ):
        assert admin.post(f"/admin/{path}", data={"csrf_token": token}, headers=SAME_SITE).status_code == 404


def test_every_action_has_words_and_stands_in_the_table(admin: Browser) -> None:
    assert set(admin_views.ACTION_NAMES) == set(PERMISSIONS)
    page = admin.visit("/admin/roles")
    assert len(page.all("tbody")[0].findall("tr")) == len(PERMISSIONS)
    assert page.text.count("Yes") == sum(len(PERMISSIONS[name] & set(ROLES)) for name in PERMISSIONS)
    assert set(admin_views.CHANGE_NAMES) >= {"person.create", "person.roles", "person.close"}


@pytest.mark.parametrize(
    ("held", "action", "where", "may"),
    [
        (Held(ADMIN), "people.edit", {}, True),
        (Held(ADMIN), "articles.edit", {"category_id": 3}, True),
        (Held(AGENT), "workspace", {}, True),
        (Held(AGENT), "admin.area", {}, False),
        (Held(LEAD, team_id=1), "teams.members", {}, True),
        (Held(LEAD, team_id=1), "teams.members", {"team_id": 1}, True),
        (Held(LEAD, team_id=1), "teams.members", {"team_id": 2}, False),
        (Held(LEAD), "teams.members", {"team_id": 2}, False),
        (Held(EDITOR, category_id=1), "articles.edit", {"category_id": 1}, True),
        (Held(EDITOR, category_id=1), "articles.edit", {"category_id": 2}, False),
        (Held(EDITOR), "articles.edit", {"category_id": 2}, True),
        (Held(PRIVACY_OFFICER), "people.edit", {}, False),
    ],
)
def test_a_role_counts_where_it_is_held(held: Held, action: str, where: dict[str, int], may: bool) -> None:
    assert Viewer(person_id=1, held=(held,)).may(action, **where) is may


@pytest.mark.parametrize(
    "path",
    [
        "/admin/people",
        "/admin/people?q=g&kind=customer",
        "/admin/people/new",
        "/admin/people/{person}",
        "/admin/organisations",
        "/admin/organisations/{organisation}",
        "/admin/teams",
        "/admin/teams/{team}",
        "/admin/roles",
    ],
)
def test_admin_pages_need_at_most_eight_statements(
    admin: Browser, world: dict[str, int], statements: Any, path: str, database_of_app: Database
) -> None:
    with database_of_app.session(write=True) as session:
        for number in range(40):
            person = factories.person(session, name=f"Person {number}")
            session.add(
                Membership(
                    organisation_id=world["organisation"], person_id=person.id, role=MEMBER, created_at=now()
                )
            )
        session.commit()
    with statements() as sent:
        assert admin.get(path.format(**world)).status_code == 200
    assert len(sent) <= 8, "\n".join(sent)


def test_people_are_paged(admin: Browser, database_of_app: Database) -> None:
    with database_of_app.session(write=True) as session:
        for number in range(60):
            factories.person(session, name=f"Person {number:02}")
        session.commit()
    first = admin.visit("/admin/people?kind=customer")
    assert "Person 24" in first.text
    assert "Person 25" not in first.text
    second = admin.follow(first, "Next")
    assert "Person 25" in second.text
    assert "Person 24" in admin.follow(second, "Back").text
    assert admin.visit("/admin/people?after=nonsense").status == 200
    assert admin.visit("/admin/people?q=" + "x" * 5000).status == 200


def test_links_of_admins_are_mailed_not_shown(
    admin: Browser,
    world: dict[str, int],
    mails: Mailbox,
    run_worker: Callable[[], int],
    database_of_app: Database,
) -> None:
    page = admin.send(admin.visit(f"/admin/people/{world['person']}"), "/link")
    run_worker()
    link = link_in(mails.last("joerg@example.org"), "/account/reset/")
    assert link.rpartition("/")[2] not in page.html
    with database_of_app.session(write=False) as session:
        assert link.rpartition("/")[2] not in str(session.execute(select(Token.seed, Token.token_hash)).all())
