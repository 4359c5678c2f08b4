"""Who is told that a request about data waits for a decision: the terms of the law run whether anybody looks or not.

Knows who works on such requests, and nothing of what they decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import ADMIN, PRIVACY_OFFICER, Grant, Person
from app.privacy.models import PrivacyRequest

LETTER = "privacy.to_do"


def tell(session: Session, request: PrivacyRequest, *, now: datetime) -> None:
    """Put a letter about a stored request to each privacy officer; where there is none, to each admin."""
    for person_id in _with_role(session, PRIVACY_OFFICER) or _with_role(session, ADMIN):
        outbox.put(session, LETTER, run_at=now, request_id=request.id, person_id=person_id)


def _with_role(session: Session, role: str) -> Sequence[int]:
    """Those who can sign in, in the order of their ids."""
    return session.scalars(
        select(Person.id)
        .where(Person.disabled_at.is_(None), Person.password_hash.is_not(None))
        .where(Person.id.in_(select(Grant.person_id).where(Grant.role == role)))
        .order_by(Person.id)
    ).all()
