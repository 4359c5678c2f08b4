"""Deletes what is due: every class of data has a term, and what a hold keeps stays until that is released.

`due` only looks (the dry run); `sweep` does the same bounded pieces in short transactions, safe to repeat. Terms come
from the planner and the settings page. No ledger entry is needed: after a restore the same terms are over again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.consents import Consent
from app.accounts.models import Person
from app.audit import AuditEntry
from app.now import now
from app.preferences import Preferences
from app.privacy import conversations
from app.privacy.executor import CHORE
from app.privacy.facts import IN_FORCE
from app.privacy.models import (
    DONE,
    HELD,
    REFUSED,
    RESTRICTION,
    WITHDRAWN,
    LegalHold,
    PrivacyRequest,
    RetainedIdentity,
)
from app.privacy.planner import PROOF_YEARS, STATUTORY_YEARS
from app.tickets.models import RequestType, StaffAccess, Ticket
from app.web import Portal
from app.words import N_

AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Due:
    """One class of data of which something is due: the words for it, how many, and since when the oldest is."""

    name: str
    words: str
    count: int
    oldest: date | None


def due(session: Session, moment: datetime) -> list[Due]:
    """What the next sweep deletes, a line for each class of which something is due."""
    found = []
    for rule in _rules(session, moment):
        count, oldest = session.execute(
            select(func.count(), func.min(rule.since)).select_from(rule.table).where(rule.which)
        ).one()
        if count:
            day = oldest.date() if isinstance(oldest, datetime) else oldest
            found.append(Due(rule.name, rule.words, count, day))
    return found


def sweep(session: Session, moment: datetime, portal: Portal) -> None:
    """The worker's door: delete all that is due. The session given only looks."""
    carry_out(portal, moment)


def carry_out(portal: Portal, moment: datetime) -> dict[str, int]:
    """Delete all that is due. Gives how many of each class."""
    done: dict[str, int] = {}
    with portal.database.session(write=False) as session:
        names = [rule.name for rule in _rules(session, moment)]
    for name in names:
        while True:
            with portal.database.session(write=True) as session:
                rule = next(rule for rule in _rules(session, moment) if rule.name == name)
                count = rule.apply(session, portal)
                session.commit()
            if not count:
                break
            done[name] = done.get(name, 0) + count
    if done.keys() & {"support", "letters", "receipts", "released", "identities"}:
        portal.database.overwrite_deleted()
    return done


@dataclass(frozen=True, slots=True)
class Rule:
    """A class of data: which rows are due since when, and what is done with a piece of them."""

    name: str
    words: str
    table: Any
    since: Any
    which: ColumnElement[bool]
    apply: Callable[[Session, Portal], int]


def _rules(session: Session, moment: datetime) -> Iterator[Rule]:
    keep = Preferences.read(session).period("period_support_days")
    words = {
        "support": N_("Texts of closed requests"),
        "letters": N_("Business letters after 6 years"),
        "receipts": N_("Receipts after 8 years"),
        "released": N_("Requests of deleted persons that no case keeps any more"),
    }
    for name, which in _tickets_due(moment, keep).items():
        yield Rule(name, words[name], Ticket, Ticket.status_at, which, _emptying(which))
    over = and_(
        or_(RetainedIdentity.until.is_(None), RetainedIdentity.until < moment.date()),
        ~exists().where(Ticket.requester_id == RetainedIdentity.person_id, Ticket.subject != ""),
    )
    yield _rows(
        "identities",
        N_("Senders of business letters that are gone"),
        RetainedIdentity,
        RetainedIdentity.until,
        over,
    )
    year_end = datetime(moment.year - PROOF_YEARS, 1, 1, tzinfo=UTC)
    yield _rows("audit", N_("Audit log after 3 years"), AuditEntry, AuditEntry.at, AuditEntry.at < year_end)
    yield _rows(
        "access",
        N_("Log of the team's looks after 3 years"),
        StaffAccess,
        StaffAccess.at,
        StaffAccess.at < year_end,
    )
    erased = exists().where(Person.id == PrivacyRequest.person_id, Person.erased_at.is_not(None))
    in_force = and_(PrivacyRequest.kind == RESTRICTION, PrivacyRequest.state == DONE, ~erased)
    ended = and_(
        PrivacyRequest.state.in_((DONE, WITHDRAWN, REFUSED)),
        PrivacyRequest.done_at < year_end,
        ~in_force,  # somebody may still lift it
    )
    yield _rows(
        "requests",
        N_("Data protection requests after 3 years"),
        PrivacyRequest,
        PrivacyRequest.done_at,
        ended,
    )
    yield _rows(
        "consents",
        N_("Proof of consents 3 years after they were withdrawn"),
        Consent,
        Consent.withdrawn_at,
        Consent.withdrawn_at < year_end,
    )
    free = and_(PrivacyRequest.state == HELD, ~_held_person(PrivacyRequest.person_id))
    yield Rule(
        "held",
        N_("Deletions that no case holds back any more"),
        PrivacyRequest,
        PrivacyRequest.created_at,
        free,
        _resuming(free),
    )


def _tickets_due(moment: datetime, keep: timedelta) -> dict[str, ColumnElement[bool]]:
    """Conditions for requests whose texts are due, by class. Requests that a living person had restricted (Art. 18)
    stay until she lifts that."""
    kind = func.coalesce(
        Ticket.retention,
        select(RequestType.retention)
        .where(RequestType.id == Ticket.request_type_id)
        .correlate(Ticket)
        .scalar_subquery(),
        "ticket_support",
    )
    erased = exists().where(Person.id == Ticket.requester_id, Person.erased_at.is_not(None))
    full = and_(
        Ticket.subject != "",
        Ticket.is_open.is_(False),
        ~exists().where(IN_FORCE, LegalHold.ticket_id == Ticket.id),
        ~_held_person(Ticket.requester_id),
    )
    free = and_(full, or_(Ticket.restricted_at.is_(None), erased))
    ended = func.coalesce(Ticket.closed_at, Ticket.status_at)
    conditions = {
        "support": and_(
            free, kind == "ticket_support", Ticket.restricted_at.is_(None), ended < moment - keep
        ),
        "released": and_(free, kind == "ticket_support", Ticket.restricted_at.is_not(None)),
    }
    for name, statute in (("letters", "trade_letter"), ("receipts", "receipt")):
        # the year of the last day is over so many years: terms run from the end of the calendar year
        before = datetime(moment.year - STATUTORY_YEARS[statute], 1, 1, tzinfo=UTC) - timedelta(hours=14)
        conditions[name] = and_(free, kind == statute, ended < before)
    return conditions


def _held_person(column: Any) -> ColumnElement[bool]:
    return exists().where(IN_FORCE, LegalHold.person_id == column)


def _emptying(which: ColumnElement[bool]) -> Callable[[Session, Portal], int]:
    """Empty due requests: all their texts, whoever wrote them, and their files; the subject last, for it marks them."""

    def apply(session: Session, portal: Portal) -> int:
        ids = list(session.scalars(select(Ticket.id).where(which).order_by(Ticket.id).limit(AT_ONCE)))
        if not ids:
            return 0
        everything = conversations.all_in(ids)
        while conversations.delete_files(session, portal.storage, everything):
            pass
        while conversations.empty_texts(session, everything, why=conversations.TERM):
            pass
        return conversations.close(session, ids, now=now())

    return apply


def _rows(name: str, words: str, table: Any, since: Any, which: ColumnElement[bool]) -> Rule:
    def apply(session: Session, _: Portal) -> int:
        ids = list(session.scalars(select(table.id).where(which).order_by(table.id).limit(AT_ONCE)))
        if ids:
            session.execute(delete(table).where(table.id.in_(ids)))
        return len(ids)

    return Rule(name, words, table, since, which, apply)


def _resuming(which: ColumnElement[bool]) -> Callable[[Session, Portal], int]:
    """Deletions that waited for the end of a case go on."""

    def apply(session: Session, _: Portal) -> int:
        waiting = session.scalars(
            select(PrivacyRequest).where(which).order_by(PrivacyRequest.id).limit(AT_ONCE).with_for_update()
        ).all()
        count = 0
        for request in waiting:
            job = session.get(outbox.Job, request.job_id) if request.job_id else None
            if job is not None and job.state == outbox.QUEUED:
                continue
            put = outbox.put(session, CHORE, run_at=now(), request_id=request.id)
            session.flush()
            request.job_id = put.id
            count += 1
        return count

    return apply
