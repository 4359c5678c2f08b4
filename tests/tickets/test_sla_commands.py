"""`flask sla`, and the worker's minute: explained, counted again, swept, and the letters that come of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import AGENT
from app.accounts.queries import viewer_of_person
from app.db import Database
from app.now import now
from app.sla.models import SlaEscalationStep, SlaPolicyVersion
from app.tickets import handling, opening, queries
from app.tickets.models import SlaBreach, SlaClock, Ticket
from tests import factories
from tests.support.mailbox import Mailbox, text_of
from tests.tickets.conftest import RULES, request


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions["portal"].database
    return found


@pytest.fixture
def overdue(database: Database) -> int:
    """The number of a ticket that Lena has and should have answered long ago."""
    began = now() - timedelta(days=14)
    with database.session(write=True) as session:
        customer = viewer_of_person(session, factories.person(session, name="Jörg Größmann").id)
        lena = factories.person(session, AGENT, name="Lena", email="lena@example.org", language="de")
        agent = viewer_of_person(session, lena.id)
        assert customer is not None
        assert agent is not None
        sent = opening.open_ticket(session, request(), viewer=customer, rules=RULES, now=began)
        handling.assign(session, sent.ticket_id, lena.id, viewer=agent, now=began)
        version = session.scalars(select(SlaPolicyVersion)).one()
        session.add(
            SlaEscalationStep(
                policy_version_id=version.id,
                metric="first_response",
                offset_minutes=0,
                action="mail",
                recipient="duty@example.org",
            )
        )
        session.commit()
        return queries.number(sent.ticket_id)


def run(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["sla", *arguments])


def test_explained_in_both_languages(app: Flask, overdue: int) -> None:
    english, german = run(app, "explain", str(overdue)), run(app, "explain", str(overdue), "--lang", "de")
    assert (english.exit_code, german.exit_code) == (0, 0)
    assert "First response: overdue since" in english.output
    assert "Together 8 h." in english.output
    assert "Erste Antwort: überfällig seit" in german.output
    assert "Zusammen 8 Std." in german.output
    missing = run(app, "explain", "99999")
    assert missing.exit_code == 1
    assert "nothing by this name" in missing.output


def test_the_worker_tells_once_and_what_was_answered_meanwhile_needs_no_letter(
    app: Flask, database: Database, overdue: int, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    run_worker()
    letter = mails.last("lena@example.org")
    assert "Überfällig" in letter["Subject"]
    assert f"/desk/tickets/{overdue}" in text_of(letter)
    assert "Erste Antwort" in text_of(letter)
    step = mails.last("duty@example.org")
    assert f"#{overdue}" in step["Subject"]
    before = len(mails)
    swept = run(app, "sweep")
    assert "Tickets looked at: 0" in swept.output
    run_worker()
    assert len(mails) == before


def test_a_letter_looks_again_before_it_leaves(
    app: Flask, database: Database, overdue: int, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    assert "Tickets looked at: 1" in run(app, "sweep").output
    with database.session(write=True) as session:
        session.execute(update(SlaClock).values(fulfilled_at=now()))
        session.commit()
    run_worker()
    assert mails.to("lena@example.org") == []


def test_counted_again_by_command_and_after_an_upgrade(
    app: Flask, database: Database, overdue: int, run_worker: Callable[[], int]
) -> None:
    run(app, "sweep")
    with database.session(write=True) as session:
        session.execute(update(SlaClock).values(state="met", breached_at=None))
        session.commit()
    result = run(app, "recompute", "--all")
    assert (result.exit_code, "Tickets counted again: 1" in result.output) == (0, True)
    with database.session(write=True) as session:
        assert session.scalars(select(SlaClock.state)).one() == "breached"
        session.execute(update(SlaClock).values(state="met", breached_at=None))
        session.execute(update(Ticket).values(engine_version=1))
        session.commit()
    run_worker()
    with database.session(write=False) as session:
        assert session.scalars(select(SlaClock.state)).one() == "breached"
        assert session.scalars(select(SlaBreach.superseded_at)).one() is None
