"""What time does: closing, sweeping unproved requests, and files nobody names."""

from __future__ import annotations

import pytest

from app.errors import Refused
from app.tickets import service, upkeep
from app.tickets.messages import File
from app.tickets.models import Attachment, Message, Ticket, TicketEvent, TicketLink
from tests.tickets.conftest import MONDAY, RULES, Desk, later, text

FILE = File("a" * 32, "a.txt", "text/plain", 3, "0" * 64)


def test_solved_requests_are_closed_after_their_period(desk: Desk) -> None:
    solved, fresh, other = desk.open(files=(FILE,)), desk.open(), desk.open()
    service.resolve(desk.session, solved.ticket_id, reader=desk.customer, now=MONDAY)
    service.resolve(desk.session, fresh.ticket_id, reader=desk.customer, now=later(days=1))
    close = {"after": RULES.closing, "now": later(days=14)}
    assert upkeep.close_solved(desk.session, **close) == 1
    assert upkeep.close_solved(desk.session, **close) == 0
    ticket = desk.ticket(solved)
    assert (ticket.status, ticket.closed_at, ticket.is_open) == ("closed", later(days=14), False)
    assert [desk.ticket(sent).status for sent in (fresh, other)] == ["solved", "new"]
    with pytest.raises(Refused):
        service.reply_as_customer(
            desk.session, solved.ticket_id, text(), reader=desk.customer, rules=RULES, now=later(days=14)
        )
    assert upkeep.known_files(desk.session) == {"a" * 32}


def test_unproved_requests_go_with_everything_of_theirs(desk: Desk) -> None:
    kept = desk.open()
    gone = desk.guest()
    young = desk.guest("young@example.org", now=later(days=5))
    sweep = {"after": RULES.unproved, "now": later(days=14)}
    assert upkeep.sweep_unproved(desk.session, **sweep) == 1
    assert upkeep.sweep_unproved(desk.session, **sweep) == 0
    left = {ticket.id for ticket in desk.session.query(Ticket)}
    assert left == {kept.ticket_id, young.ticket_id}
    for table in (Message, TicketEvent, TicketLink, Attachment):
        assert not desk.session.query(table).filter_by(ticket_id=gone.ticket_id).count()
