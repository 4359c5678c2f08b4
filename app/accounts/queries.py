"""What is asked about one person: who stands behind a session, her credentials, devices and organisations.

Lists for the admin area are in `app.accounts.directory`. Nothing here changes anything.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Row, bindparam, literal, null, select, union_all
from sqlalchemy.orm import Session

from app.accounts.models import (
    Grant,
    Membership,
    Organisation,
    Person,
    Segment,
    SegmentMember,
    UserSession,
)
from app.accounts.permissions import Held, Viewer
from app.db import locked
from app.errors import NotVisible


def hash_token(token: str) -> str:
    """What is stored of a random token: enough to recognise it, not enough to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


# Asked with every page: made once, since making a statement takes longer than asking it.
_LIVE_SESSION = (
    select(
        UserSession.id,
        UserSession.seen_at,
        Person.id,
        Person.public_id,
        Person.name,
        Person.email,
        Person.kind,
        Person.language,
        Person.theme,
    )
    .join(Person, Person.id == UserSession.person_id)
    .where(
        UserSession.token_hash == bindparam("token_hash"),
        UserSession.seen_at > bindparam("since"),
        Person.disabled_at.is_(None),
    )
)


def viewer_of_session(session: Session, token: str, *, now: datetime, idle: timedelta) -> Viewer | None:
    """The person behind a live session, with everything permissions and audiences need. Two statements.

    None when the session ended, was idle too long, or its person is disabled.
    """
    row = session.execute(_LIVE_SESSION, {"token_hash": hash_token(token), "since": now - idle}).first()
    if row is None:
        return None
    session_id, seen_at, person_id, public_id, name, email, kind, language, theme = row
    held, organisations, segments = _belongings(session, person_id)
    return Viewer(
        person_id=person_id,
        public_id=public_id,
        name=name,
        email=email,
        kind=kind,
        language=language,
        theme=theme,
        held=held,
        organisations=organisations,
        segments=segments,
        session_id=session_id,
        session_seen_at=int(seen_at.timestamp()),
        token=token,
    )


def viewer_of_person(session: Session, person_id: int) -> Viewer | None:
    """The same for a person without a session (a token of the API, a letter)."""
    person = session.execute(
        select(Person.public_id, Person.name, Person.email, Person.kind, Person.language).where(
            Person.id == person_id, Person.disabled_at.is_(None)
        )
    ).first()
    if person is None:
        return None
    held, organisations, segments = _belongings(session, person_id)
    return Viewer(person_id, *person, held=held, organisations=organisations, segments=segments)


def _belongings(
    session: Session, person_id: int
) -> tuple[tuple[Held, ...], tuple[tuple[int, str, str], ...], tuple[tuple[int, str], ...]]:
    """Grants, organisations and segments (her own and her organisations') in one statement."""
    rows: Sequence[Any] = session.execute(_BELONGINGS, {"person_id": person_id}).all()
    held = tuple(Held(row[1], row[2], row[3]) for row in rows if row[0] == "grant")
    organisations = tuple((row[2], row[1], row[4]) for row in rows if row[0] == "organisation")
    segments = tuple({(row[2], row[1]): None for row in rows if row[0] == "segment"})
    return held, organisations, segments


def _belongings_of(person_id: BindParameter[Any]) -> CompoundSelect[Any]:
    grants = select(literal("grant"), Grant.role, Grant.team_id, Grant.category_id, null()).where(
        Grant.person_id == person_id
    )
    places = (
        select(literal("organisation"), Organisation.slug, Organisation.id, null(), Membership.role)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id)
    )
    hers = select(Membership.organisation_id).where(Membership.person_id == person_id)
    segments = (
        select(literal("segment"), Segment.slug, Segment.id, null(), null())
        .join(SegmentMember, SegmentMember.segment_id == Segment.id)
        .where((SegmentMember.person_id == person_id) | SegmentMember.organisation_id.in_(hers))
    )
    return union_all(grants, places, segments)


_BELONGINGS = _belongings_of(bindparam("person_id"))


def folded(address: str) -> str:
    """An e-mail address as it is stored and compared: upper and lower case are the same to people."""
    return unicodedata.normalize("NFC", address.strip()).casefold()


def lock_person(session: Session, person_id: int) -> Person:
    """The person's row, locked until the transaction ends. Raises `NotVisible` if she is gone."""
    found: Person | None = session.scalar(
        locked(select(Person).where(Person.id == person_id)).execution_options(populate_existing=True)
    )
    if found is None:
        raise NotVisible
    return found


def lock_person_with(session: Session, address: str) -> Person | None:
    """The person with this address, locked until the transaction ends."""
    found: Person | None = session.scalar(
        locked(select(Person).where(Person.email == folded(address))).execution_options(
            populate_existing=True
        )
    )
    return found


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a typed password is checked against; without a person all is None, and nobody can tell."""

    person_id: int | None = None
    name: str = ""
    email: str = ""
    password_hash: str | None = None


def credentials_with(session: Session, address: str) -> Credentials:
    """The credentials of the account with this address; empty ones for an unknown, closed or passwordless one."""
    return _credentials(session, Person.email == folded(address))


def credentials_of(session: Session, person_id: int) -> Credentials:
    """The credentials of a signed-in person."""
    return _credentials(session, Person.id == person_id)


def credentials_of_closing(session: Session, address: str) -> Credentials:
    """The credentials of an account that is closed and about to be erased, so that its owner can take that back."""
    row = session.execute(
        select(Person.id, Person.name, Person.email, Person.password_hash).where(
            Person.email == folded(address), Person.erasing_at.is_not(None), Person.password_hash.is_not(None)
        )
    ).first()
    return Credentials(*row) if row else Credentials()


def _credentials(session: Session, which: Any) -> Credentials:
    row = session.execute(
        select(Person.id, Person.name, Person.email, Person.password_hash).where(
            which, Person.disabled_at.is_(None), Person.password_hash.is_not(None)
        )
    ).first()
    return Credentials(*row) if row else Credentials()


def own_organisations(session: Session, person_id: int) -> Sequence[Row[str, str, str, datetime]]:
    """Where a person belongs: slug and name of the organisation, her role in it, since when."""
    return session.execute(
        select(Organisation.slug, Organisation.name, Membership.role, Membership.created_at)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id)
        .order_by(Organisation.sort_name, Organisation.id)
    ).all()


def devices(session: Session, person_id: int) -> Sequence[Row[int, str, str, datetime, datetime]]:
    """A person's live sign-ins, the last used one first: id, device, network, begun, last seen."""
    return session.execute(
        select(
            UserSession.id,
            UserSession.device,
            UserSession.network,
            UserSession.created_at,
            UserSession.seen_at,
        )
        .where(UserSession.person_id == person_id)
        .order_by(UserSession.seen_at.desc(), UserSession.id.desc())
        .limit(50)
    ).all()
