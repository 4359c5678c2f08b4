"""What the pages of trials read: policies to choose from, what a calendar counts for, the tickets that differ.

Changes nothing. Which tickets somebody may see is decided by `app.tickets.queries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from app.accounts.models import Team
from app.accounts.permissions import Viewer
from app.paging import Page, page
from app.reports.models import DONE, WhatIfRun
from app.reports.what_if import metrics_of
from app.sla.models import BusinessCalendar, SlaPolicy, SlaPolicyVersion
from app.tickets.models import Ticket
from app.tickets.queries import on_desk


def policies(session: Session) -> Sequence[Row[int, str]]:
    """Policies that count, in their order: id and name. One statement."""
    return session.execute(
        select(SlaPolicy.id, SlaPolicy.name)
        .where(SlaPolicy.enabled)
        .order_by(SlaPolicy.position, SlaPolicy.id)
    ).all()


class Place(NamedTuple):
    """A policy by name, its calendar, and the other policies whose tickets that calendar counts for."""

    policy: str
    calendar: str
    others: list[str]


def place(session: Session, policy_id: int) -> Place | None:
    """Where a policy stands among the others; None where it is gone. One statement."""
    newest = (
        select(func.max(SlaPolicyVersion.number))
        .where(SlaPolicyVersion.policy_id == SlaPolicy.id)
        .correlate(SlaPolicy)
        .scalar_subquery()
    )
    rows = session.execute(
        select(SlaPolicy.id, SlaPolicy.name, SlaPolicyVersion.calendar_id, BusinessCalendar.name)
        .join(SlaPolicyVersion, SlaPolicyVersion.policy_id == SlaPolicy.id)
        .join(BusinessCalendar, BusinessCalendar.id == SlaPolicyVersion.calendar_id)
        .where(SlaPolicyVersion.number == newest)
        .order_by(SlaPolicy.position, SlaPolicy.id)
    ).all()
    own = next((row for row in rows if row[0] == policy_id), None)
    if own is None:
        return None
    others = [row[1] for row in rows if row[2] == own[2] and row[0] != policy_id]
    return Place(own[1], own[3], others)


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
