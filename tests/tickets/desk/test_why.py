"""Why a ticket is due when it is, on its page; and excusing what was missed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Team
from app.accounts.permissions import Held, Viewer
from app.accounts.queries import viewer_of_person
from app.audit import AuditEntry
from app.db import Database
from app.errors import NotVisible, Refused
from app.now import now
from app.sla.calendar import BusinessCalendar
from app.sla.explain import Account, Portion
from app.sla.hours import CalendarSpec, WeeklyHours
from app.tickets import excuses, handling, opening, queries, sweep
from app.tickets.desk import timeline
from app.tickets.models import SlaBreach, TicketEvent
from tests import factories
from tests.support.pages import Browser
from tests.tickets.conftest import MONDAY, RULES, Desk, later, request


@pytest.fixture
def overdue(app: Flask) -> int:
    """The number of a ticket whose first response was missed, and noticed by a sweep."""
    database: Database = app.extensions["portal"].database
    began = now() - timedelta(days=14)  # more than eight working hours, whatever day it is
    with database.session(write=True) as session:
        viewer = viewer_of_person(session, factories.person(session, language="en").id)
        assert viewer is not None
        sent = opening.open_ticket(session, request(), viewer=viewer, rules=RULES, now=began)
        session.commit()
    assert sweep.sweep(database, time_zone="Europe/Berlin", now=now()) == 1
    return queries.number(sent.ticket_id)


def test_the_page_explains_with_sums_and_a_picture(
    agent: Browser, overdue: int, statements: Callable[[], Any]
) -> None:
    page = agent.visit(f"/desk/tickets/{overdue}")
    assert "Missed" in page.html
    assert "of working time overdue" in page.html
    with statements() as sent:
        page = agent.follow(page, "Why?")
    assert len(sent) <= 8
    assert "First response: overdue since" in page.text
    assert "Together 8 h." in page.text
    assert 'class="timeline"' in page.html
    assert "promised 8 h, due" in page.html, "the picture in words"
    assert "Excuse this deadline" not in page.text, "that is for leads"
    assert "Why this promise" not in page.text, "that is for who may change promises"
    fragment = agent.get(f"/desk/tickets/{overdue}/why", headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert "<html" not in fragment.text
    agent.visit("/desk/tickets/99999/why", status=404)


def test_a_lead_excuses_with_a_reason_and_takes_it_back(
    app: Flask, agent: Browser, sign_in: Callable[..., Browser], overdue: int
) -> None:
    lead = sign_in("lead")
    page = lead.visit(f"/desk/tickets/{overdue}/why")
    page = lead.send(page, "Excuse", status=422, reason=" ")
    assert "Enter a reason" in page.text
    page = lead.send(page, "Excuse", reason="Strike at the parcel service")
    assert "Strike at the parcel service" in page.text
    database: Database = app.extensions["portal"].database
    with database.session(write=False) as session:
        breach = session.scalars(select(SlaBreach)).one()
        assert breach.excused_by_id == lead.person_id
        assert "breach.excuse" in session.scalars(select(AuditEntry.action)).all()
        assert "excused" in session.scalars(select(TicketEvent.type)).all()
        address = f"/desk/tickets/{overdue}/breaches/{breach.id}/excuse"
    token = agent.visit(f"/desk/tickets/{overdue}").all("input", name="csrf_token")[0].get("value")
    assert agent.post(address, data={"csrf_token": token, "reason": "x"}).status_code == 403
    page = lead.send(page, "Let it count again")
    assert "Strike" not in page.text
    with database.session(write=False) as session:
        assert session.scalars(select(SlaBreach.excused_by_id)).one() is None


def test_a_lead_of_another_team_and_a_superseded_miss(desk: Desk) -> None:
    teams = [Team(name=name, sort_name=name, created_at=MONDAY) for name in ("a", "b")]
    desk.session.add_all(teams)
    desk.session.flush()
    sent = desk.open()
    handling.assign_team(desk.session, sent.ticket_id, teams[0].id, viewer=desk.agent, now=MONDAY)
    sweep.sweep_some(desk.session, time_zone="Europe/Berlin", now=later(25))
    breach = desk.session.scalars(select(SlaBreach)).one()

    def lead(team_id: int) -> Viewer:
        return Viewer(desk.agent.person_id, held=(Held("lead", team_id),), kind="staff")

    excuse: dict[str, Any] = {"now": later(26)}
    with pytest.raises(NotVisible):
        excuses.excuse(desk.session, sent.ticket_id, breach.id, "x", viewer=lead(teams[1].id), **excuse)
    mine = lead(teams[0].id)
    assert excuses.excuse(desk.session, sent.ticket_id, breach.id, "x", viewer=mine, **excuse)
    assert not excuses.excuse(desk.session, sent.ticket_id, breach.id, "x", viewer=mine, **excuse)
    assert excuses.take_back(desk.session, sent.ticket_id, breach.id, viewer=mine, **excuse)
    assert not excuses.take_back(desk.session, sent.ticket_id, breach.id, viewer=mine, **excuse)
    breach.superseded_at = later(26)
    with pytest.raises(Refused):
        excuses.excuse(desk.session, sent.ticket_id, breach.id, "x", viewer=mine, **excuse)


def test_the_picture_keeps_to_its_scale() -> None:
    """Ran Monday 9 to 17, paused until Wednesday, goes on from there; now is Wednesday noon."""
    spec = CalendarSpec("c", 1, "UTC", (WeeklyHours((((540, 1020),),) * 5 + ((), ())),))
    calendar = BusinessCalendar.compile(spec, MONDAY.date(), MONDAY.date() + timedelta(days=7))

    def at(day: int, hour: int) -> int:
        return int(datetime(2026, 11, 22 + day, hour, tzinfo=MONDAY.tzinfo).timestamp())

    account = Account("resolution", 1, target=16 * 3600, due=at(3, 17))
    account.portions = [
        Portion(at(1, 9), at(1, 17), True, "", 28800, ((at(1, 9), at(1, 17)),)),
        Portion(at(1, 17), at(3, 9), False, "pending", 28800, ()),
        Portion(at(3, 9), at(3, 17), True, "", 28800, ((at(3, 9), at(3, 17)),)),
    ]
    scale = timeline.scale_of([account], at(3, 12))
    picture = timeline.draw(account, [], calendar, scale, at(3, 12))
    assert (len(picture.hours), len(picture.ran), len(picture.coming), len(picture.paused)) == (3, 2, 1, 1)
    assert picture.ran[0].x == 0
    assert picture.now is not None
    assert picture.due is not None
    assert picture.now < picture.due < timeline.WIDTH
    assert picture.late is None
    assert picture.ran[1].x + picture.ran[1].width == pytest.approx(picture.coming[0].x, abs=0.2)
