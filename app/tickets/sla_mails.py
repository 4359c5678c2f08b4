"""The letters about promised times that go to the team: a deadline is near, was missed, or a step of a policy was reached.

Each looks again when it leaves: what was answered, moved or taken out meanwhile needs no letter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.i18n import format_deadline, gettext_in
from app.letters import Letter, Message
from app.mail import Post
from app.sla.models import SlaEscalationStep
from app.tickets.derived import STEP
from app.tickets.labels import METRIC
from app.tickets.mails import CUSTOMER, DESK, GREETING, NUMBER, SUBJECT, in_thread
from app.tickets.models import SlaClock, SlaFired, Ticket
from app.tickets.queries import number
from app.words import N_

WHICH = ("clock", N_("What was promised, like First response"))
DUE = ("due", N_("When it is or was due"))
PLACEHOLDERS = (GREETING, NUMBER, SUBJECT, DESK, CUSTOMER, WHICH, DUE)

WARNING = Letter(
    "tickets.sla_warning",
    N_("A deadline comes near; goes to the assignee, or to the team while nobody has the ticket."),
    N_("[{number}] Due soon: {subject}"),
    N_(
        "{greeting}\n\nTicket {number} “{subject}” of {customer} is due {due} ({clock}).\n\n"
        "Answer it, or give it to somebody who can:\n\n{link}"
    ),
    PLACEHOLDERS,
    ("link",),
)
BREACHED = Letter(
    "tickets.sla_breached",
    N_("A deadline was missed; goes to the assignee and the lead of the team."),
    N_("[{number}] Overdue: {subject}"),
    N_(
        "{greeting}\n\nTicket {number} “{subject}” of {customer} was due {due} ({clock}) and is still open.\n\n"
        "The customer waits. See what is to be done, and why it was due then:\n\n{link}"
    ),
    PLACEHOLDERS,
    ("link",),
)
ESCALATION = Letter(
    "tickets.sla_escalation",
    N_("A step of escalation was reached; goes to whom the promise names."),
    N_("[{number}] Please look: {subject}"),
    N_(
        "{greeting}\n\nTicket {number} “{subject}” of {customer} needs a look. {clock}: due {due}.\n\n"
        "The promise for this ticket says that you are told now:\n\n{link}"
    ),
    PLACEHOLDERS,
    ("link",),
)

SHIPPED = (WARNING, BREACHED, ESCALATION)

ON_DUTY = N_("You get this email because you look after this ticket or its team.")
NAMED = N_("You get this email because a rule for deadlines names this address.")


def warning(post: Post, ids: dict[str, Any]) -> Message | None:
    """A deadline comes near."""
    return _to_person(post, WARNING, ids)


def breached(post: Post, ids: dict[str, Any]) -> Message | None:
    """A deadline was missed."""
    return _to_person(post, BREACHED, ids)


def escalation(post: Post, ids: dict[str, Any]) -> Message | None:
    """A step was reached: to a person, or to the address that the step names."""
    return _to_person(post, ESCALATION, ids) if "person_id" in ids else _to_address(post, ids)


def _to_person(post: Post, letter: Letter, ids: dict[str, Any]) -> Message | None:
    owed, person = _owed(post, ids), post.session.get(Person, ids["person_id"])
    if owed is None or person is None or person.disabled_at is not None:
        return None
    ticket, fired = owed
    lang = person.language if person.language in post.languages else post.languages[0]
    greeting = gettext_in(lang)(N_("Hello %(name)s,")) % {"name": person.name}
    return _write(post, letter, ticket, fired, to=person.email, lang=lang, why=ON_DUTY, greeting=greeting)


def _to_address(post: Post, ids: dict[str, Any]) -> Message | None:
    owed = _owed(post, ids)
    if owed is None:
        return None
    ticket, fired = owed
    step = post.session.get(SlaEscalationStep, int(fired.step.removeprefix(STEP)))
    if step is None or not step.recipient:
        return None
    lang = post.languages[0]
    greeting = gettext_in(lang)(N_("Hello,"))
    return _write(post, ESCALATION, ticket, fired, to=step.recipient, lang=lang, why=NAMED, greeting=greeting)


def _write(
    post: Post,
    letter: Letter,
    ticket: Ticket,
    fired: SlaFired,
    *,
    to: str,
    lang: str,
    why: str,
    greeting: str,
) -> Message:
    requester = post.session.get(Person, ticket.requester_id)
    values = {
        "greeting": greeting,
        "customer": requester.name if requester else "",
        "link": f"{post.base_url}/desk/tickets/{number(ticket.id)}",
        "clock": gettext_in(lang)(METRIC[fired.metric]),
        "due": _due(fired.due_at, lang, post.timezone),
    }
    return in_thread(post, letter, ticket, to=to, lang=lang, why=why, values=values)


def _due(due_at: datetime, lang: str, zone: str) -> str:
    return format_deadline(due_at, lang, zone)


def _owed(post: Post, ids: dict[str, Any]) -> tuple[Ticket, SlaFired] | None:
    """The ticket and what is told of it, while the clock is open and still due at that time."""
    fired = post.session.get(SlaFired, ids["fired_id"])
    ticket = post.session.get(Ticket, fired.ticket_id) if fired else None
    if fired is None or ticket is None or ticket.disposal is not None or ticket.restricted_at is not None:
        return None
    open_still = select(SlaClock.id).where(
        SlaClock.ticket_id == fired.ticket_id,
        SlaClock.metric == fired.metric,
        SlaClock.run_no == fired.run_no,
        SlaClock.due_at == fired.due_at,
        SlaClock.fulfilled_at.is_(None),
        SlaClock.state != "cancelled",
    )
    return (ticket, fired) if post.session.scalar(open_still) is not None else None
