"""From the wish to be deleted to the certificate, through HTTP, worker and a mail server that has its moods."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import Person
from app.mail import transport_for
from app.now import now
from app.outbox import QUEUED, Job
from app.privacy.models import JobStep, PrivacyRequest
from app.tickets.models import Message, Ticket
from config import MailTransport
from tests import factories
from tests.factories import PASSWORD
from tests.privacy import conversation as talk
from tests.support.pages import Browser
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.both_databases

WORDS = {
    "de": {
        "delete": "schließen und löschen",
        "closed": "Ihr Konto ist geschlossen",
        "planned": "Ihr Konto wird gelöscht",
        "erased": "Ihre Daten sind gelöscht",
        "certificate": "Löschbescheinigung",
        "undo": "Mein Konto wieder öffnen",
    },
    "en": {
        "delete": "Close and delete",
        "closed": "Your account is closed",
        "planned": "Your account will be deleted",
        "erased": "Your data are deleted",
        "certificate": "Certificate of deletion",
        "undo": "Open my account again",
    },
}


@pytest.fixture
def by_smtp(app: Flask, smtp_server: SmtpServer) -> SmtpServer:
    """The portal sends by a real mail server."""
    portal = app.extensions["portal"]
    address = MailTransport("smtp", "127.0.0.1", smtp_server.port)
    transport = transport_for(address, Path("/nowhere"))
    app.extensions["portal"] = dataclasses.replace(portal, transport=transport, mail_captured=False)
    return smtp_server


def all_is_due(app: Flask) -> None:
    """Days later: whatever waits is due."""
    with app.extensions["portal"].database.session(write=True) as session:
        session.execute(update(Job).where(Job.state == QUEUED).values(run_at=now()))
        session.execute(update(PrivacyRequest).values(run_at=now()))
        session.commit()


def see(app: Flask, statement: Any) -> list[Any]:
    with app.extensions["portal"].database.session(write=False) as session:
        return list(session.scalars(statement))


def with_a_request(app: Flask, person_id: int | None) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        person = session.get_one(Person, person_id)
        talk.message(
            session, talk.ticket(session, person, subject="secret subject", is_open=True), person, "secret"
        )
        session.commit()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_from_the_wish_to_the_certificate(
    app: Flask, sign_in: Callable[..., Browser], visitor: Browser, by_smtp: SmtpServer,
    run_worker: Callable[[], int], lang: str,
) -> None:  # fmt: skip
    words = WORDS[lang]
    browser = sign_in("customer", lang)
    visitor.lang = lang
    with_a_request(app, browser.person_id)
    closed = browser.send(browser.visit("/privacy/deletion"), words["delete"], current=PASSWORD)
    assert words["closed"] in closed.title
    run_worker()
    assert [str(letter["Subject"]) for letter in by_smtp.messages] == [words["planned"]]
    all_is_due(app)
    run_worker()
    assert [str(letter["Subject"]) for letter in by_smtp.messages] == [words["planned"], words["erased"]]
    (request,) = see(app, select(PrivacyRequest))
    assert request.state == "done"
    assert see(app, select(Ticket.subject)) + see(app, select(Message.body)) == ["", ""]
    page = visitor.visit(f"/privacy/certificates/{request.certificate_key}")
    assert words["certificate"] in page.title


def test_a_mail_server_that_is_away_delays_only_the_end(
    app: Flask, sign_in: Callable[..., Browser], by_smtp: SmtpServer, run_worker: Callable[[], int]
) -> None:
    browser = sign_in("customer")
    with_a_request(app, browser.person_id)
    browser.send(browser.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    run_worker()
    by_smtp.mood = "later"
    all_is_due(app)
    run_worker()
    (request,) = see(app, select(PrivacyRequest))
    assert (request.state, request.subject_email) == ("running", browser.email)
    assert see(app, select(Message.body)) == [""]  # everything else is gone by now
    waiting = see(app, select(JobStep.name).where(JobStep.state != "done").order_by(JobStep.position))
    assert waiting[0] == "letter"
    by_smtp.mood = "accept"
    for _ in range(2):
        all_is_due(app)
        run_worker()
    (request,) = see(app, select(PrivacyRequest))
    assert (request.state, request.subject_email) == ("done", None)
    assert len(by_smtp.messages) == 2


def test_an_officer_sees_a_fault_and_has_it_tried_again(
    app: Flask, sign_in: Callable[..., Browser], run_worker: Callable[[], int]
) -> None:
    officer, browser = sign_in("privacy_officer"), sign_in("customer")
    with_a_request(app, browser.person_id)
    browser.send(browser.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    folder = app.extensions["portal"].ledger_folders[0]
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("no folder")
    all_is_due(app)
    run_worker()
    inbox = officer.visit("/admin/privacy")
    assert "Stopped by a fault" in inbox.text
    case = officer.follow(inbox, "Deletion")
    assert "Entry in the ledger of erasures" in case.text
    assert "Error" in case.text
    assert see(app, select(Message.body)) == ["secret"]
    folder.unlink()
    officer.send(case, "/retry")
    run_worker()
    done = officer.visit(case.path)
    assert "Done" in done.text
    assert "Certificate of deletion" in officer.follow(done, "Certificate of deletion").title
    assert see(app, select(Message.body)) == [""]


def test_the_worker_sweeps_what_is_due_by_itself(app: Flask, run_worker: Callable[[], int]) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        person = factories.person(session)
        old = talk.ticket(session, person, subject="two years ago", at=now() - timedelta(days=730))
        talk.message(session, old, person, "long ago")
        session.commit()
    run_worker()
    assert see(app, select(Message.body)) == [""]
