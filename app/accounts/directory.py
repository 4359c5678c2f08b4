"""Lists of people, organisations and teams for the admin area and for managers: columns only, paged by key.

Nothing here changes anything or decides who may look.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from app.accounts.models import (
    CUSTOMER,
    LEAD,
    STAFF,
    Grant,
    Membership,
    Organisation,
    Person,
    Team,
    TeamMember,
    Token,
)
from app.accounts.permissions import Held
from app.accounts.tokens import INVITATION
from app.audit import AuditEntry
from app.db import Base, sort_key
from app.errors import NotVisible
from app.paging import Page, page

AUDIT_ROWS = 10
MOST_OPTIONS = 500  # choices of a select; more than any team has members


BY_NAME = (Person.sort_name, Person.id)


# --- people ------------------------------------------------------------------------------------------------------


def people(
    session: Session, *, query: str, kind: str, before: str | None = None, after: str | None = None
) -> Page:
    """People by name. `query` is part of a name or address; `kind` is customer, staff, closed or empty for all."""
    statement: Any = select(
        Person.id,
        Person.name,
        Person.email,
        Person.kind,
        Person.password_hash.is_not(None).label("has_password"),
        Person.disabled_at,
        Person.last_seen_at,
    )
    if kind in (CUSTOMER, STAFF):
        statement = statement.where(Person.kind == kind)
    elif kind == "closed":
        statement = statement.where(Person.disabled_at.is_not(None))
    if query:
        by_name = Person.sort_name.contains(sort_key(query), autoescape=True)
        statement = statement.where(by_name | Person.email.contains(query.casefold(), autoescape=True))
    return page(session, statement, BY_NAME, before=before, after=after)


def belongings(session: Session, person_ids: Collection[int]) -> dict[int, list[str]]:
    """Roles (as codes) and names of organisations of some people, in one statement: `{id: ["role:admin", "Firma"]}`."""
    roles = select(Grant.person_id, literal("role:") + Grant.role, literal("")).where(
        Grant.person_id.in_(person_ids)
    )
    places = (
        select(Membership.person_id, Organisation.name, Organisation.sort_name)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id.in_(person_ids))
    )
    found: dict[int, list[str]] = {}
    rows: Sequence[Any] = sorted(session.execute(union_all(roles, places)), key=lambda row: (row[2], row[1]))
    for person_id, label, _ in rows:
        if label not in found.setdefault(person_id, []):
            found[person_id].append(label)
    return found


@dataclass(frozen=True, slots=True)
class Dossier:
    """What the admin's page about one person shows. Teams and categories are (id, name) choices for roles."""

    person: Any
    held: frozenset[Held]
    organisations: list[tuple[int, str, str]]  # id, name, role
    teams: list[str]
    team_choices: list[tuple[int, str]]
    category_choices: list[tuple[int, dict[str, str]]]
    changes: Sequence[Any] = field(default=())


def dossier(session: Session, person_id: int) -> Dossier:
    """Everything on one person's page, in four statements. Raises `NotVisible`."""
    person = session.execute(
        select(
            Person.id,
            Person.name,
            Person.email,
            Person.kind,
            Person.language,
            Person.password_hash.is_not(None).label("has_password"),
            Person.proved_at,
            Person.created_at,
            Person.last_seen_at,
            Person.disabled_at,
        ).where(Person.id == person_id)
    ).first()
    if person is None:
        raise NotVisible
    held, organisations, teams = _places(session, person_id)
    team_choices, category_choices = role_choices(session)
    return Dossier(
        person, held, organisations, teams, team_choices, category_choices, _changes(session, person_id)
    )


def _places(
    session: Session, person_id: int
) -> tuple[frozenset[Held], list[tuple[int, str, str]], list[str]]:
    grants = select(
        literal("grant"), Grant.role, Grant.team_id, Grant.category_id, literal("").label("sorted")
    ).where(Grant.person_id == person_id)
    organisations = (
        select(
            literal("organisation"),
            Membership.role,
            Organisation.id,
            null(),
            Organisation.name.label("sorted"),
        )
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id == person_id)
    )
    teams = (
        select(literal("team"), Team.name, Team.id, null(), Team.sort_name.label("sorted"))
        .join(TeamMember, TeamMember.team_id == Team.id)
        .where(TeamMember.person_id == person_id)
    )
    rows: Sequence[Any] = sorted(
        session.execute(union_all(grants, organisations, teams)), key=lambda row: sort_key(row[4])
    )
    return (
        frozenset(Held(row[1], row[2], row[3]) for row in rows if row[0] == "grant"),
        [(row[2], row[4], row[1]) for row in rows if row[0] == "organisation"],
        [row[1] for row in rows if row[0] == "team"],
    )


def role_choices(session: Session) -> tuple[list[tuple[int, str]], list[tuple[int, dict[str, str]]]]:
    """What a lead's and an editor's role can be limited to: teams, and categories with their name in each language.

    Categories belong to the articles above; a grant's foreign key names their table, and no more is known of it here.
    """
    category = Base.metadata.tables["category"]
    teams = session.execute(select(Team.id, Team.name).order_by(Team.sort_name, Team.id).limit(MOST_OPTIONS))
    categories = session.execute(
        select(category.c.id, category.c.name).order_by(category.c.path).limit(MOST_OPTIONS)
    )
    return [(row[0], row[1]) for row in teams], [(row[0], row[1]) for row in categories]


def _changes(session: Session, person_id: int) -> Sequence[Any]:
    """The newest audit entries about a person, with the name of who made each."""
    actor = Person.__table__.alias("actor")
    return session.execute(
        select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.action,
            AuditEntry.through,
            AuditEntry.details,
            AuditEntry.actor_id,
            actor.c.name.label("actor"),
        )
        .outerjoin(actor, actor.c.id == AuditEntry.actor_id)
        .where(AuditEntry.object_kind == "person", AuditEntry.object_id == person_id)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(AUDIT_ROWS)
    ).all()


# --- organisations -----------------------------------------------------------------------------------------------


def organisations(
    session: Session, *, query: str, before: str | None = None, after: str | None = None
) -> Page:
    """Organisations by name, each with the number of its people."""
    members = (
        select(func.count())
        .where(Membership.organisation_id == Organisation.id)
        .correlate(Organisation)
        .scalar_subquery()
    )
    statement: Any = select(
        Organisation.id,
        Organisation.name,
        Organisation.slug,
        members.label("members"),
        Organisation.created_at,
    )
    if query:
        folded = sort_key(query)
        statement = statement.where(
            Organisation.sort_name.contains(folded, autoescape=True)
            | Organisation.slug.contains(folded, autoescape=True)
        )
    return page(session, statement, (Organisation.sort_name, Organisation.id), before=before, after=after)


def organisation(session: Session, organisation_id: int) -> Row[int, str, str, datetime]:
    """An organisation: id, name, slug, created_at. Raises `NotVisible`."""
    found = session.execute(
        select(Organisation.id, Organisation.name, Organisation.slug, Organisation.created_at).where(
            Organisation.id == organisation_id
        )
    ).first()
    if found is None:
        raise NotVisible
    return found


def members(
    session: Session, organisation_id: int, *, before: str | None = None, after: str | None = None
) -> Page:
    """The people of an organisation by name, with their roles there."""
    statement: Any = (
        select(
            Person.id,
            Person.public_id,
            Person.name,
            Person.email,
            Person.disabled_at,
            Membership.role,
            Membership.created_at,
        )
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id)
    )
    return page(session, statement, BY_NAME, before=before, after=after)


def member(session: Session, organisation_id: int, public_id: str) -> int:
    """The id of a person of an organisation. Raises `NotVisible` for anybody else."""
    found = session.scalar(
        select(Person.id)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id, Person.public_id == public_id)
    )
    if found is None:
        raise NotVisible
    return found


def invited(session: Session, organisation_id: int, *, now: datetime) -> Sequence[Any]:
    """Open invitations to an organisation: id, address, offered role, valid until. No name: nobody said yes yet."""
    return session.execute(
        select(Token.id, Person.email, Token.membership_role, Token.expires_at)
        .join(Person, Person.id == Token.person_id)
        .where(
            Token.organisation_id == organisation_id,
            Token.purpose == INVITATION,
            Token.used_at.is_(None),
            Token.expires_at > now,
        )
        .order_by(Token.id.desc())
        .limit(100)
    ).all()


# --- teams -------------------------------------------------------------------------------------------------------


def teams(session: Session, only: Collection[int] | None) -> Sequence[Row[int, str, int]]:
    """Teams by name with the number of their members: id, name, members. `only` limits them to some."""
    count = select(func.count()).where(TeamMember.team_id == Team.id).correlate(Team).scalar_subquery()
    statement = select(Team.id, Team.name, count.label("members")).order_by(Team.sort_name, Team.id)
    if only is not None:
        statement = statement.where(Team.id.in_(only))
    return session.execute(statement.limit(MOST_OPTIONS)).all()


def team(session: Session, team_id: int) -> Row[int, str]:
    """A team: id, name. Raises `NotVisible`."""
    found = session.execute(select(Team.id, Team.name).where(Team.id == team_id)).first()
    if found is None:
        raise NotVisible
    return found


def team_members(session: Session, team_id: int) -> Sequence[Any]:
    """Who is in a team or leads it, by name: id, name, email, is_member, leads."""
    inside = (
        select(literal(1)).where(TeamMember.team_id == team_id, TeamMember.person_id == Person.id).exists()
    )
    leads = (
        select(literal(1))
        .where(Grant.team_id == team_id, Grant.role == LEAD, Grant.person_id == Person.id)
        .exists()
    )
    return session.execute(
        select(
            Person.id,
            Person.name,
            Person.email,
            Person.disabled_at,
            inside.label("is_member"),
            leads.label("leads"),
        )
        .where(Person.kind == STAFF, inside | leads)
        .order_by(Person.sort_name, Person.id)
        .limit(MOST_OPTIONS)
    ).all()


def staff_outside(session: Session, team_id: int) -> dict[int, str]:
    """Active staff who are not in a team, to choose one from: names by id."""
    inside = select(TeamMember.person_id).where(TeamMember.team_id == team_id)
    rows = session.execute(
        select(Person.id, Person.name)
        .where(Person.kind == STAFF, Person.disabled_at.is_(None), Person.id.not_in(inside))
        .order_by(Person.sort_name, Person.id)
        .limit(MOST_OPTIONS)
    )
    return {row[0]: row[1] for row in rows}
