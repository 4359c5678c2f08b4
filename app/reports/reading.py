"""What the pages of trials read: policies to choose from, what a calendar counts for, the tickets that differ.

Changes nothing. Which tickets somebody may see is decided by `app.tickets.queries`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import Team
from app.accounts.permissions import Viewer
from app.errors import NotVisible
from app.paging import Page, page
from app.reports.models import DONE, WhatIfRun
from app.reports.what_if import metrics_of
from app.sla.models import BusinessCalendar, SlaPolicy, SlaPolicyVersion
from app.tickets.models import Ticket
from app.tickets.queries import on_desk


class Place(NamedTuple):
    """A policy by name, whether it counts, its calendar, and the other policies whose tickets that calendar counts for."""

    policy_id: int
    policy: str
    enabled: bool
    calendar: str
    others: list[str]


def places(session: Session) -> list[Place]:
    """All policies in their order. One statement."""
    newest = (
        select(func.max(SlaPolicyVersion.number))
        .where(SlaPolicyVersion.policy_id == SlaPolicy.id)
        .correlate(SlaPolicy)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            SlaPolicy.id,
            SlaPolicy.name,
            SlaPolicy.enabled,
            SlaPolicyVersion.calendar_id,
            BusinessCalendar.name,
        )
        .join(SlaPolicyVersion, SlaPolicyVersion.policy_id == SlaPolicy.id)
        .join(BusinessCalendar, BusinessCalendar.id == SlaPolicyVersion.calendar_id)
        .where(SlaPolicyVersion.number == newest)
        .order_by(SlaPolicy.position, SlaPolicy.id)
    ).all()
    return [
        Place(
            key, name, enabled, calendar, [row[1] for row in rows if row[3] == calendar_id and row[0] != key]
        )
        for key, name, enabled, calendar_id, calendar in rows
    ]


def place(session: Session, policy_id: int) -> Place:
    """Where a policy stands among the others. Raises `NotVisible`. One statement."""
    found = next((one for one in places(session) if one.policy_id == policy_id), None)
    if found is None:
        raise NotVisible
    return found


def team_names(session: Session) -> dict[int | None, str]:
    """The names of all teams, by id. One statement."""
    return {row[0]: row[1] for row in session.execute(select(Team.id, Team.name))}


def tickets(
    session: Session,
    run: WhatIfRun,
    direction: str,
    viewer: Viewer,
    *,
    after: str | None = None,
    before: str | None = None,
) -> tuple[Page, dict[int, list[str]]]:
    """One page of the tickets that differ in a direction and that she may see, the newest first, and the metrics in
    which each does. One statement."""
    flips: dict[str, Any] = (
        run.result[direction] if run.state == DONE and run.result else {"ids": [], "metrics": []}
    )
    wanted: Any = (
        select(
            Ticket.id,
            Ticket.subject,
            Ticket.status,
            Ticket.priority,
            Ticket.created_at,
            Team.name.label("team_name"),
        )
        .outerjoin(Team, Team.id == Ticket.team_id)
        .where(Ticket.id.in_(flips["ids"]), on_desk(viewer))
    )
    found = page(session, wanted, (Ticket.id,), descending=True, after=after, before=before)
    metrics = dict(zip(flips["ids"], flips["metrics"], strict=True))
    return found, {row.id: metrics_of(metrics[row.id]) for row in found.rows}
