"""Legal holds: proposed by one admin, in force once a second confirms, looked at again after six months at most.

What a hold keeps is decided by the planner. Every step writes an audit entry with row numbers only; the caller commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased

from app import audit, outbox
from app.accounts.models import Person
from app.accounts.queries import lock_person, lock_person_with
from app.errors import NotVisible, Refused
from app.privacy.executor import CHORE
from app.privacy.models import ERASURE, GROUNDS, HELD, RUNNING, LegalHold, PrivacyRequest
from app.privacy.rights import months_after
from app.tickets.models import FIRST_NUMBER, Ticket
from app.words import N_

LONGEST_MONTHS = 6


def propose(
    session: Session,
    *,
    address: str = "",
    number: int | None = None,
    ground: str,
    reason: str,
    review_on: date,
    actor_id: int,
    now: datetime,
) -> LegalHold:
    """Propose a hold on a person (by her address) or on one request (by its number).

    Raises `Refused` for somebody or something unknown, and a review that is over or too far ahead.
    """
    if ground not in GROUNDS:
        raise Refused(N_("Choose a kind of case."), "ground")
    _check_review(review_on, now)
    person_id, ticket_id = _whom(session, address, number)
    hold = LegalHold(
        person_id=person_id,
        ticket_id=ticket_id,
        ground=ground,
        reason=reason,
        review_on=review_on,
        proposed_by_id=actor_id,
        proposed_at=now,
    )
    session.add(hold)
    session.flush()
    _record(session, "hold.propose", hold, actor_id, now)
    return hold


def _check_review(review_on: date, now: datetime) -> None:
    latest = months_after(now, LONGEST_MONTHS).date()
    if not now.date() < review_on <= latest:
        raise Refused(N_("Choose a day after today and at most 6 months ahead."), "review_on")


def _whom(session: Session, address: str, number: int | None) -> tuple[int | None, int | None]:
    if bool(address.strip()) == (number is not None):
        raise Refused(N_("Name either a person or a request."), "email")
    if number is not None:
        proved = Ticket.proved_at.is_not(None)  # others are swept: nobody has shown whose they are
        ticket_id = session.scalar(select(Ticket.id).where(Ticket.id == number - FIRST_NUMBER, proved))
        if ticket_id is None:
            raise Refused(N_("There is no confirmed request with this number."), "number")
        return None, ticket_id
    person = lock_person_with(session, address)
    if person is None:
        raise Refused(N_("Nobody here has this address."), "email")
    return person.id, None


def confirm(session: Session, public_id: str, *, actor_id: int, now: datetime) -> LegalHold:
    """Put a hold in force. Raises `Refused` for who proposed it, and while the erasure it should stop is under way."""
    hold = _locked(session, public_id)
    if hold.confirmed_at is not None or hold.released_at is not None:
        raise Refused(N_("This hold is confirmed or released already."))
    if hold.proposed_by_id == actor_id:
        raise Refused(N_("A second admin must confirm the hold."))
    _wait_for_erasure(session, hold)
    hold.confirmed_by_id, hold.confirmed_at = actor_id, now
    session.flush()
    _record(session, "hold.confirm", hold, actor_id, now)
    return hold


def _wait_for_erasure(session: Session, hold: LegalHold) -> None:
    person_id = hold.person_id or session.scalar(
        select(Ticket.requester_id).where(Ticket.id == hold.ticket_id)
    )
    lock_person(session, person_id or 0)
    under_way = select(PrivacyRequest.id).where(
        PrivacyRequest.person_id == person_id,
        PrivacyRequest.kind == ERASURE,
        PrivacyRequest.state == RUNNING,
    )
    if session.scalar(under_way) is not None:
        raise Refused(N_("A deletion of this person is being carried out. It is too late for a hold."))


def renew(session: Session, public_id: str, review_on: date, *, actor_id: int, now: datetime) -> LegalHold:
    """Look at a hold again on another day, because the case goes on. Raises `Refused`."""
    hold = _in_force(session, public_id)
    _check_review(review_on, now)
    hold.review_on = review_on
    session.flush()
    _record(session, "hold.renew", hold, actor_id, now)
    return hold


def release(session: Session, public_id: str, *, actor_id: int, now: datetime) -> LegalHold:
    """End a hold. A proposal may be withdrawn the same way. Deletions that waited for it go on at once."""
    hold = _locked(session, public_id)
    if hold.released_at is not None:
        raise Refused(N_("This hold is confirmed or released already."))
    hold.released_by_id, hold.released_at = actor_id, now
    session.flush()
    waiting = session.scalars(
        select(PrivacyRequest)
        .where(PrivacyRequest.person_id == hold.person_id, PrivacyRequest.state == HELD)
        .with_for_update()
    )
    for request in waiting:
        job = outbox.put(session, CHORE, run_at=max(now, request.run_at or now), request_id=request.id)
        session.flush()
        request.job_id = job.id
    _record(session, "hold.release", hold, actor_id, now)
    return hold


def listed(session: Session) -> Sequence[Row]:  # type: ignore[type-arg]
    """Holds that are not released, the next to be looked at first, with the person's name or the request's id."""
    proposer, confirmer = aliased(Person), aliased(Person)
    return session.execute(
        select(
            LegalHold.public_id,
            LegalHold.ground,
            LegalHold.reason,
            LegalHold.review_on,
            LegalHold.proposed_at,
            LegalHold.proposed_by_id,
            LegalHold.confirmed_at,
            LegalHold.ticket_id,
            Person.name.label("person_name"),
            proposer.name.label("proposed_by"),
            confirmer.name.label("confirmed_by"),
        )
        .outerjoin(Person, Person.id == LegalHold.person_id)
        .outerjoin(proposer, proposer.id == LegalHold.proposed_by_id)
        .outerjoin(confirmer, confirmer.id == LegalHold.confirmed_by_id)
        .where(LegalHold.released_at.is_(None))
        .order_by(LegalHold.review_on, LegalHold.id)
        .limit(200)
    ).all()


def _in_force(session: Session, public_id: str) -> LegalHold:
    hold = _locked(session, public_id)
    if hold.confirmed_at is None or hold.released_at is not None:
        raise Refused(N_("This hold is not in force."))
    return hold


def _locked(session: Session, public_id: str) -> LegalHold:
    found: LegalHold | None = session.scalar(
        select(LegalHold)
        .where(LegalHold.public_id == public_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotVisible
    return found


def _record(session: Session, action: str, hold: LegalHold, actor_id: int, now: datetime) -> None:
    audit.record(
        session, actor_id=actor_id, action=action, object_kind="legal_hold", object_id=hold.id, at=now
    )
