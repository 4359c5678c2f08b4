"""Promises at the door: the order, the form with its faults, what a change means, versions, and why one fits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.accounts.models import CUSTOMER, Segment
from app.now import now
from app.sla.models import SlaPolicy, SlaPolicyVersion
from app.tickets import types
from app.tickets.models import Ticket
from tests import factories
from tests.support.pages import Browser, Element, Page, _held
from tests.tickets.conftest import Desk, viewer_of

BASE = "/admin/sla-policies"
Statements = Callable[[], AbstractContextManager[list[str]]]


@dataclass
class Shop:
    """An installation with some open tickets, read and changed behind the browser's back."""

    app: Flask
    numbers: list[int]
    policy_id: int

    def see(self, look: Callable[[Session], Any]) -> Any:
        with self.app.extensions["portal"].database.session(write=False) as session:
            return look(session)


@pytest.fixture
def shop(app: Flask) -> Shop:
    with app.extensions["portal"].database.session(write=True) as session:
        customer, agent = (
            factories.person(session, CUSTOMER),
            factories.person(session, "agent", name="Ali Agent"),
        )
        factories.organisation(session, "Größmann AG")
        desk = Desk(session, viewer_of(session, customer), viewer_of(session, agent))
        names = {"de": "Störung", "en": "Fault"}
        types.add(
            session,
            types.Values(names, {}, None, "high", "ticket_support", 1, True),
            actor_id=None,
            now=now(),
        )
        session.add(Segment(slug="gold", name="Gold customers"))
        numbers = [desk.open(now()).ticket_id + 10_000 for _ in range(3)]
        policy_id = session.scalars(select(SlaPolicy.id)).one()
        session.commit()
    return Shop(app, numbers, policy_id)


def held_by(form: Element) -> MultiDict[str, str]:
    """What a form would send untouched."""
    return MultiDict(_held(form, ""))


def preview(browser: Browser, page: Page, status: int = 200, **fields: Any) -> Page:
    """Press the button that shows what a change would mean."""
    form = page.form("Save")
    data = held_by(form)
    for name, value in fields.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    (button,) = [one for one in form.iter("button") if one.get("formaction")]
    headers = {"Accept-Language": browser.lang, "Sec-Fetch-Site": "same-origin"}
    return browser._checked(browser.post(str(button.get("formaction")), data=data, headers=headers), status)


def test_a_promise_is_made_shown_and_put_in_order(admin: Browser, shop: Shop) -> None:
    page = admin.send(
        admin.visit(f"{BASE}/new"),
        name="Premium",
        organisations="größmann ag\n",
        request_types=["1"],
        segments=["1"],
        channels=["web", "phone"],
        priorities=["high"],
        tags="vip, loud",
        resolution_high="1,5 Std.",
        resolution_high_warning="30 min",
        pause_resolution=["pending", "on_hold"],
        on_reopen="restart",
        step0="notify:lead",
        step0_time="0:15",
        step0_side="before",
        step0_metric="resolution",
        step0_working_hours="y",
        step1="mail",
        step1_address="boss@example.org",
        step1_time="",
        step1_metric="resolution",
    )
    assert "Version 1 holds for new tickets." in page.text
    listed = admin.visit(BASE)
    assert [one.text for one in listed.all("span", class_="policy-place")] == ["1", "2"]
    for words in (
        "Organisation: Größmann AG",
        "Customer group: Gold customers",
        "Topic: Fault",
        "How the request came: Phone or Form",
        "Tag: loud or vip",
        "Priority: High",
        "High 1 h 30 min",
        "2 steps before or after a deadline",
    ):
        assert words in listed.text, words
    again = admin.visit(f"{BASE}/2")
    held = held_by(again.form("Save"))
    assert held["organisations"].split() == ["Größmann", "AG"]
    assert held["resolution_high"] == "1 h 30 min"
    assert (held["step0"], held["step0_side"], held["step1_address"]) == (
        "notify:lead",
        "before",
        "boss@example.org",
    )
    assert held.getlist("pause_resolution") == ["pending", "on_hold"]
    page = admin.send(again, "Save")
    assert "Nothing changed." in page.text
    page = admin.send(
        again, "Save", name="Premium care", step1="", resolution_high="2", pause_resolution=["pending"]
    )
    for words in (
        "Version 2",
        "Premium care",
        "1 h 30 min",
        "2 h",
        "email to boss@example.org",
        "Waiting for customer",
    ):
        assert words in page.text
    (down,) = [one for one in listed.all("form") if one.get("action") == f"{BASE}/2/place"]
    moved = admin.post(f"{BASE}/2/place", data={**held_by(down), "to": "down"})
    assert moved.status_code == 303
    order = shop.see(
        lambda session: session.scalars(select(SlaPolicy.name).order_by(SlaPolicy.position)).all()
    )
    assert order == ["Standard", "Premium care"]


def test_who_was_slower_is_told_and_may_save_after_all(admin: Browser, shop: Shop) -> None:
    page = admin.visit(f"{BASE}/{shop.policy_id}")
    admin.send(page, "Save", first_response_low="20 h")
    late = admin.send(page, "Save", status=422, first_response_low="30 h")
    assert "Somebody saved version 2 meanwhile." in late.summary
    assert held_by(late.form("Save"))["first_response_low"] == "30 h"
    assert "Version 3 holds for new tickets." in admin.send(late, "Save").text


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "Enter a name."),
    ({"calendar_id": "999"}, "Choose the working hours by which these times count."),
    ({"calendar_id": "none"}, "Choose the working hours by which these times count."),
    ({"first_response_high": "0"}, "A promised time is more than nothing and at most 2000 hours."),
    ({"first_response_high": "-4 h"}, "A promised time is more than nothing and at most 2000 hours."),
    ({"first_response_high": "10000"}, "A promised time is more than nothing and at most 2000 hours."),
    ({"first_response_high": "soon"}, "“soon” is no length of time."),
    ({"first_response_high": ""}, "A warning needs a promised time"),
    ({"first_response_high_warning": "4 h"}, "enter less time than is promised"),
    ({"first_response_high_warning": "-1"}, "enter less time than is promised"),
    ({"organisations": "Nobody Ltd"}, "There is no organisation called “Nobody Ltd”."),
    ({"request_types": ["77"]}, "One of these topics is not there any more."),
    ({"segments": ["x"]}, "One of these customer groups is not there any more."),
    ({"channels": ["pigeon"]}, "Choose from the list."),
    ({"on_reopen": "never"}, "Choose what a reopened request does."),
    ({"pause_resolution": ["solved"]}, "Only waiting for the customer and on hold stop a clock."),
    ({"step0": "notify:team", "step0_metric": "resolution"}, "Nothing is promised for “Resolution”."),
    ({"step0": "notify:person", "step0_person": "999"}, "This person does not work on tickets."),
    ({"step0": "notify:person"}, "Choose the person who is meant."),
    ({"step0": "mail"}, "Enter the address that gets the email."),
    ({"step0": "mail", "step0_address": "nowhere"}, "Enter an email address with an @"),
    ({"step0": "notify:team", "step0_side": "before", "step0_time": "4 h"}, "before the clock starts"),
    ({"step0": "notify:team", "step0_time": "-1"}, "without a sign"),
    ({"step0": "dance"}, "Choose the deadline and what happens."),
    ({"channels": ["mail"]}, "This is the last promise for all requests."),
]


def test_faults_name_their_field_and_keep_what_was_typed(admin: Browser, shop: Shop) -> None:
    form = admin.visit(f"{BASE}/{shop.policy_id}")
    for change, sentence in FAULTS:
        page = admin.send(form, "Save", status=422, **{"tags": "typed", **change})
        assert sentence in page.summary, (change, page.summary)
        assert held_by(page.form("Save"))["tags"] == "typed"
        if "gap" not in page.html:
            assert "is-wrong" in page.html
    assert len(shop.see(lambda session: session.scalars(select(SlaPolicyVersion)).all())) == 1
    page = admin.send(page, "Save", gap="y")
    assert "Version 2 holds for new tickets." in page.text


def test_what_it_means_for_open_tickets_is_shown_and_then_done(
    admin: Browser, shop: Shop, run_worker: Callable[[], int]
) -> None:
    page = preview(
        admin, admin.visit(f"{BASE}/{shop.policy_id}"), first_response_normal="16 h", name="Calmer"
    )
    assert "3 tickets are open. The deadlines of 3 would change." in page.text
    for number in shop.numbers:
        assert f"#{number}" in page.text
    assert held_by(page.form("Save as"))["name"] == "Calmer"
    assert shop.see(lambda session: session.scalar(select(SlaPolicy.name))) == "Standard", "only looked at"
    button = page.one("button", name="apply")
    assert button.get("form") == "policy"
    data = {**held_by(page.form("Save as")), "apply": "1"}
    answer = admin.post(f"{BASE}/{shop.policy_id}", data=data)
    assert answer.status_code == 303
    run_worker()

    def versions(session: Session) -> set[int]:
        rows = select(SlaPolicyVersion.number).join(Ticket, Ticket.policy_version_id == SlaPolicyVersion.id)
        return set(session.scalars(rows))

    assert shop.see(versions) == {2}
    page = preview(admin, admin.visit(f"{BASE}/{shop.policy_id}"), status=422, first_response_normal="0")
    assert "more than nothing" in page.summary
    page = preview(admin, admin.visit(f"{BASE}/new"), name="Nobody's", channels=["phone"])
    assert "No deadline would change." in page.text


def test_switching_off_and_deleting_say_what_follows(admin: Browser, shop: Shop, run_worker: Any) -> None:
    address = f"{BASE}/{shop.policy_id}/state"
    page = admin.visit(address)
    assert "This is the last promise for all requests." in page.text
    assert "The deadlines of 3 would change." in page.text
    assert "It can be switched off, not deleted." in page.text
    refused = admin.send(page, "state", status=422)
    assert "Tick the box below" in refused.text
    admin.send(page, "state", gap="1", apply="1")
    run_worker()
    due = shop.see(lambda session: set(session.scalars(select(Ticket.next_due_at))))
    assert due == {None}
    assert "Switched off" in admin.visit(BASE).text
    page = admin.send(admin.visit(address), "state", apply="1")
    run_worker()
    assert None not in shop.see(lambda session: set(session.scalars(select(Ticket.next_due_at))))
    token = held_by(admin.visit(address).form("state"))
    answer = admin.post(f"{BASE}/{shop.policy_id}/deletion", data={**token, "gap": "1"})
    assert answer.status_code == 422
    assert "Switch it off instead" in answer.text
    admin.send(admin.visit(f"{BASE}/new"), name="Spare", channels=["letter"])
    page = admin.send(admin.visit(f"{BASE}/2/state"), "deletion")
    assert "The promise was deleted." in page.text
    for gone in (f"{BASE}/2", f"{BASE}/2/history", f"{BASE}/2/state"):
        admin.visit(gone, status=404)


def test_why_a_promise_fits_a_ticket_or_a_request(admin: Browser, shop: Shop) -> None:
    admin.send(
        admin.visit(f"{BASE}/new"), name="Premium", organisations="größmann-ag", priorities=["high", "urgent"]
    )
    page = admin.visit(f"{BASE}/match?ticket={shop.numbers[0]}")
    assert "Does not fit. Organisation: wanted is Größmann AG, the request has none." in page.text
    assert "Fits, and counts. For: all requests" in page.text
    assert "The ticket counts by version 1 of “Standard”, the newest one." in page.text
    page = admin.send(page, "match", ticket="", organisation="Größmann AG", priority="low")
    assert "Priority: wanted is High or Urgent, the request has Low." in page.text
    assert "within 16 h of working time" in page.text
    page = admin.send(page, "match", ticket="", priority="urgent")
    assert [one.get("class") for one in page.all("li", class_="verdict")] == [
        "verdict verdict-fits",
        "verdict verdict-later",
    ]
    for query, sentence in (
        ("ticket=99999", "There is no ticket with the number 99999."),
        ("ticket=abc", "There is no ticket with the number abc."),
        ("organisation=Nobody", "There is no organisation called “Nobody”."),
        ("priority=panic", "Choose a priority."),
        ("channel=pigeon", "Choose how the request came."),
        ("segment=77", "Choose from the list."),
    ):
        assert sentence in admin.visit(f"{BASE}/match?{query}", status=422).summary


def test_only_admins_come_in(agent: Browser, customer: Browser, visitor: Browser, shop: Shop) -> None:
    for path in (BASE, f"{BASE}/new", f"{BASE}/{shop.policy_id}", f"{BASE}/match?ticket={shop.numbers[0]}"):
        agent.visit(path, status=403)
        customer.visit(path, status=403)
        assert "Sign in" in visitor.visit(path).title


def test_pages_need_few_statements_and_speak_german(
    sign_in: Callable[..., Browser], shop: Shop, statements: Statements
) -> None:
    browser = sign_in("admin", lang="de")
    for number in range(6):
        browser.send(browser.visit(f"{BASE}/new"), name=f"P{number}", channels=["mail"], request_types=["1"])
    paths = {
        BASE: 8,
        f"{BASE}/{shop.policy_id}": 12,
        f"{BASE}/2/history": 10,
        f"{BASE}/match?ticket={shop.numbers[0]}": 15,
    }
    for path, most in paths.items():
        browser.visit(path)
        with statements() as sent:
            page = browser.visit(path)
        assert len(sent) <= most, f"{path}: {len(sent)}\n" + "\n".join(sent)
        assert page.tree.get("lang") == "de"
    assert "Thema: Störung; Wie die Anfrage kam: E-Mail" in browser.visit(BASE).text
    page = browser.send(browser.visit(f"{BASE}/new"), name="X", first_response_low="bald", status=422)
    assert "„bald“ ist keine Zeitspanne." in page.summary
