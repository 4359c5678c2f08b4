"""People as admins keep them: roles, closing, links, the last admin, and the sweep of addresses nobody proved."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import people, service, sessions, teams, tokens
from app.accounts.models import (
    ADMIN,
    AGENT,
    CUSTOMER,
    EDITOR,
    LEAD,
    STAFF,
    Person,
    TeamMember,
    Token,
    UserSession,
)
from app.accounts.permissions import Held
from app.accounts.tokens import DeadLink
from app.audit import AuditEntry
from app.db import Base, Database
from app.drafts import Draft
from app.errors import Conflict, NotVisible, Refused
from app.now import now
from app.outbox import Job
from tests import factories
from tests.accounts.links import RULES, newest


def audited(session: Session) -> list[tuple[str, int | None, int | None]]:
    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [(row.action, row.object_id, row.actor_id) for row in rows]


def create(session: Session, **given: object) -> Person:
    values = {
        "name": "Ada Lang",
        "address": "ada@example.org",
        "language": "de",
        "actor_id": None,
        "now": now(),
    }
    return people.create(session, **{**values, **given})  # type: ignore[arg-type]


def test_a_new_person_is_staff_as_soon_as_she_holds_a_role(database: Database) -> None:
    with database.session(write=True) as session:
        admin = factories.person(session, ADMIN)
        customer = create(session, actor_id=admin.id)
        agent = create(session, address="b@example.org", held=[Held(AGENT), Held(EDITOR)], actor_id=admin.id)
        assert (customer.kind, agent.kind) == (CUSTOMER, STAFF)
        assert people.roles_of(session, agent.id) == {Held(AGENT), Held(EDITOR)}
        assert (customer.proved_at, customer.password_hash) == (None, None)
        assert audited(session) == [
            ("person.create", customer.id, admin.id),
            ("person.create", agent.id, admin.id),
        ]
        details = session.scalars(select(AuditEntry.details)).all()
        assert "ada" not in str(details).casefold()  # ids and names of fields only


def test_an_address_belongs_to_one_person(database: Database) -> None:
    with database.session(write=True) as session:
        create(session)
        with pytest.raises(Conflict) as conflict:
            create(session, address="ADA@example.org")
        assert conflict.value.field == "email"
        create(session, address="other@example.org")  # the session can go on
        session.commit()


def test_two_admins_who_add_one_address_at_once_make_one_person(database: Database) -> None:
    barrier, made, refused = threading.Barrier(4), [], []

    def run() -> None:
        barrier.wait()
        with database.session(write=True) as session:
            try:
                create(session)
                session.commit()
                made.append(1)
            except Conflict:
                refused.append(1)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 3)


def test_editing_names_the_changed_fields_and_warns_the_old_address(database: Database) -> None:
    with database.session(write=True) as session:
        admin = factories.person(session, ADMIN)
        person = factories.person(session, email="old@example.org")
        tokens.issue(session, tokens.RESET, person.id, rules=RULES, now=now())
        link = newest(session, tokens.RESET)
        values = {"rules": RULES, "actor_id": admin.id, "now": now(), "language": "en"}
        people.edit(session, person.id, name=person.name, address="old@example.org", **values)  # type: ignore[arg-type]
        assert audited(session) == []
        people.edit(session, person.id, name="Ümit", address="new@example.org", **values)  # type: ignore[arg-type]
        assert (person.sort_name, person.email, person.proved_at) == ("umit", "new@example.org", None)
        assert session.scalars(select(AuditEntry.details)).one() == {"fields": ["name", "email"]}
        assert session.scalars(select(Job.name)).all() == ["accounts.address_changed_notice"]
        with pytest.raises(DeadLink):
            tokens.look(session, tokens.RESET, link, now=now())


def test_whoever_loses_the_last_role_is_a_customer_and_leaves_the_teams(database: Database) -> None:
    with database.session(write=True) as session:
        admin, agent = factories.person(session, ADMIN), factories.person(session, AGENT)
        team = teams.create(session, "Support", actor_id=admin.id, now=now())
        teams.add_member(session, team.id, agent.id, actor_id=admin.id, now=now())
        people.set_roles(session, agent.id, [Held(LEAD, team_id=team.id)], actor_id=admin.id, now=now())
        assert (agent.kind, len(session.scalars(select(TeamMember)).all())) == (STAFF, 1)
        people.set_roles(session, agent.id, [], actor_id=admin.id, now=now())
        assert (agent.kind, session.scalars(select(TeamMember)).all()) == (CUSTOMER, [])
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert last is not None
        assert (last.action, last.details) == ("person.roles", {"from": ["lead"], "to": []})


def test_roles_that_stay_the_same_are_no_change(database: Database) -> None:
    with database.session(write=True) as session:
        agent = factories.person(session, AGENT)
        people.set_roles(session, agent.id, [Held(AGENT)], actor_id=None, now=now())
        assert audited(session) == []


def test_an_unknown_role_and_a_team_that_is_gone_are_refused(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session, ADMIN)
        agent = factories.person(session, AGENT)
        session.commit()
        with pytest.raises(Refused):
            people.set_roles(session, agent.id, [Held("emperor")], actor_id=None, now=now())
        session.rollback()
        with pytest.raises(Conflict):
            people.set_roles(session, agent.id, [Held(LEAD, team_id=4711)], actor_id=None, now=now())


# --- the last admin ----------------------------------------------------------------------------------------------


def test_the_last_admin_who_can_sign_in_stays_one(database: Database) -> None:
    with database.session(write=True) as session:
        admin = factories.person(session, ADMIN)
        factories.person(session, ADMIN, password_hash=None)  # invited, cannot sign in yet
        factories.person(session, ADMIN, disabled_at=now())
        with pytest.raises(Refused, match="last admin"):
            people.set_roles(session, admin.id, [Held(AGENT)], actor_id=None, now=now())
        with pytest.raises(Refused, match="last admin"):
            people.close(session, admin.id, actor_id=None, now=now())
        other = factories.person(session, ADMIN)
        people.close(session, admin.id, actor_id=other.id, now=now())
        with pytest.raises(Refused, match="last admin"):
            people.set_roles(session, other.id, [], actor_id=other.id, now=now())


def test_two_admins_cannot_lock_out_each_other_at_once(database: Database) -> None:
    with database.session(write=True) as session:
        pair = [factories.person(session, ADMIN).id for _ in range(2)]
        session.commit()
    barrier, refused = threading.Barrier(2), []

    def demote(actor_id: int, person_id: int) -> None:
        barrier.wait()
        with database.session(write=True) as session:
            try:
                people.set_roles(session, person_id, [], actor_id=actor_id, now=now())
                session.commit()
            except Refused:
                refused.append(person_id)

    threads = [threading.Thread(target=demote, args=(a, b)) for a, b in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.session(write=False) as session:
        admins = session.scalars(select(Person.id).where(Person.kind == STAFF)).all()
    assert len(admins) == 1
    assert len(refused) == 1


# --- closing and links -------------------------------------------------------------------------------------------


def test_closing_an_account_ends_its_sessions_and_links(database: Database) -> None:
    with database.session(write=True) as session:
        admin, person = factories.person(session, ADMIN), factories.person(session)
        sessions.begin(session, person.id, device="", network="", now=now())
        token = tokens.issue(session, tokens.RESET, person.id, rules=RULES, now=now())
        people.close(session, person.id, actor_id=admin.id, now=now())
        session.refresh(token)
        assert session.scalars(select(UserSession)).all() == []
        assert not tokens.is_live(token, now())
        with pytest.raises(Refused, match="closed"):
            people.send_link(session, person.id, rules=RULES, actor_id=admin.id, now=now())
        people.reopen(session, person.id, actor_id=admin.id, now=now())
        assert person.disabled_at is None
        assert [action for action, *_ in audited(session)] == ["person.close", "person.reopen"]


def test_nobody_closes_her_own_account_here(database: Database) -> None:
    with database.session(write=True) as session:
        admin = factories.person(session, ADMIN)
        factories.person(session, ADMIN)
        with pytest.raises(Refused, match="your own account"):
            people.close(session, admin.id, actor_id=admin.id, now=now())


@pytest.mark.parametrize(
    ("password_hash", "purpose", "letter"),
    [("hash", tokens.RESET, "accounts.reset_password"), (None, tokens.INVITATION, "accounts.invitation")],
)
def test_a_link_is_for_a_new_password_or_a_first_one(
    database: Database, password_hash: str | None, purpose: str, letter: str
) -> None:
    with database.session(write=True) as session:
        admin, person = (
            factories.person(session, ADMIN),
            factories.person(session, password_hash=password_hash),
        )
        people.send_link(session, person.id, rules=RULES, actor_id=admin.id, now=now())
        assert session.scalars(select(Token.purpose)).all() == [purpose]
        assert session.scalars(select(Job.name)).all() == [letter]
        people.send_link(session, person.id, rules=RULES, actor_id=admin.id, now=now(), letter=False)
        assert len(session.scalars(select(Job)).all()) == 1
        assert audited(session) == [("person.link", person.id, admin.id)] * 2


def test_an_unknown_address_names_nobody(database: Database) -> None:
    with database.session(write=True) as session, pytest.raises(NotVisible):
        people.with_address(session, "nobody@example.org")


# --- addresses that nobody proved --------------------------------------------------------------------------------


def test_only_guests_of_whom_nothing_is_known_are_swept(database: Database) -> None:
    old = now() - timedelta(days=20)
    with database.session(write=True) as session:
        for number, values in enumerate(
            (
                {"proved_at": None},
                {"proved_at": old},
                {"proved_at": None, "created_at": now()},
                {"proved_at": None, "password_hash": "hash"},
            )
        ):
            given = {"password_hash": None, "created_at": old, "name": f"Guest {number}", **values}
            factories.person(session, **given)
        wrote = factories.person(session, password_hash=None, proved_at=None, created_at=old, name="Wrote")
        session.add(Draft(person_id=wrote.id, form="x", fields={}, saved_at=now()))
        invited = factories.person(
            session, password_hash=None, proved_at=None, created_at=old, name="Invited"
        )
        tokens.issue(session, tokens.INVITATION, invited.id, rules=RULES, now=now())
        member = factories.person(session, password_hash=None, proved_at=None, created_at=old, name="Member")
        factories.organisation(session, "Firma", member)
        factories.person(session, AGENT, password_hash=None, proved_at=None, created_at=old, name="Agent")
        assert people.sweep_guests(session, created_before=now() - timedelta(days=14)) == 1
        names = set(session.scalars(select(Person.name)))
        assert names == {"Guest 1", "Guest 2", "Guest 3", "Wrote", "Invited", "Member", "Agent"}


def test_every_table_that_names_a_person_keeps_her(database: Database) -> None:
    """A table added later must not be forgotten: whatever refers to a person counts, but her links and herself."""
    with database.session(write=True) as session:
        service.guest(session, "ada@example.org", language=None, now=now() - timedelta(days=20))
        session.commit()
    with database.session(write=True) as session:
        statements: list[str] = []
        from sqlalchemy import event

        event.listen(session, "do_orm_execute", lambda state: statements.append(str(state.statement)))
        people.sweep_guests(session, created_before=now())
        referring = {
            table.name
            for table in Base.metadata.sorted_tables
            for column in table.columns
            if any(key.column.table.name == "person" for key in column.foreign_keys)
        }
        missing = {name for name in referring - {"token", "person"} if name not in statements[0]}
        assert not missing
