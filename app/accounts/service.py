"""A person and her own account: signing up, signing in, a new password, a new address, her preferences.

Answers never tell a stranger whether an address is known. Hashes come in ready-made: hashing is slow and happens
while no write session is open (`app.accounts.passwords`). Knows no page and no words of letters.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import outbox
from app.accounts import sessions, tokens
from app.accounts.models import CUSTOMER, STAFF, Person
from app.accounts.queries import Credentials, folded, lock_person, lock_person_with
from app.accounts.tokens import NEW_ADDRESS, RESET, SIGN_UP, LinkRules
from app.db import sort_key
from app.errors import Conflict, Refused
from app.words import N_

THEMES = ("system", "light", "dark")


class WrongPassword(Refused):
    """The password does not fit. The answer is the same for an unknown address."""

    def __init__(self, field: str | None = None, message: str = N_("The current password is wrong.")) -> None:
        super().__init__(message if field else N_("The email address or password is wrong."), field)


class Closing(Exception):
    """The password is right, but the account is closed and about to be erased; its owner may take that back."""

    def __init__(self, person_id: int) -> None:
        super().__init__(person_id)
        self.person_id = person_id


def guest(session: Session, address: str, *, name: str = "", language: str | None, now: datetime) -> Person:
    """The person with this address, locked; made as a guest if nobody has it. Until she says her name, the part
    before the @ stands for it. A typed name counts only while nobody has proved that the address is hers."""
    known = lock_person_with(session, address)
    if known is not None:
        if name and known.kind == CUSTOMER and not known.proved_at and not known.password_hash:
            rename(known, name)
        return known
    email = folded(address)
    name = name or email.rpartition("@")[0]
    person = Person(
        kind=CUSTOMER, name=name, sort_name=sort_key(name), email=email, language=language, created_at=now
    )
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:  # somebody else was faster
        return guest(session, address, name=name, language=language, now=now)
    return person


# --- signing up ------------------------------------------------------------------------------------------------


def sign_up(
    session: Session,
    *,
    name: str,
    address: str,
    password_hash: str,
    language: str | None,
    rules: LinkRules,
    now: datetime,
) -> None:
    """Put the letter that lets the owner of an address confirm it; name and password wait in its link.

    Known and unknown addresses are answered alike: who has an account already gets a letter that says so, a guest
    may claim hers, a closed account gets nothing.
    """
    person = guest(session, address, language=language, now=now)
    if person.disabled_at is not None:
        return
    if person.password_hash is not None:
        token = tokens.issue(session, RESET, person.id, rules=rules, now=now)
        outbox.put(session, "accounts.already_known", run_at=now, token_id=token.id)
        return
    token = tokens.issue(
        session,
        SIGN_UP,
        person.id,
        rules=rules,
        now=now,
        pending_name=name,
        pending_password_hash=password_hash,
    )
    outbox.put(session, "accounts.confirm_address", run_at=now, token_id=token.id)


def confirm(session: Session, typed: str, *, now: datetime) -> Person:
    """Open the account that a link confirms. Raises `DeadLink`."""
    token, person = tokens.take(session, SIGN_UP, typed, now=now)
    if token.pending_password_hash is None or person.password_hash is not None:
        raise tokens.DeadLink(SIGN_UP, known=True, used=True)  # she got a password another way meanwhile
    rename(person, token.pending_name or person.name)
    open_with_password(session, person, token.pending_password_hash, now=now)
    token.pending_name = token.pending_password_hash = None
    session.flush()
    return person


def rename(person: Person, name: str) -> None:
    """Change a person's name and how it sorts."""
    person.name, person.sort_name = name, sort_key(name)


def open_with_password(session: Session, person: Person, password_hash: str, *, now: datetime) -> None:
    """Give an account its password. Whoever used a link from a letter has the address; nobody else stays signed in,
    no other link to the account stays open."""
    person.password_hash = password_hash
    person.proved_at = person.proved_at or now
    sessions.end_all(session, person.id)
    tokens.void(session, person.id, SIGN_UP, RESET, NEW_ADDRESS, now=now)


# --- signing in ------------------------------------------------------------------------------------------------


def sign_in(
    session: Session,
    checked: Credentials,
    *,
    renewed_hash: str | None,
    device: str,
    network: str,
    replacing: int | None,
    now: datetime,
) -> str:
    """A new session for credentials whose password was just found right; gives the token for the cookie.

    `replacing` is the session this browser had before; it ends. Raises `WrongPassword` when the password was changed or
    the account closed while it was being checked.
    """
    person = lock_person(session, checked.person_id or 0)
    if person.disabled_at is not None or person.password_hash != checked.password_hash:
        raise WrongPassword
    if renewed_hash is not None:
        person.password_hash = renewed_hash
    if replacing is not None:
        sessions.forget(session, replacing)
    return sessions.begin(session, person.id, device=device, network=network, now=now)


# --- a new password --------------------------------------------------------------------------------------------


def request_reset(
    session: Session, address: str, *, sign_up_open: bool, rules: LinkRules, now: datetime
) -> None:
    """Put the letter with a link to a new password, if there is somebody who may have one. Tells the caller nothing.

    A customer without a password is a guest; she may make an account of it where anybody may.
    """
    person = lock_person_with(session, address)
    if person is None or person.disabled_at is not None:
        return
    if person.password_hash is not None or person.kind == STAFF or sign_up_open:
        token = tokens.issue(session, RESET, person.id, rules=rules, now=now)
        outbox.put(session, "accounts.reset_password", run_at=now, token_id=token.id)


def reset(session: Session, typed: str, password_hash: str, *, now: datetime) -> Person:
    """Set a new password by a link; every session of the person ends. Raises `DeadLink`."""
    _, person = tokens.take(session, RESET, typed, now=now)
    had_one = person.password_hash is not None
    open_with_password(session, person, password_hash, now=now)
    if had_one:
        outbox.put(session, "accounts.password_changed", run_at=now, person_id=person.id)
    session.flush()
    return person


def change_password(
    session: Session, checked: Credentials, password_hash: str, *, session_id: int | None, now: datetime
) -> None:
    """Set a new password after the old one was checked; every session but `session_id` ends.

    Raises `WrongPassword` when the old one was changed meanwhile.
    """
    person = lock_person(session, checked.person_id or 0)
    if person.password_hash != checked.password_hash:
        raise WrongPassword("current")
    person.password_hash = password_hash
    sessions.end_all(session, person.id, but=session_id)
    tokens.void(session, person.id, RESET, NEW_ADDRESS, now=now)
    outbox.put(session, "accounts.password_changed", run_at=now, person_id=person.id)
    session.flush()


# --- a new address ---------------------------------------------------------------------------------------------


def request_new_address(
    session: Session, person_id: int, address: str, *, rules: LinkRules, now: datetime
) -> None:
    """Send a link to a new address of a person; hers changes when she uses it. Whether somebody else has that address
    is told only to who reads its mail."""
    person = lock_person(session, person_id)
    if person.email == folded(address):
        raise Refused(N_("This is your address already."), "email")
    token = tokens.issue(session, NEW_ADDRESS, person.id, rules=rules, now=now, subject=folded(address))
    outbox.put(session, "accounts.new_address", run_at=now, token_id=token.id)


def confirm_new_address(session: Session, typed: str, *, person_id: int, now: datetime) -> None:
    """Change the address of a signed-in person by the link sent there. Raises `DeadLink`, for another person's link
    too, and `Conflict` when somebody has that address."""
    token, person = tokens.take(session, NEW_ADDRESS, typed, now=now)
    if person.id != person_id:
        raise tokens.DeadLink(NEW_ADDRESS, known=False)
    new, token.subject = token.subject or "", person.email
    move(session, person, new)
    person.proved_at = now
    tokens.void(session, person.id, RESET, now=now)
    outbox.put(session, "accounts.address_changed_notice", run_at=now, token_id=token.id)
    session.flush()


def move(session: Session, person: Person, address: str) -> None:
    """Give a person another address. Raises `Conflict` when somebody has it."""
    try:
        with session.begin_nested():
            person.email = folded(address)
    except IntegrityError:
        raise Conflict(N_("There is already a person with this address."), "email") from None


# --- preferences -----------------------------------------------------------------------------------------------


def change_profile(session: Session, person_id: int, *, name: str, language: str | None) -> None:
    """Change how a person is called and in which language the portal speaks to her."""
    person = lock_person(session, person_id)
    rename(person, name)
    person.language = language
    session.flush()


def choose_language(session: Session, person_id: int, language: str) -> None:
    """Change a person's language only."""
    lock_person(session, person_id).language = language
    session.flush()


def choose_theme(session: Session, person_id: int, theme: str) -> None:
    """Change how pages look to a person."""
    lock_person(session, person_id).theme = theme if theme in THEMES else None
    session.flush()
