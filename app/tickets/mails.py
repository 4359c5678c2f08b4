"""The letters about requests: their words, and how each is composed from what its job names.

Nothing that a stranger typed stands in a letter to an unproved address, so that nobody can make us write his words to
others. All letters of one request hang together in mail programs; they are answered through their link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from app.accounts.models import Person
from app.i18n import format_date, format_deadline, format_period, gettext_in, ngettext_in
from app.letters import Letter, Markdown, Message
from app.mail import Post
from app.preferences import Preferences
from app.tickets import links
from app.tickets.models import Attachment, Ticket
from app.tickets.models import Message as Written
from app.tickets.queries import number
from app.words import N_

GREETING = ("greeting", N_("Greeting, with the name once the address is confirmed"))
NUMBER = ("number", N_("Number of the request, like #10482"))
SUBJECT = ("subject", N_("Subject of the request"))
LINK = ("link", N_("Link that opens this request without a password"))
DESK = ("link", N_("Address of the ticket on the desk"))
CUSTOMER = ("customer", N_("Name of the customer"))

CONFIRM = Letter(
    "tickets.confirm",
    N_("A visitor sent a request and confirms the address."),
    N_("[{number}] Confirm your request"),
    N_(
        "{greeting}\n\nWe have received a request with this address. Was it you? Then confirm it here:\n\n{link}\n\n"
        "We begin once you have confirmed. By the same link you read our answers and write to us.\n\n"
        "It was not you? Then do nothing. The request is deleted after {period}."
    ),
    (GREETING, NUMBER, LINK, ("period", N_("After which time an unconfirmed request is deleted"))),
    ("link",),
)
RECEIVED = Letter(
    "tickets.received",
    N_("A request was received."),
    N_("[{number}] We have received your request: {subject}"),
    N_(
        "{greeting}\n\nWe have received your request {number} “{subject}”. {promise}\n\n"
        "Follow it, add something or close it by this link:\n\n{link}\n\n"
        "Write to us by the link only. Replies to this email are not read."
    ),
    (GREETING, NUMBER, SUBJECT, LINK, ("promise", N_("By when we answer"))),
    ("link",),
)
AGENT_REPLIED = Letter(
    "tickets.agent_replied",
    N_("The team has answered a request."),
    N_("[{number}] {subject}"),
    N_(
        "{greeting}\n\n{author} has answered your request {number}. {state}\n\n"
        "Reply by this link; replies to this email are not read:\n\n{link}\n\n---\n\n{text}"
    ),
    (
        GREETING,
        NUMBER,
        SUBJECT,
        LINK,
        ("author", N_("Name of who answered")),
        ("text", N_("The answer")),
        ("state", N_("What comes next: we wait for a reply, or the request is solved")),
    ),
    ("link", "text"),
)
RESOLVED = Letter(
    "tickets.solved",
    N_("The team has solved a request without writing."),
    N_("[{number}] Solved: {subject}"),
    N_(
        "{greeting}\n\nWe consider your request {number} “{subject}” solved.\n\n"
        "Not solved yet? Open it again until {until}:\n\n{link}"
    ),
    (GREETING, NUMBER, SUBJECT, LINK, ("until", N_("Last day for opening it again"))),
    ("link",),
)
CUSTOMER_ANSWERED = Letter(
    "tickets.customer_answered",
    N_("A customer answered; goes to the assignee."),
    N_("[{number}] {customer} has answered: {subject}"),
    N_("{greeting}\n\n{customer} has answered in ticket {number} “{subject}”:\n\n{link}"),
    (GREETING, NUMBER, SUBJECT, DESK, CUSTOMER),
    ("link",),
)
REOPENED = Letter(
    "tickets.reopened",
    N_("A customer opened a ticket again; goes to the assignee."),
    N_("[{number}] Opened again: {subject}"),
    N_("{greeting}\n\n{customer} has opened ticket {number} “{subject}” again:\n\n{link}"),
    (GREETING, NUMBER, SUBJECT, DESK, CUSTOMER),
    ("link",),
)
ASSIGNED = Letter(
    "tickets.assigned",
    N_("Somebody got a ticket from a colleague."),
    N_("[{number}] Your ticket: {subject}"),
    N_("{greeting}\n\nTicket {number} “{subject}” of {customer} was given to you:\n\n{link}"),
    (GREETING, NUMBER, SUBJECT, DESK, CUSTOMER),
    ("link",),
)

SHIPPED = (CONFIRM, RECEIVED, AGENT_REPLIED, RESOLVED, CUSTOMER_ANSWERED, REOPENED, ASSIGNED)

HAS_REQUEST = N_("You get this email because you sent a request to our help centre.")
ENTERED = N_("You get this email because your address was entered at our help centre.")
WORKS_ON_IT = N_("You get this email because the ticket is assigned to you.")


# --- to the customer -------------------------------------------------------------------------------------------------


def received(post: Post, ids: dict[str, Any]) -> Message | None:
    """The confirmation of a request. To an unproved address it holds nothing that was typed, not even the name."""
    ticket = _ticket(post, ids["ticket_id"])
    person = post.session.get(Person, ticket.requester_id) if ticket else None
    if ticket is None or person is None:
        return None
    lang = _language(post, person, ticket)
    if ticket.proved_at is None:
        period = Preferences.read(post.session).period("period_unproved_days")
        values = {"greeting": gettext_in(lang)(N_("Hello,")), "period": format_period(period, lang)}
        return _to_customer(post, CONFIRM, ticket, person, ENTERED, first=True, **values)
    return _to_customer(
        post, RECEIVED, ticket, person, HAS_REQUEST, first=True, promise=_promise(post, ticket, lang)
    )


def agent_replied(post: Post, ids: dict[str, Any]) -> Message | None:
    """The team's answer, in full. Not sent if it was taken back."""
    message = post.session.get(Written, ids["message_id"])
    ticket = _ticket(post, message.ticket_id) if message else None
    person = post.session.get(Person, ids["person_id"])
    if message is None or message.withdrawn_at is not None or ticket is None or person is None:
        return None
    lang = _language(post, person, ticket)
    author = post.session.get(Person, message.author_id) if message.author_id else None
    return _to_customer(
        post,
        AGENT_REPLIED,
        ticket,
        person,
        HAS_REQUEST,
        author=author.name if author else gettext_in(lang)(N_("Our team")),
        text=Markdown(message.body + _about_files(post, message.id, lang)),
        state=_state(post, ticket, lang),
    )


def solved(post: Post, ids: dict[str, Any]) -> Message | None:
    """The team solved a request without writing. Not sent if it was opened again meanwhile."""
    ticket = _ticket(post, ids["ticket_id"])
    person = post.session.get(Person, ids["person_id"])
    if ticket is None or person is None or ticket.status != "solved":
        return None
    lang = _language(post, person, ticket)
    return _to_customer(post, RESOLVED, ticket, person, HAS_REQUEST, until=_reopens_until(post, ticket, lang))


def _to_customer(
    post: Post,
    letter: Letter,
    ticket: Ticket,
    person: Person,
    why: str,
    *,
    first: bool = False,
    **values: str,
) -> Message:
    shown = number(ticket.id)
    link = links.address(post.session, ticket.id, person.id, secret=post.secret, base_url=post.base_url)
    return _to(
        post,
        letter,
        ticket,
        person,
        why,
        first=first,
        link=link or f"{post.base_url}/tickets/{shown}",
        **values,
    )


def _promise(post: Post, ticket: Ticket, lang: str) -> str:
    translate = gettext_in(lang)
    if ticket.next_due_at is None or ticket.next_metric != "first_response":
        return ""
    due = format_deadline(ticket.next_due_at, lang, post.timezone)
    return translate(N_("We will answer by %(due)s.")) % {"due": due}


def _state(post: Post, ticket: Ticket, lang: str) -> str:
    translate = gettext_in(lang)
    if ticket.status == "solved":
        sentence = translate(N_("With this we consider it solved. You may open it again until %(until)s."))
        return sentence % {"until": _reopens_until(post, ticket, lang)}
    return translate(N_("We are waiting for your reply.")) if ticket.status == "pending" else ""


def _reopens_until(post: Post, ticket: Ticket, lang: str) -> str:
    period = Preferences.read(post.session).period("period_reopen_days")
    return format_date((ticket.solved_at or post.now) + period, "long", lang)


def _about_files(post: Post, message_id: int, lang: str) -> str:
    count = post.session.scalar(select(func.count()).where(Attachment.message_id == message_id)) or 0
    if not count:
        return ""
    ngettext = ngettext_in(lang)
    sentence = ngettext(
        "There is %(num)s file with this answer. You find it behind the link.",
        "There are %(num)s files with this answer. You find them behind the link.",
        count,
    )
    return "\n\n" + sentence % {"num": count}


# --- to the team -----------------------------------------------------------------------------------------------------


def customer_answered(post: Post, ids: dict[str, Any]) -> Message | None:
    """Tell the assignee of a customer's answer; not if she has the ticket no more."""
    message = post.session.get(Written, ids["message_id"])
    return _to_assignee(post, CUSTOMER_ANSWERED, message.ticket_id, ids) if message else None


def reopened(post: Post, ids: dict[str, Any]) -> Message | None:
    """Tell the assignee that a solved ticket is open again."""
    return _to_assignee(post, REOPENED, ids["ticket_id"], ids)


def assigned(post: Post, ids: dict[str, Any]) -> Message | None:
    """Tell somebody that a colleague gave her a ticket."""
    return _to_assignee(post, ASSIGNED, ids["ticket_id"], ids)


def _to_assignee(post: Post, letter: Letter, ticket_id: int, ids: dict[str, Any]) -> Message | None:
    ticket = _ticket(post, ticket_id)
    person = post.session.get(Person, ids["person_id"])
    if ticket is None or person is None or ticket.assignee_id != person.id or person.disabled_at is not None:
        return None
    requester = post.session.get(Person, ticket.requester_id)
    link = f"{post.base_url}/desk/tickets/{number(ticket.id)}"
    name = requester.name if requester else ""
    return _to(post, letter, ticket, person, WORKS_ON_IT, first=False, link=link, customer=name)


# --- what all letters share ------------------------------------------------------------------------------------------


def _to(
    post: Post, letter: Letter, ticket: Ticket, person: Person, why: str, *, first: bool, **values: str
) -> Message:
    """A letter to a person, in her language."""
    lang = _language(post, person, ticket)
    translate = gettext_in(lang)
    hello = (
        translate(N_("Hello %(name)s,")) % {"name": person.name}
        if person.proved_at
        else translate(N_("Hello,"))
    )
    return in_thread(
        post,
        letter,
        ticket,
        to=person.email,
        lang=lang,
        why=why,
        first=first,
        values={"greeting": hello, **values},
    )


def in_thread(
    post: Post,
    letter: Letter,
    ticket: Ticket,
    *,
    to: str,
    lang: str,
    why: str,
    values: Mapping[str, str],
    first: bool = False,
) -> Message:
    """One letter of a request's thread (RFC 5322, 3.6.4): the confirmation is its root, all others refer to it."""
    root = post.message_id(ticket.public_id)
    headers = {"Message-ID": root}
    if not first:
        own = post.message_id(f"{ticket.public_id}.{post.job_key}")
        headers = {"Message-ID": own, "In-Reply-To": root, "References": root}
    shown = {"number": f"#{number(ticket.id)}", "subject": ticket.subject, **values}
    return post.write(letter, to=to, lang=lang, values=shown, why=why, headers=headers)


def _ticket(post: Post, ticket_id: int) -> Ticket | None:
    """The ticket, unless it was taken out of everything meanwhile."""
    ticket = post.session.get(Ticket, ticket_id)
    return None if ticket is None or ticket.disposal is not None else ticket


def _language(post: Post, person: Person, ticket: Ticket) -> str:
    for wanted in (person.language, ticket.language):
        if wanted in post.languages:
            return str(wanted)
    return post.languages[0]
