"""Rows of requests for tests of data protection, made directly."""

from __future__ import annotations

import io
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.accounts.models import Person
from app.now import now
from app.privacy.planner import Hold
from app.storage import Storage
from app.tickets.models import Attachment, Message, RequestType, Ticket

_keys = itertools.count(1)
NO_HOLD: Hold | None = None


def request_type(session: Session, retention: str) -> RequestType:
    """A kind of request with a class."""
    made = RequestType(name={"de": "Art", "en": "Kind"}, help={}, retention=retention)
    session.add(made)
    session.flush()
    return made


def ticket(session: Session, requester: Person, **given: Any) -> Ticket:
    """A closed request, unless something else is given."""
    moment = given.pop("at", now() - timedelta(days=10))
    values: dict[str, Any] = {
        "subject": f"Subject {next(_keys)}",
        "requester_id": requester.id,
        "status": "closed",
        "status_at": moment,
        "priority": "normal",
        "channel": "web",
        "language": "en",
        "created_at": moment,
        "proved_at": moment,
        "last_activity_at": moment,
        "last_author_kind": "customer",
        "closed_at": moment,
        "is_open": False,
        "queue_key": next(_keys),
        "send_key": f"t{next(_keys)}",
    }
    values |= given
    if values["is_open"]:
        values |= {"closed_at": None} | ({"status": "open"} if values["status"] == "closed" else {})
    made = Ticket(**values)
    session.add(made)
    session.flush()
    return made


def message(session: Session, of: Ticket, author: Person | None, body: str, **given: Any) -> Message:
    """A message; who is no customer writes as the team."""
    kind = "system" if author is None else "agent" if author.kind == "staff" else "customer"
    if author is not None and kind == "customer" and author.id != of.requester_id:
        kind = "participant"
    made = Message(
        **{
            "ticket_id": of.id,
            "author_id": author.id if author else None,
            "author_kind": kind,
            "public": True,
            "body": body,
            "body_kind": "markdown",
            "created_at": of.created_at,
            "send_key": f"m{next(_keys)}",
            **given,
        }
    )
    session.add(made)
    session.flush()
    return made


def file(
    session: Session, storage: Storage, of: Message, content: str, name: str = "notes.txt"
) -> Attachment:
    """A stored file of a message."""
    kept = storage.save(io.BytesIO(content.encode()), limit=1_000_000)
    made = Attachment(
        message_id=of.id,
        ticket_id=of.ticket_id,
        storage_key=kept.key,
        name=name,
        content_type="text/plain",
        size=kept.size,
        sha256=kept.sha256,
        created_at=of.created_at,
    )
    session.add(made)
    session.flush()
    return made


def bytes_of(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder with its content."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def holding(folder: Path, *words: str) -> dict[str, list[str]]:
    """Which files hold which of these words, in any case and as JSON, quoted-printable or UTF-16 write them."""
    found: dict[str, list[str]] = {}
    for path, content in bytes_of(folder).items():
        low = content.lower()
        for word in words:
            plain = word.lower()
            if plain.encode() in low or plain.encode("utf-16-le") in low:
                found.setdefault(str(path.relative_to(folder)), []).append(word)
    return found
