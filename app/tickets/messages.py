"""Messages on their way into a request: what they are made of, how they are stored once, and the letter of a reply.

Knows no rule of who may write; that is `app.tickets.service` and `app.tickets.opening`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import outbox
from app.tickets.models import Attachment, Message, Ticket
from app.tickets.queries import TypeChoice
from app.tickets.record import Acting
from app.tickets.rules import Rules

# A letter leaves a little after the last moment in which its message may be taken back: instants are whole seconds, and
# two hosts' clocks may differ.
AFTER_UNDO = timedelta(seconds=2)
TEXT_AT_MOST = 20_000  # characters of a message; Markdown costs more than its length


@dataclass(frozen=True, slots=True)
class File:
    """A file that lies in the storage already: its key there, its clean name, what it is."""

    storage_key: str
    name: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks, as it comes from a form, a mail or an interface. Already cleaned and within its limits."""

    subject: str
    body: str
    send_key: str
    language: str
    kind: TypeChoice | None = None
    files: tuple[File, ...] = ()
    private: bool = False
    privacy_version: int = 0
    channel: str = "web"
    body_kind: str = "markdown"


@dataclass(frozen=True, slots=True)
class Text:
    """One message on its way into a request."""

    body: str
    send_key: str
    files: tuple[File, ...] = ()
    body_kind: str = "markdown"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it. `repeated` means that it had been sent before: nothing was stored now, and files that came
    with it belong to nobody. `letter` says whether a confirmation goes out."""

    ticket_id: int
    message_id: int
    repeated: bool = False
    letter: bool = True


def store(
    session: Session,
    ticket: Ticket,
    text: Request | Text,
    author: Acting,
    *,
    public: bool,
    key: str,
    now: datetime,
) -> Message:
    """Store one message with its files; it has its id afterwards."""
    message = Message(
        ticket_id=ticket.id,
        author_id=author.person_id,
        author_kind=author.kind,
        public=public,
        body=text.body,
        body_kind=text.body_kind,
        created_at=now,
        send_key=key,
    )
    session.add(message)
    session.flush()
    session.add_all(
        Attachment(
            message_id=message.id,
            ticket_id=ticket.id,
            storage_key=file.storage_key,
            name=file.name,
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
            created_at=now,
        )
        for file in text.files
    )
    return message


def put_reply(session: Session, ticket: Ticket, message: Message, *, rules: Rules, now: datetime) -> None:
    """The customer's letter, after the time in which the reply may be taken back."""
    wait = rules.undo + AFTER_UNDO if rules.undo else timedelta(0)
    outbox.put(
        session,
        "tickets.agent_replied",
        run_at=now + wait,
        message_id=message.id,
        person_id=ticket.requester_id,
    )


def key_in(ticket: Ticket, send_key: str) -> str:
    """Unique over all messages; within one ticket its lock keeps two sendings apart."""
    return f"t{ticket.id}.{send_key}"


def stored_with(session: Session, ticket: Ticket, send_key: str) -> int | None:
    return session.scalar(select(Message.id).where(Message.send_key == key_in(ticket, send_key)))
