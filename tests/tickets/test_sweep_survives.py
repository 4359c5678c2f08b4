"""kill -9 at any point of a sweep, and two sweeps at once: no letter twice, none lost."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from sqlalchemy import func, select

from app.accounts.models import AGENT
from app.db import Database
from app.outbox import Job
from app.tickets.models import SlaBreach, SlaFired, Ticket
from tests import factories
from tests.support.doomed_sweep import POINTS
from tests.support.live import ROOT
from tests.tickets.conftest import Desk, later, viewer_of

TICKETS = 70  # more than one piece


@pytest.mark.parametrize("rounds", [(*POINTS, "both"), ("both",)], ids=["killed", "two at once"])
def test_no_letter_twice_and_none_lost(
    database: Database, database_url: str, rounds: tuple[str, ...]
) -> None:
    with database.session(write=True) as session:
        people = factories.person(session), factories.person(session, AGENT)
        desk = Desk(session, *(viewer_of(session, person) for person in people))
        for _ in range(TICKETS):
            desk.ticket(desk.open()).assignee_id = desk.agent.person_id
        session.commit()
    moment = str(int(later(25).timestamp()))
    command = [sys.executable, "-m", "tests.support.doomed_sweep", database_url, moment, *rounds]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    told = [line.split() for line in ended.stdout.splitlines()]
    assert told == [*([point, "-9"] for point in rounds if point != "both"), ["both", "0"], ["both", "0"]], (
        ended
    )
    with database.session(write=False) as session:
        jobs = session.scalars(select(Job).where(Job.name.like("tickets.sla%"))).all()
        assert {job.name for job in jobs} == {"tickets.sla_breached"}
        letters = Counter(job.ids["fired_id"] for job in jobs)
        assert set(letters.values()) == {1}, "no letter twice"
        fired = {row[0]: row[1] for row in session.execute(select(SlaFired.id, SlaFired.ticket_id))}
        assert letters.keys() == fired.keys()
        assert set(fired.values()) == set(session.scalars(select(Ticket.id))), "none lost"
        assert session.scalar(select(func.count()).select_from(SlaBreach)) == TICKETS
