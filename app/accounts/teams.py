"""Teams of the staff and who is in them. Every change writes an audit entry."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit
from app.accounts.models import STAFF, Grant, Team, TeamMember
from app.accounts.queries import lock_person
from app.db import insert_ignoring, locked, sort_key
from app.errors import Conflict, NotVisible, Refused
from app.words import N_


def create(session: Session, name: str, *, actor_id: int | None, now: datetime, through: str = "web") -> Team:
    """Add a team. Raises `Conflict` for a name that is taken."""
    team = Team(name=name, sort_name=sort_key(name), created_at=now)
    try:
        with session.begin_nested():
            session.add(team)
    except IntegrityError:
        raise _taken(name) from None
    _record(session, "team.create", team.id, actor_id, now, through)
    return team


def named(session: Session, name: str) -> Team | None:
    """The team of this name."""
    return session.scalar(select(Team).where(Team.name == name))


def rename(session: Session, team_id: int, name: str, *, actor_id: int | None, now: datetime) -> None:
    """Give a team another name. Raises `Conflict` for one that is taken."""
    team = _lock(session, team_id)
    if team.name == name:
        return
    try:
        with session.begin_nested():
            team.name, team.sort_name = name, sort_key(name)
    except IntegrityError:
        raise _taken(name) from None
    _record(session, "team.edit", team_id, actor_id, now, "web", fields=["name"])


def delete(session: Session, team_id: int, *, actor_id: int | None, now: datetime) -> None:
    """Remove a team; its members stay what they are. Raises `Refused` while somebody leads it, since a role that
    vanished with the team would be missed by nobody."""
    team = _lock(session, team_id)
    if session.scalar(select(Grant.id).where(Grant.team_id == team_id).limit(1)) is not None:
        raise Refused(N_("Somebody still leads this team. Take that role away first."))
    session.delete(team)
    _record(session, "team.delete", team_id, actor_id, now, "web")
    session.flush()


def add_member(
    session: Session,
    team_id: int,
    person_id: int,
    *,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> None:
    """Put a member of staff into a team. Raises `Refused` for anybody else."""
    person = lock_person(session, person_id)  # before the team, as whoever gives roles does
    _lock(session, team_id)
    if person.kind != STAFF or person.disabled_at is not None:
        raise Refused(N_("Only active members of staff can be in a team."), "person_id")
    values = {"team_id": team_id, "person_id": person_id}
    if insert_ignoring(session, TeamMember, values, ["team_id", "person_id"]):
        _record(session, "team.add", team_id, actor_id, now, through, person_id=person_id)


def remove_member(
    session: Session, team_id: int, person_id: int, *, actor_id: int | None, now: datetime
) -> None:
    """Take somebody out of a team. Raises `NotVisible` if she is not in it."""
    _lock(session, team_id)
    place = session.scalar(
        select(TeamMember).where(TeamMember.team_id == team_id, TeamMember.person_id == person_id)
    )
    if place is None:
        raise NotVisible
    session.delete(place)
    _record(session, "team.remove", team_id, actor_id, now, "web", person_id=person_id)
    session.flush()


def _lock(session: Session, team_id: int) -> Team:
    team: Team | None = session.scalar(
        locked(select(Team).where(Team.id == team_id)).execution_options(populate_existing=True)
    )
    if team is None:
        raise NotVisible
    return team


def _taken(name: str) -> Conflict:
    return Conflict(N_("There is already a team called %(name)s."), "name", name=name)


def _record(
    session: Session,
    action: str,
    team_id: int,
    actor_id: int | None,
    now: datetime,
    through: str,
    **details: object,
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="team",
        object_id=team_id,
        at=now,
        through=through,
        **details,
    )
