"""How long half of the like requests waited: only with enough of them, and never later than the promise."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import insert, select

from app.accounts.queries import viewer_of_person
from app.db import Database
from app.now import now
from app.sla.models import SlaPolicyVersion, SlaTarget
from app.sla.service import ensure_defaults
from app.tickets import opening, queries, service, usual_waits
from app.tickets.deadlines import Promise
from app.tickets.models import SlaClock, UsualWait
from app.tickets.usual_waits import AT_LEAST, Usual
from tests import factories
from tests.support.pages import Browser
from tests.tickets.conftest import MONDAY, RULES, Desk, request, text, viewer_of

HOUR = 3600


def answered(desk: Desk, seconds: list[int], *, days_ago: int = 10) -> None:
    """First responses that took so long, all of one ticket: only clocks are counted."""
    sent = desk.open()
    started = MONDAY - timedelta(days=days_ago)
    desk.session.execute(
        insert(SlaClock),
        [
            {
                "ticket_id": sent.ticket_id,
                "metric": "first_response",
                "run_no": number + 2,
                "state": "met",
                "started_at": started,
                "fulfilled_at": started + timedelta(seconds=one),
                "elapsed_seconds": one,
                "paused_seconds": 0,
            }
            for number, one in enumerate(seconds)
        ],
    )


def test_the_median_of_enough_recent_ones(desk: Desk) -> None:
    answered(desk, [HOUR + 60 * n for n in range(AT_LEAST - 1)])
    answered(desk, [9 * HOUR] * 50, days_ago=100)
    assert usual_waits.count(desk.session, now=MONDAY) == 0
    answered(desk, [100 * HOUR])
    assert usual_waits.count(desk.session, now=MONDAY) == 1
    assert usual_waits.count(desk.session, now=MONDAY) == 1, "counted anew, not twice"
    row = desk.session.scalars(select(UsualWait)).one()
    assert (row.seconds, row.count, row.computed_at) == (HOUR + 60 * 15, AT_LEAST, MONDAY)
    figure = usual_waits.known(desk.session)[None, "normal"]
    assert (figure.hours, figure.shown) == (2, 2 * HOUR)


def test_never_later_than_the_promise() -> None:
    usual = Usual(7 * HOUR + 1, MONDAY)
    figures = {(1, "normal"): usual, (2, "high"): Usual(14 * 60, MONDAY)}
    eight, seven = Promise(MONDAY, 8 * HOUR), Promise(MONDAY, 7 * HOUR)
    assert usual_waits.beside(figures, [(1, "normal")], [eight]) is usual
    assert usual_waits.beside(figures, [(1, "normal")], [seven]) is None, "rounded up it would be later"
    assert usual_waits.beside(figures, [(1, "normal"), (2, "high")], [eight, seven]) is usual
    assert usual_waits.beside(figures, [(1, "normal"), (3, "low")], [eight, seven]) is None
    assert usual_waits.beside(figures, [(1, "normal")], [None]) is None
    assert usual_waits.beside(figures, [], [eight]) is None
    short = figures[2, "high"]
    assert (short.hours, short.minutes) == (0, 15)


def test_a_customer_reads_the_promise_what_is_usual_and_a_miss_in_words(
    app: Flask, customer: Browser
) -> None:
    """Before sending and afterwards; waiting for her the clock stands still; a miss is a sentence, never a bare label."""
    database: Database = app.extensions["portal"].database
    with database.session(write=True) as session:
        ensure_defaults(session, time_zone="Europe/Berlin", now=now())
        version = session.scalars(select(SlaPolicyVersion)).one()
        session.add(
            SlaTarget(
                policy_version_id=version.id,
                priority="normal",
                metric="resolution",
                target_minutes=6000,
                warn_minutes=0,
            )
        )
        agent = viewer_of(session, factories.person(session, "agent"))
        viewer = viewer_of_person(session, customer.person_id or 0)
        assert viewer is not None
        session.add(UsualWait(priority="normal", seconds=4000, count=30, computed_at=now()))
        late, waiting, fresh = (
            opening.open_ticket(
                session, request(), viewer=viewer, rules=RULES, now=now() - timedelta(days=days)
            )
            for days in (14, 1, 0)
        )
        service.reply_as_agent(
            session, waiting.ticket_id, text(), viewer=agent, rules=RULES, now=now() - timedelta(hours=1)
        )
        session.commit()
    assert "We will answer by" in customer.visit(f"/tickets/{queries.number(fresh.ticket_id)}").text
    usual = "Half of such requests were answered within 2 working hours (last 90 days, as of"
    assert usual in customer.visit(f"/tickets/{queries.number(fresh.ticket_id)}").text
    page = customer.visit(f"/tickets/{queries.number(late.ticket_id)}")
    assert "did not manage it" in page.text
    assert "Half of such" not in page.text
    assert "Our clock stands still" in customer.visit(f"/tickets/{queries.number(waiting.ticket_id)}").text
    form = customer.visit("/tickets/new").text
    assert "If you write now, we will answer by" in form
    assert usual in form
