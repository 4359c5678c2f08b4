"""Links in letters: made, recognised, used once. A look at a link (GET) never uses it up; mail scanners look too.

Knows tokens and the person each belongs to; what a used link brings about is decided by the services.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Person, Token
from app.accounts.queries import hash_token, lock_person
from app.db import locked
from app.errors import Refused
from app.preferences import Preferences
from app.words import N_

SIGN_UP, RESET, INVITATION, NEW_ADDRESS = "sign_up", "reset", "invitation", "new_address"
PRIVACY, DELETION_UNDO = "privacy", "deletion_undo"  # used by data protection, a floor above
KEPT_AFTER_END = timedelta(days=30)  # so long a person with an old letter reads why its link does nothing

PATHS = {
    SIGN_UP: "/account/sign-up/",
    RESET: "/account/reset/",
    INVITATION: "/account/invitation/",
    NEW_ADDRESS: "/account/address/",
    PRIVACY: "/privacy/link/",
    DELETION_UNDO: "/privacy/deletion/undo/",
}


class DeadLink(Refused):
    """The link cannot be used: it is unknown, was used, expired, or was replaced by a newer one."""

    def __init__(self, purpose: str, *, known: bool, used: bool = False) -> None:
        super().__init__(
            N_("This link has been used already.") if used else N_("This link is not valid any more.")
        )
        self.purpose = purpose
        self.known = known
        self.used = used


@dataclass(frozen=True, slots=True)
class LinkRules:
    """The portal's key, of which links are made, and how long a link of each purpose is valid."""

    secret: str
    periods: dict[str, timedelta]

    @classmethod
    def of(cls, preferences: Preferences, secret: str) -> LinkRules:
        sign_up = preferences.period("period_sign_up_hours")
        return cls(
            secret,
            {
                SIGN_UP: sign_up,
                NEW_ADDRESS: sign_up,
                RESET: preferences.period("period_reset_minutes"),
                INVITATION: preferences.period("period_invitation_days"),
                PRIVACY: sign_up,
                DELETION_UNDO: preferences.period("period_undo_deletion_days"),
            },
        )


def issue(
    session: Session,
    purpose: str,
    person_id: int,
    *,
    rules: LinkRules,
    now: datetime,
    subject: str | None = None,
    pending_name: str | None = None,
    pending_password_hash: str | None = None,
    organisation_id: int | None = None,
    membership_role: str | None = None,
) -> Token:
    """A new link for one person and purpose; an older unused one is void from now on (an invitation replaces only
    the one to the same organisation)."""
    void(session, person_id, purpose, organisation_id=organisation_id, now=now)
    seed = secrets.token_urlsafe(24)
    token = Token(
        purpose=purpose,
        seed=seed,
        token_hash=hash_token(_derived(rules.secret, purpose, seed)),
        person_id=person_id,
        subject=subject,
        organisation_id=organisation_id,
        membership_role=membership_role,
        pending_name=pending_name,
        pending_password_hash=pending_password_hash,
        created_at=now,
        expires_at=now + rules.periods[purpose],
    )
    session.add(token)
    session.flush()
    return token


def address(token: Token, secret: str, base_url: str) -> str:
    """The link itself. `secret` is the portal's key; the same row always gives the same link."""
    return f"{base_url}{PATHS[token.purpose]}{_derived(secret, token.purpose, token.seed)}"


def is_live(token: Token | None, now: datetime) -> bool:
    """Whether the link could be used now."""
    return token is not None and token.used_at is None and token.expires_at > now


def look(session: Session, purpose: str, typed: str, *, now: datetime) -> Token:
    """The token behind a link, without using it. Raises `DeadLink`."""
    token = session.scalar(
        select(Token).where(Token.token_hash == hash_token(typed), Token.purpose == purpose)
    )
    return _live(token, purpose, now)


def take(session: Session, purpose: str, typed: str, *, now: datetime) -> tuple[Token, Person]:
    """Use a link: the person and the token, both locked, the token marked as used. Raises `DeadLink`, also when
    somebody used it a moment ago or the person's account is closed."""
    person = lock_person(session, look(session, purpose, typed, now=now).person_id)
    token = session.scalar(
        locked(select(Token).where(Token.token_hash == hash_token(typed))).execution_options(
            populate_existing=True
        )
    )
    token = _live(token, purpose, now)
    if person.disabled_at is not None:
        raise DeadLink(purpose, known=True)
    token.used_at = now
    return token, person


def void(
    session: Session, person_id: int, *purposes: str, now: datetime, organisation_id: int | None = None
) -> None:
    """End unused links of a person before their time and forget what waited in them."""
    wanted = update(Token).where(
        Token.person_id == person_id,
        Token.purpose.in_(purposes),
        Token.used_at.is_(None),
        Token.expires_at > now,
    )
    if INVITATION in purposes:
        wanted = wanted.where(Token.organisation_id.is_not_distinct_from(organisation_id))
    session.execute(wanted.values(expires_at=now, **_FORGOTTEN))


def void_all(session: Session, person_id: int, *, now: datetime) -> None:
    """End every unused link of a person (her account is closed)."""
    ended = update(Token).where(Token.person_id == person_id, Token.used_at.is_(None), Token.expires_at > now)
    session.execute(ended.values(expires_at=now, **_FORGOTTEN))


def sweep(session: Session, *, now: datetime) -> int:
    """Forget what waited in links that were never used, and remove links that ended a while ago. Gives how many were
    removed."""
    waiting = Token.pending_name.is_not(None) | Token.pending_password_hash.is_not(None)
    session.execute(update(Token).where(Token.expires_at <= now, waiting).values(**_FORGOTTEN))
    removed = session.execute(delete(Token).where(Token.expires_at <= now - KEPT_AFTER_END))
    return int(getattr(removed, "rowcount", 0))


_FORGOTTEN: dict[str, None] = {"pending_name": None, "pending_password_hash": None}


def _live(token: Token | None, purpose: str, now: datetime) -> Token:
    if token is None:
        raise DeadLink(purpose, known=False)
    if not is_live(token, now):
        raise DeadLink(purpose, known=True, used=token.used_at is not None)
    return token


def _derived(secret: str, purpose: str, seed: str) -> str:
    digest = hmac.new(secret.encode(), f"{purpose}|{seed}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
