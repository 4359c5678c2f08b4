"""What is asked about people. Every list selects columns and pages by key; nothing here changes anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, literal, null, select, union_all
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


def hash_token(token: str) -> str:
    """What is stored of a random token: enough to recognise it, not enough to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def viewer_of_session(session: Session, token: str, *, now: datetime, idle: timedelta) -> Viewer | None:
    """The person behind a live session, with everything permissions and audiences need. Two statements.

    None when the session ended, was idle too long, or its person is disabled.
    """
    row = session.execute(
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
            UserSession.token_hash == hash_token(token),
            UserSession.seen_at > now - idle,
            Person.disabled_at.is_(None),
        )
    ).first()
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
    grants = select(literal("grant"), Grant.role, Grant.team_id, Grant.category_id, null()).where(
        Grant.person_id == person_id
    )
    places = (
        select(literal("organisation"), Organisation.slug, Organisation.id, null(), Membership.role)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id)
    )
    rows: Sequence[Any] = session.execute(union_all(grants, places, _segments(person_id))).all()
    held = tuple(Held(row[1], row[2], row[3]) for row in rows if row[0] == "grant")
    organisations = tuple((row[2], row[1], row[4]) for row in rows if row[0] == "organisation")
    segments = tuple({(row[2], row[1]): None for row in rows if row[0] == "segment"})
    return held, organisations, segments


def _segments(person_id: int) -> Select[str, str, int, None, None]:
    own = select(Membership.organisation_id).where(Membership.person_id == person_id)
    return (
        select(literal("segment"), Segment.slug, Segment.id, null(), null())
        .join(SegmentMember, SegmentMember.segment_id == Segment.id)
        .where((SegmentMember.person_id == person_id) | SegmentMember.organisation_id.in_(own))
    )
