"""Figures are equal before and after erasures, whatever happened before."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.accounts.models import AGENT, Person, Team
from app.accounts.permissions import Viewer
from app.accounts.tokens import LinkRules
from app.errors import NotVisible, Refused
from app.now import now
from app.outbox import QUEUED, Job
from app.preferences import Preferences
from app.privacy import service as privacy
from app.privacy.executor import carry_out
from app.privacy.models import PrivacyRequest
from app.reports.queries import promises_kept, tickets_by, tickets_by_week
from app.sla.service import ensure_defaults
from app.tickets import deadlines, handling, opening, service
from app.tickets.models import SlaBreach, SlaClock, Ticket
from app.tickets.queries import TypeChoice
from app.worker import run_once
from tests import factories
from tests.privacy import conversation as talk
from tests.tickets.conftest import RULES, request, text, viewer_of

START = datetime(2026, 9, 1, 8, tzinfo=UTC)
ALL = {"since": START - timedelta(days=1), "until": START + timedelta(days=400)}
METRICS = ("first_response", "next_response", "resolution")

CUSTOMER_WRITES, AGENT_WRITES, NOTE, SOLVE, REOPEN, HOLD, URGENT, SPAM, EXCUSE = (
    "customer", "agent", "note", "solve", "reopen", "hold", "urgent", "spam", "excuse",
)  # fmt: skip
STEP = st.tuples(
    st.sampled_from((CUSTOMER_WRITES, AGENT_WRITES, NOTE, SOLVE, REOPEN, HOLD, URGENT, SPAM, EXCUSE)),
    st.integers(1, 60),  # hours since the step before
)
TICKET = st.fixed_dictionaries(
    {
        "of": st.integers(0, 2),
        "hours": st.integers(0, 24 * 30),
        "team": st.booleans(),
        "kind": st.sampled_from((None, "ticket_support", "trade_letter")),
        "steps": st.lists(STEP, max_size=6),
    }
)


def figures(session: Session) -> dict[str, Any]:
    return {
        "weeks": tickets_by_week(session, **ALL, time_zone="Europe/Berlin"),
        **{by: tickets_by(session, by, **ALL) for by in ("team", "type", "priority")},
        "promises": promises_kept(session, **ALL),
    }


@dataclass
class Cast:
    """Who acts in a history, and what their requests are about."""

    people: list[Person]
    customers: list[Viewer]
    agent: Viewer
    team_id: int
    kinds: dict[str, TypeChoice]


def build(session: Session, history: list[dict[str, Any]]) -> list[Person]:
    """Requests with everything that happened to them, through the verbs of the desk and of the customers' pages."""
    ensure_defaults(session, time_zone="Europe/Berlin", now=START - timedelta(days=1))
    people = [factories.person(session) for _ in range(3)]
    agent = factories.person(session, AGENT)
    team = Team(name=f"Team {agent.id}", sort_name="team", created_at=START)
    session.add(team)
    session.flush()
    kinds = {
        name: TypeChoice(talk.request_type(session, name).id, {"en": name}, {}, None, "normal")
        for name in ("ticket_support", "trade_letter")
    }
    viewers = [viewer_of(session, person) for person in people]
    cast = Cast(people, viewers, viewer_of(session, agent), team.id, kinds)
    for planned in history:
        _live_through(session, planned, cast)
    for ticket in session.scalars(
        select(Ticket).order_by(Ticket.id)
    ).all():  # what the sweep has found by now
        deadlines.refresh(session, ticket, now=now())
    session.flush()
    return people


def _live_through(session: Session, planned: dict[str, Any], cast: Cast) -> int:
    asker, at = cast.customers[planned["of"]], START + timedelta(hours=planned["hours"])
    wanted = request(body="words of hers", kind=cast.kinds.get(planned["kind"]))
    ticket_id = opening.open_ticket(session, wanted, viewer=asker, rules=RULES, now=at).ticket_id
    if planned["team"]:
        handling.assign_team(session, ticket_id, cast.team_id, viewer=cast.agent, now=at)
    for what, hours in planned["steps"]:
        at += timedelta(hours=hours)
        with suppress(Refused, NotVisible):  # what the history so far does not allow does not happen
            _happens(session, ticket_id, what, asker, cast.agent, at)
    return ticket_id


def _happens(session: Session, ticket_id: int, what: str, asker: Viewer, agent: Viewer, at: datetime) -> None:
    by_agent: dict[str, Any] = {"viewer": agent, "now": at}
    if what == CUSTOMER_WRITES:
        said = text("words of hers again")
        service.reply_as_customer(session, ticket_id, said, reader=asker, rules=RULES, now=at)
    elif what == AGENT_WRITES:
        said = text("> words of hers\n\nAn answer.")
        service.reply_as_agent(session, ticket_id, said, rules=RULES, **by_agent)
    elif what == NOTE:
        service.add_note(session, ticket_id, text("About her."), **by_agent)
    elif what == SOLVE:
        service.resolve(session, ticket_id, reader=asker, now=at)
    elif what == REOPEN:
        service.reopen(session, ticket_id, reader=asker, rules=RULES, now=at)
    elif what == HOLD:
        handling.change_status(session, ticket_id, "on_hold", **by_agent)
    elif what == URGENT:
        handling.change_priority(session, ticket_id, "urgent", time_zone="Europe/Berlin", **by_agent)
    elif what == SPAM:
        handling.dispose(session, ticket_id, "spam", **by_agent)
    elif what == EXCUSE:
        breaches = select(SlaBreach).where(SlaBreach.ticket_id == ticket_id)
        for breach in session.scalars(breaches).all():
            breach.excused_by_id, breach.excused_reason = agent.person_id, "she was ill"


def _clock(session: Session, ticket: Ticket, clock: dict[str, Any], number: int, agent: Person) -> None:
    common = {"ticket_id": ticket.id, "metric": clock["metric"], "run_no": number}
    fulfilled = ticket.created_at + timedelta(hours=5) if clock["state"] == "met" else None
    session.add(
        SlaClock(
            **common,
            state=clock["state"],
            started_at=ticket.created_at,
            fulfilled_at=fulfilled,
            elapsed_seconds=clock["elapsed_seconds"],
            paused_seconds=0,
        )
    )
    if clock["breach"] != "none":
        excused = clock["breach"] == "excused"
        session.add(
            SlaBreach(
                **common,
                due_at=ticket.created_at + timedelta(hours=1),
                breached_at=ticket.created_at + timedelta(hours=1),
                detected_at=ticket.created_at + timedelta(hours=2),
                superseded_at=ticket.created_at + timedelta(hours=3)
                if clock["breach"] == "superseded"
                else None,
                excused_by_id=agent.id if excused else None,
                excused_reason="she was ill" if excused else None,
            )
        )


@pytest.mark.both_databases
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(TICKET, min_size=1, max_size=5),
    leaving=st.lists(st.integers(0, 2), unique=True, min_size=1),
)
def test_figures_are_equal_before_and_after_erasures(
    app: Flask, history: list[dict[str, Any]], leaving: list[int]
) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        for table in (SlaClock, SlaBreach):  # of the history before
            session.execute(delete(table))
        session.execute(update(Ticket).values(disposal="spam", restricted_at=None))
        people = build(session, history)
        rules = LinkRules.of(Preferences({}), "s" * 40)
        before = figures(session)
        made = [
            privacy.request_deletion(session, people[one].id, rules=rules, grace=timedelta(0), now=now()).id
            for one in leaving
        ]
        session.commit()
    for request_id in made:
        carry_out(portal, request_id)
    run_once(
        app
    )  # the letters of the histories go first; an erasure that waited for its own looks again later
    with portal.database.session(write=True) as session:
        session.execute(update(Job).where(Job.state == QUEUED).values(run_at=now()))
        session.commit()
    run_once(app)
    with portal.database.session(write=False) as session:
        assert {session.get_one(PrivacyRequest, key).state for key in made} == {"done"}
        assert figures(session) == before
        for one in leaving:
            assert session.get_one(Person, people[one].id).erased_at is not None


def test_weeks_are_those_of_the_zone(database: Any) -> None:
    """Sunday 23:30 UTC is Monday in Berlin."""
    with database.session(write=True) as session:
        person = factories.person(session)
        talk.ticket(session, person, at=datetime(2026, 9, 6, 23, 30, tzinfo=UTC))
        talk.ticket(session, person, at=datetime(2026, 9, 6, 20, 30, tzinfo=UTC))
        weeks = tickets_by_week(session, **ALL, time_zone="Europe/Berlin")
        assert {str(week): count for week, count in weeks.items()} == {"2026-08-31": 1, "2026-09-07": 1}


def test_a_promise_is_missed_by_a_breach_that_counts(database: Any) -> None:
    with database.session(write=True) as session:
        person, agent = factories.person(session), factories.person(session, AGENT)
        for number, (state, breach) in enumerate(
            [
                ("met", "none"),
                ("met", "plain"),
                ("met", "excused"),
                ("breached", "none"),
                ("breached", "excused"),
                ("running", "none"),
            ],
            1,
        ):
            ticket = talk.ticket(session, person, at=START)
            clock = {
                "metric": "resolution",
                "state": state,
                "elapsed_seconds": number * 100,
                "breach": breach,
            }
            _clock(session, ticket, clock, 1, agent)
        session.flush()
        kept = promises_kept(session, **ALL)["resolution"]
        assert (kept.met, kept.breached, kept.excused) == (2, 2, 1)
        assert (kept.median_met, kept.median_all) == (200, 250)
