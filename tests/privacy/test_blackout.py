"""A passage or a file disappears from every store for good; a byte search proves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import drafts
from app.accounts.models import AGENT, EDITOR, PRIVACY_OFFICER
from app.audit import AuditEntry
from app.now import now
from app.privacy.executor import ledger_of
from app.privacy.models import Blackout
from app.tickets.models import Attachment, Message, StaffAccess, Ticket
from tests import factories
from tests.privacy import conversation as talk
from tests.support.pages import Browser

SECRET = "blood sugar of 280"


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


@pytest.fixture
def officer(sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(PRIVACY_OFFICER)


@pytest.fixture
def planted(portal: Any, sign_in: Callable[..., Browser]) -> dict[str, Any]:
    """The passage in a message, a quote, a note, a subject, a draft, a captured letter and a letter of law."""
    with portal.database.session(write=True) as session:
        anna, ada = factories.person(session, name="Anna Beispiel"), factories.person(session, AGENT)
        ticket = talk.ticket(session, anna, subject=f"About {SECRET}")
        first = talk.message(
            session, ticket, anna, f"Hello,\nI have a blood sugar\nof 280 since May. {SECRET}"
        )
        talk.message(
            session,
            ticket,
            ada,
            "> I have a blood sugar\n> of 280 since May.\n\nGet well.",
            html=f"<p>{SECRET}</p>",
        )
        talk.message(session, ticket, ada, "Customer says BLOOD SUGAR of 280.", public=False)
        file = talk.file(session, portal.storage, first, f"{SECRET} in a file", "blood.txt")
        law = talk.request_type(session, "receipt")
        kept = talk.ticket(session, anna, subject="Invoice", request_type_id=law.id)
        talk.message(session, kept, anna, f"{SECRET}, as on the invoice.")
        drafts.save(session, ada.id, f"ticket:{ticket.id + 10000}", {"message": f"re: {SECRET}"}, now=now())
        session.commit()
    headers = {"From": "Help <help@localhost>"}
    from app.letters import Message as Letter

    portal.transport.send(
        Letter("ada@example.org", "New", f"text {SECRET}", f"<p>{SECRET}</p>", "en", headers), key="k1"
    )
    return {"ticket": ticket, "kept": kept, "file": file, "first": first}


def forms(data: Any, page: Any) -> list[str]:
    return [box.get("value") or "" for box in page.all("input", type="checkbox")]


def test_the_way_of_an_officer(officer: Browser, portal: Any, planted: dict[str, Any]) -> None:
    page = officer.visit("/admin/privacy/blackout")
    places = officer.send(page, "Show the places", passage="blood sugar of 280", reason="Gesundheitsangabe")
    assert SECRET not in places.path
    offered = forms(None, places)
    assert {key.split(".")[0] for key in offered} == {"message", "ticket", "draft"}
    assert f"message.{planted['first'].id}.body" in offered
    assert "Must stay" in places.text  # the invoice
    assert "[entfernt: Gesundheitsangabe]" in places.text
    done = officer.send(places, "Black out for good", places=offered)
    assert f"Blacked out. Places changed: {len(offered)}." in done.html
    with portal.database.session(write=False) as session:
        bodies = list(session.scalars(select(Message.body).order_by(Message.id)))
        assert (
            bodies[0]
            == "Hello,\nI have a [entfernt: Gesundheitsangabe] since May. [entfernt: Gesundheitsangabe]"
        )
        assert bodies[1] == "> I have a [entfernt: Gesundheitsangabe] since May.\n\nGet well."
        assert bodies[2] == "Customer says [entfernt: Gesundheitsangabe]."
        assert bodies[3] == f"{SECRET}, as on the invoice."
        assert session.scalars(select(Message.html)).all() == [None] * 4
        (row,) = session.scalars(select(Blackout)).all()
        assert (row.reason, row.actor_id, sorted(row.places)) == (
            "Gesundheitsangabe",
            officer.person_id,
            sorted(offered),
        )
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "privacy.blackout")).one()
        assert (entry.object_id, entry.details) == (row.id, {"count": len(offered)})
        kept = session.get_one(
            Message, session.scalar(select(Message.id).where(Message.ticket_id == planted["kept"].id))
        )
        kept.body = "looked at"  # the only place that was allowed to stay
        session.rollback()
    assert talk.holding(portal.data_dir / "mail", SECRET) == {}
    held = talk.holding(portal.data_dir, "of 280")
    assert set(held) <= {
        "portal.db",
        f"attachments/{planted['file'].storage_key[:2]}/{planted['file'].storage_key}",
    }
    kept = (portal.data_dir / "portal.db").read_bytes().lower()
    assert (kept.count(b"sugar of 280"), kept.count(b"of 280")) == (1, 1)  # the invoice's
    (entry,) = ledger_of(portal).entries()
    assert (entry.action, "sugar" in str(entry)) == ("passage", False)


def test_only_what_was_chosen_changes(officer: Browser, portal: Any, planted: dict[str, Any]) -> None:
    places = officer.send(officer.visit("/admin/privacy/blackout"), "Show", passage=SECRET, reason="x y")
    officer.send(places, "Black out for good", status=422, places=[])
    officer.send(places, "Black out for good", places=[f"message.{planted['first'].id}.body"])
    with portal.database.session(write=False) as session:
        assert session.get_one(Ticket, planted["ticket"].id).subject == f"About {SECRET}"
        assert "[entfernt: x y]" in session.get_one(Message, planted["first"].id).body


def test_what_the_law_keeps_is_not_even_by_a_forged_form(
    officer: Browser, portal: Any, planted: dict[str, Any]
) -> None:
    from app.errors import Refused
    from app.privacy import blackout

    with portal.database.session(write=True) as session:
        law = session.scalars(select(Message.id).where(Message.ticket_id == planted["kept"].id)).one()
        with pytest.raises(Refused, match="must stay"):
            blackout.black_out(
                session, portal, SECRET, [f"message.{law}.body"], "r", actor_id=officer.person_id, now=now()
            )  # fmt: skip
    assert ledger_of(portal).entries() == []


def test_a_file_goes_and_its_message_says_so(officer: Browser, portal: Any, planted: dict[str, Any]) -> None:
    number = planted["ticket"].id + 10000
    ticket = officer.visit(f"/admin/privacy/tickets/{number}")
    page = officer.visit(next(a.get("href") for a in ticket.all("a") if "/files/" in (a.get("href") or "")))
    back = officer.send(page, "Black out for good", reason="falsche Datei")
    assert "The file is gone" in back.html
    with portal.database.session(write=False) as session:
        assert session.scalars(select(Attachment.id)).all() == []
        assert session.get_one(Message, planted["first"].id).body.endswith("[entfernt: falsche Datei]")
        looks = session.scalars(select(StaffAccess.person_id)).all()
        assert set(looks) == {officer.person_id}
    assert list(portal.storage.all_keys()) == []


def test_an_article_and_its_index_forget_it(
    officer: Browser, sign_in: Any, portal: Any, visitor: Browser, run_worker: Callable[[], int]
) -> None:
    editor = sign_in(EDITOR)
    new = editor.visit("/admin/articles/new")
    editor.send(
        new,
        "Publish",
        button="Publish",
        title="Pumpe",
        body="Frau Zaunlatte sagt: die Pumpe tropft.",
        lang="en",
    )
    run_worker()
    assert "Zaunlatte" in visitor.visit("/en/search?q=frau+zaunlatte").text
    shown = visitor.visit("/en/articles/pumpe")
    assert "Zaunlatte" in shown.text
    places = officer.send(
        officer.visit("/admin/privacy/blackout"), "Show", passage="Frau Zaunlatte", reason="Name"
    )
    officer.send(places, "Black out for good", places=forms(None, places))
    assert "Zaunlatte" not in visitor.visit("/en/articles/pumpe").text
    run_worker()
    from app.outbox import Job

    with portal.database.session(write=True) as session:
        session.query(Job).delete()
        session.commit()
    portal.database.overwrite_deleted()
    assert talk.holding(portal.data_dir, "zaunlatte") == {}


@pytest.mark.parametrize("path", ["/admin/privacy", "/admin/privacy/new", "/admin/privacy/holds", "/admin/privacy/find",
                                  "/admin/privacy/blackout", "/admin/privacy/tickets/10001"])  # fmt: skip
def test_only_officers_and_admins_come_in(
    path: str, visitor: Browser, customer: Browser, agent: Browser, editor: Browser
) -> None:
    assert visitor.get(path).status_code == 303
    for browser in (customer, agent, editor):
        browser.visit(path, status=403)


# --- finding ---------------------------------------------------------------------------------------------------------


def test_everywhere_is_looked_and_the_words_are_in_no_address(
    officer: Browser, portal: Any, planted: dict[str, Any]
) -> None:
    page = officer.send(officer.visit("/admin/privacy/find"), "Search", q=SECRET)
    assert page.path == "/admin/privacy/find"
    text = page.text
    for place in (
        "Message or note",
        "Subject of a request",
        "Unsent draft",
        "k1.eml",
        planted["file"].storage_key,
    ):
        assert place in text
    assert f"#{planted['ticket'].id + 10000}" in text
    with portal.database.session(write=False) as session:
        own = session.scalars(
            select(drafts.Draft.id).where(drafts.Draft.person_id == officer.person_id)
        ).one()
    assert f"Unsent draft {own}" not in text
    officer.send(page, "Forget these words")
    with portal.database.session(write=False) as session:
        assert (
            session.scalars(select(drafts.Draft.id).where(drafts.Draft.person_id == officer.person_id)).all()
            == []
        )


def test_an_address_leads_to_the_deletion_of_its_person(
    officer: Browser, customer: Browser, portal: Any
) -> None:
    page = officer.send(officer.visit("/admin/privacy/find"), "Search", q=customer.email)
    assert "Belongs to the person" in page.text
    preview = officer.follow(page, "Delete this person")
    assert customer.email in preview.text
    case = officer.send(preview, "Close the account and delete it", note="By letter of 3 May")
    assert "Can be taken back" in case.text
    assert "By letter of 3 May" in case.text
    assert customer.get("/account/").status_code == 303
    officer.send(officer.visit("/admin/privacy/find"), "Search", status=422, q="")


def test_unknown_drafts_are_nobodys(officer: Browser) -> None:
    officer.visit("/admin/privacy/blackout/places", status=404)
    officer.visit("/admin/privacy/files/99/blackout", status=404)
    officer.visit("/admin/privacy/parts/ticket/none", status=404)
    officer.visit("/admin/privacy/tickets?number=abc", status=404)
    officer.send(
        officer.visit("/admin/privacy/blackout"), "Show", status=422, passage="ab", reason="too short"
    )
