"""Inviting people: by admins to an account, by managers to their organisation; accepting, withdrawing.

An invitation changes nothing until its link is used: nobody becomes a member without her own doing, and whoever
invites does not learn whether the address was known.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit, outbox
from app.accounts import organisations, service, tokens
from app.accounts.models import MEMBERSHIP_ROLES, Person, Token
from app.accounts.tokens import INVITATION, LinkRules
from app.db import locked
from app.errors import NotVisible, Refused
from app.words import N_


def invite(
    session: Session, person: Person, *, rules: LinkRules, now: datetime, letter: bool = True
) -> Token:
    """Invite a person to open her account. Without `letter` the caller hands the link over."""
    token = tokens.issue(session, INVITATION, person.id, rules=rules, now=now)
    if letter:
        outbox.put(session, "accounts.invitation", run_at=now, token_id=token.id)
    return token


def invite_to(
    session: Session,
    organisation_id: int,
    address: str,
    role: str,
    *,
    language: str | None,
    rules: LinkRules,
    actor_id: int | None,
    now: datetime,
) -> Token | None:
    """Offer a role in an organisation to the owner of an address. None for a closed account, of which nobody hears.

    Raises `Refused` when she is a member already.
    """
    _check_role(role)
    person = service.guest(session, address, language=language, now=now)
    if organisations.role_of(session, organisation_id, person.id) is not None:
        raise Refused(N_("This person is a member already."), "email")
    if person.disabled_at is not None:
        return None
    token = tokens.issue(
        session,
        INVITATION,
        person.id,
        rules=rules,
        now=now,
        organisation_id=organisation_id,
        membership_role=role,
    )
    outbox.put(session, "accounts.invitation", run_at=now, token_id=token.id)
    audit.record(
        session,
        actor_id=actor_id,
        action="membership.invite",
        object_kind="organisation",
        object_id=organisation_id,
        at=now,
        person_id=person.id,
        role=role,
    )
    return token


def accept(session: Session, typed: str, *, name: str, password_hash: str | None, now: datetime) -> Person:
    """Use an invitation: an account without a password opens with a name and one; the offered role counts from now.

    Raises `DeadLink`, and `Refused` without a password where one is needed.
    """
    token, person = tokens.take(session, INVITATION, typed, now=now)
    if person.password_hash is None:
        if password_hash is None:
            raise Refused(N_("Enter a password."), "password")
        service.rename(person, name)
        service.open_with_password(session, person, password_hash, now=now)
    if token.organisation_id is not None and token.membership_role is not None:
        organisations.place(session, token.organisation_id, person.id, token.membership_role, now=now)
    session.flush()
    return person


def withdraw(
    session: Session, organisation_id: int, token_id: int, *, actor_id: int | None, now: datetime
) -> None:
    """Take back an invitation to an organisation. Raises `NotVisible` for one of another organisation."""
    token = session.scalar(
        locked(select(Token).where(Token.id == token_id, Token.organisation_id == organisation_id))
    )
    if token is None:
        raise NotVisible
    if tokens.is_live(token, now):
        token.expires_at = now
    audit.record(
        session,
        actor_id=actor_id,
        action="membership.withdraw",
        object_kind="organisation",
        object_id=organisation_id,
        at=now,
        person_id=token.person_id,
    )
    session.flush()


def _check_role(role: str) -> None:
    if role not in MEMBERSHIP_ROLES:
        raise Refused(N_("Choose a role."), "role")
