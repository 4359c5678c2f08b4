"""Keys for programs: made and revoked on the command line, recognised at the JSON doors. Only a key's hash is stored.

A key carries one person's rights within some scopes, and ends with her account.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app import audit
from app.accounts.models import ApiToken, Person
from app.accounts.permissions import Viewer
from app.accounts.queries import folded, hash_token, lock_person_with, viewer_of_person
from app.db import locked
from app.errors import NotVisible, Refused
from app.words import N_

SEARCH, READ_ARTICLES = "search", "articles:read"
SCOPES = (SEARCH, READ_ARTICLES)
PREFIX = "portal_"  # so that a key that got lost is recognised for what it is


def create(
    session: Session,
    address: str,
    scopes: Collection[str],
    *,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> tuple[int, str]:
    """A new key for a person: its number, and the key itself, which is told only now. Raises `Refused` for a scope
    that does not exist, `NotVisible` for an address that nobody has."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise Refused(
            N_("“%(scope)s” is not a scope. There are: %(scopes)s."),
            "scopes",
            scope=", ".join(unknown),
            scopes=", ".join(SCOPES),
        )
    person = lock_person_with(session, address)
    if person is None or person.disabled_at is not None:
        raise NotVisible
    key = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        person_id=person.id, token_hash=hash_token(key), scopes=sorted(set(scopes)), created_at=now
    )
    session.add(row)
    session.flush()
    _note(session, "token.create", row, actor_id, now, through)
    return row.id, key


def revoke(
    session: Session, wanted: str, *, actor_id: int | None, now: datetime, through: str = "web"
) -> int:
    """End a key, named by its number or by itself; gives its number. Raises `NotVisible`; safe to repeat."""
    numbered = wanted.isascii() and wanted.isdigit() and len(wanted) < 19
    which = ApiToken.id == int(wanted) if numbered else ApiToken.token_hash == hash_token(wanted)
    row = session.scalar(locked(select(ApiToken).where(which)))
    if row is None:
        raise NotVisible
    if row.revoked_at is None:
        row.revoked_at = now
        session.flush()
        _note(session, "token.revoke", row, actor_id, now, through)
    return int(row.id)


def listed(
    session: Session, address: str | None = None
) -> list[Row[int, str, list[str], datetime, datetime | None]]:
    """Number, address, scopes, and when it was made and revoked, of all keys or of one person's."""
    found = (
        select(ApiToken.id, Person.email, ApiToken.scopes, ApiToken.created_at, ApiToken.revoked_at)
        .join(Person, Person.id == ApiToken.person_id)
        .order_by(ApiToken.id)
    )
    if address is not None:
        found = found.where(Person.email == folded(address))
    return list(session.execute(found))


def owner(session: Session, key: str) -> tuple[Viewer, frozenset[str]] | None:
    """Whom a key stands for and what it opens; None for one that is unknown, revoked, or whose account is closed."""
    row = session.execute(
        select(ApiToken.person_id, ApiToken.scopes).where(
            ApiToken.token_hash == hash_token(key), ApiToken.revoked_at.is_(None)
        )
    ).first()
    viewer = viewer_of_person(session, row.person_id) if row else None
    return (viewer, frozenset(row.scopes)) if row and viewer else None


def _note(
    session: Session, action: str, row: ApiToken, actor_id: int | None, now: datetime, through: str
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="api_token",
        object_id=row.id,
        at=now,
        through=through,
        person_id=row.person_id,
    )
