"""The letters about requests: to whom, in which words, in one thread, and when they are not sent at all."""

from __future__ import annotations

from typing import Any

import pytest

from app.accounts.models import AGENT, Person
from app.letters import Message
from app.mail import Post
from app.tickets import handling, mails, service
from app.tickets.models import Ticket
from tests.tickets.conftest import MONDAY, RULES, Desk, later, text


def post(desk: Desk, key: str = "job1") -> Post:
    desk.session.flush()
    return Post(
        session=desk.session,
        base_url="https://help.example.org",
        secret=RULES.secret,
        now=MONDAY,
        job_key=key,
        languages=("de", "en"),
        mail_from="help@example.org",
        company={"de": "Hilfe", "en": "Help"},
    )


def last(desk: Desk) -> Message | None:
    """The letter of the newest job."""
    name, ids = desk.jobs()[-1]
    return getattr(mails, name.partition(".")[2])(post(desk), ids)  # type: ignore[no-any-return]


def test_the_confirmation_is_the_root_of_the_thread_and_names_the_promise(desk: Desk) -> None:
    ticket = desk.ticket(desk.open())
    letter = last(desk)
    assert letter is not None
    assert letter.subject == f"[#{ticket.id + 10_000}] We have received your request: Coffee machine leaks"
    assert "We will answer by Tuesday, 24\u00a0November, 10:00." in letter.text
    assert "https://help.example.org/t/" in letter.text
    assert letter.headers["Message-ID"] == f"<{ticket.public_id}@example.org>"
    assert "In-Reply-To" not in letter.headers


def test_a_letter_made_twice_is_the_same_letter(desk: Desk) -> None:
    desk.open()
    assert last(desk) == last(desk)


def test_an_unproved_address_reads_nothing_that_was_typed(desk: Desk) -> None:
    desk.guest(name="Buy http://spam.example now")
    letter = last(desk)
    assert letter is not None
    for typed in ("spam", "Coffee", "Water"):
        assert typed not in letter.subject + letter.text + letter.html


@pytest.mark.parametrize(
    ("of_person", "of_ticket", "lang"), [("de", "en", "de"), (None, "en", "en"), ("fr", "it", "de")]
)
def test_letters_speak_the_recipients_language(
    desk: Desk, of_person: str | None, of_ticket: str, lang: str
) -> None:
    desk.session.get_one(Person, desk.customer.person_id).language = of_person
    desk.open(language=of_ticket)
    letter = last(desk)
    assert letter is not None
    assert letter.lang == lang
    assert ("eingegangen" in letter.text) is (lang == "de")


def replied(desk: Desk, body: str = "Try **this**", **more: Any) -> int:
    sent = desk.open()
    service.reply_as_agent(
        desk.session, sent.ticket_id, text(body), viewer=desk.agent, rules=RULES, now=later(1), **more
    )
    return sent.ticket_id


def test_an_answer_comes_in_full_and_keeps_its_marks_only(desk: Desk) -> None:
    ticket = desk.ticket(
        replied(desk, "Try **this**\n\n<script>alert(1)</script> ![x](https://evil.example/x.png)")
    )
    letter = last(desk)
    assert letter is not None
    assert "Try **this**" in letter.text
    assert "<strong>this</strong>" in letter.html
    assert "<script" not in letter.html
    assert "We are waiting for your reply." in letter.text
    assert (
        letter.headers["In-Reply-To"] == letter.headers["References"] == f"<{ticket.public_id}@example.org>"
    )
    assert letter.headers["Message-ID"] == f"<{ticket.public_id}.job1@example.org>"


def test_an_answer_that_solves_says_until_when_it_can_be_opened_again(desk: Desk) -> None:
    replied(desk, status_after="solved")
    letter = last(desk)
    assert letter is not None
    assert "You may open it again until 7 December 2026." in letter.text


def test_an_answer_that_was_taken_back_is_not_sent(desk: Desk) -> None:
    ticket_id = replied(desk)
    message_id = int(desk.jobs()[-1][1]["message_id"])
    service.withdraw_message(
        desk.session, ticket_id, message_id, viewer=desk.agent, rules=RULES, now=later(1)
    )
    assert last(desk) is None


@pytest.mark.parametrize("gone", ["spam", "deleted"])
def test_nothing_is_sent_about_a_ticket_that_was_taken_out(desk: Desk, gone: str) -> None:
    ticket_id = replied(desk)
    handling.dispose(desk.session, ticket_id, gone, viewer=desk.agent, now=later(1))
    assert last(desk) is None


def test_solved_without_words_unless_it_was_opened_again(desk: Desk) -> None:
    sent = desk.open()
    handling.change_status(desk.session, sent.ticket_id, "solved", viewer=desk.agent, now=MONDAY)
    letter = last(desk)
    assert letter is not None
    assert "Not solved yet? Open it again until 7 December 2026" in letter.text
    service.reopen(desk.session, sent.ticket_id, reader=desk.customer, rules=RULES, now=MONDAY)
    assert last(desk) is None


def test_the_assignee_is_told_of_answers_without_their_text_and_only_while_she_has_the_ticket(
    desk: Desk,
) -> None:
    sent = desk.open()
    handling.assign(desk.session, sent.ticket_id, desk.agent.person_id, viewer=desk.agent, now=MONDAY)
    service.reply_as_customer(
        desk.session, sent.ticket_id, text("My secret"), reader=desk.customer, rules=RULES, now=later(1)
    )
    letter = last(desk)
    assert letter is not None
    assert letter.to == desk.agent.email
    assert desk.customer.name in letter.subject
    assert f"https://help.example.org/desk/tickets/{sent.ticket_id + 10_000}" in letter.text
    assert "secret" not in letter.text
    desk.session.get_one(Ticket, sent.ticket_id).assignee_id = desk.person(AGENT).person_id
    assert last(desk) is None


def test_who_gets_a_ticket_and_who_has_one_opened_again(desk: Desk) -> None:
    sent = desk.open()
    colleague = desk.person(AGENT)
    handling.assign(desk.session, sent.ticket_id, colleague.person_id, viewer=desk.agent, now=MONDAY)
    letter = last(desk)
    assert letter is not None
    assert letter.to == colleague.email
    service.resolve(desk.session, sent.ticket_id, reader=desk.customer, now=later(1))
    service.reopen(desk.session, sent.ticket_id, reader=desk.customer, rules=RULES, now=later(2))
    letter = last(desk)
    assert letter is not None
    assert "Opened again" in letter.subject
