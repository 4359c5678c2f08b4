"""Request types: added, changed, put away. One that is put away stays on the tickets that have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import audit
from app.accounts.models import Team
from app.db import locked
from app.errors import NotVisible, Refused
from app.sla.models import PRIORITIES
from app.tickets.models import RETENTION_CLASSES, RequestType, Ticket
from app.words import N_


@dataclass(frozen=True, slots=True)
class Values:
    """What an admin says of a type; `name` and `help` by language."""

    name: dict[str, str]
    help: dict[str, str]
    team_id: int | None
    priority: str
    retention: str
    position: int
    active: bool


def listing(session: Session) -> Sequence[Any]:
    """All types in their order, with the name of the team. One statement."""
    return session.execute(
        select(
            RequestType.id,
            RequestType.name,
            RequestType.priority,
            RequestType.retention,
            RequestType.active,
            Team.name.label("team_name"),
        )
        .outerjoin(Team, Team.id == RequestType.team_id)
        .order_by(RequestType.position, RequestType.id)
    ).all()


def add(session: Session, values: Values, *, actor_id: int | None, now: datetime) -> RequestType:
    """A new type. Raises `Refused`."""
    _check(session, values)
    kind = RequestType(**asdict(values))
    session.add(kind)
    session.flush()
    _record(session, "request_type.create", kind, list(asdict(values)), actor_id, now)
    return kind


def change(session: Session, type_id: int, values: Values, *, actor_id: int | None, now: datetime) -> bool:
    """Change a type; tickets that have it keep their team and priority. False if nothing differs.

    Raises `NotVisible`, `Refused`.
    """
    kind = session.scalar(locked(select(RequestType).where(RequestType.id == type_id)))
    if kind is None:
        raise NotVisible
    _check(session, values)
    changed = [name for name, value in asdict(values).items() if getattr(kind, name) != value]
    for name in changed:
        setattr(kind, name, getattr(values, name))
    if changed:
        session.flush()
        _record(session, "request_type.change", kind, changed, actor_id, now)
    return bool(changed)


def remove(session: Session, type_id: int, *, actor_id: int | None, now: datetime) -> None:
    """Remove a type that no ticket has. Raises `Refused` for one in use: it can be put away instead."""
    kind = session.scalar(locked(select(RequestType).where(RequestType.id == type_id)))
    if kind is None:
        raise NotVisible
    if session.scalar(
        select(func.count()).select_from(
            select(Ticket.id).where(Ticket.request_type_id == type_id).limit(1).subquery()
        )
    ):
        raise Refused(
            N_("Tickets have this topic. Switch it off instead; then nobody can choose it any more.")
        )
    _record(session, "request_type.delete", kind, [], actor_id, now)
    session.delete(kind)
    session.flush()


def _check(session: Session, values: Values) -> None:
    if values.priority not in PRIORITIES:
        raise Refused(N_("Choose a priority."), "priority")
    if values.retention not in RETENTION_CLASSES:
        raise Refused(N_("Choose how long such requests are kept."), "retention")
    if values.team_id is not None and session.get(Team, values.team_id) is None:
        raise Refused(N_("Choose a team."), "team_id")


def _record(
    session: Session, action: str, kind: RequestType, fields: list[str], actor_id: int | None, now: datetime
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="request_type",
        object_id=kind.id,
        at=now,
        fields=fields,
    )
