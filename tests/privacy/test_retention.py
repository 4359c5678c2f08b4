"""What is due goes by class and term; what a hold, a statute or a wish keeps stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import ADMIN
from app.audit import AuditEntry
from app.privacy import holds
from app.privacy.models import PrivacyRequest, RetainedIdentity
from app.privacy.retention import carry_out, due
from app.tickets.models import Attachment, Message, Ticket
from tests import factories
from tests.privacy import conversation as talk

TODAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
pytestmark = pytest.mark.both_databases


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


def days_ago(days: int) -> datetime:
    return TODAY - timedelta(days=days)


@pytest.fixture
def planted(portal: Any) -> dict[str, Ticket]:
    with portal.database.session(write=True) as session:
        anna, otto = factories.person(session), factories.person(session, email="otto@example.org")
        letter, receipt = talk.request_type(session, "trade_letter"), talk.request_type(session, "receipt")

        def made(name: str, at: datetime, **given: Any) -> Ticket:
            ticket = talk.ticket(session, given.pop("of", anna), subject=name, at=at, **given)
            talk.file(
                session,
                portal.storage,
                talk.message(session, ticket, anna, f"text of {name}"),
                f"file of {name}",
            )
            return ticket

        tickets = {
            "old": made("old", days_ago(380)),
            "young": made("young", days_ago(300)),
            "open": made("open", days_ago(800), is_open=True),
            "letter in term": made(
                "letter in term", datetime(2020, 1, 2, tzinfo=UTC), request_type_id=letter.id
            ),
            "letter over": made("letter over", datetime(2019, 12, 30, tzinfo=UTC), request_type_id=letter.id),
            "receipt in term": made(
                "receipt in term", datetime(2018, 1, 2, tzinfo=UTC), request_type_id=receipt.id
            ),
            "receipt over": made(
                "receipt over", datetime(2017, 12, 1, tzinfo=UTC), request_type_id=receipt.id
            ),
            "class changed": made("class changed", days_ago(400), retention="receipt"),
            "held": made("held", days_ago(700)),
            "of one held": made("of one held", days_ago(700), of=otto),
            "restricted by her": made("restricted by her", days_ago(700), restricted_at=days_ago(10)),
        }
        first, second = factories.person(session, ADMIN), factories.person(session, ADMIN)
        for given in ({"number": tickets["held"].id + 10000}, {"address": "otto@example.org"}):
            hold = holds.propose(
                session, ground="claim", reason="r", review_on=date(2027, 1, 1), actor_id=first.id, now=TODAY, **given
            )  # fmt: skip
            holds.confirm(session, hold.public_id, actor_id=second.id, now=TODAY)
        session.add(
            AuditEntry(
                at=datetime(2022, 12, 31, tzinfo=UTC), through="web", action="a", object_kind="k", details={}
            )
        )
        session.add(
            AuditEntry(
                at=datetime(2023, 1, 1, tzinfo=UTC), through="web", action="b", object_kind="k", details={}
            )
        )
        session.commit()
    return tickets


def subjects(portal: Any) -> dict[int, str]:
    with portal.database.session(write=False) as session:
        return {row[0]: row[1] for row in session.execute(select(Ticket.id, Ticket.subject))}


def test_the_dry_run_only_lists(portal: Any, planted: dict[str, Ticket]) -> None:
    before = subjects(portal)
    with portal.database.session(write=False) as session:
        found = {one.name: (one.count, one.oldest) for one in due(session, TODAY)}
    assert found == {
        "support": (1, days_ago(380).date()),
        "letters": (1, date(2019, 12, 30)),
        "receipts": (1, date(2017, 12, 1)),
        "audit": (1, date(2022, 12, 31)),
    }
    assert subjects(portal) == before


def test_what_is_due_goes_and_the_numbers_stay(portal: Any, planted: dict[str, Ticket]) -> None:
    done = carry_out(portal, TODAY)
    assert done == {"support": 1, "letters": 1, "receipts": 1, "audit": 1}
    gone = {"old", "letter over", "receipt over"}
    left = subjects(portal)
    assert {name for name, ticket in planted.items() if not left[ticket.id]} == gone
    with portal.database.session(write=False) as session:
        texts = set(session.scalars(select(Message.body)))
        assert texts == {"", *(f"text of {name}" for name in planted if name not in gone)}
        assert len(session.scalars(select(Attachment.id)).all()) == len(planted) - 3
    assert len(list(portal.storage.all_keys())) == len(planted) - 3
    assert carry_out(portal, TODAY) == {}


def test_the_period_is_a_setting(portal: Any, planted: dict[str, Ticket]) -> None:
    from app import preferences

    with portal.database.session(write=True) as session:
        preferences.change(session, "period_support_days", 290, actor_id=None, now=TODAY)
        session.commit()
    assert carry_out(portal, TODAY)["support"] == 2


def test_what_was_kept_of_an_erased_person_goes_with_its_term(portal: Any) -> None:
    with portal.database.session(write=True) as session:
        gone = factories.person(session, erased_at=days_ago(10), disabled_at=days_ago(10))
        letter = talk.request_type(session, "trade_letter")
        released = talk.ticket(session, gone, subject="was held", restricted_at=days_ago(10), at=days_ago(20))
        kept = talk.ticket(
            session,
            gone,
            subject="order",
            restricted_at=days_ago(10),
            at=days_ago(20),
            request_type_id=letter.id,
        )
        for ticket in (released, kept):
            talk.message(session, ticket, gone, "words")
        session.add(
            RetainedIdentity(person_id=gone.id, name="Gone", email="g@example.org", until=date(2032, 12, 31))
        )
        session.commit()
    assert carry_out(portal, TODAY) == {"released": 1}
    assert subjects(portal) == {released.id: "", kept.id: "order"}
    assert (
        carry_out(portal, datetime(2032, 12, 31, 23, tzinfo=UTC)).keys() & {"letters", "identities"} == set()
    )
    assert carry_out(portal, datetime(2033, 1, 2, tzinfo=UTC))["letters"] == 1
    assert subjects(portal)[kept.id] == ""
    with portal.database.session(write=False) as session:
        assert session.scalars(select(RetainedIdentity.id)).all() == []


def test_the_proof_of_requests_ends_after_three_years(portal: Any) -> None:
    with portal.database.session(write=True) as session:
        for state, at in (("done", "2022-06-01"), ("done", "2023-01-01"), ("open", "2020-01-01")):
            moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
            session.add(
                PrivacyRequest(kind="access", state=state, created_at=moment, due_at=moment, done_at=moment)
            )
        session.commit()
    assert carry_out(portal, TODAY) == {"requests": 1}


def test_the_command(app: Flask, portal: Any, planted: dict[str, Ticket]) -> None:
    runner = app.test_cli_runner()
    listed = runner.invoke(args=["privacy", "retention", "--dry-run"])
    assert listed.exit_code == 0, listed.output
    assert "Texts of closed requests" in listed.output
    assert "Nothing was changed." in listed.output
    assert subjects(portal)[planted["old"].id] == "old"
    assert runner.invoke(args=["privacy", "retention"]).exit_code == 0
    assert "Nothing is due." in runner.invoke(args=["privacy", "retention"]).output
