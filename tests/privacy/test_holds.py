"""Legal holds need two admins and a day of review; officers see and decide requests with their clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import ADMIN, PRIVACY_OFFICER, Person
from app.accounts.tokens import LinkRules
from app.audit import AuditEntry
from app.db import Database
from app.errors import NotVisible, Refused
from app.now import now
from app.preferences import Preferences
from app.privacy import facts, holds, rights, service
from app.privacy.models import LegalHold, PrivacyRequest
from app.privacy.planner import fate_of
from tests import factories
from tests.privacy import conversation as talk
from tests.support.mailbox import Mailbox, text_of
from tests.support.pages import Browser

SOON = (now() + timedelta(days=60)).date()


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


def propose(session: Session, admin: Person, **given: Any) -> LegalHold:
    values: dict[str, Any] = {"ground": "legal_case", "reason": "LG Berlin 1 O 2/26", "review_on": SOON}
    return holds.propose(session, **(values | given), actor_id=admin.id, now=now())


def test_a_hold_counts_once_a_second_admin_confirms(database: Database) -> None:
    with database.session(write=True) as session:
        first, second, person = (factories.person(session, role) for role in (ADMIN, ADMIN, "customer"))
        hold = propose(session, first, address=person.email)
        assert facts.hold_on(session, person.id) is None
        with pytest.raises(Refused, match="second admin"):
            holds.confirm(session, hold.public_id, actor_id=first.id, now=now())
        holds.confirm(session, hold.public_id, actor_id=second.id, now=now())
        assert facts.hold_on(session, person.id).ground == "legal_case"  # type: ignore[union-attr]
        with pytest.raises(Refused, match="already"):
            holds.confirm(session, hold.public_id, actor_id=second.id, now=now())
        holds.release(session, hold.public_id, actor_id=first.id, now=now())
        assert facts.hold_on(session, person.id) is None
        with pytest.raises(Refused, match="already"):
            holds.release(session, hold.public_id, actor_id=first.id, now=now())
        session.flush()
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.object_kind == "legal_hold")
        ).all()
        assert actions == ["hold.propose", "hold.confirm", "hold.release"]
        details = session.scalars(select(AuditEntry.details)).all()
        assert "Berlin" not in str(details)


def test_a_hold_on_one_request_keeps_that_one(database: Database) -> None:
    with database.session(write=True) as session:
        first, second, person = (factories.person(session, role) for role in (ADMIN, ADMIN, "customer"))
        held, free = talk.ticket(session, person), talk.ticket(session, person)
        hold = propose(session, first, number=held.id + 10000)
        holds.confirm(session, hold.public_id, actor_id=second.id, now=now())
        fates = {
            t.key: fate_of(t, now().date()).action for t in facts.of_person(session, person.id, "p").tickets
        }
        assert fates == {held.public_id: "restrict", free.public_id: "delete"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"address": "nobody@example.org"}, "Nobody here"),
        ({"number": 99999}, "no confirmed request"),
        ({}, "either"),
        ({"address": "a@b.de", "number": 10001}, "either"),
        ({"address": "a@b.de", "ground": "mood"}, "kind of case"),
        ({"address": "a@b.de", "review_on": now().date()}, "at most 6 months"),
        ({"address": "a@b.de", "review_on": (now() + timedelta(days=200)).date()}, "at most 6 months"),
    ],
)  # fmt: skip
def test_what_no_hold_is(database: Database, given: dict[str, Any], says: str) -> None:
    with database.session(write=True) as session:
        admin = factories.person(session, ADMIN)
        with pytest.raises(Refused, match=says):
            propose(session, admin, **given)


def test_the_review_is_moved_by_six_months_at_most(database: Database) -> None:
    with database.session(write=True) as session:
        first, second, person = (factories.person(session, role) for role in (ADMIN, ADMIN, "customer"))
        hold = propose(session, first, address=person.email)
        with pytest.raises(Refused, match="not in force"):
            holds.renew(session, hold.public_id, SOON, actor_id=first.id, now=now())
        holds.confirm(session, hold.public_id, actor_id=second.id, now=now())
        later = SOON + timedelta(days=90)
        assert holds.renew(session, hold.public_id, later, actor_id=first.id, now=now()).review_on == later
        with pytest.raises(NotVisible):
            holds.release(session, "none", actor_id=first.id, now=now())


def test_it_is_too_late_while_the_erasure_runs(database: Database) -> None:
    with database.session(write=True) as session:
        first, second, person = (factories.person(session, role) for role in (ADMIN, ADMIN, "customer"))
        hold = propose(session, first, address=person.email)
        session.add(
            PrivacyRequest(
                person_id=person.id, kind="erasure", state="running", created_at=now(), due_at=now()
            )
        )
        session.flush()
        with pytest.raises(Refused, match="too late for a hold"):
            holds.confirm(session, hold.public_id, actor_id=second.id, now=now())


def test_a_request_that_nobody_confirmed_is_swept_and_not_held(database: Database) -> None:
    with database.session(write=True) as session:
        admin, person = factories.person(session, ADMIN), factories.person(session)
        unproved = talk.ticket(session, person, proved_at=None)
        with pytest.raises(Refused, match="no confirmed request"):
            propose(session, admin, number=unproved.id + 10000)


# --- at the door -----------------------------------------------------------------------------------------------------


def test_the_pages_of_holds(sign_in: Callable[..., Browser], customer: Browser, portal: Any) -> None:
    first, second, officer = sign_in(ADMIN, name="First Admin"), sign_in(ADMIN), sign_in(PRIVACY_OFFICER)
    page = first.visit("/admin/privacy/holds")
    first.send(page, "Propose", status=422, email="", reason="", review_on="")
    shown = first.send(
        page, "Propose", email=customer.email, ground="claim", reason="Invoice 12", review_on=SOON.isoformat()
    )
    assert "Waits for a second administrator" in shown.text
    assert not [form for form in shown.all("form") if "confirmation" in (form.get("action") or "")]
    seen = officer.visit("/admin/privacy/holds")
    assert "Invoice 12" in seen.text
    assert not seen.all("textarea")
    confirmed = second.send(second.visit("/admin/privacy/holds"), "/confirmation")
    assert "In force" in confirmed.text
    second.send(confirmed, "/review", review_on=(SOON + timedelta(days=30)).isoformat())
    released = first.send(first.visit("/admin/privacy/holds"), "/release")
    assert "No holds" in released.text
    assert officer.post("/admin/privacy/holds/none/release").status_code in (400, 403)


def test_a_request_by_letter_is_answered(
    sign_in: Callable[..., Browser],
    customer: Browser,
    portal: Any,
    mails: Mailbox,
    run_worker: Callable[[], int],
) -> None:
    officer = sign_in(PRIVACY_OFFICER)
    page = officer.visit("/admin/privacy/new")
    officer.send(page, "Go on", status=422, kind="access", email="nobody@example.org")
    case = officer.send(page, "Go on", kind="rectification", email=customer.email, note="Name is spelt wrong")
    assert "Art. 16 GDPR" in case.html
    inbox = officer.visit("/admin/privacy")
    assert "Correction" in inbox.text
    officer.send(case, "/answer", status=422, words="")
    prolonged = officer.send(case, "/extension", words="We wait for the archive.")
    assert "We wait for the archive." in prolonged.text
    done = officer.send(prolonged, "/answer", words="Your name is right now.")
    assert "Done" in done.text
    run_worker()
    letters = [text_of(letter) for letter in mails.to(customer.email)]
    assert any("We wait for the archive." in letter for letter in letters)
    assert any("Your name is right now." in letter for letter in letters)
    assert "Correction" in officer.visit("/admin/privacy?view=done").text
    assert "No requests" in officer.visit("/admin/privacy").text


def test_a_refusal_opens_the_account_again(
    sign_in: Callable[..., Browser],
    customer: Browser,
    portal: Any,
    mails: Mailbox,
    run_worker: Callable[[], int],
) -> None:
    officer = sign_in(PRIVACY_OFFICER)
    preview = officer.send(officer.visit("/admin/privacy/new"), "Go on", kind="erasure", email=customer.email)
    case = officer.send(preview, "Close the account")
    officer.send(case, "/refusal", words="The request came from somebody else.")
    run_worker()
    assert "somebody else" in text_of(mails.last(customer.email))
    with portal.database.session(write=False) as session:
        person = session.get_one(Person, customer.person_id)
        assert (person.disabled_at, person.erasing_at) == (None, None)
        assert session.scalars(select(PrivacyRequest.state)).all() == ["refused"]


def test_clocks_of_requests(database: Database) -> None:
    assert rights.months_after(datetime(2026, 1, 31, tzinfo=UTC), 1) == datetime(2026, 2, 28, tzinfo=UTC)
    assert rights.months_after(datetime(2026, 11, 30, tzinfo=UTC), 3) == datetime(2027, 2, 28, tzinfo=UTC)
    rules = LinkRules.of(Preferences({}), "s" * 40)
    with database.session(write=True) as session:
        officer, person = factories.person(session, PRIVACY_OFFICER), factories.person(session)
        made = service.start(
            session, "access", person.email, note="", rules=rules, grace=timedelta(7), actor_id=officer.id, now=now()
        )  # fmt: skip
        assert (
            made.due_at == rights.months_after(now(), 1)
            or made.due_at.date() == rights.months_after(now(), 1).date()
        )
        first = made.due_at
        service.prolong(session, made.id, "archive", actor_id=officer.id, now=now())
        assert made.due_at == rights.months_after(first, 2)
        with pytest.raises(Refused, match="once only"):
            service.prolong(session, made.id, "again", actor_id=officer.id, now=now())
        with pytest.raises(NotVisible):
            service.start(
                session, "export", person.email, note="", rules=rules, grace=timedelta(7), actor_id=officer.id, now=now()
            )  # fmt: skip
        service.answer(session, made.id, "here", actor_id=officer.id, now=now())
        with pytest.raises(Refused, match="is done"):
            service.refuse(session, made.id, "no", actor_id=officer.id, now=now())
