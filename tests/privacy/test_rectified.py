"""P9: after a correction the new name stands everywhere, and the old one nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.accounts.queries import viewer_of_person
from app.privacy.sinks import Subject
from app.privacy.stores import all_sinks
from app.tickets import opening
from tests.factories import PASSWORD
from tests.support.mailbox import Mailbox, link_in, text_of
from tests.support.pages import Browser
from tests.tickets.conftest import RULES, request


@pytest.mark.both_databases
def test_a_rectified_name_and_address_leave_nothing_of_the_old_ones(
    app: Flask, customer: Browser, agent: Browser, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    portal = app.extensions["portal"]
    old = customer.email
    with portal.database.session(write=True) as session:
        person = session.get_one(Person, customer.person_id)
        person.name, person.sort_name = "Wanda Altenhoff", "wanda altenhoff"
        viewer = viewer_of_person(session, person.id)
        assert viewer is not None
        sent = opening.open_ticket(session, request(), viewer=viewer, rules=RULES, now=person.created_at)
        session.commit()
    customer.send(customer.visit("/account/"), "Save", name="Wanda Neuhoff")
    customer.send(customer.visit("/account/address"), email="wanda.neuhoff@example.org", current=PASSWORD)
    run_worker()
    link = link_in(mails.last("wanda.neuhoff@example.org"), "/account/address/").removeprefix(
        "http://localhost"
    )
    customer.send(customer.visit(link))
    run_worker()
    for path in (
        f"/desk/tickets/{sent.ticket_id + 10_000}",
        f"/desk/customers/{customer.person_id}",
        "/desk/",
    ):
        text: Any = agent.visit(path).text
        assert "Altenhoff" not in text, path
        assert old not in text, path
    letters = [text_of(one) for one in mails.to("wanda.neuhoff@example.org")]
    assert not any("Altenhoff" in one for one in letters)
    with portal.database.session(write=False) as session:
        found = [
            (sink.name, one.place)
            for sink in all_sinks(session, portal)
            for one in sink.find(Subject(("Altenhoff",)))
        ]
        assert found == []
        # the old address stays in the link that told it of the change, and in its letter, until their terms end
        places = {
            one.place.partition("/")[0]
            for sink in all_sinks(session, portal)
            if sink.name == "database"
            for one in sink.find(Subject((old,)))
        }
        assert places == {"token"}
