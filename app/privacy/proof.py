"""Whether a certificate of deletion still holds: against the ledger, its plan, and what the database says today."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Person
from app.privacy import conversations, facts
from app.privacy.executor import ROWS, ledger_of
from app.privacy.models import PERSON, Certificate, PrivacyRequest
from app.privacy.planner import Plan
from app.privacy.sinks import DatabaseSink, Subject
from app.web import Portal


def faults_of(session: Session, portal: Portal, certificate: Certificate) -> list[str]:
    """What contradicts a certificate, a sentence each; empty when it holds. Raises `LedgerFault`."""
    return [*_ledger(portal, certificate), *_plan(session, certificate)]


def _ledger(portal: Portal, certificate: Certificate) -> Iterator[str]:
    entries = ledger_of(portal).entries()
    if certificate.ledger_number > len(entries):
        yield f"The ledger has no entry {certificate.ledger_number}."
        return
    entry = entries[certificate.ledger_number - 1]
    if entry.digest != certificate.ledger_digest:
        yield f"Entry {entry.number} of the ledger is another one."
    if entry.plan != certificate.plan_digest:
        yield "The plan in the ledger is another one."


def _plan(session: Session, certificate: Certificate) -> Iterator[str]:
    request = session.get(PrivacyRequest, certificate.request_id) if certificate.request_id else None
    if request is None or request.plan is None:
        return  # the request's own term is over; the ledger still tells
    plan = Plan.from_json(request.plan)
    if plan.digest != certificate.plan_digest:
        yield "The plan was changed."
    for block in facts.blocks(conversations.ids_of(session, plan.delete)):
        if conversations.leftovers(session, conversations.in_tickets(block, request.person_id)):
            yield "Texts or files of deleted requests are there again."
    for start in range(0, len(plan.texts), 500):
        if conversations.leftovers(session, conversations.with_keys(plan.texts[start : start + 500])):
            yield "Deleted messages are there again."
    person = session.scalar(select(Person).where(Person.id == request.person_id))
    if plan.scope == PERSON and person is not None:
        subject = Subject((), person.id, person.public_id)
        left = DatabaseSink(session).verify(subject, only=ROWS)
        if left:
            yield f"Rows of the person are there again: {len(left)}."
