"""A worker that is killed while open tickets follow a changed promise: each of them moves, and moves once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.accounts.models import AGENT
from app.db import Database
from app.now import now
from app.sla import policy_keeping
from app.sla.models import SlaPolicy
from app.tickets import policy_edits
from app.tickets.models import Ticket, TicketEvent
from tests import factories
from tests.support.live import Live
from tests.tickets.conftest import Desk, viewer_of

ROOT = Path(__file__).parents[2]


@pytest.mark.both_databases
def test_killed_before_its_commit_nothing_is_half_done(
    database_url: str, tmp_path: Path, live: Callable[..., Live]
) -> None:
    environ = live(tmp_path / "data", PORTAL_DATABASE_URL=database_url).environ
    database = Database(database_url)
    with database.session(write=True) as session:
        desk = Desk(
            session,
            viewer_of(session, factories.person(session)),
            viewer_of(session, factories.person(session, AGENT)),
        )
        tickets = {desk.open(now()).ticket_id for _ in range(4)}
        policy_id = session.scalars(select(SlaPolicy.id)).one()
        before = policy_keeping.newest_version(session, policy_id)
        terms = replace(
            policy_keeping.terms_of(session, before), targets={("first_response", "normal"): (60, 0)}
        )
        version = policy_edits.save(session, policy_id, terms, apply=True, actor_id=None, now=now())
        assert version is not None
        session.commit()

    def run(*points: str) -> list[str]:
        command = [sys.executable, "-m", "tests.support.doomed", *points]
        ended = subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True, timeout=300)
        return ended.stdout.decode().splitlines()

    def moved() -> Counter[int]:
        with database.session(write=False) as session:
            edits = select(TicketEvent.ticket_id).where(TicketEvent.type == "policy_edit")
            return Counter(session.scalars(edits))

    assert run("finishing") == ["finishing -9"]
    assert moved() == Counter(), "it died before its commit"
    assert run("never") == ["never 0"]
    assert moved() == Counter(tickets)
    with database.session(write=False) as session:
        held = session.scalars(select(Ticket.policy_version_id).where(Ticket.id.in_(tickets)))
        assert set(held) == {version.id}
    database.dispose()
