"""Who sees which request: one table of people against one table of requests; files; lists by key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.accounts.models import AGENT, COLLEAGUE, EDITOR, MANAGER, MEMBER, PRIVACY_OFFICER
from app.accounts.queries import viewer_of_person
from app.errors import NotVisible
from app.tickets import handling, lists, opening, queries, service
from app.tickets.messages import File
from app.tickets.models import Attachment, Ticket
from app.tickets.queries import ByLink, is_visible, on_own_side, visible_to
from tests import factories
from tests.tickets.conftest import MONDAY, RULES, Desk, later, request, text


def seen_by(desk: Desk, reader: object) -> set[int]:
    found = desk.session.scalars(select(Ticket.id).where(visible_to(reader)))  # type: ignore[arg-type]
    return set(found)


def test_everybody_sees_what_is_hers_and_nobody_more(desk: Desk) -> None:
    people = {role: factories.person(desk.session) for role in (MEMBER, COLLEAGUE, MANAGER)}
    company = factories.organisation(desk.session, "", people[MEMBER])
    for role in (COLLEAGUE, MANAGER):
        from app.accounts.models import Membership

        desk.session.add(
            Membership(organisation_id=company.id, person_id=people[role].id, role=role, created_at=MONDAY)
        )
    desk.session.flush()
    viewers = {role: viewer_of_person(desk.session, person.id) for role, person in people.items()}
    member = viewers[MEMBER]
    assert member is not None

    def sent(**given: object) -> int:
        return opening.open_ticket(
            desk.session, request(**given), viewer=member, rules=RULES, now=MONDAY
        ).ticket_id

    plain, private, restricted, spam = sent(), sent(private=True), sent(), sent()
    desk.session.get_one(Ticket, restricted).restricted_at = MONDAY
    handling.dispose(desk.session, spam, "spam", viewer=desk.agent, now=MONDAY)
    foreign = desk.open().ticket_id
    unproved = desk.guest().ticket_id
    desk.session.flush()

    assert seen_by(desk, member) == {plain, private, restricted}
    for role in (COLLEAGUE, MANAGER):
        assert seen_by(desk, viewers[role]) == {plain}
    assert seen_by(desk, desk.customer) == {foreign}
    assert seen_by(desk, desk.person()) == set()
    assert seen_by(desk, desk.agent) == {plain, private, foreign, unproved}
    assert seen_by(desk, desk.person(EDITOR)) == set()
    assert seen_by(desk, desk.person(PRIVACY_OFFICER)) == set()
    assert seen_by(desk, ByLink(plain, member.person_id or 0)) == {plain}
    assert seen_by(desk, ByLink(spam, member.person_id or 0)) == set()


def test_an_agent_is_no_customer_of_others_requests(desk: Desk) -> None:
    sent = desk.open()
    assert is_visible(desk.session, sent.ticket_id, desk.agent)
    with pytest.raises(NotVisible):
        queries.head(desk.session, sent.ticket_id, on_own_side(desk.agent))
    with pytest.raises(NotVisible):
        service.reply_as_customer(
            desk.session, sent.ticket_id, text(), reader=desk.agent, rules=RULES, now=MONDAY
        )


FILE = File("a" * 32, "a.txt", "text/plain", 3, "0" * 64)


def test_files_of_notes_are_the_teams_and_others_the_customers_too(desk: Desk) -> None:
    sent = desk.open(files=(FILE,))
    note = File("b" * 32, "note.txt", "text/plain", 3, "0" * 64)
    service.add_note(desk.session, sent.ticket_id, text(files=(note,)), viewer=desk.agent, now=MONDAY)
    said = File("c" * 32, "said.txt", "text/plain", 3, "0" * 64)
    reply = service.reply_as_agent(
        desk.session, sent.ticket_id, text(files=(said,)), viewer=desk.agent, rules=RULES, now=MONDAY
    )
    ids = {row.name: row.id for row in desk.session.scalars(select(Attachment))}
    by_link = ByLink(sent.ticket_id, desk.customer.person_id or 0)

    def may(reader: object) -> set[str]:
        found = set()
        for name, key in ids.items():
            try:
                found.add(queries.file(desk.session, key, reader).name)  # type: ignore[arg-type]
            except NotVisible:
                assert name != "?"
        return found

    assert may(desk.customer) == may(by_link) == {"a.txt", "said.txt"}
    assert may(desk.agent) == {"a.txt", "note.txt", "said.txt"}
    assert may(desk.person()) == may(desk.person(EDITOR)) == set()
    service.withdraw_message(
        desk.session, sent.ticket_id, reply.message_id, viewer=desk.agent, rules=RULES, now=MONDAY
    )
    assert may(desk.customer) == {"a.txt"}


def test_notes_and_what_may_still_be_taken_back_are_not_read_for_customers(desk: Desk) -> None:
    sent = desk.open()
    service.add_note(desk.session, sent.ticket_id, text("secret"), viewer=desk.agent, now=MONDAY)
    service.reply_as_agent(
        desk.session, sent.ticket_id, text("answer"), viewer=desk.agent, rules=RULES, now=later(1)
    )

    def bodies(now: object, *, internal: bool) -> list[str]:
        until = None if internal else now - RULES.undo  # type: ignore[operator]
        rows = queries.thread(desk.session, sent.ticket_id, internal=internal, until=until)
        return [row.body for row in rows]

    soon = later(1) + timedelta(seconds=5)
    assert bodies(soon, internal=False) == ["Water runs out."]
    assert bodies(later(2), internal=False) == ["Water runs out.", "answer"]
    assert bodies(soon, internal=True) == ["Water runs out.", "secret", "answer"]


# --- lists -----------------------------------------------------------------------------------------------------------


def test_ones_requests_page_by_key_and_are_found_by_number_and_subject(desk: Desk) -> None:
    sent = [desk.open(now=later(minutes=n), subject=f"Machine no{n:02} 100% broken") for n in range(30)]
    service.resolve(desk.session, sent[5].ticket_id, reader=desk.customer, now=later(2))
    first = lists.own_requests(desk.session, desk.customer, "open")
    second = lists.own_requests(desk.session, desk.customer, "open", after=first.after)
    ids = [row.id for row in (*first.rows, *second.rows)]
    assert ids == [s.ticket_id for s in reversed(sent) if s is not sent[5]]
    assert [row.id for row in lists.own_requests(desk.session, desk.customer, "solved").rows] == [
        sent[5].ticket_id
    ]
    shown = queries.number(sent[7].ticket_id)

    def found(words: str) -> list[int]:
        return [row.id for row in lists.own_requests(desk.session, desk.customer, "open", words=words).rows]

    assert found(f"#{shown}") == found(str(shown)) == found("machine no07") == [sent[7].ticket_id]
    assert len(found("100%")) == 25
    assert found("100%_") == found("nothing") == found("#99999999999999999999") == []


def test_the_queue_is_by_deadline_then_without_promise(desk: Desk) -> None:
    normal, early = desk.open(now=later(1)), desk.open(now=MONDAY)
    unproved = desk.guest()
    answered = desk.open(now=MONDAY)
    service.reply_as_agent(
        desk.session, answered.ticket_id, text(), viewer=desk.agent, rules=RULES, now=later(1)
    )
    handling.assign(desk.session, early.ticket_id, desk.agent.person_id, viewer=desk.agent, now=later(1))
    handling.snooze(desk.session, normal.ticket_id, later(50), viewer=desk.agent, now=later(1))
    desk.session.flush()

    def view(name: str, now: object = later(2)) -> list[int]:
        found = lists.queue(desk.session, desk.agent, name, now=now, team_ids=[])  # type: ignore[arg-type]
        return [row.id for row in found.rows]

    assert view(lists.INBOX) == [early.ticket_id, unproved.ticket_id, answered.ticket_id]
    assert view(lists.MINE) == [early.ticket_id]
    assert view(lists.UNASSIGNED) == [answered.ticket_id]
    assert view(lists.SNOOZED) == [normal.ticket_id]
    assert view(lists.AT_RISK) == []
    assert view(lists.OVERDUE) == []
    assert view(lists.OVERDUE, later(30)) == [early.ticket_id]
    assert view(lists.AT_RISK, later(30)) == [], "too late for that"
    assert view(lists.AT_RISK, later(7)) == [early.ticket_id]
    assert len(view(lists.ALL)) == 4
    counted = lists.counts(desk.session, desk.agent, lists.VIEWS, now=later(2), team_ids=[])
    assert counted == {name: len(view(name)) for name in lists.VIEWS}


def test_who_may_get_tickets(desk: Desk) -> None:
    lead = desk.person("lead")
    desk.person(EDITOR)
    assert {row.id for row in queries.assignable(desk.session)} == {desk.agent.person_id, lead.person_id}
    assert AGENT == "agent"
