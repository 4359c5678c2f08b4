"""Figures are equal before and after erasures, whatever happened before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.accounts.models import AGENT, Person, Team
from app.accounts.tokens import LinkRules
from app.now import now
from app.preferences import Preferences
from app.privacy import service
from app.privacy.executor import carry_out
from app.privacy.models import PrivacyRequest
from app.reports.queries import promises_kept, tickets_by, tickets_by_week
from app.tickets.models import SlaBreach, SlaClock, Ticket
from app.worker import run_once
from tests import factories
from tests.privacy import conversation as talk

START = datetime(2026, 9, 1, 8, tzinfo=UTC)
ALL = {"since": START - timedelta(days=1), "until": START + timedelta(days=400)}
METRICS = ("first_response", "next_response", "resolution")

CLOCK = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(METRICS),
        "state": st.sampled_from(("running", "paused", "met", "breached", "cancelled")),
        "elapsed_seconds": st.integers(0, 200_000),
        "breach": st.sampled_from(("none", "plain", "superseded", "excused")),
    }
)
TICKET = st.fixed_dictionaries(
    {
        "of": st.integers(0, 2),
        "hours": st.integers(0, 24 * 60),
        "priority": st.sampled_from(("low", "normal", "high", "urgent")),
        "team": st.booleans(),
        "kind": st.sampled_from((None, "ticket_support", "trade_letter")),
        "is_open": st.booleans(),
        "disposal": st.sampled_from((None, None, None, "spam", "deleted")),
        "clocks": st.lists(CLOCK, max_size=3),
    }
)


def figures(session: Session) -> dict[str, Any]:
    return {
        "weeks": tickets_by_week(session, **ALL, time_zone="Europe/Berlin"),
        **{by: tickets_by(session, by, **ALL) for by in ("team", "type", "priority")},
        "promises": promises_kept(session, **ALL),
    }


def build(session: Session, history: list[dict[str, Any]]) -> list[Person]:
    people = [factories.person(session) for _ in range(3)]
    agent = factories.person(session, AGENT)
    team = Team(name=f"Team {agent.id}", sort_name="team", created_at=START)
    session.add(team)
    session.flush()
    for given_ in history:
        _ticket(session, given_, people[given_["of"]], agent, team)
    return people


def _ticket(session: Session, planned: dict[str, Any], person: Person, agent: Person, team: Team) -> None:
    kind = talk.request_type(session, planned["kind"]) if planned["kind"] else None
    ticket = talk.ticket(
        session,
        person,
        at=START + timedelta(hours=planned["hours"]),
        priority=planned["priority"],
        team_id=team.id if planned["team"] else None,
        request_type_id=kind.id if kind else None,
        is_open=planned["is_open"],
        disposal=planned["disposal"],
    )
    talk.message(session, ticket, person, "words of hers")
    talk.message(session, ticket, agent, "> words of hers\n\nAn answer.")
    for number, clock in enumerate(planned["clocks"], 1):
        _clock(session, ticket, clock, number, agent)


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
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(TICKET, min_size=1, max_size=7),
    leaving=st.lists(st.integers(0, 2), unique=True, min_size=1),
)
def test_figures_are_equal_before_and_after_erasures(
    app: Flask, history: list[dict[str, Any]], leaving: list[int]
) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        session.execute(delete(SlaClock))
        session.execute(delete(SlaBreach))
        people = build(session, history)
        rules = LinkRules.of(Preferences({}), "s" * 40)
        before = figures(session)
        made = [
            service.request_deletion(session, people[one].id, rules=rules, grace=timedelta(0), now=now()).id
            for one in leaving
        ]
        session.commit()
    for request_id in made:
        carry_out(portal, request_id)
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
        assert (kept.met, kept.breached, kept.median_met, kept.median_all) == (2, 2, 200, 250)
