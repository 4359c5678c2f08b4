"""Deleting one's own account at the door: preview, proof of identity, the way back, and every odd situation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import ADMIN, CUSTOMER, Person, UserSession
from app.now import now
from app.privacy import holds
from app.privacy.models import Certificate, PrivacyRequest
from app.tickets.models import Ticket
from tests import factories
from tests.factories import PASSWORD
from tests.privacy import conversation as talk
from tests.support.mailbox import Mailbox, link_in, text_of
from tests.support.pages import Browser, words


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


def requests_of(portal: Any) -> list[PrivacyRequest]:
    with portal.database.session(write=False) as session:
        return list(session.scalars(select(PrivacyRequest).order_by(PrivacyRequest.id)))


def path_of(address: str) -> str:
    return address.removeprefix("http://localhost")


def grace_is_over(portal: Any) -> None:
    """The seven days are over: the request and its job are due."""
    from app.outbox import Job

    with portal.database.session(write=True) as session:
        request = session.scalars(select(PrivacyRequest)).one()
        request.run_at = now()
        session.get_one(Job, request.job_id).run_at = now()
        session.commit()


def test_the_preview_says_what_goes_and_what_stays(customer: Browser, portal: Any) -> None:
    with portal.database.session(write=True) as session:
        person = session.get_one(Person, customer.person_id)
        letter = talk.request_type(session, "trade_letter")
        talk.message(session, talk.ticket(session, person, is_open=True), person, "A question.")
        talk.message(session, talk.ticket(session, person, request_type_id=letter.id), person, "An order.")
        session.commit()
    page = customer.follow(customer.visit("/privacy/"), "Delete my account")
    year = now().year + 6
    assert "You can take that back for 7 days" in page.text
    rows = [" | ".join(map(words, row)) for row in page.all("tr")]
    assert "Requests that are still open | 1 | They are closed without an answer. | Deleted" in rows
    law = "Business letters must be kept for 6 years (section 257 HGB, section 147 AO)."
    assert f"Your requests | 1 | {law} Until 31 December {year}. | Kept out of sight" in rows
    assert "Your name and address as sender of these requests" in page.text


def test_the_whole_way(customer: Browser, portal: Any, mails: Mailbox, run_worker: Callable[[], int]) -> None:
    address = customer.email
    page = customer.visit("/privacy/deletion")
    closed = customer.send(page, "Close and delete", current=PASSWORD)
    assert closed.path == "/privacy/deletion/closed"
    assert "It will be deleted on" in closed.text
    assert "sign-in" in customer.get("/account/").headers["Location"]
    (request,) = requests_of(portal)
    assert (request.state, request.started_by_id) == ("grace", None)
    run_worker()
    letter = text_of(mails.last(address))
    assert "This will be deleted:" in letter
    assert [request.state for request in requests_of(portal)] == ["grace"]
    grace_is_over(portal)
    run_worker()
    (request,) = requests_of(portal)
    assert request.state == "done"
    assert mails.to(address) == []
    certificate = customer.visit(f"/privacy/certificates/{request.certificate_key}")
    assert "This certificate holds no data about the person" in certificate.text
    assert address not in certificate.html


def test_undo_by_the_letter(
    customer: Browser, visitor: Browser, portal: Any, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    customer.send(customer.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    run_worker()
    link = path_of(link_in(mails.last(customer.email), "/undo/"))
    for _ in range(2):  # looking at it uses nothing up
        page = visitor.visit(link)
    assert [request.state for request in requests_of(portal)] == ["grace"]
    done = visitor.send(page, "Open my account again")
    assert "Your account is open again" in done.html
    assert [request.state for request in requests_of(portal)] == ["withdrawn"]
    visitor.visit(link, status=410)
    home = visitor.send(visitor.visit("/account/sign-in"), email=customer.email, password=PASSWORD)
    assert home.status == 200
    assert "Sign out" in home.html
    grace = requests_of(portal)[0]
    run_worker()
    assert requests_of(portal)[0].state == grace.state == "withdrawn"


def test_signing_in_meanwhile_shows_the_way_back(customer: Browser, visitor: Browser, portal: Any) -> None:
    customer.send(customer.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    sign_in = visitor.visit("/account/sign-in")
    wrong = visitor.send(sign_in, status=422, email=customer.email, password="something else entirely")
    assert "The email address or password is wrong." in wrong.summary or "wrong" in wrong.text
    shown = visitor.send(sign_in, email=customer.email, password=PASSWORD)
    assert shown.path == "/privacy/deletion/closed"
    visitor.send(shown, "Take the deletion back")
    assert [request.state for request in requests_of(portal)] == ["withdrawn"]
    with portal.database.session(write=False) as session:
        person = session.get_one(Person, customer.person_id)
        assert (person.disabled_at, person.erasing_at) == (None, None)


def test_a_stolen_session_needs_the_password(customer: Browser, portal: Any) -> None:
    page = customer.visit("/privacy/deletion")
    again = customer.send(page, "Close and delete", status=422, current="not her password at all")
    assert "The current password is wrong." in again.text
    customer.send(page, "Close and delete", status=422, current="")
    assert requests_of(portal) == []
    with portal.database.session(write=False) as session:
        assert session.scalars(select(UserSession).where(UserSession.person_id == customer.person_id)).all()


def test_without_the_token_of_the_form_nothing_happens(customer: Browser, portal: Any) -> None:
    assert customer.post("/privacy/deletion", data={"current": PASSWORD}).status_code == 400
    assert requests_of(portal) == []


def test_asked_twice_it_is_the_same_request(customer: Browser, sign_in: Any, portal: Any) -> None:
    from app.accounts.tokens import LinkRules
    from app.preferences import Preferences
    from app.privacy import service

    customer.send(customer.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    with portal.database.session(write=True) as session:
        again = service.request_deletion(
            session, customer.person_id, rules=LinkRules.of(Preferences({}), "s" * 40), grace=timedelta(3), now=now()
        )  # fmt: skip
        session.commit()
    (request,) = requests_of(portal)
    assert again.id == request.id
    assert request.run_at > now() + timedelta(days=6)


def test_the_last_admin_is_told_why_not(admin: Browser, sign_in: Any, portal: Any) -> None:
    page = admin.visit("/privacy/deletion")
    told = admin.send(page, "Close and delete", status=422, current=PASSWORD)
    assert "This is the last admin who can sign in." in told.text
    assert requests_of(portal) == []
    sign_in(ADMIN)
    admin.send(page, "Close and delete", current=PASSWORD)
    assert [request.state for request in requests_of(portal)] == ["grace"]


def test_a_person_under_hold_is_told(customer: Browser, portal: Any, run_worker: Callable[[], int]) -> None:
    with portal.database.session(write=True) as session:
        first, second = factories.person(session, ADMIN), factories.person(session, ADMIN)
        hold = holds.propose(
            session, address=customer.email, ground="claim", reason="secret invoice matter",
            review_on=(now() + timedelta(days=100)).date(), actor_id=first.id, now=now(),
        )  # fmt: skip
        holds.confirm(session, hold.public_id, actor_id=second.id, now=now())
        session.commit()
    page = customer.visit("/privacy/deletion")
    assert "A case keeps your data for now." in page.text
    assert "Needed for an unpaid claim (Art. 17(3)(e) GDPR)." in page.text
    assert "secret invoice matter" not in page.html
    customer.send(page, "Close and delete", current=PASSWORD)
    grace_is_over(portal)
    run_worker()
    assert [request.state for request in requests_of(portal)] == ["held"]


def test_an_export_that_runs_is_called_off(customer: Browser, portal: Any) -> None:
    with portal.database.session(write=True) as session:
        session.add(
            PrivacyRequest(
                person_id=customer.person_id, kind="export", state="running", created_at=now(), due_at=now()
            )
        )
        session.commit()
    customer.send(customer.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    assert sorted((one.kind, one.state) for one in requests_of(portal)) == [
        ("erasure", "grace"),
        ("export", "withdrawn"),
    ]


# --- without a sign-in ---------------------------------------------------------------------------------------------


def guest(portal: Any) -> Person:
    with portal.database.session(write=True) as session:
        person = factories.person(
            session, CUSTOMER, password_hash=None, email="gusti@example.org", name="Gusti Gast"
        )
        talk.message(session, talk.ticket(session, person, subject="gustword"), person, "gustword text")
        session.commit()
        return person


def test_a_guest_deletes_by_a_link(
    visitor: Browser, portal: Any, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    person = guest(portal)
    page = visitor.visit("/privacy/")
    sent = visitor.send(page, "Send a link", email="Gusti@Example.org")
    run_worker()
    link = path_of(link_in(mails.last("gusti@example.org"), "/privacy/link/"))
    for _ in range(2):
        page = visitor.visit(link)
    assert "gusti@example.org" in page.text
    data = visitor.send(page, "Show my data")
    assert "gustword" in data.text
    stranger = portal  # another browser has nothing
    assert stranger
    deletion = visitor.visit("/privacy/deletion")
    visitor.send(deletion, "Close and delete", status=422)
    visitor.send(deletion, "Close and delete", sure="y")
    visitor.visit(link, status=410)
    grace_is_over(portal)
    run_worker()
    assert [request.state for request in requests_of(portal)] == ["done"]
    with portal.database.session(write=False) as session:
        assert session.get_one(Person, person.id).name.startswith("P-")
        assert session.scalars(select(Ticket.subject)).all() == [""]
    assert sent.path == "/privacy/link/sent"


def test_unknown_and_known_addresses_are_answered_alike(
    visitor: Browser, portal: Any, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    guest(portal)
    page = visitor.visit("/privacy/")
    answers = [
        visitor.send(page, "Send a link", email=address).html
        for address in ("gusti@example.org", "nobody@example.org")
    ]
    assert answers[0] == answers[1]
    run_worker()
    assert len(mails) == 1
    visitor.send(page, "Send a link", status=422, email="no address")


def test_a_link_opens_the_data_of_one_person_only_for_a_while(
    visitor: Browser, app: Flask, portal: Any, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    from app.accounts.models import Token

    guest(portal)
    visitor.send(visitor.visit("/privacy/"), "Send a link", email="gusti@example.org")
    run_worker()
    visitor.send(
        visitor.visit(path_of(link_in(mails.last("gusti@example.org"), "/privacy/link/"))), "Show my data"
    )
    assert "sign-in" in visitor.get("/account/").headers["Location"]
    with portal.database.session(write=True) as session:
        for token in session.scalars(select(Token)):
            token.used_at = now() - timedelta(minutes=31)
        session.commit()
    assert "Send a link" in visitor.visit("/privacy/").html
    assert visitor.visit("/privacy/deletion").form("Send a link") is not None


def test_certificates_and_links_are_not_guessed(visitor: Browser, portal: Any) -> None:
    visitor.visit("/privacy/certificates/00000000-0000-4000-8000-000000000000", status=404)
    visitor.visit("/privacy/deletion/undo/guessed", status=404)
    visitor.visit("/privacy/link/guessed", status=404)
    page = visitor.visit("/privacy/")
    token = page.form("Send a link").find(".//input[@name='csrf_token']")
    assert token is not None
    answer = visitor.post(
        "/privacy/deletion/undo", data={"csrf_token": token.get("value"), "token": "guessed"}
    )
    assert answer.status_code == 404
    answer = visitor.post("/privacy/deletion/undo", data={"csrf_token": token.get("value")})
    assert answer.status_code == 404


def test_a_certificate_to_come_says_so(customer: Browser, visitor: Browser, portal: Any) -> None:
    customer.send(customer.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    (request,) = requests_of(portal)
    assert (
        "not finished and verified yet"
        in visitor.visit(f"/privacy/certificates/{request.certificate_key}").text
    )
    with portal.database.session(write=False) as session:
        assert session.scalars(select(Certificate)).all() == []
