"""Requests of people about their data: asked for, taken back, started by an officer, refused, prolonged, answered.

Carrying out an erasure is `app.privacy.executor`. Every function locks the person or the request first; the caller
commits. What an officer does is written to the audit log, by row numbers only.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import audit, outbox
from app.accounts import people, sessions, tokens
from app.accounts.models import Person, Token
from app.accounts.queries import lock_person, lock_person_with
from app.accounts.tokens import DELETION_UNDO, PRIVACY, LinkRules
from app.errors import NotVisible, Refused
from app.privacy import facts, rights
from app.privacy.executor import CHORE, plan_for
from app.privacy.models import (
    DONE,
    ERASURE,
    EXPORT,
    FAILED,
    FILE,
    GRACE,
    HELD,
    KINDS,
    OPEN,
    PERSON,
    REFUSED,
    RESTRICTION,
    RUNNING,
    TICKET,
    UNFINISHED,
    WITHDRAWN,
    PrivacyRequest,
)
from app.privacy.planner import Plan, plan
from app.privacy.rights import MONTHS_LONGER, months_after, stored
from app.tickets.models import FIRST_NUMBER
from app.words import N_

NOBODY = N_("Nobody here has this address. Look for it in every store first.")
LINK_OPENS = timedelta(minutes=30)  # so long a used link shows its owner her data


def preview(session: Session, person_id: int, *, now: datetime) -> Plan:
    """What an erasure of this person would do today."""
    person = session.get(Person, person_id)
    if person is None or person.erased_at is not None:
        raise NotVisible
    return plan(facts.of_person(session, person.id, person.public_id), now.date())


def preview_part(session: Session, scope: str, key: str, *, now: datetime) -> Plan:
    """What an erasure of one ticket, message or file would do today. Raises `NotVisible`."""
    return plan(facts.of_part(session, scope, key), now.date())


def plan_of(request: PrivacyRequest) -> Plan | None:
    """The plan that a request keeps: the preview, later the one carried out."""
    return Plan.from_json(request.plan) if request.plan else None


def number_of(session: Session, scope: str, key: str) -> int:
    """The number of the request that a ticket, message or file belongs to. Raises `NotVisible`."""
    ticket_id = facts.ticket_of(session, scope, key)
    if not ticket_id:
        raise NotVisible
    return ticket_id + FIRST_NUMBER


# --- erasure ---------------------------------------------------------------------------------------------------------


def pending_erasure(session: Session, person_id: int) -> PrivacyRequest | None:
    """The erasure of a whole person that is asked for and not done."""
    return session.scalar(
        select(PrivacyRequest)
        .where(
            PrivacyRequest.person_id == person_id,
            PrivacyRequest.kind == ERASURE,
            PrivacyRequest.scope == PERSON,
            PrivacyRequest.state.in_(UNFINISHED),
        )
        .order_by(PrivacyRequest.id)
        .limit(1)
    )


def request_deletion(
    session: Session,
    person_id: int,
    *,
    rules: LinkRules,
    grace: timedelta,
    note: str = "",
    former: str = "",
    actor_id: int | None = None,
    through: str = "web",
    now: datetime,
) -> PrivacyRequest:
    """Close an account at once and have it erased after the grace period; asked twice, it is the same request.

    Whoever asked gets a letter with the way to take it back. `actor_id` is the officer who started it; `former` are names
    and addresses she had before, a line each, which leave the texts of others too; `note` is what she wrote about it. An
    export that runs is called off. Raises `Refused` for the last admin.
    """
    admins = people.lock_admins(session)
    person = lock_person(session, person_id)
    known = pending_erasure(session, person_id)
    if known is not None:
        return known
    if person.erased_at is not None:
        raise NotVisible
    people.keep_an_admin(admins, person_id)
    request = stored(session, ERASURE, person_id, state=GRACE, actor_id=actor_id, now=now)
    request.run_at, request.note, request.former = now + grace, note, former or None
    made = plan_for(session, request, now)
    request.plan, request.plan_digest, request.progress_total = made.as_json(), made.digest, made.total
    _call_off_exports(session, person_id, now)
    person.disabled_at, person.erasing_at = person.disabled_at or now, request.run_at
    sessions.end_all(session, person_id)
    tokens.void_all(session, person_id, now=now)
    if grace and person.proved_at is not None:
        undo = tokens.issue(session, DELETION_UNDO, person_id, rules=rules, now=now)
        undo.expires_at = request.run_at
        outbox.put(session, "privacy.planned", run_at=now, request_id=request.id, token_id=undo.id)
    _put_chore(session, request, request.run_at)
    if actor_id is not None or through != "web":
        record(session, "privacy.start", request, actor_id, now, through, role=ERASURE)
    return request


def undo_deletion(session: Session, request_id: int, *, now: datetime) -> Person:
    """Take a deletion back within its grace period: the account is open again. Raises `Refused` when it is too late."""
    request = locked_request(session, request_id)
    person = lock_person(session, request.person_id or 0)
    if request.state not in (GRACE, HELD) or request.started_at is not None:
        raise Refused(N_("It is too late to take the deletion back."))
    request.state, request.done_at = WITHDRAWN, now
    person.disabled_at = person.erasing_at = None
    tokens.void(session, person.id, DELETION_UNDO, now=now)
    session.flush()
    return person


def _call_off_exports(session: Session, person_id: int, now: datetime) -> None:
    """A copy of data that are to go is not finished any more."""
    running = update(PrivacyRequest).where(
        PrivacyRequest.person_id == person_id,
        PrivacyRequest.kind == EXPORT,
        PrivacyRequest.state.in_(UNFINISHED),
    )
    session.execute(running.values(state=WITHDRAWN, done_at=now))


def start_part(
    session: Session, scope: str, key: str, *, actor_id: int | None, now: datetime
) -> PrivacyRequest:
    """Have one ticket, message or file erased at once; asked twice, it is the same request. Raises `NotVisible`, or `Refused` when nothing may go."""
    person_id = facts.requester_of(session, scope, key)
    lock_person(session, person_id)
    known = _running_part(session, scope, key)
    if known is not None:
        return known
    made = preview_part(session, scope, key, now=now)
    if not any(line.action == "delete" for line in made.lines):
        raise Refused(N_("Nothing of this may be deleted now. The preview says until when it stays."))
    request = stored(session, ERASURE, person_id, state=OPEN, actor_id=actor_id, now=now)
    request.scope, request.scope_key, request.run_at = scope, key, now
    request.plan, request.plan_digest, request.progress_total = made.as_json(), made.digest, made.total
    _put_chore(session, request, now)
    if actor_id is not None:
        record(session, "privacy.start", request, actor_id, now, role=f"{ERASURE}.{scope}")
    return request


def _running_part(session: Session, scope: str, key: str) -> PrivacyRequest | None:
    return session.scalar(
        select(PrivacyRequest)
        .where(
            PrivacyRequest.kind == ERASURE,
            PrivacyRequest.scope == scope,
            PrivacyRequest.scope_key == key,
            PrivacyRequest.state.in_(UNFINISHED),
        )
        .limit(1)
    )


def start_own_part(
    session: Session, person_id: int, scope: str, key: str, *, now: datetime
) -> PrivacyRequest:
    """The person herself has one request or file of hers erased. Raises `NotVisible` for what is not hers, `Refused` when
    nothing may go."""
    if scope not in (TICKET, FILE) or not rights.is_hers(session, person_id, scope, key):
        raise NotVisible
    return start_part(session, scope, key, actor_id=None, now=now)


def name_former(
    session: Session, request_id: int, former: str, *, actor_id: int | None, now: datetime
) -> None:
    """Say which names and addresses the person had before, as long as her deletion has not begun. Raises `Refused`."""
    request = _open_request(session, request_id)
    if request.kind != ERASURE or request.scope != PERSON:
        raise NotVisible
    request.former = former or None
    record(session, "privacy.former", request, actor_id, now)


def run_now(session: Session, request_id: int, *, actor_id: int | None, now: datetime) -> None:
    """Have the worker go on with an erasure that failed, or that no case holds back any more; or with a copy."""
    request = locked_request(session, request_id)
    job = session.get(outbox.Job, request.job_id) if request.job_id else None
    if request.state not in (FAILED, HELD, RUNNING) or (request.kind == EXPORT and job is None):
        raise Refused(N_("There is nothing to try again."))
    if job is not None and job.state == outbox.FAILED:
        outbox.retry(session, [job.id], now=now)
    elif job is not None and job.state == outbox.QUEUED and job.lease_until is None:
        job.run_at = now
    elif request.kind == ERASURE and (job is None or job.state == outbox.DONE):
        _put_chore(session, request, now)
    record(session, "privacy.retry", request, actor_id, now)


def _put_chore(session: Session, request: PrivacyRequest, run_at: datetime) -> None:
    session.flush()
    job = outbox.put(session, CHORE, run_at=run_at, request_id=request.id)
    session.flush()
    request.job_id = job.id


# --- all kinds, by an officer ------------------------------------------------------------------------------------------


def start(
    session: Session,
    kind: str,
    address: str,
    *,
    note: str,
    former: str = "",
    rules: LinkRules,
    grace: timedelta,
    actor_id: int,
    now: datetime,
) -> PrivacyRequest:
    """Write down a request that reached the officer by letter, phone or mail; also of a person without an account.

    Raises `Refused` when nothing is known of the address: then the answer is that there is nothing.
    """
    if kind not in KINDS or kind == EXPORT:
        raise NotVisible
    person = lock_person_with(session, address)
    if person is None:
        raise Refused(NOBODY, "email")
    if kind == ERASURE:
        request = request_deletion(
            session, person.id, rules=rules, grace=grace, former=former, actor_id=actor_id, now=now
        )
    else:
        request = stored(session, kind, person.id, state=OPEN, actor_id=actor_id, now=now)
        record(session, "privacy.start", request, actor_id, now, role=kind)
    request.note = note
    session.flush()
    return request


def prolong(session: Session, request_id: int, reason: str, *, actor_id: int, now: datetime) -> None:
    """Take two more months, with a reason that is told within the first (GDPR Art. 12(3)); once."""
    request = _open_request(session, request_id)
    if request.extended_reason:
        raise Refused(N_("The time can be prolonged once only."))
    if now > request.due_at:
        raise Refused(N_("The first month is over; the time cannot be prolonged any more."))
    request.extended_reason = reason
    request.due_at = months_after(request.due_at, MONTHS_LONGER)
    outbox.put(session, "privacy.prolonged", run_at=now, request_id=request.id)
    record(session, "privacy.prolong", request, actor_id, now)


def refuse(session: Session, request_id: int, reason: str, *, actor_id: int, now: datetime) -> None:
    """Refuse a request with a reason that the person is told (GDPR Art. 12(4), with the way to the authority)."""
    request = _open_request(session, request_id)
    if request.state == GRACE:
        undo_deletion(session, request_id, now=now)
    request.state, request.answer, request.done_at = REFUSED, reason, now
    outbox.put(session, "privacy.refused", run_at=now, request_id=request.id)
    record(session, "privacy.refuse", request, actor_id, now)


def answer(session: Session, request_id: int, words: str, *, actor_id: int, now: datetime) -> None:
    """Say that a request is done, with the officer's words to the person. A restriction is in force from then on."""
    request = _open_request(session, request_id)
    if request.kind == ERASURE:
        raise Refused(N_("A deletion ends by itself, with its certificate."))
    request.state, request.answer, request.done_at = DONE, words, now
    if request.kind == RESTRICTION:
        rights.restrict(session, request, now=now)
    outbox.put(session, "privacy.answered", run_at=now, request_id=request.id)
    record(session, "privacy.answer", request, actor_id, now)


def _open_request(session: Session, request_id: int) -> PrivacyRequest:
    request = locked_request(session, request_id)
    if request.state not in (OPEN, GRACE, HELD) or request.started_at is not None:
        raise Refused(N_("This request is done, or being carried out."))
    return request


def locked_request(session: Session, request_id: int) -> PrivacyRequest:
    """A request's row, locked until the transaction ends. Raises `NotVisible`."""
    found: PrivacyRequest | None = session.scalar(
        select(PrivacyRequest)
        .where(PrivacyRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotVisible
    return found


def record(
    session: Session,
    action: str,
    request: PrivacyRequest,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
    **details: str,
) -> None:
    """Write down what was done about a request."""
    session.flush()
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="privacy_request",
        object_id=request.id,
        at=now,
        through=through,
        **details,
    )


def note_look(session: Session, ticket_id: int, reason: str, *, actor_id: int, now: datetime) -> None:
    """Write down why something restricted is looked at (GDPR Art. 18(2)), before it is shown."""
    audit.record(
        session,
        actor_id=actor_id,
        action="privacy.look",
        object_kind="ticket",
        object_id=ticket_id,
        at=now,
        reason=reason,
    )


# --- who asks ----------------------------------------------------------------------------------------------------------


def send_link(session: Session, address: str, *, rules: LinkRules, now: datetime) -> None:
    """Send the link to her data to somebody we know something of. Tells the caller nothing."""
    person = lock_person_with(session, address)
    if person is None or person.disabled_at is not None:
        return
    token = tokens.issue(session, PRIVACY, person.id, rules=rules, now=now)
    outbox.put(session, "privacy.link", run_at=now, token_id=token.id)


def came_by_link(session: Session, token_hash: str, *, now: datetime) -> Person | None:
    """The person who used a link to her data not long ago; it opens only her data, and only for a while."""
    return session.scalar(
        select(Person)
        .join(Token, Token.person_id == Person.id)
        .where(
            Token.token_hash == token_hash,
            Token.purpose == PRIVACY,
            Token.used_at > now - LINK_OPENS,
            Person.disabled_at.is_(None),
        )
    )


def undo_by_link(session: Session, typed: str, *, now: datetime) -> Person:
    """Take a deletion back by the link in its letter. Raises `DeadLink`, and `Refused` when it is too late."""
    token = tokens.look(session, DELETION_UNDO, typed, now=now)
    request = pending_erasure(session, token.person_id)
    if request is None:
        raise tokens.DeadLink(DELETION_UNDO, known=True, used=True)
    person = undo_deletion(session, request.id, now=now)
    token.used_at = now
    session.flush()
    return person
