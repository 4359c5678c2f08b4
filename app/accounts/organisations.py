"""Organisations of customers and who belongs to them. Every change writes an audit entry."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit, outbox
from app.accounts.models import MANAGER, MEMBERSHIP_ROLES, Membership, Organisation, Person
from app.accounts.queries import lock_person, lock_person_with
from app.db import locked, sort_key
from app.errors import Conflict, NotVisible, Refused
from app.markup import anchor
from app.words import N_

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def lock_organisation(session: Session, organisation_id: int) -> Organisation:
    """The organisation's row, locked until the transaction ends. Raises `NotVisible` if it is gone."""
    found: Organisation | None = session.scalar(
        locked(select(Organisation).where(Organisation.id == organisation_id)).execution_options(
            populate_existing=True
        )
    )
    if found is None:
        raise NotVisible
    return found


def create(
    session: Session, *, name: str, slug: str, actor_id: int | None, now: datetime, through: str = "web"
) -> Organisation:
    """Add an organisation. An empty slug is made from the name. Raises `Conflict` for a slug that is taken and
    `Refused` for one with other signs than a-z, 0-9 and dashes."""
    made = Organisation(name=name, sort_name=sort_key(name), slug=slug or anchor(name, set()), created_at=now)
    _check_slug(made.slug)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        raise _taken(made.slug) from None
    _record(session, "organisation.create", made.id, actor_id, now, through)
    return made


def edit(
    session: Session,
    organisation_id: int,
    *,
    name: str,
    slug: str,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> None:
    """Change name and slug. Articles name an organisation by its slug, so a new one has them indexed again."""
    organisation = lock_organisation(session, organisation_id)
    fields = [
        field for field, value in (("name", name), ("slug", slug)) if getattr(organisation, field) != value
    ]
    if not fields:
        return
    _check_slug(slug)
    try:
        with session.begin_nested():
            organisation.name, organisation.sort_name, organisation.slug = name, sort_key(name), slug
    except IntegrityError:
        raise _taken(slug) from None
    if "slug" in fields:
        outbox.put(session, "articles.index", run_at=now, organisation_id=organisation_id)
    _record(session, "organisation.edit", organisation_id, actor_id, now, through, fields=fields)


# --- who belongs to it -----------------------------------------------------------------------------------------


def role_of(session: Session, organisation_id: int, person_id: int) -> str | None:
    """A person's role in an organisation, if she belongs to it."""
    return session.scalar(
        select(Membership.role).where(
            Membership.organisation_id == organisation_id, Membership.person_id == person_id
        )
    )


def place(session: Session, organisation_id: int, person_id: int, role: str, *, now: datetime) -> bool:
    """Give a person a role in an organisation, or another one than she has. False if nothing changed.

    Raises `Refused` for an unknown role.
    """
    if role not in MEMBERSHIP_ROLES:
        raise Refused(N_("Choose a role."), "role")
    lock_organisation(session, organisation_id)
    membership = _membership(session, organisation_id, person_id)
    if membership is None:
        session.add(
            Membership(organisation_id=organisation_id, person_id=person_id, role=role, created_at=now)
        )
    elif membership.role == role:
        return False
    else:
        membership.role = role
    session.flush()
    return True


def add_member(
    session: Session,
    organisation_id: int,
    address: str,
    role: str,
    *,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> Person:
    """Put a known person into an organisation, or change her role there. Raises `Refused` for an unknown address."""
    person = lock_person_with(session, address)
    if person is None:
        raise Refused(N_("There is no person with this address yet."), "email")
    set_role(session, organisation_id, person.id, role, actor_id=actor_id, now=now, through=through)
    return person


def set_role(
    session: Session,
    organisation_id: int,
    person_id: int,
    role: str,
    *,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> None:
    """Give a person a role in an organisation. Raises `NotVisible` if either is gone."""
    lock_person(session, person_id)
    if place(session, organisation_id, person_id, role, now=now):
        _record(
            session, "membership.set", organisation_id, actor_id, now, through, person_id=person_id, role=role
        )


def remove_member(
    session: Session,
    organisation_id: int,
    person_id: int,
    *,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
    keep_manager: bool = False,
) -> None:
    """Take a person out of an organisation. Raises `NotVisible` if she is not in it and, with `keep_manager`,
    `Refused` for its last manager."""
    lock_organisation(session, organisation_id)
    membership = _membership(session, organisation_id, person_id)
    if membership is None:
        raise NotVisible
    if keep_manager and membership.role == MANAGER and _managers(session, organisation_id) == 1:
        raise Refused(N_("An organisation keeps at least one manager. Invite another one first."))
    session.delete(membership)
    _record(session, "membership.remove", organisation_id, actor_id, now, through, person_id=person_id)
    session.flush()


def _membership(session: Session, organisation_id: int, person_id: int) -> Membership | None:
    return session.scalar(
        select(Membership).where(
            Membership.organisation_id == organisation_id, Membership.person_id == person_id
        )
    )


def _managers(session: Session, organisation_id: int) -> int:
    return session.scalars(
        select(func.count()).where(Membership.organisation_id == organisation_id, Membership.role == MANAGER)
    ).one()


def _check_slug(slug: str) -> None:
    if not SLUG.fullmatch(slug):
        raise Refused(N_("Use small letters, digits and single dashes, like mueller-gmbh."), "slug")


def _taken(slug: str) -> Conflict:
    return Conflict(N_("Another organisation has the short name %(slug)s."), "slug", slug=slug)


def _record(
    session: Session,
    action: str,
    organisation_id: int,
    actor_id: int | None,
    now: datetime,
    through: str,
    **details: object,
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="organisation",
        object_id=organisation_id,
        at=now,
        through=through,
        **details,
    )
