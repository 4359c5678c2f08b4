"""Who outside the operator's house receives data: the list that people read in their data and the record of processing
names. Changes are audited; the caller commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit
from app.db import sort_key
from app.errors import NotVisible
from app.privacy.models import Recipient
from app.privacy.record import Receiver


def listed(session: Session) -> Sequence[Recipient]:
    """All of them by name. One statement."""
    return session.scalars(select(Recipient).order_by(Recipient.sort_name, Recipient.id)).all()


def receivers(session: Session, lang: str) -> list[Receiver]:
    """The same as the record of processing and my data name them, in one language."""
    return [
        Receiver(
            row.name,
            row.purpose.get(lang) or next(iter(row.purpose.values()), ""),
            row.country,
            row.contract_on,
        )
        for row in listed(session)
    ]


def one(session: Session, recipient_id: int) -> Recipient:
    """One of them. Raises `NotVisible`."""
    found = session.get(Recipient, recipient_id)
    if found is None:
        raise NotVisible
    return found


def save(
    session: Session,
    recipient_id: int | None,
    *,
    name: str,
    purpose: dict[str, str],
    country: str,
    contract_on: date | None,
    actor_id: int,
    now: datetime,
) -> Recipient:
    """Enter or change one. Raises `NotVisible`."""
    values = {
        "name": name,
        "sort_name": sort_key(name),
        "purpose": purpose,
        "country": country,
        "contract_on": contract_on,
    }
    if recipient_id is None:
        row = Recipient(**values, created_at=now)
        session.add(row)
        fields: list[str] = []
    else:
        row = one(session, recipient_id)
        fields = [field for field, value in values.items() if getattr(row, field) != value]
        for field, value in values.items():
            setattr(row, field, value)
    session.flush()
    _record(session, "recipient.edit" if recipient_id else "recipient.create", row.id, actor_id, now, fields)
    return row


def remove(session: Session, recipient_id: int, *, actor_id: int, now: datetime) -> None:
    """Take one off the list. Raises `NotVisible`."""
    session.delete(one(session, recipient_id))
    session.flush()
    _record(session, "recipient.delete", recipient_id, actor_id, now, [])


def _record(
    session: Session, action: str, row_id: int, actor_id: int, now: datetime, fields: list[str]
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="recipient",
        object_id=row_id,
        at=now,
        fields=fields,
    )
