"""Carries out the plan of an erasure over every store, step by step, and proves it.

Each step is safe to repeat and does at most 500 rows in one transaction; where it stands is kept in `privacy_job_step`,
so that after a crash or a fault it goes on there. The ledger is written first: without its entry nothing is erased.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app import outbox
from app.accounts import sessions, tokens
from app.accounts.models import Person, Token
from app.db import all_tables, insert_ignoring, insert_or_add
from app.lanes import named
from app.now import now
from app.outbox import Job
from app.privacy import conversations, copies, facts, mentions
from app.privacy.jobs import JobSink
from app.privacy.ledger import Keys, Ledger
from app.privacy.models import (
    DONE,
    ERASURE,
    FAILED,
    FILE,
    GRACE,
    HELD,
    OPEN,
    PERSON,
    RUNNING,
    TICKET,
    Certificate,
    ErasureRecord,
    JobStep,
    PrivacyRequest,
    RetainedIdentity,
)
from app.privacy.passages import Names, marker
from app.privacy.planner import DELETE, Plan, plan
from app.privacy.sinks import (
    CapturedMailSink,
    DatabaseSink,
    Subject,
    UpgradeCopySink,
)
from app.privacy.stores import all_sinks
from app.tickets.models import FIRST_NUMBER
from app.web import Portal

log = logging.getLogger(__name__)

CHORE, LETTER = "privacy.erase", "privacy.erased"
LETTER_WAITS = timedelta(days=7)  # so long her address may wait for a mail server
LONGEST_PAUSE = 3600  # seconds between looks whether the letter is gone
LATER = facts.CONVERSATIONS | {"privacy_request"}  # tables that have steps of their own
ROWS = frozenset(table.name for table in all_tables()) - LATER
OWN_STEPS = frozenset({DatabaseSink.name, CapturedMailSink.name})
BATCH = 500


class Leftovers(Exception):
    """The verification found something; the steps before it are done again."""


class NotDue(Exception):
    """There is nothing to carry out (any more): taken back, done, or held by a case."""


@dataclass(frozen=True)
class Run:
    """One erasure under way: the installation, the request, the plan and the person as stores look for her."""

    portal: Portal
    request_id: int
    plan: Plan
    subject: Subject
    name: str
    former: tuple[str, ...]
    letter: bool
    later: bool

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """One short transaction of this run. Two workers at the same request wait for each other here."""
        with self.portal.database.session(write=True) as session:
            request = _locked(session, self.request_id)
            if request.state != RUNNING:
                raise NotDue
            yield session
            session.commit()

    def repeat(self, change: Callable[[Session], int]) -> int:
        """Do a change in transactions until it finds nothing more to do. Gives the sum."""
        total = 0
        while True:
            with self.changing() as session:
                found = change(session)
                if found:
                    done = PrivacyRequest.progress_done + found
                    which = update(PrivacyRequest).where(PrivacyRequest.id == self.request_id)
                    session.execute(which.values(progress_done=done))
            if not found:
                return total
            total += found

    @property
    def whole(self) -> bool:
        """Whether the person herself is erased, not only a part of hers."""
        return self.plan.scope == PERSON

    @property
    def names(self) -> Names:
        return Names.of([(self.subject.email, self.name), *map(_as_pair, self.former)])

    @property
    def mark(self) -> str:
        return marker("", lang=self.portal.languages[0])


def _as_pair(former: str) -> tuple[str, str]:
    """A former address or name, as (address, name)."""
    return (former, "") if "@" in former else ("", former)


def ledger_of(portal: Portal) -> Ledger:
    """The installation's erasure ledger."""
    return Ledger(portal.ledger_folders, Keys.of(portal.ledger_keys))


def erase_chore(_: Session, jobs: list[dict[str, Any]], portal: Portal) -> None:
    """The worker's door. It opens its own short transactions; the session given is not used."""
    for ids in jobs:
        carry_out(portal, int(ids["request_id"]))


def carry_out(
    portal: Portal,
    request_id: int,
    *,
    later: bool = True,
    tell: Callable[[str], None] = lambda step: None,
) -> str:
    """Go on with an erasure until it is done or waits for its letter. Gives the request's state.

    A fault is noted at its step and raised again; the next call goes on there. `later` has the worker look again for
    the letter; `tell` hears the name of each step that begins.
    """
    with suppress(NotDue):
        run = _begin(portal, request_id, later)
        for step in _steps(run):
            if not _do(run, step, tell):
                break
    return _state(portal, request_id)


# --- beginning -----------------------------------------------------------------------------------------------------


def _begin(portal: Portal, request_id: int, later: bool) -> Run:
    """Make the plan, or take the one that was begun; close the account. Raises `NotDue`."""
    with portal.database.session(write=True) as session:
        request = _locked(session, request_id)
        moment = now()
        if request.kind != ERASURE or request.state not in (OPEN, GRACE, RUNNING, FAILED, HELD):
            raise NotDue
        if request.started_at is None and request.run_at is not None and request.run_at > moment:
            raise NotDue
        if request.started_at is None and not _start(session, request, moment):
            session.commit()
            raise NotDue
        request.state = RUNNING
        run = _run_of(session, portal, request, later)
        for position, step in enumerate(_steps(run)):
            values = {"request_id": request.id, "name": step.name, "position": position, "state": "waiting"}
            values |= {"count": 0, "tries": 0, "error": ""}
            insert_ignoring(session, JobStep, values, ["request_id", "name"])
        session.commit()
        return run


def _start(session: Session, request: PrivacyRequest, moment: datetime) -> bool:
    """Fix plan and subject. False when a case holds everything back; the account stays closed meanwhile."""
    made = plan_for(session, request, moment)
    person = session.get(Person, request.person_id) if request.person_id else None
    request.plan, request.plan_digest, request.progress_total = made.as_json(), made.digest, made.total
    request.progress_done = 0
    if made.held:
        request.state = HELD
        return False
    request.started_at = moment
    if person is not None:
        request.subject_email, request.subject_name = person.email, person.name
        request.subject_lang = person.language
        if request.scope == PERSON:
            request.former = "\n".join(_former_of(session, request)) or None
            person.disabled_at = person.disabled_at or moment
            person.erasing_at = person.erasing_at or moment
            sessions.end_all(session, person.id)
            tokens.void_all(session, person.id, now=moment)
    return True


def _former_of(session: Session, request: PrivacyRequest) -> list[str]:
    """Names and addresses she had before: those the officer wrote down, and proved addresses that links still tell of.
    An address that is somebody else's by now is left out."""
    told = [line.strip() for line in (request.former or "").splitlines() if line.strip()]
    earlier = select(Token.subject).where(
        Token.person_id == request.person_id,
        Token.purpose == tokens.NEW_ADDRESS,
        Token.used_at.is_not(None),
    )
    told += [word for word in session.scalars(earlier) if word]
    others = select(Person.email).where(Person.email.in_([word.casefold() for word in told]))
    taken = set(session.scalars(others))
    return list(dict.fromkeys(word for word in told if word.casefold() not in taken))


def plan_for(session: Session, request: PrivacyRequest, moment: datetime) -> Plan:
    """The plan of a request by the facts of this moment; its preview."""
    if request.scope == PERSON:
        person = session.get_one(Person, request.person_id)
        found = facts.of_person(session, person.id, person.public_id)
    else:
        found = facts.of_part(session, request.scope, request.scope_key)
    return plan(found, moment.date())


def _run_of(session: Session, portal: Portal, request: PrivacyRequest, later: bool) -> Run:
    made = Plan.from_json(request.plan or {})
    person = session.get(Person, request.person_id) if request.person_id else None
    ids = {
        *conversations.ids_of(session, made.delete),
        *conversations.tickets_of(session, made.texts),
        *([facts.ticket_of(session, FILE, made.key)] if made.scope == FILE else []),
    }
    address = request.subject_email or ""
    former = tuple((request.former or "").splitlines()) if request.scope == PERSON else ()
    subject = Subject(
        needles=tuple(filter(None, (address, request.subject_name or "", *former))),
        person_id=request.person_id,
        public_id=person.public_id if person else "",
        email=address,
        numbers=tuple(sorted(ticket_id + FIRST_NUMBER for ticket_id in ids if ticket_id)),
    )
    letter = (
        bool(address) and person is not None and (person.proved_at is not None or _told(session, request))
    )
    name = request.subject_name or ""
    return Run(portal, request.id, made, subject, name, former, letter, later)


def _told(session: Session, request: PrivacyRequest) -> bool:
    """Whether the letter was put already; her row tells nothing any more then."""
    step = select(JobStep.state).where(JobStep.request_id == request.id, JobStep.name == "letter")
    return session.scalar(step) is not None


def _locked(session: Session, request_id: int) -> PrivacyRequest:
    found: PrivacyRequest | None = session.scalar(
        select(PrivacyRequest)
        .where(PrivacyRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotDue
    return found


def _state(portal: Portal, request_id: int) -> str:
    with portal.database.session(write=False) as session:
        found = session.scalar(select(PrivacyRequest.state).where(PrivacyRequest.id == request_id))
    return found or ""


# --- steps ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, and what it does. None as answer: it waits, and goes on with a later call."""

    name: str
    do: Callable[[Run], int | None]


def _steps(run: Run) -> list[Step]:
    """The steps of this erasure in their order."""
    parts = [Step("ledger", _ledger), Step("quotes", _quotes), Step("texts", _texts), Step("files", _files)]
    if run.plan.scope in (PERSON, TICKET):
        parts += [Step("requests", _requests), Step("drafts", _drafts)]
    if run.whole:
        parts += [Step("jobs", _jobs), Step("mentions", _mentions), Step("account", _account)]
        parts.append(Step("stores", _stores))
    parts.append(Step("captured mail", _captured_mail))
    if run.letter:
        parts.append(Step("letter", _letter))
    return [*parts, Step("verification", _verify), Step("copies", _copies)]


def _do(run: Run, step: Step, tell: Callable[[str], None]) -> bool:
    """Do one step unless it is done. False when it waits."""
    with run.changing() as session:
        kept = _kept(session, run.request_id, step.name)
        if kept.state == "done":
            return True
        kept.state, kept.tries = "running", kept.tries + 1
    tell(step.name)
    try:
        count = step.do(run)
    except NotDue:
        raise
    except Exception as fault:
        _note_fault(run, step, fault)
        raise
    if count is None:
        return False
    with run.changing() as session:  # whoever comes second at the last step finds the request done
        kept = _kept(session, run.request_id, step.name)
        kept.state, kept.count, kept.error, kept.done_at = "done", kept.count + count, "", now()
        if step.name == "copies":
            _finish(session, run)
    return True


def _kept(session: Session, request_id: int, name: str) -> JobStep:
    which = select(JobStep).where(JobStep.request_id == request_id, JobStep.name == name)
    return session.scalars(which).one()


def _note_fault(run: Run, step: Step, fault: Exception) -> None:
    """Show where it stopped and why; the job's own back-off tries again."""
    with run.portal.database.session(write=True) as session:
        kept = _kept(session, run.request_id, step.name)
        kept.state, kept.error = "failed", named(fault)
        request = _locked(session, run.request_id)
        request.state = FAILED
        if isinstance(fault, Leftovers):
            again = update(JobStep).where(
                JobStep.request_id == run.request_id, JobStep.name.not_in(("ledger", "letter"))
            )
            session.execute(again.values(state="waiting"))
        session.commit()
    log.warning("erasure %d stopped at %s: %s", run.request_id, step.name, named(fault))


def _ledger(run: Run) -> int:
    """Write the entry to every place, then the position in the database."""
    entry = ledger_of(run.portal).append(
        at=int(now().timestamp()),
        action=run.plan.scope,
        subject=run.plan.key,
        tickets=run.plan.delete,
        messages=run.plan.texts,
        files=(run.plan.key,) if run.plan.scope == FILE else (),
        plan=run.plan.digest,
    )
    with run.changing() as session:
        values = {"number": entry.number, "digest": entry.digest, "at": now()}
        insert_ignoring(session, ErasureRecord, values, ["number"])
    return 1


def _blocks(run: Run) -> Iterator[list[int]]:
    """The requests to be emptied, in pieces."""
    with run.portal.database.session(write=False) as session:
        ids = conversations.ids_of(session, run.plan.delete)
    yield from facts.blocks(ids, 200)


def _keys(run: Run) -> Iterator[list[str]]:
    """Her messages in other people's requests, in pieces."""
    for start in range(0, len(run.plan.texts), BATCH):
        yield list(run.plan.texts[start : start + BATCH])


def _quotes(run: Run) -> int:
    """What others quoted of her leaves their messages, before hers are emptied."""
    total, person_id = 0, run.subject.person_id
    for block in _blocks(run):
        with run.portal.database.session(write=False) as session:
            shared = (
                conversations.tickets_with_others(session, block, person_id) if person_id is not None else []
            )
        for ticket_id in shared:
            going = conversations.in_tickets([ticket_id], person_id)
            total += _strip(run, ticket_id, going)
    for keys in _keys(run):
        with run.portal.database.session(write=False) as session:
            tickets = conversations.tickets_of(session, keys)
        for ticket_id in tickets:
            total += _strip(run, ticket_id, conversations.with_keys(keys))
    return total


def _strip(run: Run, ticket_id: int, going: Any) -> int:
    with run.changing() as session:
        return conversations.strip_quotes(session, ticket_id, going, run.mark)


def _texts(run: Run) -> int:
    total = 0
    for block in _blocks(run):
        which = conversations.in_tickets(block, run.subject.person_id)
        total += run.repeat(lambda session, which=which: conversations.empty_texts(session, which))  # type: ignore[misc]
    if run.plan.scope != FILE:
        for keys in _keys(run):
            which = conversations.with_keys(keys)
            total += run.repeat(lambda session, which=which: conversations.empty_texts(session, which))  # type: ignore[misc]
    return total


def _files(run: Run) -> int:
    storage, total = run.portal.storage, 0
    if run.plan.scope == FILE:
        going = any(line.group == "files" and line.action == DELETE for line in run.plan.lines)
        return (
            run.repeat(lambda session: conversations.delete_file(session, storage, run.plan.key))
            if going
            else 0
        )
    for which in (
        *(conversations.in_tickets(block, run.subject.person_id) for block in _blocks(run)),
        *(conversations.with_keys(keys) for keys in _keys(run)),
    ):
        total += run.repeat(
            lambda session, which=which: conversations.delete_files(session, storage, which)  # type: ignore[misc]
        )
    return total


def _requests(run: Run) -> int:
    """Requests are closed and lose their subject, or are taken out of sight."""
    total = 0
    for block in _blocks(run):
        total += run.repeat(lambda session, block=block: conversations.close(session, block, now=now()))  # type: ignore[misc]
    with run.portal.database.session(write=False) as session:
        kept = conversations.ids_of(session, run.plan.restrict)
    for block in facts.blocks(kept, 200):
        total += run.repeat(lambda session, block=block: conversations.restrict(session, block, now=now()))  # type: ignore[misc]
    return total


def _drafts(run: Run) -> int:
    """Unsent texts of the team about her requests."""
    numbers = run.subject.numbers
    return run.repeat(lambda session: conversations.discard_drafts(session, numbers))


def _jobs(run: Run) -> int:
    return run.repeat(lambda session: JobSink(session).erase(run.subject))


def _mentions(run: Run) -> int:
    total, names = 0, _unmistakable(run)
    for table, columns in mentions.text_columns():
        last = 0
        while True:
            with run.changing() as session:
                last, changed = mentions.remove(session, table, columns, names, run.mark, after=last)
            total += changed
            if not last:
                break
    return total


def _unmistakable(run: Run) -> Names:
    """Her addresses and names, former ones too, but none that somebody else here has."""
    names, other = run.names, Person.id != run.subject.person_id
    written = {name.lower() for name in names.names}
    with run.portal.database.session(write=False) as session:
        called = session.scalars(
            select(func.lower(Person.name)).where(func.lower(Person.name).in_(written), other)
        ).all()
        reached = session.scalars(select(Person.email).where(Person.email.in_(names.emails), other)).all()
    mine = frozenset(name for name in names.names if name.lower() not in called)
    return Names(names.emails - set(reached), mine)


def _account(run: Run) -> int:
    """Her rows in every other table, by their classification; the row of the person becomes a pseudonym."""
    person_id = run.subject.person_id
    if run.plan.restrict:
        with run.changing() as session:
            sender = {"name": run.name, "email": run.subject.email}
            values: dict[str, Any] = {**sender, "person_id": person_id, "until": run.plan.kept_until}
            insert_or_add(session, RetainedIdentity, values, ["person_id"], {"until": run.plan.kept_until})
    total = run.repeat(lambda session: DatabaseSink(session).erase(run.subject, limit=BATCH, only=ROWS))
    with run.changing() as session:
        session.execute(
            update(Person).where(Person.id == person_id, Person.erased_at.is_(None)).values(erased_at=now())
        )
    return total


def _stores(run: Run) -> int:
    """Every other store, also those that came later, by its sink."""
    with run.changing() as session:
        others = [sink for sink in all_sinks(session, run.portal) if sink.name not in OWN_STEPS]
        return sum(sink.erase(run.subject) for sink in others)


def _captured_mail(run: Run) -> int:
    sink = CapturedMailSink(run.portal.captured_mail_dir)
    return sink.erase(run.subject if run.whole else replace(run.subject, needles=(), email=""))


def _letter(run: Run) -> int | None:
    """Put the last letter and wait until it is gone; at most seven days, then her address goes without it."""
    with run.changing() as session:
        request = _locked(session, run.request_id)
        if request.letter_job_id is None:
            job = outbox.put(session, LETTER, run_at=now(), request_id=request.id)
            session.flush()
            request.letter_job_id = job.id
        job_now = session.get(Job, request.letter_job_id)
        if job_now is None or job_now.state == outbox.DONE:
            return 1
        if job_now.state == outbox.FAILED or now() - job_now.created_at > LETTER_WAITS:
            session.execute(delete(Job).where(Job.id == job_now.id))
            return 0
        if not run.later:
            return None
        kept = _kept(session, run.request_id, "letter")
        pause = 0 if kept.tries <= 3 else min(LONGEST_PAUSE, 2 ** min(kept.tries, 12))
        later = outbox.put(session, CHORE, run_at=now() + timedelta(seconds=pause), request_id=request.id)
        session.flush()
        request.job_id = later.id
        return None


def _verify(run: Run) -> int:
    """Look through every store once more. Raises `Leftovers`; then the steps before are done again."""
    _captured_mail(run)  # the last letter's copy
    left: list[str] = []
    with run.portal.database.session(write=False) as session:
        if run.whole:
            left += [one.place for one in DatabaseSink(session).verify(run.subject, only=ROWS)]
            left += [one.place for one in JobSink(session).verify(run.subject)]
            others = [sink for sink in all_sinks(session, run.portal) if sink.name != DatabaseSink.name]
            left += [one.place for sink in others for one in sink.verify(run.subject)]
        for block in facts.blocks(conversations.ids_of(session, run.plan.delete)):
            which = conversations.in_tickets(block, run.subject.person_id)
            left += ["messages"] * bool(conversations.leftovers(session, which))
        for keys in _keys(run):
            left += ["messages"] * bool(conversations.leftovers(session, conversations.with_keys(keys)))
    if left:
        raise Leftovers(f"{len(left)} places")
    return 0


def _copies(run: Run) -> int:
    """Forget the address, end the copies of an upgrade, then overwrite what the database's files keep of deleted rows."""
    UpgradeCopySink(run.portal.data_dir / "backups").erase(run.subject)
    if not run.whole:  # of a whole person the stores are looked through one by one
        copies.remake_all(run.portal)
    with run.changing() as session:
        request = _locked(session, run.request_id)
        request.subject_email = request.subject_name = request.former = None
        if run.whole:
            mine = PrivacyRequest.person_id == run.subject.person_id
            forgotten = {"note": "", "answer": "", "extended_reason": "", "former": None}
            session.execute(update(PrivacyRequest).where(mine).values(forgotten))
    run.portal.database.overwrite_deleted()
    return 1


def _finish(session: Session, run: Run) -> None:
    """The certificate and the end of the request, in one transaction with the end of its last step."""
    request = _locked(session, run.request_id)
    record = session.scalars(select(ErasureRecord).where(ErasureRecord.digest == _entry_digest(run))).one()
    steps = session.execute(
        select(JobStep.name, JobStep.count)
        .where(JobStep.request_id == run.request_id)
        .order_by(JobStep.position)
    )
    session.add(
        Certificate(
            public_id=request.certificate_key,
            request_id=request.id,
            scope=request.scope,
            plan_digest=request.plan_digest,
            ledger_number=record.number,
            ledger_digest=record.digest,
            lines=(request.plan or {})["lines"],
            steps=[{"name": name, "count": count} for name, count in steps],
            leftovers=0,
            verified_at=now(),
        )
    )
    request.state, request.done_at = DONE, now()
    request.progress_done = request.progress_total


def _entry_digest(run: Run) -> str:
    for entry in reversed(ledger_of(run.portal).entries()):
        if entry.plan == run.plan.digest and entry.subject == run.plan.key:
            return entry.digest
    raise LookupError("the ledger has no entry for this plan")
