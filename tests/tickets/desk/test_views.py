"""The desk's doors: who comes in, what a page costs, and what happens when two agents want the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.queries import viewer_of_person
from app.db import Database
from app.now import now
from app.tickets import opening, queries, service
from app.tickets.models import Message, StaffAccess, Ticket
from tests import factories
from tests.support.pages import Browser
from tests.tickets.conftest import RULES, request, text

NOTE = "Only the team may read this sentence"


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions["portal"].database
    return found


@pytest.fixture
def opened(database: Database) -> Callable[..., int]:
    """Opens requests of a customer; gives the number of the last."""

    def open_some(count: int = 1, **given: Any) -> int:
        with database.session(write=True) as session:
            person = factories.person(session, name="Jörg Größmann", language="en")
            factories.organisation(session, "", person)
            viewer = viewer_of_person(session, person.id)
            assert viewer is not None
            for _ in range(count):
                sent = opening.open_ticket(session, request(**given), viewer=viewer, rules=RULES, now=now())
            session.commit()
            return queries.number(sent.ticket_id)

    return open_some


@pytest.mark.parametrize(
    "path", ["/desk/", "/desk/tickets/10001", "/desk/tickets/new", "/desk/search?q=x", "/desk/customers/1"]
)
def test_the_desk_is_for_agents(visitor: Browser, customer: Browser, editor: Browser, path: str) -> None:
    assert "sign-in" in visitor.visit(path).path
    customer.visit(path, status=403)
    editor.visit(path, status=403)


def test_a_ticket_that_does_not_exist_is_not_found(agent: Browser) -> None:
    agent.visit("/desk/tickets/99999", status=404)
    agent.visit("/desk/tickets/1", status=404)


def test_the_queue_costs_the_same_however_long_it_is(
    agent: Browser, opened: Callable[..., int], statements: Callable[[], Any]
) -> None:
    opened(3)
    with statements() as few:
        agent.visit("/desk/")
    opened(40)
    with statements() as many:
        page = agent.visit("/desk/")
    assert len(few) == len(many) <= 8
    assert len(page.html) < 60_000
    assert len(page.all("tr")) == 26  # the head and 25 rows
    following = agent.visit(page.link("Next"))
    assert len(following.all("tr")) == 19


def test_a_ticket_page_stays_within_its_statements(
    agent: Browser, opened: Callable[..., int], statements: Callable[[], Any], database: Database
) -> None:
    number = opened(4)
    with database.session(write=True) as session:
        viewer = viewer_of_person(session, agent.person_id or 0)
        assert viewer is not None
        for _ in range(30):
            service.add_note(session, number - 10_000, text(), viewer=viewer, now=now())
        session.commit()
    with statements() as sent:
        agent.visit(f"/desk/tickets/{number}")
    assert len(sent) <= 13, sent  # one of them is the access row, written apart


def test_every_look_is_written_down_before_the_page(
    agent: Browser, opened: Callable[..., int], database: Database
) -> None:
    number = opened()
    agent.visit(f"/desk/tickets/{number}")
    agent.visit(f"/desk/tickets/{number}")
    with database.session(write=False) as session:
        rows = session.execute(select(StaffAccess.person_id, StaffAccess.ticket_id)).all()
    assert [tuple(row) for row in rows] == [(agent.person_id, number - 10_000)] * 2


@pytest.mark.both_databases
def test_a_reply_and_a_note_go_where_they_belong(
    agent: Browser, sign_in: Callable[..., Browser], database: Database, opened: Callable[..., int]
) -> None:
    number = opened()
    page = agent.visit(f"/desk/tickets/{number}")
    page = agent.send(page, "/replies", message="Please **restart** it.")
    assert "Please restart it." in page.text
    assert page.one("span", class_="tag-info", text="Waiting for customer") is not None
    page = agent.send(page, "/notes", **{"note-message": NOTE})
    assert page.one("article", class_="msg-note", text=NOTE) is not None
    with database.session(write=False) as session:
        rows = session.execute(select(Message.body, Message.public).order_by(Message.id)).all()
        assert session.scalar(select(Ticket.status)) == "pending"
    assert [row.public for row in rows] == [True, True, False]


def test_a_double_click_sends_once(agent: Browser, opened: Callable[..., int], database: Database) -> None:
    page = agent.visit(f"/desk/tickets/{opened()}")
    agent.send(page, "/replies", message="Once only")
    agent.send(page, "/replies", message="Once only")
    with database.session(write=False) as session:
        assert session.scalar(select(func.count()).where(Message.body == "Once only")) == 1


def test_who_answers_second_is_told_and_keeps_her_text(
    sign_in: Callable[..., Browser], opened: Callable[..., int], database: Database
) -> None:
    number = opened()
    first, second = sign_in("agent", name="Ana Kovač"), sign_in("agent", name="Ben Meier")
    early, late = first.visit(f"/desk/tickets/{number}"), second.visit(f"/desk/tickets/{number}")
    first.send(early, "/replies", message="The first answer")
    page = second.send(late, "/replies", status=422, message="The second answer")
    assert "Ana Kovač" in page.summary
    assert "The first answer" in page.text
    assert page.one("textarea", name="message").text == "The second answer"
    page = second.send(page, "/replies")  # she has read it and sends anyway
    assert "The second answer" in page.text
    with database.session(write=False) as session:
        assert session.scalar(select(func.count()).where(Message.author_kind == "agent")) == 2


def test_who_changes_a_field_second_sees_the_first_change(
    sign_in: Callable[..., Browser], opened: Callable[..., int], database: Database
) -> None:
    number = opened()
    first, second = sign_in("agent", name="Ana Kovač"), sign_in("agent", name="Ben Meier")
    early, late = first.visit(f"/desk/tickets/{number}"), second.visit(f"/desk/tickets/{number}")
    first.send(early, "/priority", value="urgent")
    page = second.send(late, "/priority", status=422, value="low")
    assert "Ana Kovač" in page.text
    assert "Urgent" in page.text
    with database.session(write=False) as session:
        assert session.scalar(select(Ticket.priority)) == "urgent"


def test_fields_are_changed_one_by_one(
    agent: Browser, opened: Callable[..., int], database: Database
) -> None:
    page = agent.visit(f"/desk/tickets/{opened()}")
    page = agent.send(page, "Assign to me")
    page = agent.send(page, "/status", value="on_hold")
    page = agent.send(page, "/priority", value="high")
    page = agent.send(page, "/subject", value="A clearer subject")
    assert "A clearer subject" in page.title
    with database.session(write=False) as session:
        row = session.execute(select(Ticket.assignee_id, Ticket.status, Ticket.priority)).one()
    assert tuple(row) == (agent.person_id, "on_hold", "high")
    assert "Status: Open → On hold" in agent.follow(page, "History").text


@pytest.mark.parametrize("value", ["nonsense", "closed", ""])
def test_a_status_that_may_not_follow_is_refused(
    agent: Browser, opened: Callable[..., int], database: Database, value: str
) -> None:
    page = agent.visit(f"/desk/tickets/{opened()}")
    agent.send(page, "/status", status=422, value=value)
    with database.session(write=False) as session:
        assert session.scalar(select(Ticket.status)) == "new"


def test_the_next_ticket_is_the_most_urgent_free_one(
    sign_in: Callable[..., Browser], opened: Callable[..., int]
) -> None:
    numbers = [opened(subject=f"Number {n}") for n in range(2)]
    first, second = sign_in("agent"), sign_in("agent")
    pages = [browser.send(browser.visit("/desk/"), "/desk/next") for browser in (first, second)]
    assert sorted(int(page.path.rpartition("/")[2]) for page in pages) == numbers
    assert "No ticket is waiting" in first.send(first.visit("/desk/"), "/desk/next").text


@pytest.mark.settings(PORTAL_UNDO_SECONDS="300")
def test_a_reply_is_taken_back_and_its_text_is_kept(
    agent: Browser, opened: Callable[..., int], database: Database, run_worker: Callable[[], int], mails: Any
) -> None:
    page = agent.visit(f"/desk/tickets/{opened()}")
    page = agent.send(page, "/replies", message="Too early")
    page = agent.send(page, "/withdrawal")
    assert page.one("textarea", name="message").text == "Too early"
    assert not page.all("article", text="Too early")
    run_worker()
    assert not any("Too early" in str(mail) for mail in mails)


def test_a_draft_waits_for_its_writer(agent: Browser, opened: Callable[..., int]) -> None:
    number = opened()
    page = agent.visit(f"/desk/tickets/{number}")
    token = page.one("meta", name="csrf-token").get("content")
    answer = agent.post(f"/desk/tickets/{number}/draft", data={"message": "Half a sen", "csrf_token": token})
    assert answer.status_code == 204
    page = agent.visit(f"/desk/tickets/{number}")
    assert page.one("textarea", name="message").text == "Half a sen"
    page = agent.send(page, "/replies", message="A whole sentence")
    assert not page.one("textarea", name="message").text


def test_a_file_of_a_forbidden_kind_keeps_the_text(
    agent: Browser, opened: Callable[..., int], database: Database
) -> None:
    page = agent.visit(f"/desk/tickets/{opened()}")
    files = [(io.BytesIO(b"MZ\x90"), "setup.exe")]
    page = agent.send(page, "/replies", status=422, message="See the file", attachments=files)
    assert "setup.exe" in page.summary
    assert page.one("textarea", name="message").text == "See the file"
    with database.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 1


def test_a_ticket_is_opened_for_somebody_who_called(agent: Browser, database: Database) -> None:
    page = agent.visit("/desk/tickets/new")
    page = agent.send(
        page, "/desk/tickets/new", status=422, name="Eva", email="no address", subject="", message=""
    )
    assert "Enter a subject." in page.summary
    page = agent.send(
        page,
        "/desk/tickets/new",
        email="eva@example.org",
        subject="Asked on the phone",
        message="She wants to know more.",
    )
    assert "Asked on the phone" in page.title
    with database.session(write=False) as session:
        row = session.execute(select(Ticket.channel, Ticket.status)).one()
    assert tuple(row) == ("phone", "new")


def test_tickets_are_found_by_number_and_by_subject(agent: Browser, opened: Callable[..., int]) -> None:
    number = opened(subject="Broken grinder")
    assert agent.visit(f"/desk/search?q=%23{number}").path == f"/desk/tickets/{number}"
    assert "Broken grinder" in agent.visit("/desk/search?q=grinder").text
    assert "No ticket found" in agent.visit("/desk/search?q=100%25").text


def test_spam_leaves_the_queue(agent: Browser, opened: Callable[..., int]) -> None:
    page = agent.visit(f"/desk/tickets/{opened(subject='Buy now')}")
    page = agent.send(page, "Mark as spam", button="Mark as spam")
    assert "taken out of the queue" in page.text
    assert "Buy now" not in page.text


def test_a_damaged_place_in_the_list_is_the_first_page(agent: Browser, opened: Callable[..., int]) -> None:
    opened()
    for place in ("after=%00", "after=zzz", "before=W10", "view=nonsense", "sort=%F0"):
        agent.get(f"/desk/?{place}")
        assert agent.visit("/desk/?" + place.replace("%00", "")).status == 200
