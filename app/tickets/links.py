"""The link in a letter that opens one request without a password: made, recognised, ended.

Looking at a link (GET) changes nothing; what pressing its button brings about is `service.prove`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.queries import hash_token
from app.db import insert_ignoring
from app.tickets.models import Ticket, TicketLink

PATH = "/t/"


def ensure(session: Session, ticket_id: int, person_id: int, *, secret: str, now: datetime) -> None:
    """See to it that this person has a link to this ticket. One statement; an existing link stays as it is."""
    seed = secrets.token_urlsafe(24)
    insert_ignoring(
        session,
        TicketLink,
        {
            "ticket_id": ticket_id,
            "person_id": person_id,
            "seed": seed,
            "token_hash": hash_token(_derived(secret, seed)),
            "created_at": now,
            "revoked_at": None,
        },
        ["ticket_id", "person_id"],
    )


def address(session: Session, ticket_id: int, person_id: int, *, secret: str, base_url: str) -> str | None:
    """The link of one person to one ticket, always the same; None if she has none or it was revoked."""
    seed = session.scalar(
        select(TicketLink.seed).where(
            TicketLink.ticket_id == ticket_id,
            TicketLink.person_id == person_id,
            TicketLink.revoked_at.is_(None),
        )
    )
    return None if seed is None else f"{base_url}{PATH}{_derived(secret, seed)}"


def hash_of(token: str) -> str:
    """What is kept of a link's token, in the database and in the browser's session."""
    return hash_token(token)


def live(
    session: Session,
    token_hashes: Collection[str],
    *,
    period: timedelta,
    now: datetime,
    ticket_id: int | None = None,
) -> tuple[int, int] | None:
    """Ticket and person of one of these links that still opens: not revoked, and the ticket not closed longer than
    `period`, nor taken out. None for any other, whatever the reason."""
    wanted = (
        select(TicketLink.ticket_id, TicketLink.person_id)
        .join(Ticket, Ticket.id == TicketLink.ticket_id)
        .where(
            TicketLink.token_hash.in_(token_hashes),
            TicketLink.revoked_at.is_(None),
            Ticket.disposal.is_(None),
            Ticket.closed_at.is_(None) | (Ticket.closed_at > now - period),
        )
    )
    if ticket_id is not None:
        wanted = wanted.where(TicketLink.ticket_id == ticket_id)
    row = session.execute(wanted).first()
    return None if row is None else (row[0], row[1])


def _derived(secret: str, seed: str) -> str:
    digest = hmac.new(secret.encode(), f"ticket-link|{seed}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
