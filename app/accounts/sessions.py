"""Sign-ins as rows: begun, seen, ended. A cookie without a live row opens nothing."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Person, UserSession
from app.accounts.permissions import Viewer
from app.accounts.queries import hash_token
from app.errors import NotVisible


def begin(session: Session, person_id: int, *, device: str, network: str, now: datetime) -> str:
    """A new sign-in on one device. Gives the token for the cookie; only its hash is stored."""
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(
            person_id=person_id,
            token_hash=hash_token(token),
            created_at=now,
            seen_at=now,
            device=device,
            network=network,
        )
    )
    session.execute(update(Person).where(Person.id == person_id).values(last_seen_at=now))
    session.flush()
    return token


def seen(session: Session, viewer: Viewer, *, now: datetime) -> None:
    """Note a visit (an observation)."""
    session.execute(update(UserSession).where(UserSession.id == viewer.session_id).values(seen_at=now))
    session.execute(update(Person).where(Person.id == viewer.person_id).values(last_seen_at=now))


def end(session: Session, person_id: int, session_id: int) -> None:
    """Sign one device out. Raises `NotVisible` for another person's session."""
    found = session.scalar(
        select(UserSession).where(UserSession.id == session_id, UserSession.person_id == person_id)
    )
    if found is None:
        raise NotVisible
    session.delete(found)
    session.flush()


def forget(session: Session, session_id: int) -> None:
    """End one session, whoever's it is, if it still lives (its browser signs out or signs in anew)."""
    session.execute(delete(UserSession).where(UserSession.id == session_id))


def end_all(session: Session, person_id: int, *, but: int | None = None) -> int:
    """Sign out every device of a person, except perhaps one session. Gives how many."""
    ended = session.execute(
        delete(UserSession).where(UserSession.person_id == person_id, UserSession.id != (but or 0))
    )
    return int(getattr(ended, "rowcount", 0))


def sweep(session: Session, *, idle_before: datetime) -> int:
    """Remove sign-ins that were idle too long. Gives how many."""
    removed = session.execute(delete(UserSession).where(UserSession.seen_at < idle_before))
    return int(getattr(removed, "rowcount", 0))
