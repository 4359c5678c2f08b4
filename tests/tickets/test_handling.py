"""What the team does with tickets: fields, conflicts, who has it, taking the next one, spam."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import AGENT, Team, TeamMember
from app.db import Database
from app.errors import Conflict, NotVisible, Refused
from app.now import now as present
from app.tickets import handling, opening, service
from app.tickets.messages import Sent
from app.tickets.models import SlaClock, StaffAccess, Ticket, TicketEvent
from app.tickets.queries import head, is_visible, on_desk
from tests import factories
from tests.tickets.conftest import MONDAY, RULES, Desk, later, request, text, viewer_of

ZONE = {"time_zone": "Europe/Berlin"}


def test_a_raised_priority_keeps_the_start_and_gets_the_shorter_target(desk: Desk) -> None:
    sent = desk.open()
    assert handling.change_priority(
        desk.session, sent.ticket_id, "urgent", seen="normal", viewer=desk.agent, now=later(1), **ZONE
    )
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.priority, ticket.next_due_at) == ("open", "urgent", later(2))
    assert desk.events(sent) == ["created", "priority", "status"]


def test_raised_too_late_is_missed_at_that_moment(desk: Desk) -> None:
    sent = desk.open()
    handling.change_priority(desk.session, sent.ticket_id, "urgent", viewer=desk.agent, now=later(5), **ZONE)
    clock = desk.session.scalars(select(SlaClock)).one()
    assert (clock.state, clock.due_at, clock.breached_at) == ("breached", later(2), later(5))
    assert desk.ticket(sent).queue_key == int(later(2).timestamp())


CHANGES: list[tuple[str, Any, Any, Any]] = [
    ("change_status", "open", "pending", "on_hold"),
    ("change_priority", "normal", "urgent", "low"),
    ("change_subject", "Coffee machine leaks", "Leak", "Water"),
]


@pytest.mark.parametrize(("verb", "seen", "first", "second"), CHANGES)
def test_the_slower_of_two_is_told_who_was_faster(
    desk: Desk, verb: str, seen: str, first: str, second: str
) -> None:
    sent = desk.open()
    handling.change_status(desk.session, sent.ticket_id, "open", viewer=desk.agent, now=MONDAY)
    more = ZONE if verb == "change_priority" else {}
    colleague = desk.person(AGENT, name="Ana Kovač")
    change = getattr(handling, verb)
    assert change(desk.session, sent.ticket_id, first, seen=seen, viewer=colleague, now=later(1), **more)
    with pytest.raises(Conflict) as told:
        change(desk.session, sent.ticket_id, second, seen=seen, viewer=desk.agent, now=later(2), **more)
    assert told.value.values["name"] == "Ana Kovač"
    assert told.value.values["at"] == later(1)
    assert not change(desk.session, sent.ticket_id, first, seen=seen, viewer=desk.agent, now=later(2), **more)


def test_two_assign_at_once_and_the_second_sees_whom_the_first_chose(desk: Desk) -> None:
    sent = desk.open()
    colleague = desk.person(AGENT, name="Ana Kovač")
    assert handling.assign(
        desk.session, sent.ticket_id, colleague.person_id, seen=None, viewer=colleague, now=MONDAY
    )
    with pytest.raises(Conflict) as told:
        handling.assign(
            desk.session, sent.ticket_id, desk.agent.person_id, seen=None, viewer=desk.agent, now=MONDAY
        )
    assert told.value.values["value"] == "Ana Kovač"
    assert desk.ticket(sent).assignee_id == colleague.person_id


def test_who_gets_a_ticket_from_somebody_else_is_sent_a_letter(desk: Desk) -> None:
    sent = desk.open()
    handling.assign(desk.session, sent.ticket_id, desk.agent.person_id, viewer=desk.agent, now=MONDAY)
    assert [name for name, _ in desk.jobs()] == ["tickets.received"]
    colleague = desk.person(AGENT)
    handling.assign(desk.session, sent.ticket_id, colleague.person_id, viewer=desk.agent, now=MONDAY)
    assert desk.jobs()[-1] == (
        "tickets.assigned",
        {"ticket_id": sent.ticket_id, "person_id": colleague.person_id},
    )


@pytest.mark.parametrize("role", ["customer", "editor"])
def test_only_those_who_work_on_tickets_get_them(desk: Desk, role: str) -> None:
    sent = desk.open()
    with pytest.raises(Refused):
        handling.assign(
            desk.session, sent.ticket_id, desk.person(role).person_id, viewer=desk.agent, now=MONDAY
        )
    with pytest.raises(NotVisible):
        handling.assign(desk.session, sent.ticket_id, None, viewer=desk.person(role), now=MONDAY)


def test_unknown_choices_are_refused(desk: Desk) -> None:
    sent = desk.open()
    given = {"viewer": desk.agent, "now": MONDAY}
    for refused in (
        lambda: handling.change_status(desk.session, sent.ticket_id, "gone", **given),
        lambda: handling.change_priority(desk.session, sent.ticket_id, "huge", **given, **ZONE),
        lambda: handling.change_request_type(desk.session, sent.ticket_id, 99, **given, **ZONE),
        lambda: handling.assign_team(desk.session, sent.ticket_id, 99, **given),
        lambda: handling.change_subject(desk.session, sent.ticket_id, " ", **given),
        lambda: handling.dispose(desk.session, sent.ticket_id, "eaten", **given),
        lambda: handling.snooze(desk.session, sent.ticket_id, MONDAY, **given),
    ):
        with pytest.raises(Refused):
            refused()


def test_solving_sends_a_letter_and_closed_stays_closed(desk: Desk) -> None:
    sent = desk.open()
    handling.change_status(desk.session, sent.ticket_id, "solved", viewer=desk.agent, now=MONDAY)
    assert desk.jobs()[-1][0] == "tickets.solved"
    desk.ticket(sent).status = "closed"
    with pytest.raises(Refused):
        handling.change_status(desk.session, sent.ticket_id, "open", viewer=desk.agent, now=MONDAY)


def test_spam_is_gone_for_everybody_until_it_comes_back(desk: Desk) -> None:
    sent = desk.open()
    handling.dispose(desk.session, sent.ticket_id, "spam", viewer=desk.agent, now=later(1))
    ticket = desk.ticket(sent)
    assert (ticket.is_open, ticket.next_due_at) == (False, None)
    assert not is_visible(desk.session, ticket.id, desk.customer)
    with pytest.raises(NotVisible):
        head(desk.session, ticket.id, on_desk(desk.agent))
    handling.restore(desk.session, sent.ticket_id, viewer=desk.agent, now=later(2))
    ticket = desk.ticket(sent)
    assert (ticket.is_open, ticket.next_due_at) == (True, later(24))


def test_an_access_is_written_down(desk: Desk) -> None:
    sent = desk.open()
    handling.note_staff_access(desk.session, viewer=desk.agent, ticket_id=sent.ticket_id, now=MONDAY)
    row = desk.session.scalars(select(StaffAccess)).one()
    assert (row.person_id, row.ticket_id, row.attachment_id) == (desk.agent.person_id, sent.ticket_id, None)


# --- the next ticket -------------------------------------------------------------------------------------------------


def test_the_next_ticket_is_the_most_urgent_free_one(desk: Desk) -> None:
    later_due, sooner_due = desk.open(now=later(1)), desk.open(now=MONDAY)
    taken, snoozed, waiting = desk.open(), desk.open(), desk.open()
    handling.assign(
        desk.session, taken.ticket_id, desk.person(AGENT).person_id, viewer=desk.agent, now=MONDAY
    )
    handling.snooze(desk.session, snoozed.ticket_id, later(9), viewer=desk.agent, now=MONDAY)
    handling.change_status(desk.session, waiting.ticket_id, "on_hold", viewer=desk.agent, now=MONDAY)
    desk.guest()  # unproved
    got = [handling.take_next(desk.session, viewer=desk.agent, now=later(2)) for _ in range(3)]
    assert got == [sooner_due.ticket_id, later_due.ticket_id, None]
    ticket = desk.ticket(sooner_due)
    assert (ticket.assignee_id, ticket.status) == (desk.agent.person_id, "open")


def test_the_next_ticket_is_of_her_teams_or_of_none(desk: Desk) -> None:
    mine, other = (
        Team(name="A", sort_name="a", created_at=MONDAY),
        Team(name="B", sort_name="b", created_at=MONDAY),
    )
    desk.session.add_all([mine, other])
    desk.session.flush()
    desk.session.add(TeamMember(team_id=mine.id, person_id=desk.agent.person_id))
    foreign, own, free = desk.open(), desk.open(), desk.open()
    handling.assign_team(desk.session, foreign.ticket_id, other.id, viewer=desk.agent, now=MONDAY)
    handling.assign_team(desk.session, own.ticket_id, mine.id, viewer=desk.agent, now=MONDAY)
    got = {handling.take_next(desk.session, viewer=desk.agent, now=later(2)) for _ in range(3)}
    assert got == {own.ticket_id, free.ticket_id, None}


def test_nobody_takes_her_own_request(desk: Desk) -> None:
    opening.open_ticket(desk.session, request(), viewer=desk.agent, rules=RULES, now=MONDAY)
    assert handling.take_next(desk.session, viewer=desk.agent, now=MONDAY) is None
    with pytest.raises(NotVisible):
        handling.take_next(desk.session, viewer=desk.customer, now=MONDAY)


AGENTS, TICKETS = 8, 40


def test_agents_who_press_at_once_never_get_the_same_ticket(database: Database) -> None:
    with database.session(write=True) as session:
        customer = viewer_of(session, factories.person(session))
        agents = [viewer_of(session, factories.person(session, AGENT)) for _ in range(AGENTS)]
        for _ in range(TICKETS):
            opening.open_ticket(session, request(), viewer=customer, rules=RULES, now=present())
        session.commit()
    taken: list[int] = []
    faults: list[BaseException] = []
    barrier = threading.Barrier(AGENTS)

    def work(number: int) -> None:
        barrier.wait()
        try:
            while True:
                with database.session(write=True) as session:
                    ticket_id = handling.take_next(session, viewer=agents[number], now=present())
                    session.commit()
                if ticket_id is None:
                    return
                taken.append(ticket_id)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(AGENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert faults == []
    assert len(taken) == len(set(taken)) == TICKETS
    with database.session(write=False) as session:
        assigned = session.scalars(select(TicketEvent).where(TicketEvent.type == "assignee")).all()
        assert len(assigned) == TICKETS
        assert not session.scalars(select(Ticket).where(Ticket.assignee_id.is_(None))).all()


def test_a_double_click_from_two_threads_makes_one_request(database: Database) -> None:
    with database.session(write=True) as session:
        customer = viewer_of(session, factories.person(session))
        session.commit()
    asked, answered = request(), text()
    barrier = threading.Barrier(4)
    results: list[Sent] = []

    def send() -> None:
        barrier.wait()
        with database.session(write=True) as session:
            sent = opening.open_ticket(session, asked, viewer=customer, rules=RULES, now=present())
            session.commit()
        with database.session(write=True) as session:
            service.reply_as_customer(
                session, sent.ticket_id, answered, reader=customer, rules=RULES, now=present()
            )
            session.commit()
        results.append(sent)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({sent.ticket_id for sent in results}) == 1
    assert [sent.repeated for sent in results].count(False) == 1
    with database.session(write=False) as session:
        assert len(session.scalars(select(Ticket)).all()) == 1
        assert len(session.scalars(select(TicketEvent).where(TicketEvent.type == "message")).all()) == 1
