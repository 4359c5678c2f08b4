"""People as admins keep them: adding, editing, roles, closing and opening accounts, links. Every change writes an
audit entry.

Whoever holds a role is staff, everybody else a customer. The last admin who can sign in stays one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit, outbox
from app.accounts import invitations, service, sessions, tokens
from app.accounts.models import ADMIN, CUSTOMER, ROLES, STAFF, Grant, Person, TeamMember, Token
from app.accounts.permissions import Held
from app.accounts.queries import folded, lock_person
from app.accounts.tokens import NEW_ADDRESS, RESET, LinkRules
from app.db import all_tables, locked, sort_key
from app.errors import Conflict, NotVisible, Refused
from app.words import N_


def create(
    session: Session,
    *,
    name: str,
    address: str,
    held: Collection[Held] = (),
    language: str | None,
    password_hash: str | None = None,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> Person:
    """Add a person with her roles. With a password her address counts as proved; without one she needs a link
    (`send_link`, `invitations.invite`). Raises `Conflict` for an address that is known."""
    person = Person(
        kind=STAFF if held else CUSTOMER,
        name=name,
        sort_name=sort_key(name),
        email=folded(address),
        language=language,
        password_hash=password_hash,
        proved_at=now if password_hash else None,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:
        raise Conflict(N_("There is already a person with this address."), "email") from None
    _grant(session, person.id, held, now=now)
    _record(session, "person.create", person.id, actor_id, now, through, role=_names(held))
    return person


def edit(
    session: Session,
    person_id: int,
    *,
    name: str,
    address: str,
    language: str | None,
    rules: LinkRules,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Change name, address and language. A new address is not proved, so links to the old one are void and the old
    one gets a notice. Raises `Conflict` for an address that is taken."""
    person = lock_person(session, person_id)
    wanted = {"name": name, "email": folded(address), "language": language}
    fields = [field for field, value in wanted.items() if getattr(person, field) != value]
    service.rename(person, name)
    person.language = language
    if "email" in fields:
        old = person.email
        service.move(session, person, address)
        _tell_old_address(session, person, old, rules=rules, now=now)
    if fields:
        _record(session, "person.edit", person_id, actor_id, now, "web", fields=fields)
    session.flush()


def _tell_old_address(session: Session, person: Person, old: str, *, rules: LinkRules, now: datetime) -> None:
    proved, person.proved_at = person.proved_at, None
    tokens.void(session, person.id, RESET, now=now)
    change = tokens.issue(session, NEW_ADDRESS, person.id, rules=rules, now=now, subject=old)
    change.used_at = now  # a change that is over; the notice finds the old address in it
    if proved is not None:
        outbox.put(session, "accounts.address_changed_notice", run_at=now, token_id=change.id)


def set_roles(
    session: Session,
    person_id: int,
    held: Collection[Held],
    *,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> None:
    """Give a person exactly these roles. Who loses the last one becomes a customer and leaves the teams.

    Raises `Refused` when no admin who can sign in would be left.
    """
    admins = lock_admins(session)
    person = lock_person(session, person_id)
    before = roles_of(session, person_id)
    if set(held) == before:
        return
    if not any(one.role == ADMIN for one in held):
        keep_an_admin(admins, person_id)
    session.execute(delete(Grant).where(Grant.person_id == person_id))
    _grant(session, person_id, held, now=now)
    person.kind = STAFF if held else CUSTOMER
    if not held:
        session.execute(delete(TeamMember).where(TeamMember.person_id == person_id))
    details = {"from": _names(before), "to": _names(held)}
    _record(session, "person.roles", person_id, actor_id, now, through, **details)
    session.flush()


def roles_of(session: Session, person_id: int) -> set[Held]:
    """The roles a person holds."""
    rows = session.execute(
        select(Grant.role, Grant.team_id, Grant.category_id).where(Grant.person_id == person_id)
    )
    return {Held(*row) for row in rows}


def close(
    session: Session, person_id: int, *, actor_id: int | None, now: datetime, through: str = "web"
) -> None:
    """Close an account: its sessions and links end, nobody can sign in. Nothing else is lost.

    Raises `Refused` for one's own account and for the last admin who can sign in.
    """
    admins = lock_admins(session)
    person = lock_person(session, person_id)
    if person.disabled_at is not None:
        return
    if person_id == actor_id:
        raise Refused(N_("You cannot close your own account here. Another admin can."))
    keep_an_admin(admins, person_id)
    person.disabled_at = now
    sessions.end_all(session, person_id)
    tokens.void_all(session, person_id, now=now)
    _record(session, "person.close", person_id, actor_id, now, through)
    session.flush()


def reopen(
    session: Session, person_id: int, *, actor_id: int | None, now: datetime, through: str = "web"
) -> None:
    """Open a closed account again. Raises `Refused` for one that is being erased."""
    person = lock_person(session, person_id)
    if person.disabled_at is None:
        return
    if person.erasing_at is not None or person.erased_at is not None:
        raise Refused(N_("The account is being deleted. Only its owner can take that back."))
    person.disabled_at = None
    _record(session, "person.reopen", person_id, actor_id, now, through)
    session.flush()


def send_link(
    session: Session,
    person_id: int,
    *,
    rules: LinkRules,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
    letter: bool = True,
) -> Token:
    """A link to a new password or, where there is none yet, to a first one. Without `letter` the caller hands it over.

    Raises `Refused` for a closed account.
    """
    person = lock_person(session, person_id)
    if person.disabled_at is not None:
        raise Refused(N_("The account is closed. Open it first."))
    if person.password_hash is None:
        token = invitations.invite(session, person, rules=rules, now=now, letter=letter)
    else:
        token = tokens.issue(session, RESET, person_id, rules=rules, now=now)
        if letter:
            outbox.put(session, "accounts.reset_password", run_at=now, token_id=token.id)
    _record(session, "person.link", person_id, actor_id, now, through, reason=token.purpose)
    return token


def with_address(session: Session, address: str) -> Person:
    """The person with this address. Raises `NotVisible`."""
    found = session.scalar(select(Person).where(Person.email == folded(address)))
    if found is None:
        raise NotVisible
    return found


def sweep_guests(session: Session, *, created_before: datetime) -> int:
    """Forget people of whom nothing is known but an address that nobody proved: no password, no role, no open link,
    and no row anywhere that names them. Gives how many."""
    ours = (Token.__table__, Person.__table__)
    named = [
        column
        for table in all_tables()
        if table not in ours
        for column in table.columns
        if any(key.column is Person.__table__.c.id for key in column.foreign_keys)
    ]
    untouched = [~select(1).where(column == Person.id).correlate(Person).exists() for column in named]
    open_link = select(1).where(Token.person_id == Person.id, Token.expires_at > created_before)
    found = delete(Person).where(
        Person.kind == CUSTOMER,
        Person.password_hash.is_(None),
        Person.proved_at.is_(None),
        Person.created_at < created_before,
        ~open_link.correlate(Person).exists(),
        *untouched,
    )
    result = session.execute(found.execution_options(synchronize_session=False))
    return int(getattr(result, "rowcount", 0))


# --- the last admin --------------------------------------------------------------------------------------------


def lock_admins(session: Session) -> list[int]:
    """Ids of the admins who can sign in, their rows locked in one order, so that two admins cannot lock out each
    other at the same moment."""
    rows = session.execute(
        locked(
            select(Person.id)
            .join(Grant, Grant.person_id == Person.id)
            .where(Grant.role == ADMIN, Person.disabled_at.is_(None), Person.password_hash.is_not(None))
            .order_by(Person.id)
        )
    )
    return [person_id for (person_id,) in rows]


def keep_an_admin(admins: list[int], leaving: int) -> None:
    """Raises `Refused` when nobody but `leaving` could sign in as an admin. `admins` are those of `lock_admins`."""
    if admins == [leaving]:
        raise Refused(N_("This is the last admin who can sign in. Make somebody else an admin first."))


# --- roles as rows ---------------------------------------------------------------------------------------------


def _grant(session: Session, person_id: int, held: Collection[Held], *, now: datetime) -> None:
    for one in held:
        if one.role not in ROLES:
            raise Refused(N_("Choose a role."), "roles")
        session.add(
            Grant(
                person_id=person_id,
                role=one.role,
                team_id=one.team_id,
                category_id=one.category_id,
                created_at=now,
            )
        )
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError:
        raise Conflict(N_("A team or category is gone meanwhile. Load the page again.")) from None


def _names(held: Collection[Held]) -> list[str]:
    return sorted({one.role for one in held})


def _record(
    session: Session,
    action: str,
    person_id: int,
    actor_id: int | None,
    now: datetime,
    through: str,
    **details: object,
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="person",
        object_id=person_id,
        at=now,
        through=through,
        **details,
    )
