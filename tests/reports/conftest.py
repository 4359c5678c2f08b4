"""Tickets to try other promises on: a crowd with histories of the last year, and requests told by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import demo_tickets
from app.accounts.models import AGENT, LEAD, Person, Team
from app.preferences import Preferences
from app.sla.models import METRICS, SlaPolicyVersion, SlaTarget
from app.sla.service import ensure_defaults
from app.tickets.models import RequestType
from app.tickets.rules import Rules
from tests import factories

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)  # a Wednesday, 11:30 in Berlin
RULES = Rules.of(Preferences({}), secret="s" * 32, time_zone="Europe/Berlin", undo_seconds=0, limited=False)
HOURS = {"first_response": 4, "next_response": 6, "periodic_update": 16, "resolution": 30}


def promised() -> dict[str, dict[str, int]]:
    """Minutes by priority and metric."""
    factors = {"low": 2.0, "normal": 1.0, "high": 0.5, "urgent": 0.25}
    return {p: {metric: int(HOURS[metric] * 60 * f) for metric in METRICS} for p, f in factors.items()}


def promise_everything(session: Session, *, now: datetime = NOW) -> int:
    """The default policy with a target for each metric. Gives its id."""
    ensure_defaults(session, time_zone="Europe/Berlin", now=now - timedelta(days=500))
    version = session.scalars(select(SlaPolicyVersion)).one()
    known = {
        (target.priority, target.metric): target
        for target in session.scalars(select(SlaTarget).where(SlaTarget.policy_version_id == version.id))
    }
    for priority, targets in promised().items():
        for metric, minutes in targets.items():
            if (priority, metric) in known:
                known[priority, metric].target_minutes = minutes
                continue
            session.add(
                SlaTarget(
                    policy_version_id=version.id,
                    priority=priority,
                    metric=metric,
                    target_minutes=minutes,
                    warn_minutes=5,
                )
            )
    session.flush()
    return version.policy_id


def crowd(session: Session, number: int, *, now: datetime = NOW) -> Person:
    """So many tickets of the last 400 days in two teams and three priorities, with their clocks. Gives a lead."""
    lead = factories.person(session, LEAD)
    factories.person(session, AGENT)
    for _ in range(3):
        factories.person(session)
    for name, priority in (("Support", "normal"), ("Repairs", "high"), ("Orders", "low")):
        team = Team(name=name, sort_name=name.lower(), created_at=now)
        session.add(team)
        session.flush()
        kind = RequestType(name={"de": name, "en": name}, help={}, team_id=team.id, priority=priority)
        session.add(kind)
    session.flush()
    for _ in demo_tickets.mass(session, number, 7, rules=RULES, now=now):
        session.flush()
    return lead
