"""How long half of the like requests waited: only with enough of them, and never later than the promise."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert, select

from app.tickets import usual_waits
from app.tickets.deadlines import Promise
from app.tickets.models import SlaClock, UsualWait
from app.tickets.usual_waits import AT_LEAST, Usual
from tests.tickets.conftest import MONDAY, Desk

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
