"""The moves of the status, walked at random: tables, events and columns always agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import Database
from app.errors import Refused
from app.tickets import handling, opening, service, status, upkeep
from app.tickets.models import PAUSED_FROM, SlaClock, Ticket, TicketEvent
from app.tickets.status import OPEN_STATES, Actor, Status
from tests import factories
from tests.tickets.conftest import MONDAY, RULES, request, text, viewer_of


@pytest.mark.parametrize("actor", list(Actor))
@pytest.mark.parametrize("now", list(Status))
def test_closed_is_the_end_and_staying_is_no_move(now: Status, actor: Actor) -> None:
    assert not status.may_follow(now, now, actor)
    assert not status.may_follow(Status.CLOSED, now, actor)
    assert not status.may_follow(now, Status.NEW, actor)
    assert now not in status.choices(now, actor)


def test_only_time_closes() -> None:
    for now in Status:
        assert not status.may_follow(now, Status.CLOSED, Actor.AGENT)
        assert not status.may_follow(now, Status.CLOSED, Actor.CUSTOMER)
    assert status.choices(Status.SOLVED, Actor.SYSTEM) == [Status.CLOSED]


def test_what_a_message_brings_about_is_an_allowed_move() -> None:
    for now in Status:
        after = status.after_customer_message(now)
        assert after is now or not status.takes_messages(now) or status.may_follow(now, after, Actor.CUSTOMER)
        after = status.after_agent_action(now)
        assert after is now or status.may_follow(now, after, Actor.AGENT)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "customer writes",
                "agent writes",
                "note",
                "solve",
                "reopen",
                "priority",
                "spam",
                "close",
                "withdraw",
            ]
            + [f"status {name}" for name in ("open", "pending", "on_hold", "solved")]
        ),
        st.integers(0, 200),  # hours that pass before it
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_walk_keeps_ticket_events_and_clock_in_agreement(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    with database.session(write=True) as session:
        customer = viewer_of(session, factories.person(session))
        agent = viewer_of(session, factories.person(session, "agent"))
        moment = MONDAY
        ticket_id = opening.open_ticket(
            session, request(), viewer=customer, rules=RULES, now=moment
        ).ticket_id
        last_reply = 0
        for step, hours in steps:
            moment += timedelta(hours=hours)
            try:
                with session.begin_nested():
                    done = _do(session, ticket_id, step, customer, agent, last_reply, moment)
                last_reply = done or last_reply
            except Refused:
                pass
            _check(session, ticket_id)
        session.rollback()


def _do(
    session: Any, ticket_id: int, step: str, customer: Any, agent: Any, last_reply: int, moment: Any
) -> int:
    by_agent: dict[str, Any] = {"viewer": agent, "now": moment}
    match step.split():
        case ["customer", _]:
            service.reply_as_customer(session, ticket_id, text(), reader=customer, rules=RULES, now=moment)
        case ["agent", _]:
            return service.reply_as_agent(session, ticket_id, text(), rules=RULES, **by_agent).message_id
        case ["note"]:
            service.add_note(session, ticket_id, text(), **by_agent)
        case ["solve"]:
            service.resolve(session, ticket_id, reader=customer, now=moment)
        case ["reopen"]:
            service.reopen(session, ticket_id, reader=customer, rules=RULES, now=moment)
        case ["priority"]:
            handling.change_priority(session, ticket_id, "urgent", time_zone="Europe/Berlin", **by_agent)
        case ["spam"]:
            handling.dispose(session, ticket_id, "spam", **by_agent)
            handling.restore(session, ticket_id, **by_agent)
        case ["close"]:
            upkeep.close_solved(session, after=RULES.closing, now=moment)
        case ["withdraw"] if last_reply:
            service.withdraw_message(session, ticket_id, last_reply, rules=RULES, **by_agent)
        case ["status", to]:
            handling.change_status(session, ticket_id, to, **by_agent)
    return 0


def _check(session: Any, ticket_id: int) -> None:
    session.expire_all()
    ticket = session.get(Ticket, ticket_id)
    events = session.query(TicketEvent).filter_by(ticket_id=ticket_id).order_by(TicketEvent.id).all()
    moves = [event.payload for event in events if event.type == "status"]
    walked = ["new", *(move["to"] for move in moves)]
    assert [move["from"] for move in moves] == walked[:-1]  # no move is missing
    assert ticket.status == walked[-1]
    assert ticket.is_open == (Status(ticket.status) in OPEN_STATES)
    assert (ticket.closed_at is not None) == (ticket.status == "closed")
    clock = session.query(SlaClock).filter_by(ticket_id=ticket_id).one()
    if ticket.next_due_at is not None:
        assert ticket.is_open
        assert ticket.queue_key == int(ticket.next_due_at.timestamp()) < PAUSED_FROM
        assert clock.fulfilled_at is None
    else:
        assert ticket.queue_key >= PAUSED_FROM
    assert (clock.breached_at is not None) == (clock.state == "breached")
