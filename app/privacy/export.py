"""Copies of a person's data (GDPR Art. 15, 20): asked for, handed out, expired, made again; what the privacy officer
decides about internal notes. Building the archive is `app.privacy.building`.

Every function locks the person or the request first; the caller commits.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import audit
from app.accounts.models import Person
from app.accounts.queries import lock_person, lock_person_with
from app.errors import NotVisible, Refused
from app.privacy import rights, service
from app.privacy.copies import UNDER_WAY, put_chore
from app.privacy.export_models import BUILDING, READY, RELEASED, WITHHELD, DataExport, NoteDecision
from app.privacy.models import (
    DONE,
    EXPORT,
    OPEN,
    RUNNING,
    PrivacyRequest,
)
from app.privacy.taking import Note
from app.tickets.models import Message
from app.words import N_

LETTER, NOTES_LETTER = "privacy.export_ready", "privacy.notes_decided"
GOING = N_("This person's data are to be deleted. No copy is made any more.")


# --- asking ----------------------------------------------------------------------------------------------------------


def ask(
    session: Session, person_id: int, *, lang: str, actor_id: int | None = None, now: datetime
) -> DataExport:
    """Have a copy of all data of a person made; while one is being made, it is that one. `actor_id` is the officer who
    starts it. Raises `NotVisible` for somebody who is erased, `Refused` while her deletion is under way."""
    person = lock_person(session, person_id)
    if person.erased_at is not None:
        raise NotVisible
    if person.erasing_at is not None:
        raise Refused(GOING)
    known = under_way(session, person_id)
    if known is not None:
        return known
    request = rights.stored(session, EXPORT, person_id, state=RUNNING, actor_id=actor_id, now=now)
    made = DataExport(request_id=request.id, person_id=person_id, lang=lang, state=BUILDING, created_at=now)
    session.add(made)
    session.flush()
    put_chore(session, request, made.id, now=now)
    if actor_id is not None:
        service.record(session, "privacy.start", request, actor_id, now, role=EXPORT)
    return made


def ask_for(
    session: Session, address: str, *, note: str, lang: str, actor_id: int, now: datetime
) -> DataExport:
    """The same by the officer, for whoever has this address, with or without an account; `note` is what she wrote.
    Raises `Refused`."""
    person = lock_person_with(session, address)
    if person is None:
        raise Refused(service.NOBODY, "email")
    made = ask(session, person.id, lang=person.language or lang, actor_id=actor_id, now=now)
    request = service.locked_request(session, made.request_id)
    request.note = request.note or note
    session.flush()
    return made


def under_way(session: Session, person_id: int) -> DataExport | None:
    """The copy that is being made for a person."""
    return session.scalar(
        select(DataExport)
        .join(PrivacyRequest, PrivacyRequest.id == DataExport.request_id)
        .where(
            DataExport.person_id == person_id,
            DataExport.state == BUILDING,
            PrivacyRequest.state.in_(UNDER_WAY),
        )
        .order_by(DataExport.id)
        .limit(1)
    )


# --- handing out -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a copy stands: the row, its request, and the name by which its person fetches it."""

    export: DataExport
    request: PrivacyRequest
    name: str

    def is_ready(self, now: datetime) -> bool:
        """Whether the archive can be fetched."""
        expires = self.export.expires_at
        return self.export.state == READY and expires is not None and expires > now

    @property
    def is_building(self) -> bool:
        return self.export.state == BUILDING and self.request.state in UNDER_WAY


def newest(session: Session, person_id: int, *, secret: str, limit: int = 5) -> list[Standing]:
    """A person's latest copies, newest first."""
    rows = session.execute(
        select(DataExport, PrivacyRequest)
        .join(PrivacyRequest, PrivacyRequest.id == DataExport.request_id)
        .where(DataExport.person_id == person_id)
        .order_by(DataExport.id.desc())
        .limit(limit)
    )
    return [Standing(row[0], row[1], name_of(row[0], secret)) for row in rows]


def name_of(export: DataExport, secret: str) -> str:
    """The last part of a copy's address: random, and signed for this one person with the portal's key."""
    signed = f"export|{export.public_id}|{export.person_id}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return f"{export.public_id}.{digest[:32]}"


def named(session: Session, name: str, person_id: int, *, secret: str) -> Standing:
    """The copy that an address means, for its own person. Raises `NotVisible` for everybody else, and when guessed."""
    row = session.execute(
        select(DataExport, PrivacyRequest)
        .join(PrivacyRequest, PrivacyRequest.id == DataExport.request_id)
        .where(DataExport.public_id == name.partition(".")[0], DataExport.person_id == person_id)
    ).first()
    if row is None or not hmac.compare_digest(name_of(row[0], secret).encode(), name.encode()):
        raise NotVisible
    return Standing(row[0], row[1], name)


def note_download(session: Session, export_id: int, person_id: int, *, now: datetime) -> None:
    """Write down that a copy is handed out, before it is."""
    counted = update(DataExport).where(DataExport.id == export_id)
    session.execute(counted.values(downloads=DataExport.downloads + 1, downloaded_at=now))
    audit.record(
        session,
        actor_id=person_id,
        action="privacy.download",
        object_kind="data_export",
        object_id=export_id,
        at=now,
    )


# --- internal notes ----------------------------------------------------------------------------------------------------


def decide(
    session: Session,
    request: PrivacyRequest,
    note: Note,
    *,
    state: str,
    text: str,
    reason: str,
    actor_id: int,
    now: datetime,
) -> NoteDecision:
    """Release a note in these words, or withhold it for this reason. Decided again, the later decision holds.

    Raises `Refused` for a release without words or a refusal without a reason.
    """
    service.locked_request(session, request.id)
    if state == RELEASED and not text:
        raise Refused(N_("Write what the person is to read, or withhold the note."), "text")
    if state == WITHHELD and not reason:
        raise Refused(N_("Write the reason. The person reads it."), "reason")
    message_id = session.scalars(select(Message.id).where(Message.public_id == note.key)).one()
    found = session.scalar(
        select(NoteDecision).where(
            NoteDecision.person_id == request.person_id, NoteDecision.message_id == message_id
        )
    )
    if found is None:
        found = NoteDecision(person_id=request.person_id, message_id=message_id)
        session.add(found)
    found.state, found.decided_by_id, found.decided_at = state, actor_id, now
    found.text, found.reason = (text, "") if state == RELEASED else ("", reason)
    session.flush()
    audit.record(
        session,
        actor_id=actor_id,
        action="privacy.note",
        object_kind="note_decision",
        object_id=found.id,
        at=now,
        state=state,
    )
    return found


def complete(session: Session, request: PrivacyRequest, *, actor_id: int, now: datetime) -> DataExport:
    """Have the copy made again with what was released; the person gets a letter when it is there.

    Raises `Refused` while it is being made, or when the deletion of the person is under way.
    """
    request = service.locked_request(session, request.id)
    person = session.get(Person, request.person_id) if request.person_id else None
    if request.kind != EXPORT or request.state not in (OPEN, DONE) or person is None:
        raise Refused(N_("This copy is being made, or was called off."))
    if person.erasing_at is not None:
        raise Refused(GOING)
    last = session.scalars(
        select(DataExport).where(DataExport.request_id == request.id).order_by(DataExport.id.desc()).limit(1)
    ).one()
    made = DataExport(
        request_id=request.id, person_id=person.id, lang=last.lang, state=BUILDING, created_at=now
    )
    session.add(made)
    request.state, request.done_at = RUNNING, None
    session.flush()
    put_chore(session, request, made.id, now=now)
    audit.record(
        session,
        actor_id=actor_id,
        action="privacy.complete",
        object_kind="privacy_request",
        object_id=request.id,
        at=now,
    )
    return made


def settled(session: Session, person_id: int, *, now: datetime) -> None:
    """Every copy of a person whose notes are decided by now is done."""
    waiting = update(PrivacyRequest).where(
        PrivacyRequest.person_id == person_id,
        PrivacyRequest.kind == EXPORT,
        PrivacyRequest.state == OPEN,
    )
    session.execute(waiting.values(state=DONE, done_at=now))


def of_request(session: Session, request_id: int) -> Sequence[DataExport]:
    """The copies made on one request, newest first."""
    found = select(DataExport).where(DataExport.request_id == request_id).order_by(DataExport.id.desc())
    return session.scalars(found).all()
