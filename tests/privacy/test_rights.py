"""Corrections, restriction, objection and the deletion of parts, as the person asks and the officer answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import AGENT, Person
from app.accounts.tokens import NEW_ADDRESS, LinkRules
from app.audit import AuditEntry
from app.errors import NotVisible, Refused
from app.now import now
from app.preferences import Preferences
from app.privacy import retention, rights, service
from app.privacy.executor import carry_out
from app.privacy.models import PrivacyRequest
from app.reports.queries import tickets_by
from app.tickets import corrections
from app.tickets.models import Attachment, Message, MessageCorrection, Ticket
from tests import factories
from tests.factories import PASSWORD
from tests.privacy import conversation as talk
from tests.support.mailbox import Mailbox, text_of
from tests.support.pages import Browser, Page

RULES = LinkRules.of(Preferences({}), "s" * 40)


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


@pytest.fixture
def officer(sign_in: Callable[..., Browser]) -> Browser:
    return sign_in("privacy_officer")


@pytest.fixture
def asked(customer: Browser, portal: Any) -> dict[str, Any]:
    """An open and a closed request of the customer's, the first with an answer and a file."""
    with portal.database.session(write=True) as session:
        person, agent = session.get_one(Person, customer.person_id), factories.person(session, AGENT)
        first = talk.ticket(session, person, is_open=True, subject="Wibbelstutz order")
        said = talk.message(session, first, person, "I ordered on Monday.")
        sent = talk.file(session, portal.storage, said, "a list", "list.txt")
        answered = talk.message(session, first, agent, "Noted for Monday.")
        second = talk.ticket(session, person, subject="Wibbelstutz closed")
        talk.message(session, second, person, "Long ago.")
        session.commit()
        return {
            "id": first.id, "number": first.id + 10_000, "key": first.public_id, "second": second.id,
            "message": said.public_id, "answer": answered.public_id, "file": sent.storage_key,
        }  # fmt: skip


def only_request(portal: Any) -> PrivacyRequest:
    with portal.database.session(write=False) as session:
        return session.scalars(select(PrivacyRequest)).one()


def decide(officer: Browser, request: PrivacyRequest, what: str, said: str) -> Page:
    page = officer.visit(f"/admin/privacy/requests/{request.public_id}")
    return officer.send(page, f"/{what}", words=said)


def test_where_nobody_is_privacy_officer_the_admins_are_told(
    sign_in: Callable[..., Browser], portal: Any, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    admin, agent, customer = sign_in("admin"), sign_in("agent"), sign_in("customer", email="mina@example.org")
    with portal.database.session(write=True) as session:
        gone = factories.person(session, "privacy_officer", email="gone@example.org", disabled_at=now())
        rights.ask(session, customer.person_id, "rectification", "My name is wrong.", now=now())
        session.commit()
    run_worker()
    assert "waits for you" in mails.last(admin.email)["Subject"]
    assert not mails.to(agent.email)
    assert not mails.to(gone.email)


# --- asked and answered ------------------------------------------------------------------------------------------------


def test_a_request_its_letter_and_its_answer(
    customer: Browser, officer: Browser, portal: Any, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    page = customer.follow(customer.visit("/privacy/"), "Object")
    empty = customer.send(page, "Send request", status=422, words="")
    assert "Write a few words" in empty.summary
    sent = customer.send(page, "Send request", words="I am in hiding.")
    assert "With us" in sent.text
    assert "I am in hiding." in sent.text
    request = only_request(portal)
    assert (request.kind, request.state, request.due_at) == (
        "objection", "open", rights.months_after(request.created_at, 1),
    )  # fmt: skip
    run_worker()
    letter = text_of(mails.last(customer.email))
    assert "We have your request (Objection)." in letter
    assert "hiding" not in letter
    told = text_of(mails.last(officer.email))
    assert "A request about data has arrived (Objection)." in told
    assert f"/admin/privacy/requests/{request.public_id}" in told
    assert customer.email not in told
    assert "hiding" not in told
    again = customer.send(page, "Send request", words="Once more.")
    assert again.path == sent.path  # asked twice, it is the same request
    run_worker()
    assert len(mails.to(officer.email)) == 1
    assert "Objection" in officer.visit("/admin/privacy").text
    decide(officer, request, "extension", "We need to look into it.")
    decide(officer, request, "refusal", "We need the log for security.")
    run_worker()
    told = customer.visit(sent.path)
    assert "We need to look into it." in told.text
    assert "We need the log for security." in told.text
    assert "You may complain to a data protection authority" in told.text
    assert "Refused" in customer.visit("/privacy/").text


def test_taking_a_request_back(customer: Browser, officer: Browser, portal: Any) -> None:
    page = customer.visit("/privacy/ask/rectification")
    sent = customer.send(page, "Send request", words="My name is spelt with two n.")
    back = customer.send(sent, "Take the request back")
    assert "You took your request back." in back.html
    assert only_request(portal).state == "withdrawn"


def test_nobody_reads_the_request_of_another(
    customer: Browser, sign_in: Callable[..., Browser], visitor: Browser, portal: Any, asked: dict[str, Any]
) -> None:
    sent = customer.send(customer.visit("/privacy/ask/restriction"), "Send request", words="Private words.")
    other = sign_in("customer")
    for path in (
        sent.path,
        f"/privacy/tickets/{asked['number']}",
        f"/privacy/parts/ticket/{asked['key']}",
        f"/privacy/parts/file/{asked['file']}",
        f"/privacy/ask/rectification?message={asked['message']}",
        f"/privacy/ask/restriction?ticket={asked['key']}",
    ):
        assert other.get(path).status_code == 404, path
        assert "Send a link" in visitor.visit(path).text
    with portal.database.session(write=True) as session, pytest.raises(NotVisible):
        service.start_own_part(session, other.person_id or 0, "ticket", asked["key"], now=now())


# --- restriction -------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_restriction_is_honoured_everywhere_until_it_is_lifted(
    customer: Browser,
    officer: Browser,
    agent: Browser,
    portal: Any,
    asked: dict[str, Any],
    mails: Mailbox,
    run_worker: Callable[[], int],
) -> None:
    customer.send(customer.visit("/privacy/ask/restriction"), "Send request", words="The data are wrong.")
    pages = [
        "/desk/", "/desk/?view=all", "/desk/search?q=Wibbelstutz", f"/desk/customers/{customer.person_id}",
        f"/desk/search?q={asked['number']}",
    ]  # fmt: skip

    def seen() -> bool:
        return any("Wibbelstutz" in agent.visit(path).text for path in pages)

    assert seen()
    request = only_request(portal)
    decide(officer, request, "answer", "We agree.")
    assert not seen()
    for path in (f"/desk/tickets/{asked['number']}", f"/desk/tickets/{asked['number']}/history"):
        assert agent.get(path).status_code == 404, path
    page = customer.visit(f"/tickets/{asked['number']}")
    assert "You had this request restricted." in page.text
    with portal.database.session(write=False) as session:
        first, second = session.get_one(Ticket, asked["id"]), session.get_one(Ticket, asked["second"])
        assert (first.status, second.status) == ("on_hold", "closed")
        assert first.restricted_at
        assert second.restricted_at
    # the officer reads only with a reason, which is written down
    shut = officer.visit(f"/admin/privacy/tickets/{asked['number']}")
    assert "I ordered on Monday." not in shut.text
    opened = officer.send(shut, "Look at it", reason="claim")
    assert "I ordered on Monday." in opened.text
    with portal.database.session(write=False) as session:
        looks = session.scalars(select(AuditEntry).where(AuditEntry.action == "privacy.look")).all()
        assert [(one.object_id, one.details) for one in looks] == [(asked["id"], {"reason": "claim"})]
    # she lifts it
    mine = customer.visit(f"/privacy/requests/{request.public_id}")
    assert "In force" in mine.text
    lifted = customer.send(mine, "Lift the restriction")
    assert "Lifted" in lifted.text
    assert seen()
    with portal.database.session(write=False) as session:
        assert session.get_one(Ticket, asked["id"]).status == "open"


def test_nobody_writes_into_a_restricted_request(
    customer: Browser, officer: Browser, portal: Any, asked: dict[str, Any]
) -> None:
    before = customer.visit(f"/tickets/{asked['number']}")
    page = customer.visit(f"/privacy/ask/restriction?ticket={asked['key']}")
    assert f"#{asked['number']}" in page.text
    customer.send(page, "Send request", words="Only this one.")
    decide(officer, only_request(portal), "answer", "Yes.")
    with portal.database.session(write=False) as session:
        assert session.get_one(Ticket, asked["second"]).restricted_at is None
    for action in ("/replies", "/resolution"):
        fields = {"message": "Hello?"} if action == "/replies" else {}
        told = customer.send(before, action, status=422, **fields)
        assert "You had this request restricted" in told.text


def test_the_officer_lifts_and_tells(
    customer: Browser, officer: Browser, portal: Any, asked: dict[str, Any], mails: Mailbox, run_worker: Any
) -> None:
    customer.send(customer.visit("/privacy/ask/restriction"), "Send request", words="All of it.")
    one = customer.visit(f"/privacy/ask/restriction?ticket={asked['key']}")
    with portal.database.session(write=False) as session:
        request = session.scalars(select(PrivacyRequest)).one()
    decide(officer, request, "answer", "Yes.")
    customer.send(one, "Send request", words="This one in any case.")
    with portal.database.session(write=False) as session:
        second = session.scalars(select(PrivacyRequest).order_by(PrivacyRequest.id.desc()).limit(1)).one()
    decide(officer, second, "answer", "Yes.")
    page = officer.visit(f"/admin/privacy/requests/{request.public_id}")
    officer.send(page, "Lift the restriction")
    run_worker()
    assert "That ends now" in text_of(mails.last(customer.email))
    with portal.database.session(write=True) as session:
        assert session.get_one(Ticket, asked["id"]).restricted_at is not None  # the other one still covers it
        assert session.get_one(Ticket, asked["second"]).restricted_at is None
        with pytest.raises(Refused):
            rights.lift(session, request.id, actor_id=officer.person_id, now=now())


def test_a_restriction_changes_no_figure(portal: Any, customer: Browser, asked: dict[str, Any]) -> None:
    period = {"since": now() - timedelta(days=60), "until": now() + timedelta(days=1)}
    with portal.database.session(write=True) as session:
        before = tickets_by(session, "priority", **period)
        made = rights.ask(session, customer.person_id or 0, "restriction", "x", now=now())
        assert rights.restrict(session, made, now=now()) == 2
        assert tickets_by(session, "priority", **period) == before


def test_a_restriction_in_force_outlives_the_term_of_requests(
    app: Flask, portal: Any, customer: Browser, asked: dict[str, Any]
) -> None:
    with portal.database.session(write=True) as session:
        kept = rights.ask(session, customer.person_id or 0, "restriction", "x", now=now())
        gone = rights.ask(session, customer.person_id or 0, "objection", "x", now=now())
        rights.restrict(session, kept, now=now())
        for one in (kept, gone):
            one.state, one.done_at = "done", now()
        session.commit()
    retention.carry_out(portal, now() + timedelta(days=5 * 366))
    assert only_request(portal).kind == "restriction"
    with portal.database.session(write=True) as session:
        assert rights.lift(session, kept.id, person_id=customer.person_id, now=now()) == 2


# --- correction --------------------------------------------------------------------------------------------------------


def test_a_note_of_correction_stands_beside_the_message(
    customer: Browser, officer: Browser, agent: Browser, portal: Any, asked: dict[str, Any]
) -> None:
    parts = customer.follow(customer.visit(f"/tickets/{asked['number']}"), "Delete or correct something here")
    page = customer.visit(f"/privacy/ask/rectification?message={asked['answer']}")
    assert "list.txt" in parts.text
    customer.send(page, "Send request", words="It was Tuesday.")
    case = officer.visit(f"/admin/privacy/requests/{only_request(portal).public_id}")
    ticket = officer.follow(case, "To what it is about")
    assert ticket.path == f"/admin/privacy/tickets/{asked['number']}"
    form = officer.visit(f"/admin/privacy/messages/{asked['answer']}/correction")
    officer.send(form, "Add the note", text="The order was on Tuesday.")
    for reader, path in ((customer, "/tickets/"), (agent, "/desk/tickets/")):
        text = reader.visit(f"{path}{asked['number']}").text
        assert "Noted for Monday." in text  # never rewritten
        assert "The order was on Tuesday." in text


def test_the_note_goes_with_its_message(app: Flask, portal: Any, asked: dict[str, Any]) -> None:
    with portal.database.session(write=True) as session:
        officer = factories.person(session, "privacy_officer")
        corrections.add(session, asked["message"], "Not Monday.", actor_id=officer.id, now=now())
        made = service.start_part(session, "message", asked["message"], actor_id=officer.id, now=now())
        request_id = made.id
        session.commit()
    assert carry_out(portal, request_id) in ("done", "running")
    with portal.database.session(write=True) as session:
        assert session.scalars(select(MessageCorrection)).all() == []
        with pytest.raises(NotVisible):
            corrections.add(session, asked["message"], "Again.", actor_id=1, now=now())


# --- one request, one file -----------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_she_deletes_one_request_of_hers(
    customer: Browser, agent: Browser, portal: Any, asked: dict[str, Any], run_worker: Callable[[], int]
) -> None:
    page = customer.follow(customer.visit(f"/privacy/tickets/{asked['number']}"), "Delete this request")
    assert "Requests that are still open" in page.text
    wrong = customer.send(page, "Delete now", status=422, current="not her password at all")
    assert "The current password is wrong." in wrong.text
    sent = customer.send(page, "Delete now", current=PASSWORD)
    assert customer.send(page, "Delete now", current=PASSWORD).path == sent.path  # twice: the same request
    run_worker()
    done = customer.visit(sent.path)
    assert "Certificate of deletion" in customer.follow(done, "Certificate of deletion").text
    told = customer.visit(f"/tickets/{asked['number']}")
    assert "Deleted at the request of the person." in told.text
    with portal.database.session(write=False) as session:
        gone, other = session.get_one(Ticket, asked["id"]), session.get_one(Ticket, asked["second"])
        assert (gone.subject, gone.is_open, other.subject) == ("", False, "Wibbelstutz closed")
        assert session.get_one(Person, customer.person_id).erased_at is None
        bodies = session.scalars(select(Message.body).where(Message.ticket_id == asked["id"])).all()
        assert set(bodies) == {""}
    assert list(portal.storage.all_keys()) == []


def test_she_deletes_one_file_of_hers(
    customer: Browser, portal: Any, asked: dict[str, Any], run_worker: Callable[[], int]
) -> None:
    parts = customer.visit(f"/privacy/tickets/{asked['number']}")
    page = customer.visit(parts.link("Delete"))
    page = customer.visit(f"/privacy/parts/file/{asked['file']}")
    customer.send(page, "Delete now", current=PASSWORD)
    run_worker()
    with portal.database.session(write=False) as session:
        assert session.scalars(select(Attachment)).all() == []
        assert (
            session.scalars(select(Message.body).order_by(Message.id).limit(1)).one()
            == "I ordered on Monday."
        )
    assert list(portal.storage.all_keys()) == []


def test_what_a_statute_keeps_cannot_be_deleted(
    customer: Browser, officer: Browser, portal: Any, asked: dict[str, Any]
) -> None:
    page = officer.visit(f"/admin/privacy/tickets/{asked['number']}")
    officer.send(page, "/retention", value="receipt")
    with portal.database.session(write=False) as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "ticket.retention"))
        assert entry.details == {"from": None, "to": "receipt"}
    told = customer.visit(f"/privacy/parts/ticket/{asked['key']}")
    assert "Receipts must be kept for 8 years" in told.text
    assert "Nothing of this may be deleted now." in told.text
    with portal.database.session(write=True) as session, pytest.raises(Refused):
        service.start_own_part(session, customer.person_id or 0, "ticket", asked["key"], now=now())


# --- former names --------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_former_names_and_addresses_leave_the_texts_of_others(
    app: Flask, portal: Any, officer: Browser
) -> None:
    with portal.database.session(write=True) as session:
        person = factories.person(session, name="Lea Neumann", email="lea.neumann@example.org")
        other, twin = (
            factories.person(session, name="Otto Other"),
            factories.person(session, name="Udo Gleich"),
        )
        from app.accounts import tokens

        change = tokens.issue(
            session, NEW_ADDRESS, person.id, rules=RULES, now=now(), subject="lea.alt@example.org"
        )
        change.used_at = now()
        ticket = talk.ticket(session, other, is_open=True)
        body = "Ask Lea Altmann, lea.alt@example.org, l.altmann@example.org or Udo Gleich."
        talk.message(session, ticket, other, body)
        request = service.request_deletion(
            session,
            person.id,
            rules=RULES,
            grace=timedelta(days=7),
            note="Former names:\nLea Altmann",
            now=now(),
        )
        request_id, key = request.id, request.public_id
        assert twin.id
        session.commit()
    page = officer.visit(f"/admin/privacy/requests/{key}")
    assert "Lea Altmann" in page.text
    officer.send(page, "/former", former=f"Lea Altmann\nl.altmann@example.org\nUdo Gleich\n{other.email}")
    with portal.database.session(write=True) as session:
        session.get_one(PrivacyRequest, request_id).run_at = now()
        session.commit()
    carry_out(portal, request_id)
    with portal.database.session(write=False) as session:
        text = session.scalars(select(Message.body)).one()
        assert (
            text == "Ask [entfernt], [entfernt], [entfernt] or Udo Gleich."
        )  # whose name somebody here has stays


def test_finding_looks_for_former_names_too(officer: Browser, portal: Any) -> None:
    with portal.database.session(write=True) as session:
        person = factories.person(session, name="Otto Other")
        talk.ticket(session, person, subject="About Lea Altmann")
        session.commit()
    page = officer.visit("/admin/privacy/find")
    found = officer.send(page, "Search", q="lea.neumann@example.org", former="Lea Altmann")
    assert "Subject of a request" in found.text
