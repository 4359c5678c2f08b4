"""Time passes: warnings, missed deadlines and steps of escalation, each told once, whatever came between."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from app.accounts.models import AGENT, LEAD, Grant, Team, TeamMember
from app.outbox import Job
from app.sla.models import SlaEscalationStep, SlaPolicyVersion
from app.tickets import deadlines, handling, record, service, sweep
from app.tickets.events import EventType
from app.tickets.models import SlaBreach, SlaClock, SlaFired, Ticket
from app.tickets.record import Acting
from tests import factories
from tests.tickets.conftest import MONDAY, RULES, Desk, later, text

ZONE = "Europe/Berlin"
DUE = later(24)  # the shipped promise: 8 working hours, from Monday 10:00 to Tuesday 10:00


def run(desk: Desk, now: datetime) -> int:
    """One sweep in this session. Gives how many tickets were looked at."""
    desk.session.flush()
    done, left = sweep.sweep_some(desk.session, time_zone=ZONE, now=now)
    assert not left
    return len(done)


def letters(desk: Desk) -> list[tuple[str, int | None]]:
    """The letters about deadlines put so far: name and recipient (None: an address)."""
    rows = desk.session.query(Job).filter(Job.name.like("tickets.sla%")).order_by(Job.id)
    return [(job.name.removeprefix("tickets.sla_"), job.ids.get("person_id")) for job in rows]  # type: ignore[misc]


def step(desk: Desk, offset: int, action: str, recipient: str, **more: Any) -> None:
    version = desk.session.scalars(select(SlaPolicyVersion)).one()
    desk.session.add(
        SlaEscalationStep(
            policy_version_id=version.id,
            metric="first_response",
            offset_minutes=offset,
            action=action,
            recipient=recipient,
            **more,
        )
    )
    desk.session.flush()


def test_a_near_deadline_and_a_missed_one_are_told_once(desk: Desk) -> None:
    sent = desk.open()
    handling.assign(desk.session, sent.ticket_id, desk.agent.person_id, viewer=desk.agent, now=MONDAY)
    assert desk.ticket(sent).next_warning_at == later(6), "two working hours before"
    assert run(desk, later(5)) == 0
    assert run(desk, later(6)) == 1
    assert letters(desk) == [("warning", desk.agent.person_id)]
    assert run(desk, later(22)) == 0
    assert run(desk, DUE) == 0, "at its due instant it is in time"
    assert run(desk, later(24, 1)) == 1
    assert run(desk, later(24, 1)) == 0
    assert letters(desk) == [("warning", desk.agent.person_id), ("breached", desk.agent.person_id)]
    breach = desk.session.scalars(select(SlaBreach)).one()
    assert (breach.breached_at, breach.detected_at, breach.calendar_version) == (DUE, later(24, 1), 1)
    assert (breach.assignee_id, breach.fulfilled_at) == (desk.agent.person_id, None)
    service.reply_as_agent(
        desk.session, sent.ticket_id, text(), viewer=desk.agent, rules=RULES, now=later(25)
    )
    desk.session.refresh(breach)
    assert (breach.fulfilled_at, breach.overdue_seconds) == (later(25), 3600)
    assert run(desk, later(48)) == 0


def test_missed_runs_lose_nothing(desk: Desk) -> None:
    """The worker stood still over a weekend; what was missed meanwhile is noted with its own time."""
    sent = desk.open()
    step(desk, 60, "mail", "duty@example.org")
    step(desk, -120, "notify", "assignee")
    handling.assign(desk.session, sent.ticket_id, desk.agent.person_id, viewer=desk.agent, now=later(1))
    service.add_note(desk.session, sent.ticket_id, text(), viewer=desk.agent, now=later(47))
    assert run(desk, later(days=5)) == 1
    assert run(desk, later(days=5)) == 0
    assert letters(desk) == [
        ("escalation", desk.agent.person_id),
        ("breached", desk.agent.person_id),
        ("escalation", None),
    ]
    breach = desk.session.scalars(select(SlaBreach)).one()
    assert (breach.breached_at, breach.detected_at) == (DUE, later(47)), (
        "the note's own replay noticed it first"
    )
    assert desk.ticket(sent).next_warning_at is None


def test_a_due_time_that_moved_back_warns_again(desk: Desk) -> None:
    sent = desk.open()
    assert run(desk, later(22)) == 1

    def fired() -> list[tuple[str, datetime]]:
        rows = desk.session.execute(select(SlaFired.step, SlaFired.due_at).order_by(SlaFired.id))
        return [(row[0], row[1]) for row in rows]

    change: dict[str, Any] = {"viewer": desk.agent, "time_zone": ZONE}
    handling.change_priority(desk.session, sent.ticket_id, "low", now=later(22, 5), **change)
    assert run(desk, later(22, 5)) == 0
    handling.change_priority(desk.session, sent.ticket_id, "normal", now=later(22, 10), **change)
    assert run(desk, later(22, 10)) == 0, "there and back: that warning was given"
    handling.change_priority(desk.session, sent.ticket_id, "low", now=later(22, 15), **change)
    assert desk.ticket(sent).next_warning_at == later(28)
    assert run(desk, later(46)) == 1
    assert fired() == [("warning", later(24)), ("warning", later(48))]


def test_a_miss_that_is_true_no_more_is_superseded_and_true_again(desk: Desk) -> None:
    sent = desk.open()
    change: dict[str, Any] = {"viewer": desk.agent, "time_zone": ZONE}
    handling.change_priority(desk.session, sent.ticket_id, "urgent", now=later(4), **change)

    def breach() -> SlaBreach:
        desk.session.flush()
        desk.session.expire_all()
        return desk.session.scalars(select(SlaBreach)).one()

    assert (breach().due_at, breach().breached_at, breach().superseded_at) == (later(2), later(4), None)
    handling.change_priority(desk.session, sent.ticket_id, "low", now=later(5), **change)
    assert (breach().superseded_at, breach().superseded_reason) == (later(5), "priority")
    handling.change_priority(desk.session, sent.ticket_id, "urgent", now=later(6), **change)
    assert (breach().superseded_at, breach().superseded_reason, breach().breached_at) == (
        None,
        None,
        later(6),
    )


def test_a_message_received_late_takes_a_miss_back(desk: Desk) -> None:
    """The answer was given in time and written down afterwards (R16): the miss stays on record, superseded."""
    sent = desk.open()
    assert run(desk, later(25)) == 1
    ticket = desk.ticket(sent)
    agent = Acting(desk.agent.person_id, "agent")
    late = record.note(desk.session, ticket, EventType.MESSAGE, agent, now=later(23), public=True)
    late.recorded_at = later(30)
    deadlines.refresh(desk.session, ticket, now=later(30))
    breach = desk.session.scalars(select(SlaBreach)).one()
    assert (breach.superseded_at, breach.superseded_reason) == (later(30), "late_fact")
    clock = desk.session.scalars(select(SlaClock)).one()
    assert (clock.state, clock.fulfilled_at) == ("met", later(23))


def test_steps_assign_and_raise_and_tell_the_lead_when_the_team_works(desk: Desk) -> None:
    team = Team(name="Service", sort_name="service", created_at=MONDAY)
    desk.session.add(team)
    desk.session.flush()
    lead = factories.person(desk.session, AGENT)
    desk.session.add(Grant(person_id=lead.id, role=LEAD, team_id=team.id, created_at=MONDAY))
    member = factories.person(desk.session, AGENT)
    desk.session.add(TeamMember(team_id=team.id, person_id=member.id))
    sent = desk.open()
    step(desk, 0, "assign", "lead")
    step(desk, -60, "notify", "lead", working_hours=True)
    step(desk, 0, "priority", "high")
    handling.assign_team(desk.session, sent.ticket_id, team.id, viewer=desk.agent, now=MONDAY)
    evening = later(days=1, hours=9)  # Tuesday 19:00, the deadline was in the morning
    assert run(desk, evening) == 1
    ticket = desk.ticket(sent)
    assert (ticket.assignee_id, ticket.priority) == (lead.id, "high")
    jobs = desk.session.query(Job).filter(Job.name == "tickets.sla_escalation").all()
    assert {job.run_at for job in jobs} == {later(days=1, hours=23)}, "Wednesday at nine"
    assert ("tickets.assigned", lead.id) in [
        (job.name, job.ids.get("person_id")) for job in desk.session.query(Job)
    ]
    told = [person for name, person in letters(desk) if name == "breached"]
    assert told.count(lead.id) == 2, (
        "one for the due time before the step, one for that of the raised priority"
    )
    assert member.id in told
    before = len(letters(desk))
    assert run(desk, evening) == 0
    assert len(letters(desk)) == before


def test_in_a_small_house_whoever_could_answer_is_told(desk: Desk) -> None:
    """No team, no lead, nobody has the ticket: all who work on tickets learn of it, and nobody else."""
    gone = factories.person(desk.session, AGENT, disabled_at=MONDAY)
    desk.open()
    assert run(desk, later(6)) == 1
    assert letters(desk) == [("warning", desk.agent.person_id)]
    assert gone.id != desk.agent.person_id


def test_what_nobody_proved_and_what_was_taken_out_tells_nothing(desk: Desk) -> None:
    desk.guest()
    spam, restricted = desk.open(), desk.open()
    handling.dispose(desk.session, spam.ticket_id, "spam", viewer=desk.agent, now=later(1))
    desk.ticket(restricted).restricted_at = later(1)
    assert run(desk, later(days=3)) == 0
    assert letters(desk) == []
    assert desk.session.scalar(select(func.count()).select_from(SlaBreach)) == 0


def test_a_long_standstill_writes_no_letters_about_last_month(desk: Desk) -> None:
    sent = desk.open()
    handling.assign(desk.session, sent.ticket_id, desk.agent.person_id, viewer=desk.agent, now=MONDAY)
    assert run(desk, later(days=60)) == 1
    assert letters(desk) == []
    assert desk.session.scalar(select(func.count()).select_from(SlaFired)) == 1
    assert desk.session.scalar(select(func.count()).select_from(SlaBreach)) == 1


@pytest.mark.only_sqlite
def test_the_sweep_reads_two_indexes(desk: Desk) -> None:
    connection = desk.session.connection()
    plans: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, given: Any, *__: Any) -> None:
        plans.extend(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given))

    event.listen(connection, "before_cursor_execute", explain, once=True)
    assert sweep.due(desk.session, now=later(1)) == []
    searched = [line for line in plans if " ticket " in line or line.endswith(" ticket")]
    assert len(searched) == 2
    assert all("USING INDEX ix_ticket_next_" in line for line in searched), plans


def test_a_ticket_that_fails_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = desk.open(), desk.open()
    real = sweep.look_at

    def failing(session: Session, ticket: Ticket, **more: Any) -> None:
        if ticket.id == bad.ticket_id:
            raise ZeroDivisionError
        real(session, ticket, **more)

    monkeypatch.setattr(sweep, "look_at", failing)
    done, left = sweep.sweep_some(desk.session, time_zone=ZONE, now=later(25))
    assert (done, left) == ({good.ticket_id}, {bad.ticket_id})
    assert "ZeroDivisionError" in caplog.text
