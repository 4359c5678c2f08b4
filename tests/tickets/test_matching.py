"""Which policy a ticket falls under: every fact counts, also when it changes, and before the request is sent."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Segment, SegmentMember
from app.errors import Refused
from app.sla.models import SlaPolicy, SlaPolicyVersion, SlaTarget
from app.tickets import deadlines, handling
from app.tickets.matching import Facts, facts_of
from app.tickets.models import TicketEvent, TicketTag
from tests import factories
from tests.tickets.conftest import MONDAY, Desk, later, viewer_of

ZONE = "Europe/Berlin"


def policy(desk: Desk, hours: int, **conditions: list[Any]) -> SlaPolicyVersion:
    """A policy before all others."""
    first = desk.session.scalars(select(SlaPolicy).order_by(SlaPolicy.position)).first()
    assert first is not None
    terms: dict[str, Any] = {
        "name": f"Within {hours} hours",
        "conditions": conditions,
        "calendar_id": first.calendar_id,
    }
    made = SlaPolicy(position=first.position - 1, enabled=True, **terms)
    desk.session.add(made)
    desk.session.flush()
    return version(desk, made, 1, hours)


def version(desk: Desk, of: SlaPolicy, number: int, hours: int) -> SlaPolicyVersion:
    made = SlaPolicyVersion(
        policy_id=of.id,
        number=number,
        name=of.name,
        conditions=of.conditions,
        calendar_id=of.calendar_id,
        valid_from=MONDAY,
        pause_on={},
    )
    desk.session.add(made)
    desk.session.flush()
    for priority in ("low", "normal", "high", "urgent"):
        desk.session.add(
            SlaTarget(
                policy_version_id=made.id,
                priority=priority,
                metric="first_response",
                target_minutes=hours * 60,
                warn_minutes=0,
            )
        )
    desk.session.flush()
    return made


def test_tags_move_a_ticket_and_back(desk: Desk) -> None:
    sent = desk.open()
    standard = desk.ticket(sent).policy_version_id
    vip = policy(desk, 2, tag=["vip"])
    change: dict[str, Any] = {"viewer": desk.agent, "time_zone": ZONE}
    assert handling.change_tags(
        desk.session, sent.ticket_id, ["VIP ", "", "two  words"], now=later(1), **change
    )
    assert set(desk.session.scalars(select(TicketTag.tag))) == {"vip", "two words"}
    ticket = desk.ticket(sent)
    assert (ticket.policy_version_id, ticket.next_due_at) == (vip.id, later(2))
    assert not handling.change_tags(
        desk.session, sent.ticket_id, ["two words", "vip"], now=later(1), **change
    )
    assert handling.change_tags(desk.session, sent.ticket_id, ["two words"], now=later(1), **change)
    assert desk.ticket(sent).policy_version_id == standard
    assert "vip" not in str(desk.session.scalars(select(TicketEvent.payload)).all())
    for bad in (["x" * 41], [str(number) for number in range(11)]):
        with pytest.raises(Refused):
            handling.change_tags(desk.session, sent.ticket_id, bad, now=later(1), **change)


def test_segments_of_person_and_organisation_and_the_promise_before_sending(desk: Desk) -> None:
    desk.open()
    person = factories.person(desk.session)
    company = factories.organisation(desk.session, "Premium", person)
    segment = Segment(slug="contract", name="With contract")
    desk.session.add(segment)
    desk.session.flush()
    desk.session.add(SegmentMember(segment_id=segment.id, organisation_id=company.id))
    promised = policy(desk, 1, segment=[segment.id])
    desk.session.flush()
    desk.customer = viewer_of(desk.session, person)
    ticket = desk.ticket(desk.open())
    assert ticket.policy_version_id == promised.id
    facts = facts_of(desk.session, ticket)
    assert facts == Facts("normal", "web", None, company.id, {segment.id}, set())
    hers = [key for key, _ in desk.customer.segments]
    (before,) = deadlines.foreseen(desk.session, [Facts(organisation=company.id, segment=hers)], now=MONDAY)
    assert before is not None
    assert before.due == ticket.next_due_at == later(1)


def test_a_later_version_of_the_same_policy_is_for_new_tickets(desk: Desk) -> None:
    """R10: touching a ticket does not put it under terms that were edited since."""
    desk.open()
    vip = policy(desk, 2, channel=["web"])
    sent = desk.open()
    of = desk.session.get_one(SlaPolicy, vip.policy_id)
    edited = version(desk, of, 2, 1)
    handling.change_priority(
        desk.session, sent.ticket_id, "high", viewer=desk.agent, time_zone=ZONE, now=later(1)
    )
    assert desk.ticket(sent).policy_version_id == vip.id
    assert desk.ticket(desk.open()).policy_version_id == edited.id
