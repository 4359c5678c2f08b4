"""The doors of the customer's side: what they refuse with the text kept, what they never show, what they cost."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import AGENT, COLLEAGUE, Membership, Person
from app.accounts.queries import viewer_of_person
from app.articles.models import Article, ArticleText
from app.deflection.models import SolvedWithout
from app.now import now
from app.outbox import Job
from app.tickets import handling, links, opening, service
from app.tickets.messages import Sent
from app.tickets.models import Attachment, Message, StaffAccess, Ticket, TicketLink
from tests import factories
from tests.support.pages import Browser, Page
from tests.tickets.conftest import RULES, request, text

Recording = Callable[[], AbstractContextManager[list[str]]]
WORDS = {"subject": "No coffee", "message": "The machine stays cold."}
GUEST = {"name": "Gusti", "email": "gusti@example.org"}


def session_of(app: Flask) -> Any:
    return app.extensions["portal"].database.session(write=True)


def stored(app: Flask, table: Any) -> list[Any]:
    with app.extensions["portal"].database.session(write=False) as session:
        return list(session.scalars(select(table).order_by(table.id)))


def files_in(app: Flask) -> list[str]:
    return list(app.extensions["portal"].storage.all_keys())


def asked(app: Flask, person_id: int | None, **given: Any) -> Sent:
    """A request of a person, as the service makes it."""
    with session_of(app) as session:
        viewer = viewer_of_person(session, person_id or 0)
        assert viewer is not None
        sent = opening.open_ticket(session, request(**given), viewer=viewer, rules=RULES, now=now())
        session.commit()
    return sent


def number(sent: Sent) -> int:
    return sent.ticket_id + 10_000


def fill(browser: Browser, status: int = 200, **given: Any) -> Page:
    return browser.send(browser.visit("/tickets/new"), "Send request", status=status, **(WORDS | given))


# --- the form ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"subject": ""}, "Enter a subject."),
        ({"subject": "x" * 10_000}, "Use at most 200 characters."),
        ({"message": " "}, "Describe what it is about."),
        ({"message": "x" * 20_001}, "Use at most 20000 characters."),
        ({"email": "nobody"}, "Enter an email address with an @"),
        ({"name": ""}, "Enter your name."),
        ({"attachments": [(io.BytesIO(b"x"), f"{n}.txt") for n in range(50)]}, "You have chosen 50 files."),
        ({"attachments": (io.BytesIO(b"<svg/>"), "drawing.svg")}, "“drawing.svg” cannot be sent."),
        ({"attachments": (io.BytesIO(b"MZ\0"), "x\u202etxt.pdf")}, "“xtxt.pdf” is not what its ending says."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_comes_back(
    app: Flask, visitor: Browser, given: dict[str, Any], fault: str
) -> None:
    page = fill(visitor, 422, **(GUEST | given))
    assert fault in page.summary
    assert page.title.startswith("Error:")
    for name, typed in (WORDS | GUEST).items():
        if name not in given:
            element = page.one("textarea" if name == "message" else "input", name=name)
            assert typed in (element.get("value") or element.text or "")
    assert stored(app, Ticket) == []
    assert files_in(app) == []


def test_files_that_are_too_large_never_lose_the_text(app: Flask, visitor: Browser) -> None:
    film = io.BytesIO(b"\0\0\0\x14ftypqt  " + bytes(21 * 1024 * 1024))
    page = fill(visitor, 422, **GUEST, attachments=(film, "film.mov"))
    assert "“film.mov” is 22 MB. The limit is 20 MB per file." in page.summary
    many = [(io.BytesIO(b"a" * 18 * 1024 * 1024), f"{n}.txt") for n in range(4)]
    page.response.request.environ["wsgi.input"].close()
    page = fill(visitor, 422, **GUEST, attachments=many)  # 72 MB: more than is kept of one request
    assert "The files together are 72 MB. At most 50 MB are possible." in page.summary
    assert "The machine stays cold." in (page.one("textarea", name="message").text or "")
    assert files_in(app) == []
    page.response.request.environ[
        "wsgi.input"
    ].close()  # the test client leaves its copy of a large form open


def test_a_full_disk_keeps_the_text_and_stores_nothing(
    app: Flask, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    page = fill(visitor, 422, **GUEST, attachments=(io.BytesIO(b"words"), "a.txt"))
    assert "The files cannot be stored at the moment." in page.summary
    assert "The machine stays cold." in (page.one("textarea", name="message").text or "")
    assert (stored(app, Ticket), files_in(app)) == ([], [])


def test_a_database_that_refuses_leaves_no_file_and_gives_the_text_back(
    app: Flask, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(opening.links, "ensure", refuse)
    page = fill(visitor, 500, **GUEST, attachments=(io.BytesIO(b"words"), "a.txt"))
    assert "The machine stays cold." in page.html
    assert (stored(app, Ticket), files_in(app)) == ([], [])


def test_an_upload_that_breaks_off_stores_nothing(app: Flask, visitor: Browser) -> None:
    form = visitor.visit("/tickets/new")
    token = form.all("input", name="csrf_token")[0].get("value")
    body = (
        f'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'
        '--b\r\nContent-Disposition: form-data; name="attachments"; filename="a.txt"\r\n\r\nhalf of'
    ).encode()
    answer = visitor.post(
        "/tickets/new",
        input_stream=io.BytesIO(body),
        headers={"Content-Length": str(len(body) + 5000), "Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 400
    assert (stored(app, Ticket), files_in(app)) == ([], [])


def test_the_button_pressed_twice_makes_one_request_and_keeps_no_second_file(
    app: Flask, visitor: Browser
) -> None:
    form = visitor.visit("/tickets/new")
    for _ in range(2):
        visitor.send(form, "Send request", **WORDS, **GUEST, attachments=(io.BytesIO(b"words"), "a.txt"))
    assert len(stored(app, Ticket)) == len(stored(app, Message)) == len(files_in(app)) == 1
    assert [job.name for job in stored(app, Job)].count("tickets.received") == 1


def test_a_form_that_lay_open_for_hours_is_still_good(app: Flask, customer: Browser) -> None:
    form = customer.visit("/tickets/new")
    with session_of(app) as session:  # a new session of the same browser meanwhile
        session.execute(update(Person).values(last_seen_at=now()))
        session.commit()
    customer.send(form, "Send request", **WORDS)
    assert len(stored(app, Ticket)) == 1


def test_a_stale_token_gives_the_text_back(app: Flask, visitor: Browser) -> None:
    form = visitor.visit("/tickets/new")
    form.all("input", name="csrf_token")[0].set("value", "old")
    form.all("input", name="csrf_token")[1].set("value", "old")
    page = visitor.send(form, "Send request", status=400, **WORDS, **GUEST)
    assert "The machine stays cold." in page.html
    assert stored(app, Ticket) == []


def test_a_script_may_post_what_the_contract_names(app: Flask, visitor: Browser) -> None:
    form = visitor.visit("/tickets/new")
    token = form.all("input", name="csrf_token")[0].get("value")
    answer = visitor.post("/tickets/new", data=WORDS | GUEST | {"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tickets/new/sent")
    assert stored(app, Ticket)[0].privacy_version == 0


def test_the_fourth_request_of_a_guest_within_an_hour_waits(app: Flask, visitor: Browser) -> None:
    for _ in range(3):
        fill(visitor, **GUEST)
    page = fill(visitor, 429, **GUEST)
    assert "Several requests came from this address" in page.summary
    assert page.one("input", name="subject").get("value") == "No coffee"
    assert len(stored(app, Ticket)) == 3


@pytest.mark.settings(PORTAL_RATE_LIMITS="off")
def test_without_limits_every_guests_request_gets_its_letter(app: Flask, visitor: Browser) -> None:
    for _ in range(5):
        fill(visitor, **GUEST)
    assert len([job for job in stored(app, Job) if job.name == "tickets.received"]) == 5


def test_types_say_team_and_priority_and_unknown_ones_are_refused(app: Flask, customer: Browser) -> None:
    from app.tickets.models import RequestType

    with session_of(app) as session:
        kind = RequestType(
            name={"de": "Störung", "en": "Fault"}, help={"en": "Something broke"}, priority="high", position=1
        )
        session.add(kind)
        session.commit()
    page = customer.visit("/tickets/new")
    assert "Something broke" in page.text
    fill(customer, request_type=str(kind.id))
    ticket = stored(app, Ticket)[0]
    assert (ticket.request_type_id, ticket.priority) == (kind.id, "high")
    assert "Choose one of the topics." in fill(customer, 422, request_type="999").summary


def test_a_draft_waits_for_who_is_signed_in_until_it_is_sent(app: Flask, customer: Browser) -> None:
    form = customer.visit("/tickets/new")
    token = str(form.all("input", name="csrf_token")[0].get("value"))
    answer = customer.post(
        "/tickets/new/draft", data={"csrf_token": token, "subject": "Half", "message": "written"}
    )
    assert answer.status_code == 204
    form = customer.visit("/tickets/new")
    assert form.one("input", name="subject").get("value") == "Half"
    customer.send(form, "Send request")
    assert customer.visit("/tickets/new").one("input", name="subject").get("value") == ""
    assert stored(app, Ticket)[0].subject == "Half"


# --- solved without a request --------------------------------------------------------------------------------------------


def test_that_solved_it_ends_the_form_and_is_counted(app: Flask, visitor: Browser) -> None:
    with session_of(app) as session:
        article = Article(audience="public", created_at=now())
        session.add(article)
        session.flush()
        session.add(
            ArticleText(
                article_id=article.id,
                lang="en",
                slug="descale",
                title="Descale",
                summary="",
                state="published",
                current_number=1,
                latest_number=1,
                published_at=now(),
                updated_at=now(),
            )
        )
        session.commit()
    form = visitor.visit("/tickets/new")
    token = str(form.all("input", name="csrf_token")[0].get("value"))
    for slug in ("descale", "descale", "unknown"):
        answer = visitor.post(
            "/tickets/new/solved", data={"csrf_token": token, "article": slug, "lang": "en"}
        )
        assert (answer.status_code, answer.headers["Location"]) == (303, "/tickets/new/solved")
    assert "Thank you" in visitor.visit("/tickets/new/solved").title
    assert [(row.article_id, row.count) for row in stored(app, SolvedWithout)] == [(article.id, 2)]
    assert stored(app, Ticket) == []


# --- one request -----------------------------------------------------------------------------------------------------------


def test_foreign_and_missing_requests_are_the_same_nothing(
    app: Flask, customer: Browser, sign_in: Callable[..., Browser], visitor: Browser
) -> None:
    sent = asked(app, customer.person_id)
    other = sign_in("customer")
    shown, missing = number(sent), number(sent) + 999
    bodies = {
        path: other.visit(f"/tickets/{path}", status=404).html.replace(str(path), "N")
        for path in (shown, missing)
    }
    assert bodies[shown].split("<main")[1] == bodies[missing].split("<main")[1]
    signed_out = [
        visitor.visit(f"/tickets/{path}", status=404).text.replace(str(path), "N")
        for path in (shown, missing)
    ]
    assert signed_out[0] == signed_out[1]
    token = str(customer.visit(f"/tickets/{shown}").all("input", name="csrf_token")[0].get("value"))
    with other.session_transaction() as theirs, customer.session_transaction() as mine:
        theirs["csrf_token"] = mine["csrf_token"]
    for path in (shown, missing):
        for what in ("replies", "resolution", "reopening"):
            answer = other.post(f"/tickets/{path}/{what}", data={"csrf_token": token, "message": "x"})
            assert answer.status_code == 404, what
    assert len(stored(app, Message)) == 1


def test_a_reply_to_a_closed_request_is_refused_and_its_text_kept(app: Flask, customer: Browser) -> None:
    sent = asked(app, customer.person_id)
    page = customer.visit(f"/tickets/{number(sent)}")
    with session_of(app) as session:
        session.execute(update(Ticket).values(status="closed", is_open=False, closed_at=now()))
        session.commit()
    closed = customer.send(page, "/replies", status=422, message="One more thing")
    assert "This request is closed. Send a new one; your text is still here." in closed.summary
    assert (closed.one("textarea", name="message").text or "").strip() == "One more thing"
    assert len(stored(app, Message)) == 1


def test_a_reply_sent_twice_is_one_and_keeps_one_file(app: Flask, customer: Browser) -> None:
    sent = asked(app, customer.person_id)
    page = customer.visit(f"/tickets/{number(sent)}")
    for _ in range(2):
        customer.send(page, "/replies", message="Again", attachments=(io.BytesIO(b"x"), "a.txt"))
    assert len(stored(app, Message)) == 2
    assert len(files_in(app)) == 1
    page = customer.send(customer.visit(f"/tickets/{number(sent)}"), "/replies", status=422, message=" ")
    assert "Enter your reply." in page.summary


def test_notes_are_not_in_the_customers_page_nor_in_her_mails(
    app: Flask, customer: Browser, run_worker: Callable[[], int], mails: Any
) -> None:
    sent = asked(app, customer.person_id)
    with session_of(app) as session:
        agent = viewer_of_person(session, factories.person(session, AGENT).id)
        assert agent is not None
        service.add_note(session, sent.ticket_id, text("she is difficult"), viewer=agent, now=now())
        handling.change_status(session, sent.ticket_id, "solved", viewer=agent, now=now())
        session.commit()
    run_worker()
    assert "difficult" not in customer.visit(f"/tickets/{number(sent)}").html
    assert all("difficult" not in message.as_string() for message in mails)


def test_colleagues_read_and_write_and_private_requests_stay_private(
    app: Flask, customer: Browser, sign_in: Callable[..., Browser]
) -> None:
    colleague = sign_in("customer", name="Kim Colleague")
    with session_of(app) as session:
        person = session.get(Person, customer.person_id)
        company = factories.organisation(session, "Acme", person)
        session.add(
            Membership(
                organisation_id=company.id, person_id=colleague.person_id, role=COLLEAGUE, created_at=now()
            )
        )
        session.commit()
    fill(customer)
    fill(customer, private="y", subject="My salary")
    listed = colleague.visit("/tickets/?tab=organisation")
    assert "No coffee" in listed.text
    assert "My salary" not in listed.text
    page = colleague.send(colleague.follow(listed, "No coffee"), "/replies", message="Me too")
    assert "Asked by" in page.text
    assert [message.author_kind for message in stored(app, Message)] == [
        "customer",
        "customer",
        "participant",
    ]
    assert "Kim Colleague" in customer.follow(customer.visit("/tickets/"), "No coffee").text
    assert (
        "organisation"
        not in customer.visit("/tickets/?tab=organisation").html.split("<main")[1].split("tabs")[1][:600]
    )


def test_the_teams_side_of_a_request_is_the_desk(app: Flask, customer: Browser, agent: Browser) -> None:
    sent = asked(app, customer.person_id)
    answer = agent.get(f"/tickets/{number(sent)}")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/desk/tickets/{number(sent)}")
    own = asked(app, agent.person_id)
    assert agent.visit(f"/tickets/{number(own)}").status == 200


# --- files -------------------------------------------------------------------------------------------------------------------


def test_a_file_is_a_download_that_runs_nowhere_and_is_checked_each_time(
    app: Flask, customer: Browser, agent: Browser, editor: Browser, visitor: Browser
) -> None:
    fill(customer, attachments=(io.BytesIO(b"words"), "Größe.txt"))
    (row,) = stored(app, Attachment)
    path = f"/attachments/{row.id}/any-name"
    with customer.get(path) as answer:
        assert (answer.status_code, answer.data) == (200, b"words")
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in answer.headers["Cache-Control"]
    assert stored(app, StaffAccess) == []
    for stranger in (visitor, editor):
        assert stranger.get(path).status_code == 404
    assert visitor.get(f"/attachments/{row.id + 9}/x").status_code == 404
    with agent.get(path) as answer:
        assert answer.status_code == 200
    (access,) = stored(app, StaffAccess)
    assert (access.person_id, access.attachment_id, access.ticket_id) == (
        agent.person_id,
        row.id,
        row.ticket_id,
    )
    app.extensions["portal"].storage.delete(row.storage_key)
    assert customer.get(path).status_code == 404


# --- the link ------------------------------------------------------------------------------------------------------------------


def link_of(app: Flask) -> str:
    with app.extensions["portal"].database.session(write=False) as session:
        row = session.scalars(select(TicketLink)).one()
        found = links.address(
            session,
            row.ticket_id,
            row.person_id,
            secret=app.extensions["portal"].secret_key,
            base_url="",
        )
        assert found is not None
        return found


def test_looking_at_a_link_proves_nothing(app: Flask, visitor: Browser) -> None:
    fill(visitor, **GUEST)
    link = link_of(app)
    for _ in range(3):
        visitor.visit(link)
        assert visitor.head(link).status_code == 200
    assert stored(app, Ticket)[0].proved_at is None
    page = visitor.send(visitor.visit(link), "Confirm and view request")
    assert stored(app, Ticket)[0].proved_at is not None
    assert page.link("Send a request")  # she is not signed in
    assert visitor.visit("/tickets/").path.startswith("/account/sign-in")


@pytest.mark.parametrize("ended", ["revoked", "closed long ago", "spam", "another token"])
def test_a_link_ends(app: Flask, visitor: Browser, ended: str) -> None:
    fill(visitor, **GUEST)
    link = link_of(app)
    visitor.send(visitor.visit(link), "Confirm and view request")
    shown = stored(app, Ticket)[0].id + 10_000
    assert visitor.visit(f"/tickets/{shown}").status == 200
    with session_of(app) as session:
        match ended:
            case "revoked":
                session.execute(update(TicketLink).values(revoked_at=now()))
            case "closed long ago":
                session.execute(update(Ticket).values(status="closed", closed_at=now() - timedelta(days=31)))
            case "spam":
                session.execute(update(Ticket).values(disposal="spam"))
            case _:
                session.execute(update(TicketLink).values(token_hash="0" * 64))
        session.commit()
    assert "This link opens nothing" in visitor.visit(link, status=404).title
    visitor.visit(f"/tickets/{shown}", status=404)  # the browser's session ends with it


# --- cost --------------------------------------------------------------------------------------------------------------------------


def test_pages_and_writes_cost_few_statements_whatever_the_data(
    app: Flask, customer: Browser, statements: Recording
) -> None:
    with session_of(app) as session:
        person = session.get(Person, customer.person_id)
        factories.organisation(session, "Acme", person, role=COLLEAGUE)
        session.commit()
    for n in range(40):
        asked(app, customer.person_id, subject=f"Number {n}")
    sent = asked(app, customer.person_id)
    shown = number(sent)
    for n in range(30):
        customer.send(
            customer.visit(f"/tickets/{shown}"),
            "/replies",
            message=f"Reply {n}",
            attachments=(io.BytesIO(b"x"), "a.txt"),
        ) if n < 3 else None
    counts: dict[str, int] = {}

    def count(name: str, do: Callable[[], Any]) -> None:
        with statements() as sent_statements:
            do()
        counts[name] = len(sent_statements)

    form = customer.visit("/tickets/new")
    page = customer.visit(f"/tickets/{shown}")
    token = str(form.all("input", name="csrf_token")[0].get("value"))
    file = {"attachments": (io.BytesIO(b"x"), "a.txt")}
    count("list", lambda: customer.visit("/tickets/"))
    count("organisation", lambda: customer.visit("/tickets/?tab=organisation"))
    count("found", lambda: customer.visit("/tickets/?q=Number"))
    count("ticket", lambda: customer.visit(f"/tickets/{shown}"))
    count("form", lambda: customer.visit("/tickets/new"))
    count("send", lambda: customer.post("/tickets/new", data=WORDS | {"csrf_token": token, **file}))
    reply = {"message": "More", "csrf_token": token, "attachments": (io.BytesIO(b"x"), "a.txt")}
    count("reply", lambda: customer.post(f"/tickets/{shown}/replies", data=reply))
    count("solve", lambda: customer.post(f"/tickets/{shown}/resolution", data={"csrf_token": token}))
    count("reopen", lambda: customer.post(f"/tickets/{shown}/reopening", data={"csrf_token": token}))
    assert page.status == 200
    most = {"list": 8, "organisation": 8, "found": 8, "ticket": 12, "form": 8}
    over = {name: n for name, n in counts.items() if n > most.get(name, 15)}
    assert not over, counts
    assert len(customer.visit("/tickets/").html) < 40 * 1024
