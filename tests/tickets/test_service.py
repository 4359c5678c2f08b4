"""The conversation of a request: opening, proving, answering, taking back, solving, reopening."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import Conflict, NotVisible, Refused
from app.tickets import links, opening, service
from app.tickets.messages import Sent
from app.tickets.models import TicketLink
from app.tickets.queries import ByLink
from tests.tickets.conftest import MONDAY, RULES, Desk, later, request, text


def test_a_customers_request_has_its_message_event_link_and_letter(desk: Desk) -> None:
    sent = desk.open()
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.is_open, ticket.proved_at) == ("new", True, MONDAY)
    assert desk.events(sent) == ["created"]
    assert desk.jobs() == [("tickets.received", {"ticket_id": ticket.id})]
    assert desk.session.query(TicketLink).count() == 1


def test_sending_twice_makes_one_request(desk: Desk) -> None:
    asked = request()
    first = opening.open_ticket(desk.session, asked, viewer=desk.customer, rules=RULES, now=MONDAY)
    second = opening.open_ticket(desk.session, asked, viewer=desk.customer, rules=RULES, now=later(days=3))
    assert (second.ticket_id, second.message_id, second.repeated) == (*_ids(first), True)
    assert len(desk.jobs()) == 1


def _ids(sent: Sent) -> tuple[int, int]:
    return sent.ticket_id, sent.message_id


def test_the_same_key_of_another_person_is_another_request(desk: Desk) -> None:
    asked = request()
    first = opening.open_ticket(desk.session, asked, viewer=desk.customer, rules=RULES, now=MONDAY)
    second = opening.open_ticket(desk.session, asked, viewer=desk.person(), rules=RULES, now=MONDAY)
    assert second.ticket_id != first.ticket_id


def test_at_most_three_confirmations_an_hour(desk: Desk) -> None:
    letters = [desk.open(now=later(minutes=n)).letter for n in range(5)]
    assert letters == [True, True, True, False, False]
    assert desk.open(now=later(minutes=70)).letter
    assert len(desk.jobs()) == 4


def test_a_guests_request_is_unproved_until_the_button(desk: Desk) -> None:
    sent = desk.guest()
    ticket = desk.ticket(sent)
    assert ticket.proved_at is None
    assert ticket.next_due_at is None
    token = _token(desk, sent)
    assert opening.prove(desk.session, token, rules=RULES, now=later(1)) == (
        ticket.id,
        ticket.requester_id,
    )
    opening.prove(desk.session, token, rules=RULES, now=later(2))
    ticket = desk.ticket(sent)
    assert ticket.proved_at == later(1)
    assert ticket.next_due_at == later(9 + 16)  # 8 business hours from 11:00: tomorrow at 11:00
    assert desk.events(sent) == ["created", "proved"]


def _token(desk: Desk, sent: Sent) -> str:
    ticket = desk.ticket(sent)
    address = links.address(desk.session, ticket.id, ticket.requester_id, secret=RULES.secret, base_url="")
    assert address is not None
    return address.removeprefix("/t/")


def test_a_guest_who_types_a_known_address_neither_renames_nor_proves_anybody(desk: Desk) -> None:
    known = desk.person(name="Jörg Größmann", email="joerg@example.org")
    sent = desk.guest("Joerg@Example.org", name="Somebody Else")
    ticket = desk.ticket(sent)
    assert ticket.requester_id == known.person_id
    assert ticket.proved_at is None
    assert desk.person().person_id != known.person_id
    with pytest.raises(NotVisible):
        service.resolve(desk.session, ticket.id, reader=known, now=MONDAY)


def test_an_unknown_link_opens_nothing(desk: Desk) -> None:
    desk.guest()
    with pytest.raises(NotVisible):
        opening.prove(desk.session, "x" * 43, rules=RULES, now=MONDAY)


def test_a_customers_reply_brings_a_waiting_ticket_back(desk: Desk) -> None:
    sent = desk.open()
    service.reply_as_agent(
        desk.session, sent.ticket_id, text("Try this"), viewer=desk.agent, rules=RULES, now=later(1)
    )
    assert desk.ticket(sent).status == "pending"
    service.reply_as_customer(
        desk.session, sent.ticket_id, text("No"), reader=desk.customer, rules=RULES, now=later(2)
    )
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.last_author_kind) == ("open", "customer")
    assert desk.events(sent) == ["created", "message", "status", "message", "status"]


def test_a_reply_sent_twice_is_one(desk: Desk) -> None:
    sent = desk.open()
    said = text()
    for hour in (1, 2):
        service.reply_as_customer(
            desk.session, sent.ticket_id, said, reader=desk.customer, rules=RULES, now=later(hour)
        )
    assert desk.events(sent) == ["created", "message"]


def test_a_foreign_or_missing_ticket_takes_no_reply(desk: Desk) -> None:
    sent = desk.open()
    for ticket_id, reader in ((sent.ticket_id, desk.person()), (sent.ticket_id + 99, desk.customer)):
        with pytest.raises(NotVisible):
            service.reply_as_customer(desk.session, ticket_id, text(), reader=reader, rules=RULES, now=MONDAY)
    with pytest.raises(NotVisible):
        service.reply_as_agent(
            desk.session, sent.ticket_id, text(), viewer=desk.customer, rules=RULES, now=MONDAY
        )


def test_the_one_with_the_link_writes_in_her_own_name(desk: Desk) -> None:
    sent = desk.guest()
    _, person_id = opening.prove(desk.session, _token(desk, sent), rules=RULES, now=MONDAY)
    by_link = ByLink(sent.ticket_id, person_id)
    service.reply_as_customer(desk.session, sent.ticket_id, text(), reader=by_link, rules=RULES, now=MONDAY)
    other = desk.open()
    with pytest.raises(NotVisible):
        service.reply_as_customer(
            desk.session, other.ticket_id, text(), reader=by_link, rules=RULES, now=MONDAY
        )


def test_the_first_public_answer_meets_the_promise_and_waits_to_be_sent(desk: Desk) -> None:
    sent = desk.open()
    assert desk.ticket(sent).next_due_at == later(24)  # 8 business hours: Monday 10:00 to Tuesday 10:00
    reply = service.reply_as_agent(
        desk.session, sent.ticket_id, text(), viewer=desk.agent, rules=RULES, now=later(2)
    )
    ticket = desk.ticket(sent)
    assert (ticket.next_due_at, ticket.sla_state) == (None, "met")
    name, ids = desk.jobs()[-1]
    assert (name, ids["message_id"]) == ("tickets.agent_replied", reply.message_id)


def test_a_note_is_no_answer(desk: Desk) -> None:
    sent = desk.open()
    service.add_note(desk.session, sent.ticket_id, text(), viewer=desk.agent, now=later(1))
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.sla_state, ticket.last_author_kind) == ("open", "running", "customer")
    assert len(desk.jobs()) == 1


def test_a_reply_taken_back_leaves_everything_as_it_was(desk: Desk) -> None:
    sent = desk.open()
    before = desk.ticket(sent)
    due, place = before.next_due_at, before.queue_key
    reply = service.reply_as_agent(
        desk.session, sent.ticket_id, text(), viewer=desk.agent, rules=RULES, now=later(1)
    )
    soon = later(1) + timedelta(seconds=9)
    take_back = {"viewer": desk.agent, "rules": RULES}
    assert service.withdraw_message(desk.session, sent.ticket_id, reply.message_id, now=soon, **take_back)
    assert not service.withdraw_message(desk.session, sent.ticket_id, reply.message_id, now=soon, **take_back)
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.next_due_at, ticket.queue_key) == ("new", due, place)
    assert (ticket.last_author_kind, ticket.sla_state) == ("customer", "running")


def test_too_late_to_take_back_and_never_for_others(desk: Desk) -> None:
    sent = desk.open()
    reply = service.reply_as_agent(
        desk.session, sent.ticket_id, text(), viewer=desk.agent, rules=RULES, now=later(1)
    )
    colleague = desk.person("agent")
    with pytest.raises(NotVisible):
        service.withdraw_message(
            desk.session, sent.ticket_id, reply.message_id, viewer=colleague, rules=RULES, now=later(1)
        )
    with pytest.raises(Refused):
        service.withdraw_message(
            desk.session,
            sent.ticket_id,
            reply.message_id,
            viewer=desk.agent,
            rules=RULES,
            now=later(1) + RULES.undo,
        )


def test_who_did_not_see_the_newest_message_is_told_of_it(desk: Desk) -> None:
    sent = desk.open()
    service.reply_as_customer(
        desk.session, sent.ticket_id, text(), reader=desk.customer, rules=RULES, now=later(1)
    )
    with pytest.raises(Conflict) as told:
        service.reply_as_agent(
            desk.session,
            sent.ticket_id,
            text(),
            viewer=desk.agent,
            rules=RULES,
            now=later(1),
            seen_message_id=sent.message_id,
        )
    assert told.value.values["name"] == desk.customer.name


def test_solving_and_reopening_by_the_customer(desk: Desk) -> None:
    sent = desk.open()
    assert service.resolve(desk.session, sent.ticket_id, reader=desk.customer, now=later(1))
    assert not service.resolve(desk.session, sent.ticket_id, reader=desk.customer, now=later(1))
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.is_open, ticket.next_due_at) == ("solved", False, None)
    assert service.reopen(desk.session, sent.ticket_id, reader=desk.customer, rules=RULES, now=later(3))
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.is_open) == ("open", True)
    assert ticket.next_due_at == later(26)  # two solved hours later than promised at first


def test_after_its_period_a_solved_request_takes_nothing_more(desk: Desk) -> None:
    sent = desk.open()
    service.resolve(desk.session, sent.ticket_id, reader=desk.customer, now=MONDAY)
    after = {"reader": desk.customer, "rules": RULES, "now": later(days=15)}
    with pytest.raises(Refused):
        service.reopen(desk.session, sent.ticket_id, **after)
    with pytest.raises(Refused):
        service.reply_as_customer(desk.session, sent.ticket_id, text(), **after)
    in_time = {"reader": desk.customer, "rules": RULES, "now": later(days=14)}
    service.reply_as_customer(desk.session, sent.ticket_id, text(), **in_time)
    assert desk.ticket(sent).status == "open"


@pytest.mark.parametrize(
    ("first_message", "status", "due", "letter"),
    [
        ("customer", "new", True, "tickets.received"),
        ("internal", "new", True, "tickets.received"),
        ("agent_public", "pending", False, "tickets.agent_replied"),
    ],
)
def test_on_behalf_of_a_customer(desk: Desk, first_message: str, status: str, due: bool, letter: str) -> None:
    sent = opening.open_on_behalf(
        desk.session,
        request(channel="phone"),
        viewer=desk.agent,
        address="caller@example.org",
        name="Caller",
        first_message=first_message,
        rules=RULES,
        now=MONDAY,
    )
    ticket = desk.ticket(sent)
    assert (ticket.status, ticket.proved_at, ticket.channel) == (status, MONDAY, "phone")
    assert (ticket.next_due_at is not None) is due
    assert desk.jobs()[-1][0] == letter


def test_customers_open_nothing_for_others(desk: Desk) -> None:
    with pytest.raises(NotVisible):
        opening.open_on_behalf(
            desk.session,
            request(),
            viewer=desk.customer,
            address="x@example.org",
            name="X",
            rules=RULES,
            now=MONDAY,
        )
