"""The overview of the administration: what needs attention, for whom."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import select

from app import observe, outbox, preferences
from app.admin import state
from app.legal import queries as legal_queries
from app.legal import service as legal_service
from app.now import now
from app.sla import calendar_keeping
from app.sla import service as sla_service
from app.sla.models import BusinessCalendar
from tests.support.pages import Page


def points(page: Page) -> list[str]:
    """The addresses that the list of what needs attention leads to."""
    return [str(link.get("href")) for item in page.all("ul", class_="attention") for link in item.iter("a")]


def test_fresh_installation_names_what_is_to_do(admin):
    page = admin.visit("/admin/")
    assert points(page) == ["/admin/system", "/admin/legal", "/admin/settings"]
    assert "The worker is silent" in page.text
    assert "8 legal texts are still the shipped ones" in page.text


def test_friendly_when_nothing_needs_attention(app: Flask, admin):
    with app.extensions["portal"].database.session(write=True) as session:
        observe.beat(session, "worker", now=now())
        for page in legal_queries.PAGES:
            for lang in ("de", "en"):
                legal_service.publish(session, page, lang, "Our text.", based_on=0, actor_id=None, now=now())
        names = {"de": "Firma", "en": "Company"}
        preferences.change(session, "company_name", names, actor_id=None, now=now())
        session.commit()
    page = admin.visit("/admin/")
    assert points(page) == []
    assert "All is well" in page.text


def test_holidays_to_review_are_named_for_each_calendar(app: Flask, admin):
    with app.extensions["portal"].database.session(write=True) as session:
        sla_service.ensure_defaults(session, time_zone="Europe/Berlin", now=now())
        calendar_id = session.scalars(select(BusinessCalendar.id)).one()
        chosen = preferences.Preferences.read(session)

        def named(moment: datetime) -> list[tuple[str, int]]:
            found = state.attention(session, settings=chosen, languages=("de", "en"), now=moment)
            return [(one.name, one.year) for one in found if one.what == "holidays"]

        october, november = datetime(2030, 10, 31, tzinfo=UTC), datetime(2030, 11, 1, tzinfo=UTC)
        assert named(october) == [("Standard", 2030)]
        assert named(november) == [("Standard", 2030), ("Standard", 2031)]
        calendar_keeping.review_holidays(session, calendar_id, set(), 2030, actor_id=None, now=october)
        assert named(october) == []
        assert named(november) == [("Standard", 2031)]
        session.commit()
    page, year = admin.visit("/admin/"), now().year
    assert f"“Standard”: the holidays of {year} are not reviewed." in page.text
    address = f"/admin/calendars/{calendar_id}?year={year}#holidays"
    assert address in points(page)
    assert f"The holidays of {year} are not reviewed." in admin.visit(address).text


def test_failed_and_late_work_is_urgent(app: Flask, admin):
    with app.extensions["portal"].database.session(write=True) as session:
        observe.beat(session, "worker", now=now())
        job = outbox.put(session, "x.y", run_at=now())
        late = outbox.put(session, "x.z", run_at=now().replace(year=2020))
        session.flush()
        job.state, late.state = outbox.FAILED, outbox.QUEUED
        session.commit()
    page = admin.visit("/admin/")
    assert "1 task has failed" in page.text
    assert "1 task waits longer" in page.text
    assert [words.get("class") for words in page.all("li") if "urgent" in (words.get("class") or "")]


def test_shows_only_what_one_may_open(editor, admin, sign_in):
    ways = {str(a.get("href")) for a in editor.visit("/admin/").all("a")}
    assert "/admin/articles" in ways
    assert not ways & {"/admin/people", "/admin/settings", "/admin/audit", "/admin/system", "/admin/legal"}
    officer = {str(a.get("href")) for a in sign_in("privacy_officer").visit("/admin/").all("a")}
    assert {"/admin/legal", "/admin/audit"} <= officer
    assert "/admin/settings" not in officer
    assert "/admin/settings" in {str(a.get("href")) for a in admin.visit("/admin/").all("a")}


def test_closed_to_customers_agents_and_visitors(visitor, customer, agent):
    customer.visit("/admin/", status=403)
    agent.visit("/admin/", status=403)
    assert "Sign in" in visitor.visit("/admin/").title


def test_at_most_eight_statements(admin, statements):
    admin.visit("/admin/")
    with statements() as sent:
        admin.visit("/admin/")
    assert len(sent) <= 8, "\n".join(sent)


def test_german(sign_in):
    page = sign_in("admin", lang="de").visit("/admin/")
    assert "Braucht Aufmerksamkeit" in page.text
    assert page.tree.get("lang") == "de"
