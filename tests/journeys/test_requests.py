"""Requests from the form to the solved ticket, through HTTP and worker, on both databases."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, update

from app.accounts.models import AGENT, Person
from app.accounts.queries import viewer_of_person
from app.now import now
from app.outbox import Recurring
from app.preferences import Preferences
from app.tickets import handling, service
from app.tickets.messages import Text
from app.tickets.models import Ticket
from app.tickets.rules import Rules
from tests import factories
from tests.support.mailbox import Mailbox, link_in, text_of
from tests.support.pages import Browser, Page

pytestmark = pytest.mark.both_databases

WORDS = {
    "en": {
        "new": "Send a request",
        "send": "Send request",
        "confirm": "Confirm and view request",
        "received": "We have received a request with this address",
        "reply": "Your reply has been sent.",
        "solved": "Your request is solved.",
        "again": "Your request is open again.",
        "needed": "Your reply is needed",
        "answered": "has answered your request",
        "view": "View request",
    },
    "de": {
        "new": "Anfrage stellen",
        "send": "Anfrage absenden",
        "confirm": "Bestätigen und Anfrage ansehen",
        "received": "Wir haben eine Anfrage mit dieser Adresse erhalten",
        "reply": "Ihre Antwort ist gesendet.",
        "solved": "Ihre Anfrage ist gelöst.",
        "again": "Ihre Anfrage ist wieder offen.",
        "needed": "Ihre Antwort fehlt",
        "answered": "hat Ihre Anfrage",
        "view": "Anfrage ansehen",
    },
}


def path_of(link: str) -> str:
    return link.removeprefix("http://localhost")


def team_answers(app: Flask, ticket_id: int, words: str, **more: Any) -> None:
    """An agent answers at the desk's service."""
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        agent = factories.person(session, AGENT, name="Ana Kovač")
        viewer = viewer_of_person(session, agent.id)
        assert viewer is not None
        rules = Rules.of(
            Preferences.read(session),
            secret=portal.secret_key,
            time_zone=portal.timezone,
            undo_seconds=portal.undo_seconds,
            limited=True,
        )
        said = Text(words, f"key{words}")
        service.reply_as_agent(session, ticket_id, said, viewer=viewer, rules=rules, now=now(), **more)
        handling.assign(session, ticket_id, agent.id, viewer=viewer, now=now())
        session.commit()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_a_guest_asks_proves_is_answered_writes_back_solves_and_reopens(
    app: Flask, visitor: Browser, run_worker: Callable[[], int], mails: Mailbox, lang: str
) -> None:
    words = WORDS[lang]
    visitor.lang = lang
    form = visitor.visit("/tickets/new")
    assert words["new"] in form.title
    sent = visitor.send(
        form,
        words["send"],
        subject="Die Maschine tropft",
        message="Seit *gestern*.\nSiehe https://example.org/foto",
        name="Gusti Gast",
        email="Gusti@Example.org",
        attachments=[(io.BytesIO(b"Zeile\n"), "../Notiz.txt")],
    )
    assert "gusti@example.org" in sent.text
    assert "/t/" not in sent.html  # the link is only in the letter
    run_worker()
    letter = mails.last("gusti@example.org")
    assert letter["Content-Language"] == lang
    assert words["received"] in text_of(letter)
    for typed in ("tropft", "Gusti", "gestern", "Notiz"):
        assert typed not in text_of(letter) + letter["Subject"]

    link = path_of(link_in(letter, "/t/"))
    ticket_id = _only_ticket(app)
    number = ticket_id + 10_000
    assert visitor.visit(f"/tickets/{number}", status=404)
    button = visitor.visit(link)
    assert "tropft" not in button.html
    page = visitor.send(button, words["confirm"])
    assert page.path == f"/tickets/{number}"
    assert "Die Maschine tropft" in page.title
    page.one("em")  # Markdown
    page.one("a", href="https://example.org/foto")
    assert "Notiz.txt" in page.text
    with visitor.get(page.link("Notiz.txt")) as download:
        assert (download.status_code, download.data) == (200, b"Zeile\n")

    team_answers(app, ticket_id, "Bitte **entkalken**.")
    run_worker()
    answer = mails.last("gusti@example.org")
    assert words["answered"] in text_of(answer)
    assert "**entkalken**" in text_of(answer)
    assert "<strong>entkalken</strong>" in str(answer.get_body(("html",)).get_content())  # type: ignore[union-attr]
    assert f"[#{number}]" in answer["Subject"]
    assert answer["In-Reply-To"] == answer["References"] == letter["Message-ID"]
    assert answer["Message-ID"] != letter["Message-ID"]

    visitor = app.test_client()  # type: ignore[assignment]  # another device, days later
    visitor.lang = lang
    again = visitor.send(visitor.visit(path_of(link_in(answer, "/t/"))), words["view"])
    assert words["needed"] in again.text
    again.one("strong", text="entkalken")
    written = visitor.send(again, "/replies", message="Hat geholfen.")
    assert words["reply"] in written.text
    run_worker()
    assert "Gusti Gast" in mails.last(_assignee(app))["Subject"]
    solved = visitor.send(written, "/resolution")
    assert words["solved"] in solved.text
    reopened = visitor.send(solved, "/reopening")
    assert words["again"] in reopened.text


def _only_ticket(app: Flask) -> int:
    with app.extensions["portal"].database.session(write=False) as session:
        return int(session.query(Ticket).one().id)


def _assignee(app: Flask) -> str:
    with app.extensions["portal"].database.session(write=False) as session:
        person = session.get(Person, session.query(Ticket).one().assignee_id)
        assert person is not None
        return str(person.email)


def ask(browser: Browser, **given: Any) -> Page:
    """A signed-in person sends a request; gives its page."""
    fields = {"subject": "No coffee", "message": "The machine stays cold."} | given
    sent = browser.send(browser.visit("/tickets/new"), WORDS[browser.lang]["send"], **fields)
    return browser.follow(sent, WORDS[browser.lang]["view"])


def test_a_customer_follows_her_requests_until_they_are_closed(
    app: Flask, customer: Browser, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    page = ask(customer)
    number = page.path.rsplit("/", 1)[1]
    assert "We will answer by" in page.text
    run_worker()
    assert "No coffee" in mails.last(customer.email)["Subject"]
    listed = customer.visit("/tickets/")
    assert listed.link("No coffee") == f"/tickets/{number}"
    assert "Received" in listed.text
    team_answers(app, int(number) - 10_000, "Plug it in.", status_after="solved")
    run_worker()
    assert "we consider it solved" in text_of(mails.last(customer.email))
    assert "No open requests" in customer.visit("/tickets/").text
    done = customer.follow(customer.visit("/tickets/?tab=solved"), "No coffee")
    assert "You may open it again until" in done.text
    _age(app, timedelta(days=14))
    run_worker()
    closed = customer.visit(f"/tickets/{number}")
    assert "This request is closed." in closed.text
    follow_up = customer.follow(closed, "Send a new request")
    assert follow_up.one("input", name="subject").get("value") == f"Follow-up to #{number}: No coffee"


def _age(app: Flask, by: timedelta) -> None:
    """Let everything have been solved so long ago."""
    with app.extensions["portal"].database.session(write=True) as session:
        session.execute(update(Ticket).values(status_at=now() - by, solved_at=now() - by))
        session.execute(delete(Recurring))  # the timetable begins anew
        session.commit()


def test_an_unproved_request_is_swept_after_its_period(
    app: Flask, visitor: Browser, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    visitor.send(
        visitor.visit("/tickets/new"),
        "Send request",
        subject="S",
        message="M",
        name="G",
        email="gone@example.org",
    )
    run_worker()
    link = path_of(link_in(mails.last("gone@example.org"), "/t/"))
    database = app.extensions["portal"].database
    with database.session(write=True) as session:
        session.execute(update(Ticket).values(created_at=now() - timedelta(days=15)))
        session.execute(delete(Recurring))
        session.commit()
    run_worker()
    assert visitor.visit(link, status=404)
    with database.session(write=False) as session:
        assert not session.query(Ticket).count()
