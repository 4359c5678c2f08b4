"""Organisations with their members and invitations, and teams, by the rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import directory, invitations, organisations, people, queries, service, teams, tokens
from app.accounts.models import (
    ADMIN,
    AGENT,
    COLLEAGUE,
    LEAD,
    MANAGER,
    MEMBER,
    Membership,
    Organisation,
    Person,
    TeamMember,
    Token,
)
from app.accounts.permissions import Held
from app.accounts.tokens import INVITATION, DeadLink
from app.audit import AuditEntry
from app.db import Database
from app.errors import Conflict, NotVisible, Refused
from app.now import now
from app.outbox import Job
from tests import factories
from tests.accounts.links import RULES, newest


def actions(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def invite(session: Session, organisation: Organisation, address: str, role: str = MEMBER) -> Token | None:
    return invitations.invite_to(
        session, organisation.id, address, role, language="de", rules=RULES, actor_id=None, now=now()
    )


# --- organisations -----------------------------------------------------------------------------------------------


def test_a_slug_is_made_of_the_name_or_checked(database: Database) -> None:
    with database.session(write=True) as session:
        made = organisations.create(session, name="Müller & Söhne GmbH", slug="", actor_id=None, now=now())
        assert (made.slug, made.sort_name) == ("mueller-soehne-gmbh", "muller & sohne gmbh")
        for wrong in ("Groß", "a b", "-a", "a--b", "ä", "a/b"):
            with pytest.raises(Refused, match="small letters"):
                organisations.create(session, name="X", slug=wrong, actor_id=None, now=now())
        with pytest.raises(Conflict, match="mueller-soehne-gmbh"):
            organisations.create(session, name="Y", slug="mueller-soehne-gmbh", actor_id=None, now=now())
        assert actions(session) == ["organisation.create"]


def test_a_new_slug_has_its_articles_indexed_again(database: Database) -> None:
    with database.session(write=True) as session:
        made = organisations.create(session, name="A", slug="a", actor_id=None, now=now())
        organisations.edit(session, made.id, name="B", slug="a", actor_id=None, now=now())
        assert session.scalars(select(Job)).all() == []
        organisations.edit(session, made.id, name="B", slug="b", actor_id=None, now=now())
        job = session.scalars(select(Job)).one()
        assert (job.name, job.ids) == ("articles.index", {"organisation_id": made.id})
        details = session.scalars(select(AuditEntry.details).order_by(AuditEntry.id)).all()
        assert details[1:] == [{"fields": ["name"]}, {"fields": ["slug"]}]


def test_members_are_added_changed_and_removed(database: Database) -> None:
    with database.session(write=True) as session:
        person, place = factories.person(session, email="ada@example.org"), factories.organisation(session)
        values = {"actor_id": None, "now": now()}
        organisations.add_member(session, place.id, "ADA@example.org", MEMBER, **values)  # type: ignore[arg-type]
        organisations.set_role(session, place.id, person.id, COLLEAGUE, **values)  # type: ignore[arg-type]
        organisations.set_role(session, place.id, person.id, COLLEAGUE, **values)  # type: ignore[arg-type]
        assert organisations.role_of(session, place.id, person.id) == COLLEAGUE
        organisations.remove_member(session, place.id, person.id, **values)  # type: ignore[arg-type]
        assert organisations.role_of(session, place.id, person.id) is None
        assert actions(session) == ["membership.set", "membership.set", "membership.remove"]
        with pytest.raises(NotVisible):
            organisations.remove_member(session, place.id, person.id, **values)  # type: ignore[arg-type]
        with pytest.raises(Refused, match="no person with this address"):
            organisations.add_member(session, place.id, "nobody@example.org", MEMBER, **values)  # type: ignore[arg-type]
        with pytest.raises(Refused):
            organisations.set_role(session, place.id, person.id, "owner", **values)  # type: ignore[arg-type]


def test_the_last_manager_does_not_leave_unnoticed(database: Database) -> None:
    with database.session(write=True) as session:
        one, two = factories.person(session), factories.person(session)
        place = factories.organisation(session, "", one, role=MANAGER)
        remove = {"actor_id": one.id, "now": now()}
        with pytest.raises(Refused, match="at least one manager"):
            organisations.remove_member(session, place.id, one.id, keep_manager=True, **remove)  # type: ignore[arg-type]
        organisations.set_role(session, place.id, two.id, MANAGER, actor_id=None, now=now())
        organisations.remove_member(session, place.id, one.id, keep_manager=True, **remove)  # type: ignore[arg-type]
        organisations.remove_member(session, place.id, two.id, **remove)  # type: ignore[arg-type]


# --- invitations -------------------------------------------------------------------------------------------------


def test_nobody_is_a_member_before_she_accepts(database: Database) -> None:
    with database.session(write=True) as session:
        known, place = (
            factories.person(session, email="ada@example.org", name="Ada"),
            factories.organisation(session),
        )
        invite(session, place, "ada@example.org", COLLEAGUE)
        assert organisations.role_of(session, place.id, known.id) is None
        (open_,) = directory.invited(session, place.id, now=now())
        assert "Ada" not in tuple(open_)  # who invites does not learn whom she invited
        invitations.accept(session, newest(session, INVITATION), name="", password_hash=None, now=now())
        assert organisations.role_of(session, place.id, known.id) == COLLEAGUE
        assert directory.invited(session, place.id, now=now()) == []
        with pytest.raises(Refused, match="member already"):
            invite(session, place, "ada@example.org")


def test_an_invitation_looks_the_same_for_known_and_unknown_addresses(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session, email="known@example.org")
        place = factories.organisation(session)
        for address in ("known@example.org", "unknown@example.org"):
            assert invite(session, place, address) is not None
        rows = directory.invited(session, place.id, now=now())
        assert {(row.membership_role, row.expires_at) for row in rows} == {(MEMBER, rows[0].expires_at)}


def test_an_invited_stranger_opens_her_account_and_belongs(database: Database) -> None:
    with database.session(write=True) as session:
        place = factories.organisation(session)
        invite(session, place, "new@example.org", MANAGER)
        link = newest(session, INVITATION)
        session.commit()
        with pytest.raises(Refused, match="password"):
            invitations.accept(session, link, name="Neu", password_hash=None, now=now())
        session.rollback()
        person = invitations.accept(session, link, name="Neu", password_hash="hash", now=now())
        assert (person.name, person.password_hash, person.proved_at is None) == ("Neu", "hash", False)
        assert organisations.role_of(session, place.id, person.id) == MANAGER


def test_a_withdrawn_invitation_is_worth_nothing(database: Database) -> None:
    with database.session(write=True) as session:
        place, other = factories.organisation(session), factories.organisation(session)
        token = invite(session, place, "new@example.org")
        assert token is not None
        with pytest.raises(NotVisible):
            invitations.withdraw(session, other.id, token.id, actor_id=None, now=now())
        invitations.withdraw(session, place.id, token.id, actor_id=None, now=now())
        with pytest.raises(DeadLink):
            tokens.look(session, INVITATION, newest(session, INVITATION), now=now())
        assert actions(session) == ["membership.invite", "membership.withdraw"]


def test_a_closed_account_is_not_invited(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session, email="closed@example.org", disabled_at=now())
        assert invite(session, factories.organisation(session), "closed@example.org") is None
        assert session.scalars(select(Job)).all() == []


def test_an_admins_invitation_opens_the_account_with_its_roles(database: Database) -> None:
    with database.session(write=True) as session:
        person = people.create(
            session,
            name="Ada",
            address="a@example.org",
            held=[Held(AGENT)],
            language="de",
            actor_id=None,
            now=now(),
        )
        people.send_link(session, person.id, rules=RULES, actor_id=None, now=now())
        invitations.accept(
            session, newest(session, INVITATION), name="Ada L.", password_hash="hash", now=now()
        )
        viewer = queries.viewer_of_person(session, person.id)
        assert viewer is not None
        assert (viewer.name, viewer.may("workspace")) == ("Ada L.", True)


# --- teams -------------------------------------------------------------------------------------------------------


def test_teams_are_made_renamed_and_deleted(database: Database) -> None:
    with database.session(write=True) as session:
        values = {"actor_id": None, "now": now()}
        team = teams.create(session, "Support", **values)  # type: ignore[arg-type]
        other = teams.create(session, "Technik", **values)  # type: ignore[arg-type]
        with pytest.raises(Conflict, match="Support"):
            teams.create(session, "Support", **values)  # type: ignore[arg-type]
        with pytest.raises(Conflict, match="Support"):
            teams.rename(session, other.id, "Support", **values)  # type: ignore[arg-type]
        teams.rename(session, other.id, "Technik", **values)  # type: ignore[arg-type]
        teams.rename(session, other.id, "Ärzte", **values)  # type: ignore[arg-type]
        teams.delete(session, team.id, **values)  # type: ignore[arg-type]
        with pytest.raises(NotVisible):
            teams.delete(session, team.id, **values)  # type: ignore[arg-type]
        assert actions(session) == ["team.create", "team.create", "team.edit", "team.delete"]
        assert [row.name for row in directory.teams(session, None)] == ["Ärzte"]


def test_only_active_staff_is_in_a_team(database: Database) -> None:
    with database.session(write=True) as session:
        team = teams.create(session, "Support", actor_id=None, now=now())
        agent, customer = factories.person(session, AGENT), factories.person(session)
        closed = factories.person(session, AGENT, disabled_at=now())
        for person in (customer, closed):
            with pytest.raises(Refused, match="active members of staff"):
                teams.add_member(session, team.id, person.id, actor_id=None, now=now())
        for _ in range(2):
            teams.add_member(session, team.id, agent.id, actor_id=None, now=now())
        assert actions(session) == ["team.create", "team.add"]
        teams.remove_member(session, team.id, agent.id, actor_id=None, now=now())
        with pytest.raises(NotVisible):
            teams.remove_member(session, team.id, agent.id, actor_id=None, now=now())


def test_a_team_that_is_led_is_not_deleted(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session, ADMIN)
        team = teams.create(session, "Support", actor_id=None, now=now())
        agent = factories.person(session, AGENT)
        people.set_roles(session, agent.id, [Held(LEAD, team_id=team.id)], actor_id=None, now=now())
        with pytest.raises(Refused, match="leads this team"):
            teams.delete(session, team.id, actor_id=None, now=now())
        people.set_roles(session, agent.id, [Held(AGENT)], actor_id=None, now=now())
        teams.add_member(session, team.id, agent.id, actor_id=None, now=now())
        teams.delete(session, team.id, actor_id=None, now=now())
        assert session.scalars(select(TeamMember)).all() == []


# --- lists -------------------------------------------------------------------------------------------------------


def test_people_are_listed_by_name_and_found_by_name_and_address(database: Database) -> None:
    with database.session(write=True) as session:
        for name, address in (
            ("Zoe", "z@a.test"),
            ("Ärger", "x@a.test"),
            ("Bär", "y_1@a.test"),
            ("Anna", "yx1@b.test"),
        ):
            factories.person(session, name=name, email=address)
        factories.person(session, AGENT, name="Agentin", disabled_at=now())

        def names(query: str = "", kind: str = "") -> list[str]:
            return [row.name for row in directory.people(session, query=query, kind=kind).rows]

        assert names() == ["Agentin", "Anna", "Ärger", "Bär", "Zoe"]
        assert names("BAR") == names("bär") == ["Bär"]
        assert names("y_1@") == ["Bär"]  # the sign is no wildcard
        assert names("%") == []
        assert names("b.test") == ["Anna"]
        assert names(kind="staff") == names(kind="closed") == ["Agentin"]
        assert names("a", "customer") == ["Anna", "Ärger", "Bär", "Zoe"]


def test_a_long_list_is_walked_forwards_and_back(database: Database) -> None:
    with database.session(write=True) as session:
        for number in range(60):
            factories.person(session, name=f"Person {number // 2:02}")  # equal names are no obstacle
        walked, place = [], None
        while True:
            page = directory.people(session, query="", kind="", after=place)
            walked += [row.id for row in page.rows]
            if page.after is None:
                break
            place = page.after
        everybody = session.scalars(select(Person.id).order_by(Person.sort_name, Person.id)).all()
        assert walked == everybody
        back = directory.people(session, query="", kind="", before=page.before)
        assert [row.id for row in back.rows] == everybody[25:50]


def test_membership_roles_open_what_they_say(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        place = factories.organisation(session, "Firma", person, role=MANAGER)
        viewer = queries.viewer_of_person(session, person.id)
        assert viewer is not None
        assert viewer.manages(place.id)
        session.scalars(select(Membership)).one().role = COLLEAGUE
        session.flush()
        viewer = queries.viewer_of_person(session, person.id)
        assert viewer is not None
        assert not viewer.manages(place.id)
        assert viewer.audiences == {"public", "customers", "organisation:firma"}


def test_a_guest_asked_for_twice_is_one_person(database: Database) -> None:
    with database.session(write=True) as session:
        one = service.guest(session, "A@b.test", language="de", now=now() - timedelta(days=1))
        assert service.guest(session, "a@B.test", language="en", now=now()).id == one.id
        assert one.language == "de"
