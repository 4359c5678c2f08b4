"""Everything that follows from events made anew gives the same rows: after a load, a corrected calendar, late facts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import demo_tickets
from app.accounts.models import AGENT
from app.db import Database
from app.sla import calendar_keeping
from app.sla.models import BusinessCalendar, SlaPolicyVersion, SlaTarget
from app.sla.service import ensure_defaults
from app.tickets import deadlines, record, recounting
from app.tickets.events import EventType
from app.tickets.models import SlaBreach, SlaClock, Ticket, TicketEvent
from app.tickets.recomputing import all_again, how_many
from app.tickets.record import Acting
from tests import factories
from tests.tickets.conftest import MONDAY, RULES, Desk, later

TICKETS = 60
DERIVED = (
    "queue_key",
    "next_due_at",
    "next_breach_at",
    "next_warning_at",
    "at_risk_at",
    "sla_state",
    "next_metric",
)


def rows(session: Session, model: Any, *, but: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows in an order that does not depend on their ids."""
    session.flush()
    columns = [c for c in model.__table__.columns if c.name not in {"id", *but}]
    key = [c for c in columns if c.name in ("ticket_id", "metric", "run_no", "due_at")]
    return [tuple(row) for row in session.execute(select(*columns).order_by(*key))]


def everything(session: Session) -> dict[str, Any]:
    queue = select(*(getattr(Ticket, name) for name in ("id", *DERIVED))).order_by(Ticket.id)
    return {
        "clocks": rows(session, SlaClock),
        "misses": rows(session, SlaBreach, but=("detected_at",)),
        "queue": [tuple(row) for row in session.execute(queue)],
    }


def again(database: Database, now: datetime) -> None:
    assert sum(all_again(database, everything=True, now=now)) == TICKETS


@pytest.fixture
def filled(database: Database) -> Database:
    """Histories of a year, with two clocks more than the shipped promise has."""
    with database.session(write=True) as session:
        ensure_defaults(session, time_zone="Europe/Berlin", now=MONDAY)
        version = session.scalars(select(SlaPolicyVersion)).one()
        session.add_all(
            SlaTarget(
                policy_version_id=version.id,
                priority="normal",
                metric=metric,
                target_minutes=minutes,
                warn_minutes=30,
            )
            for metric, minutes in (("next_response", 240), ("periodic_update", 600), ("resolution", 960))
        )
        factories.person(session)
        factories.person(session, AGENT)
        for _ in demo_tickets.mass(session, TICKETS, 11, rules=RULES, now=MONDAY):
            session.commit()
    return database


def test_a_load_is_what_a_replay_says(filled: Database) -> None:
    with filled.session(write=True) as session:
        loaded = everything(session)
    assert {clock[3] for clock in loaded["clocks"]} >= {"met", "breached"}
    assert loaded["misses"]
    again(filled, MONDAY)
    with filled.session(write=True) as session:
        assert everything(session) == loaded
        session.execute(delete(SlaClock))
        session.execute(delete(SlaBreach))
        session.commit()
    again(filled, MONDAY)
    with filled.session(write=False) as session:
        assert everything(session) == loaded
    assert 0 < how_many(filled, everything=False) < how_many(filled, everything=True) == TICKETS


def test_a_corrected_calendar_counts_for_what_was_open_and_only_for_that(filled: Database) -> None:
    """Two closed days are entered afterwards. What was kept or missed before keeps its numbers, also when everything is
    made anew; what is open is found again by the corrected hours (R11)."""
    with filled.session(write=True) as session:
        calendar = session.scalars(select(BusinessCalendar)).one()
        ended = [row for row in rows(session, SlaClock) if row[7] is not None]
        open_before = [row for row in rows(session, SlaClock) if row[7] is None and row[3] != "cancelled"]
        day = (MONDAY - timedelta(days=3)).date()
        calendar_keeping.close(
            session, calendar.id, day, day + timedelta(days=5), "Flood", actor_id=None, now=later(1)
        )
        recounting.recount_of_calendar(session, calendar.id, 0, now=later(1))
        session.commit()
        corrected = everything(session)
        assert [row for row in rows(session, SlaClock) if row[7] is not None] == ended
        assert [
            row for row in rows(session, SlaClock) if row[7] is None and row[3] != "cancelled"
        ] != open_before
    again(filled, later(1))
    with filled.session(write=True) as session:
        assert everything(session) == corrected
        session.execute(delete(SlaClock))
        session.commit()
    again(filled, later(1))
    with filled.session(write=True) as session:
        assert everything(session) == corrected
        calendar = session.scalars(select(BusinessCalendar)).one()
        calendar_keeping.close(session, calendar.id, day, day, "Flood after all", actor_id=None, now=later(2))
        session.commit()
    again(filled, later(2))
    with filled.session(write=False) as session:
        assert [row for row in rows(session, SlaClock) if row in ended] == ended, "a second correction too"


def test_facts_that_come_late_out_of_order_or_from_the_future(desk: Desk) -> None:
    """A phone call entered the next day, a host whose clock is ahead, events stored in any order (R16)."""
    sent = desk.open()
    ticket = desk.ticket(sent)
    agent = Acting(desk.agent.person_id, "agent")

    def note(kind: EventType, at: datetime, **payload: object) -> None:
        record.note(
            desk.session, ticket, kind, agent, now=at, public=kind is EventType.MESSAGE, payload=payload
        ).recorded_at = later(30)

    note(EventType.STATUS, later(3), **{"from": "new", "to": "solved"})
    note(EventType.MESSAGE, later(2))
    note(EventType.STATUS, later(40), **{"from": "solved", "to": "open"})  # its host is ahead of ours
    deadlines.refresh(desk.session, ticket, now=later(30))
    clock = desk.session.scalars(select(SlaClock)).one()
    assert (clock.state, clock.fulfilled_at, clock.elapsed_seconds) == ("met", later(2), 7200)
    assert ticket.sla_state == "met"
    before = everything(desk.session)
    deadlines.refresh(desk.session, ticket, now=later(30))
    assert everything(desk.session) == before
    events = desk.session.scalars(select(TicketEvent).order_by(TicketEvent.id)).all()
    events[0].occurred_at = later(
        2.5
    )  # created by a host whose clock is behind: nothing happens before the creation
    deadlines.refresh(desk.session, ticket, now=later(30))
    desk.session.expire_all()
    clock = desk.session.scalars(select(SlaClock)).one()
    assert (clock.state, clock.started_at, clock.fulfilled_at) == ("met", later(2.5), later(2.5))
