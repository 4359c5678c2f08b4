"""Calendars at the door: faults name their field, periods are one line, holidays are reviewed, one in use stays."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.now import now
from app.sla import service as sla_service
from app.sla.models import BusinessCalendar
from tests.support.pages import Browser

BASE = "/admin/calendars"


@pytest.fixture
def calendar_id(app: Flask) -> int:
    with app.extensions["portal"].database.session(write=True) as session:
        sla_service.ensure_defaults(session, time_zone="Europe/Berlin", now=now())
        found = session.scalars(select(BusinessCalendar.id)).one()
        session.commit()
    return found


def test_faults_name_their_field_and_keep_what_was_typed(admin: Browser, calendar_id: int) -> None:
    form = admin.visit(f"{BASE}/{calendar_id}/hours")
    never = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "")
    for change, named, sentence in (
        ({"tuesday": "9-12, 11-17"}, "tuesday", "Hours overlap here"),
        ({"sunday": "22-10"}, "monday", "Hours overlap here"),
        ({"friday": "9 to 5"}, "friday", "Write hours like 9:00-12:00"),
        ({"friday": "25-26"}, "friday", "are no hours of a day"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone", "This time zone does not exist."),
        (never, "monday", "This calendar would not be open within a year."),
    ):
        page = admin.send(
            form, status=422, **{"saturday": "10-12", **change} if change is not never else change
        )
        assert sentence in page.summary, page.summary
        assert [one.get("id") for one in page.all("input") if one.get("aria-invalid")] == [named]


def test_a_closing_period_is_one_line_that_goes_as_a_whole(admin: Browser, calendar_id: int) -> None:
    page = admin.visit(f"{BASE}/{calendar_id}?year=2029")
    sent = {"closing-first": "2029-12-24", "closing-last": "2030-01-02", "closing-reason": "Company holidays"}
    assert "10 days are closed." in admin.send(page, "closings", **sent).text
    for year in (2029, 2030):
        page = admin.visit(f"{BASE}/{calendar_id}?year={year}")
        assert "24 December 2029 to 2 January 2030" in page.text
    (one,) = [form for form in page.all("form") if "/exceptions/" in str(form.get("action"))]
    assert "10 days are like any other again." in admin.send(page, str(one.get("action"))).text
    assert "Company holidays" not in admin.visit(f"{BASE}/{calendar_id}?year=2029").text
    wrong = {**sent, "closing-last": "2029-12-23"}
    refused = admin.send(admin.visit(f"{BASE}/{calendar_id}"), "closings", status=422, **wrong)
    assert "Choose a last day from the first day on" in refused.summary


def test_holidays_wait_for_a_person(admin: Browser, calendar_id: int) -> None:
    address, year = f"{BASE}/{calendar_id}?year=2027", now().year
    assert f"{year} not reviewed" in admin.visit(BASE).text
    page = admin.visit(address)
    assert "The holidays of 2027 are not reviewed." in page.text
    assert "Germany, Bayern" in page.text
    page = admin.send(page, "proposals", **{"holiday-region": "AT-9", "holiday-year": "2027"})
    assert "The holidays of 2027 are not reviewed." in page.text
    ticked = [one.get("value") for one in page.all("input", name="holiday")]
    assert len(ticked) >= 13
    page = admin.send(page, "review", holiday=ticked[:2])
    assert "Reviewed: 2 holidays close the calendar." in page.text
    assert "are not reviewed" not in admin.visit(address).text
    page = admin.send(admin.visit(f"{BASE}/{calendar_id}?year=2028"), "No holiday closes us in 2028")
    assert (
        "Reviewed: no holiday closes this calendar in 2028."
        in admin.visit(f"{BASE}/{calendar_id}?year=2028").text
    )


def test_a_calendar_in_use_names_its_promises_and_stays(admin: Browser, calendar_id: int) -> None:
    page = admin.visit(f"{BASE}/{calendar_id}")
    assert "A calendar in use cannot be deleted." in page.html
    new = admin.visit(f"{BASE}/new")
    page = admin.send(new, name="Nights", time_zone="Europe/Zurich", monday="22-6", valid_from="2026-01-01")
    (form,) = [form for form in page.all("form") if str(form.get("action")).endswith("/deletion")]
    spare = str(form.get("action")).split("/")[-2]
    token = {one.get("name"): one.get("value") for one in form.iter("input")}
    refused = admin.post(f"{BASE}/{calendar_id}/deletion", data=token, follow_redirects=True)
    assert "These promises count by this calendar, now or in an earlier version: Standard." in refused.text
    assert "The calendar was deleted." in admin.send(page, "deletion").text
    admin.visit(f"{BASE}/{spare}", status=404)
