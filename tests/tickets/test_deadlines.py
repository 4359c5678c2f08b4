"""What a ticket is promised: defaults of a new installation, the policy that fits, clocks kept and found again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from app.sla import queries as sla
from app.sla.models import BusinessCalendar, CalendarException, SlaPolicy, SlaPolicyVersion, SlaTarget
from app.sla.service import ensure_defaults
from app.tickets import deadlines, handling, service
from app.tickets.matching import Facts
from app.tickets.models import PAUSED_FROM, WITHOUT_FROM, SlaClock, TicketEvent
from tests.tickets.conftest import MONDAY, RULES, Desk, later, text


def foreseen(desk: Desk, *facts: Facts) -> datetime | None:
    return deadlines.latest(deadlines.foreseen(desk.session, facts, now=MONDAY))


def test_a_new_installation_promises_something_once(desk: Desk) -> None:
    assert foreseen(desk, Facts()) is None
    desk.open()
    assert not ensure_defaults(desk.session, time_zone="Europe/Vienna", now=MONDAY)
    assert desk.session.scalar(select(func.count()).select_from(SlaPolicy)) == 1
    assert foreseen(desk, Facts()) == later(24)
    assert foreseen(desk, Facts("urgent"), Facts("low")) == later(48)


def test_what_an_admin_took_away_does_not_come_back(desk: Desk) -> None:
    desk.open()
    for policy in desk.session.scalars(select(SlaPolicy)):
        policy.enabled = False
    ticket = desk.ticket(desk.open())
    assert (ticket.next_due_at, ticket.sla_state, ticket.policy_version_id) == (None, "none", None)
    assert ticket.queue_key == WITHOUT_FROM + int(MONDAY.timestamp())


def add_policy(desk: Desk, conditions: dict[str, list[object]], **targets: int) -> SlaPolicyVersion:
    """A policy before all others on the standard calendar; targets in minutes by metric, for every priority."""
    calendar = desk.session.scalars(select(BusinessCalendar)).one()
    policy = SlaPolicy(
        name=f"P{conditions}", position=0, enabled=True, conditions=conditions, calendar_id=calendar.id
    )
    desk.session.add(policy)
    desk.session.flush()
    version = SlaPolicyVersion(
        policy_id=policy.id,
        number=1,
        name=policy.name,
        conditions=conditions,
        calendar_id=calendar.id,
        valid_from=MONDAY,
        pause_on={"resolution": ["pending"]},
    )
    desk.session.add(version)
    desk.session.flush()
    desk.session.add_all(
        SlaTarget(
            policy_version_id=version.id,
            priority=priority,
            metric=metric,
            target_minutes=minutes,
            warn_minutes=15,
        )
        for priority in ("low", "normal", "high", "urgent")
        for metric, minutes in targets.items()
    )
    desk.session.flush()
    return version


def test_the_first_policy_that_fits_counts_and_a_change_may_bring_another(desk: Desk) -> None:
    ordinary = desk.open()
    urgent = add_policy(desk, {"priority": ["urgent"]}, first_response=30)
    ticket = desk.ticket(ordinary)
    before = ticket.policy_version_id
    handling.change_priority(
        desk.session, ticket.id, "urgent", viewer=desk.agent, time_zone="Europe/Berlin", now=later(minutes=10)
    )
    ticket = desk.ticket(ordinary)
    assert (ticket.policy_version_id, ticket.next_due_at) == (urgent.id, later(minutes=30))
    assert ticket.next_warning_at == later(minutes=15)
    assert "policy" in desk.events(ordinary)
    handling.change_priority(
        desk.session, ticket.id, "normal", viewer=desk.agent, time_zone="Europe/Berlin", now=later(minutes=20)
    )
    ticket = desk.ticket(ordinary)
    assert (ticket.policy_version_id, ticket.next_due_at) == (before, later(24))


def test_every_clock_of_a_policy_is_kept(desk: Desk) -> None:
    desk.open()
    add_policy(desk, {"channel": ["web"]}, first_response=60, next_response=120, resolution=600)
    sent = desk.open()
    service.reply_as_agent(
        desk.session, sent.ticket_id, text(), viewer=desk.agent, rules=RULES, now=later(0.5)
    )
    ticket = desk.ticket(sent)
    assert (ticket.sla_state, ticket.next_due_at) == ("paused", None)
    assert ticket.queue_key == PAUSED_FROM + 570 * 60
    service.reply_as_customer(
        desk.session, sent.ticket_id, text(), reader=desk.customer, rules=RULES, now=later(1)
    )
    ticket = desk.ticket(sent)
    assert (ticket.next_metric, ticket.next_due_at) == ("next_response", later(3))
    rows = desk.session.execute(
        select(SlaClock.metric, SlaClock.state).where(SlaClock.ticket_id == sent.ticket_id)
    )
    assert dict(map(tuple, rows)) == {
        "first_response": "met",
        "next_response": "running",
        "resolution": "running",
    }


def test_clocks_made_anew_are_the_same(desk: Desk) -> None:
    sent = desk.open()
    service.add_note(desk.session, sent.ticket_id, text(), viewer=desk.agent, now=later(1))
    service.reply_as_agent(
        desk.session, sent.ticket_id, text(), viewer=desk.agent, rules=RULES, now=later(30)
    )
    service.resolve(desk.session, sent.ticket_id, reader=desk.customer, now=later(31))

    def rows() -> list[tuple[object, ...]]:
        desk.session.flush()
        names = [c for c in SlaClock.__table__.columns if c.name != "id"]
        return [tuple(row) for row in desk.session.execute(select(*names).order_by(SlaClock.ticket_id))]

    before = rows()
    assert [row[3] for row in before] == ["breached"]
    deadlines.refresh(desk.session, desk.ticket(sent), now=later(40))
    assert rows() == before


def test_a_closed_day_moves_what_is_due_and_a_proposed_one_does_not(desk: Desk) -> None:
    desk.open()
    calendar = desk.session.scalars(select(BusinessCalendar)).one()
    for number, active in enumerate((False, True)):
        desk.session.add(
            CalendarException(
                calendar_id=calendar.id,
                date=later(24).date(),
                kind="closed",
                name="Holiday",
                source="library",
                active=active,
            )
        )
        calendar.version += 1
        desk.session.flush()
        assert desk.ticket(desk.open()).next_due_at == later(24 * (number + 1))
    spec = sla.spec(desk.session, calendar.id)
    assert [(day.name, day.holiday) for day in spec.exceptions] == [("Holiday", True)]


def test_payloads_hold_codes_and_ids_only(desk: Desk) -> None:
    sent = desk.open(subject="Secret subject", body="Secret body")
    service.reply_as_agent(
        desk.session, sent.ticket_id, text("Secret"), viewer=desk.agent, rules=RULES, now=later(1)
    )
    handling.change_subject(desk.session, sent.ticket_id, "Secret", viewer=desk.agent, now=later(1))
    payloads = desk.session.scalars(select(TicketEvent.payload)).all()
    assert payloads
    assert "ecret" not in str(payloads)
