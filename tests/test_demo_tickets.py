"""The demo's requests: the story is whole and told once; the mass is what the engine would say of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import demo
from app.db import Database
from app.drafts import Draft
from app.now import now
from app.tickets import deadlines
from app.tickets.models import SlaClock, Ticket, TicketEvent

TOLD = 8  # requests of the story


@pytest.fixture
def loaded(app: Flask) -> Database:
    demo.load(app, tickets=150, customers=5)
    found: Database = app.extensions["portal"].database
    return found


@pytest.mark.both_databases
def test_the_story_shows_every_situation_and_is_told_once(app: Flask, loaded: Database) -> None:
    demo.load(app)
    with loaded.session(write=False) as session:
        rows = session.execute(select(Ticket).order_by(Ticket.id)).scalars().all()
        drafts = session.scalars(select(Draft.form)).all()
    assert len(rows) == TOLD + 150
    story = rows[:TOLD]
    moment = now()
    assert any(t.next_due_at and t.next_due_at < moment for t in story), "one is overdue"
    at_risk = [t for t in story if t.at_risk_at and t.next_due_at and t.at_risk_at <= moment < t.next_due_at]
    assert at_risk, "one is about to be"
    assert {"new", "open", "pending", "on_hold"} <= {t.status for t in story}
    assert [t for t in story if t.proved_at is None], "a guest has not confirmed"
    assert drafts, "a reply is half written"


@pytest.mark.both_databases
def test_the_mass_is_what_a_replay_says(loaded: Database) -> None:
    with loaded.session(write=True) as session:
        tickets = session.scalars(select(Ticket).where(Ticket.id > TOLD).limit(60)).all()
        for ticket in tickets:
            columns = (
                "queue_key",
                "next_due_at",
                "next_breach_at",
                "at_risk_at",
                "sla_state",
                "calendar_id",
            )
            before = [getattr(ticket, name) for name in columns]
            clocks = _clocks(session, ticket.id)
            deadlines.refresh(session, ticket, now=now())
            session.flush()
            assert [getattr(ticket, name) for name in columns] == before
            assert _clocks(session, ticket.id) == clocks
        assert session.scalar(select(func.count()).select_from(TicketEvent)) > 300


def _clocks(session, ticket_id):  # type: ignore[no-untyped-def]
    rows = session.execute(
        select(SlaClock.metric, SlaClock.run_no, SlaClock.state, SlaClock.due_at, SlaClock.elapsed_seconds)
        .where(SlaClock.ticket_id == ticket_id, SlaClock.state != "running")
        .order_by(SlaClock.metric, SlaClock.run_no)
    )
    return [tuple(row) for row in rows]


def test_agents_can_go_on_from_there(loaded: Database, sign_in: Callable) -> None:  # type: ignore[type-arg]
    page = sign_in("agent").visit("/desk/")
    assert "K2 zeigt E05" in page.text
    assert page.link("Next")
