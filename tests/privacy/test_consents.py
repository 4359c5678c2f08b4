"""Consents: off until given, proof of what was agreed to and when, withdrawn as easily, kept without an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import consents
from app.accounts.consents import NEWS, PAGE, SURVEY, Consent, ConsentText
from app.accounts.models import ADMIN, Person
from app.accounts.tokens import LinkRules
from app.db import Database
from app.errors import Conflict, NotVisible, Refused
from app.now import now
from app.preferences import Preferences
from app.privacy import retention, rights, service
from app.privacy.consent_sink import ConsentSink
from app.privacy.executor import carry_out
from app.privacy.models import PrivacyRequest
from app.privacy.sinks import Subject
from app.tickets.models import Message
from app.worker import run_once
from tests import factories
from tests.privacy import conversation as talk
from tests.support.mailbox import Mailbox, link_in
from tests.support.pages import Browser, words

SECRET = "s" * 40


def agree(session: Session, person: Person, purpose: str = SURVEY, at: datetime | None = None) -> Consent:
    shown = consents.wording(session, purpose)
    return consents.give(
        session, person.id, purpose, digest=shown.digest, lang="de", through=PAGE, secret=SECRET, now=at or now()
    )  # fmt: skip


def test_nothing_may_be_sent_until_she_agrees(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        assert not consents.may_send(session, person.id, SURVEY)
        given = agree(session, person)
        assert consents.may_send(session, person.id, SURVEY)
        assert not consents.may_send(session, person.id, NEWS)
        assert (given.version, given.digest, given.lang, given.given_through) == (
            1, consents.digest_of(consents.SHIPPED[SURVEY]), "de", PAGE,
        )  # fmt: skip
        assert agree(session, person).id == given.id
        text = session.get_one(ConsentText, given.text_id)
        assert (text.text, text.shipped) == (consents.SHIPPED[SURVEY], True)
        assert consents.withdraw(session, person.id, SURVEY, through=PAGE, now=now())
        assert not consents.withdraw(session, person.id, SURVEY, through=PAGE, now=now())
        assert not consents.may_send(session, person.id, SURVEY)
        assert [(one.purpose, one.withdrawn_through) for one in consents.log_of(session, person.id)] == [
            (SURVEY, PAGE)
        ]


@pytest.mark.parametrize("closed", ["disabled_at", "proved_at", "erased_at"])
def test_a_closed_or_unproved_person_gets_nothing(database: Database, closed: str) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        agree(session, person)
        setattr(person, closed, None if closed == "proved_at" else now())
        session.flush()
        assert not consents.may_send(session, person.id, SURVEY)


def test_other_words_ask_anew_and_the_old_consent_stays_as_proof(database: Database) -> None:
    other = {"de": "Andere Worte.", "en": "Other words."}
    with database.session(write=True) as session:
        admin, person = factories.person(session, ADMIN), factories.person(session)
        first, digest = agree(session, person), consents.wording(session, SURVEY).digest
        with pytest.raises(Refused):
            consents.publish(
                session, SURVEY, consents.SHIPPED[SURVEY], based_on=1, actor_id=admin.id, now=now()
            )
        consents.publish(session, SURVEY, other, based_on=1, actor_id=admin.id, now=now())
        with pytest.raises(Conflict):
            consents.publish(session, SURVEY, {"en": "Third."}, based_on=1, actor_id=admin.id, now=now())
        assert not consents.may_send(session, person.id, SURVEY)
        (state, _) = consents.states(session, person.id)
        assert (state.since, state.older, state.wording.version) == (None, 1, 2)
        with pytest.raises(Conflict):  # she read the older words
            consents.give(
                session, person.id, SURVEY, digest=digest, lang="en", through=PAGE, secret=SECRET, now=now()
            )
        second = agree(session, person)
        assert consents.may_send(session, person.id, SURVEY)
        session.refresh(first)
        assert (first.withdrawn_through, first.version, second.version) == (consents.RENEWED, 1, 2)
        said = [one.said for one in consents.log_of(session, person.id)]
        assert said == ["Andere Worte.", consents.SHIPPED[SURVEY]["de"]]


def test_an_upgrade_with_other_shipped_words_asks_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        agree(session, person)
        monkeypatch.setitem(consents.SHIPPED, SURVEY, {"de": "Neu.", "en": "New."})
        assert not consents.may_send(session, person.id, SURVEY)
        assert agree(session, person).version == 2


@pytest.mark.both_databases
def test_erasing_ends_a_consent_and_leaves_proof_without_an_address(app: Flask) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        person = factories.person(session, email="quiet.owl@example.org")
        given = agree(session, person)
        person_id, place = given.person_id, f"consent/{given.id}"
        request = service.request_deletion(
            session, person.id, rules=LinkRules.of(Preferences({}), SECRET), grace=timedelta(0), now=now()
        )
        request_id = request.id
        assert [one.place for one in ConsentSink(session).verify(Subject((), person_id))] == [place]
        session.commit()
    carry_out(portal, request_id)
    run_once(app)
    with portal.database.session(write=False) as session:
        assert session.get_one(PrivacyRequest, request_id).state == "done"
        left = session.scalars(select(Consent)).one()
        assert (left.withdrawn_through, left.seed, left.stop_hash) == (consents.ERASURE, None, None)
        assert left.address_hash == consents.hash_address("Quiet.Owl@example.org", SECRET)
        assert "quiet.owl" not in str([getattr(left, c.name) for c in Consent.__table__.columns])
        assert ConsentSink(session).verify(Subject((), person_id)) == []


@pytest.mark.both_databases
def test_the_proof_is_kept_three_years_from_the_end_of_the_year(app: Flask) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        person, other = factories.person(session), factories.person(session)
        long_ago = datetime(2022, 3, 1, tzinfo=UTC)
        agree(session, person, at=long_ago)
        consents.withdraw(session, person.id, SURVEY, through=PAGE, now=long_ago)
        agree(session, other, at=long_ago)
        session.commit()

    def kept(moment: datetime) -> int:
        retention.carry_out(portal, moment)
        with portal.database.session(write=False) as session:
            return len(session.scalars(select(Consent.id)).all())

    assert kept(datetime(2025, 12, 31, tzinfo=UTC)) == 2
    assert kept(datetime(2026, 1, 2, tzinfo=UTC)) == 1  # the one that lasts


# --- at the door -------------------------------------------------------------------------------------------------------


def cards(page: Any) -> list[str]:
    return [words(one) for one in page.all("section") if one.get("aria-labelledby", "").startswith("c-")]


def test_switching_on_and_off(customer: Browser, app: Flask) -> None:
    page = customer.visit("/privacy/consents")
    assert [("Off" in card, "Switch off" in card) for card in cards(page)] == [(True, False)] * 2
    on = customer.send(page, "/consents/news")
    assert "Switched on." in on.html
    survey, news = cards(on)
    assert ("Switch on" in survey, "Switch off" in news) == (True, True)
    with app.extensions["portal"].database.session(write=False) as session:
        assert consents.may_send(session, customer.person_id, NEWS)
    off = customer.send(on, "/consents/news")
    assert "What you agreed to, and when" in off.text
    with app.extensions["portal"].database.session(write=False) as session:
        assert not consents.may_send(session, customer.person_id, NEWS)
    token = next(field.get("value") for field in off.all("input", name="csrf_token"))
    assert customer.post("/privacy/consents/spam", data={"csrf_token": token}).status_code == 404


def test_changed_words_are_shown_before_anything_is_agreed_to(customer: Browser, app: Flask) -> None:
    page = customer.visit("/privacy/consents")
    with app.extensions["portal"].database.session(write=True) as session:
        admin = factories.person(session, ADMIN)
        consents.publish(
            session, NEWS, {"de": "Anders.", "en": "Different."}, based_on=1, actor_id=admin.id, now=now()
        )
        session.commit()
    told = customer.send(page, "/consents/news", status=422)
    assert "The words have changed meanwhile." in told.text
    assert "Different." in told.text


def test_a_guest_switches_by_her_link_only(visitor: Browser, app: Flask) -> None:
    assert "Send a link" in visitor.visit("/privacy/consents").text
    form = visitor.visit("/privacy/consents").form("Send a link")
    token = next(field.get("value") for field in form.iter("input") if field.get("name") == "csrf_token")
    visitor.post("/privacy/consents/news", data={"csrf_token": token, "wanted": "1"})
    with app.extensions["portal"].database.session(write=False) as session:
        assert session.scalars(select(Consent)).all() == []


def test_a_guest_switches_and_deletes_one_request_by_her_link(
    visitor: Browser, app: Flask, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        guest = factories.person(session, password_hash=None, email="guest.owl@example.org")
        ticket = talk.ticket(session, guest, subject="One of two")
        talk.message(session, ticket, guest, "About an owl.")
        guest_id, number = guest.id, ticket.id + 10_000
        session.commit()
    visitor.send(visitor.visit("/privacy/"), "Send a link", email="guest.owl@example.org")
    run_worker()
    link = link_in(mails.last("guest.owl@example.org"), "/privacy/link/").removeprefix("http://localhost")
    home = visitor.send(visitor.visit(link), "Show my data")
    on = visitor.send(visitor.visit("/privacy/consents"), "/consents/news")
    assert "Switched on." in on.html
    with portal.database.session(write=False) as session:
        assert consents.may_send(session, guest_id, NEWS)
    parts = visitor.follow(home, f"One of two (#{number})")
    page = visitor.follow(parts, "Delete this request")
    visitor.send(page, "Delete now", status=422)
    visitor.send(page, "Delete now", sure="y")
    run_worker()
    with portal.database.session(write=False) as session:
        assert session.scalars(select(Message.body)).all() == [""]
        assert session.get_one(Person, guest_id).erased_at is None


def test_the_link_of_a_letter_stops_with_one_button(visitor: Browser, app: Flask) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        person = factories.person(session)
        person_id = person.id
        agree(session, person, NEWS)
        given = {"secret": SECRET, "base_url": ""}
        assert consents.stop_address(session, person_id, SURVEY, **given) is None
        link = consents.stop_address(session, person_id, NEWS, **given)
        assert link == consents.stop_address(session, person_id, NEWS, **given)
        session.commit()
    assert link is not None

    def may() -> bool:
        with portal.database.session(write=False) as session:
            return consents.may_send(session, person_id, NEWS)

    for _ in range(2):  # a look changes nothing
        page = visitor.visit(link)
    assert may()
    stopped = visitor.send(page, "Switch off")
    assert "We do not write to you for this any more." in stopped.text
    assert not may()
    assert visitor.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 303  # RFC 8058
    assert visitor.get(f"{link}x").status_code == 404


def test_objecting_to_advertising_acts_at_once(customer: Browser, app: Flask) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        person = session.get_one(Person, customer.person_id)
        agree(session, person, NEWS)
        agree(session, person, SURVEY)
        session.commit()
    done = customer.send(customer.visit("/privacy/consents"), "Object now")
    assert "You get no surveys and no news any more." in done.html
    with portal.database.session(write=True) as session:
        assert consents.open_count(session, customer.person_id) == 0
        again = rights.object_to_marketing(session, customer.person_id, now=now())
        request = session.scalars(select(PrivacyRequest)).one()
        assert (request.id, request.kind, request.state) == (again.id, "objection", "done")


def test_an_unknown_purpose_or_person_is_nothing(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session, disabled_at=now())
        with pytest.raises(NotVisible):
            agree(session, person)
        with pytest.raises(NotVisible):
            consents.wording(session, "profiling")


def test_the_officer_publishes_other_words(sign_in: Callable[..., Browser]) -> None:
    officer = sign_in("privacy_officer")
    page = officer.visit("/admin/privacy/consents/news")
    same = officer.send(page, "Publish and ask anew", status=422)
    assert "The text is the same as the published version." in same.text
    done = officer.send(page, "Publish and ask anew", **{"text-en": "Shorter words.", "text-de": "Kürzer."})
    assert "Version 2 of these words" in done.text
    assert "Shorter words." in done.text
