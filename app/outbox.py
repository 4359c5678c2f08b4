"""Later work as rows: a job is put in the caller's transaction and done by a worker after it committed.

Knows claiming, finishing and failing. It must not know what any job does; `app.worker` has those tables.
A job carries ids only: whoever does it looks again whether the thing still exists.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatch

from sqlalchemy import ColumnElement, Index, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, Json, primary_key, table_args
from app.personal import RowFate, T, not_personal

LEASE = timedelta(seconds=90)
MAX_ATTEMPTS = 20  # with the back-off below: about two days from the first try to `failed`
FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=4)

QUEUED, DONE, FAILED = "queued", "done", "failed"


ID_KEYS = ("*_id", "*_key", "lang", "reason")


class Job(Base):
    """One piece of later work. `key` is its name to the outside (a letter's Message-ID is made of it)."""

    __tablename__ = "job"
    __table_args__ = table_args(
        Index("ix_job_state_run_at", "state", "run_at", "id"),
        privacy=T(
            None, RowFate.KEEP_ROW, why="rows name other rows by id; done ones are removed after 7 days"
        ),
    )

    id: Mapped[int] = primary_key()
    key: Mapped[str] = mapped_column(unique=True, info=not_personal("random name of the job"))
    name: Mapped[str] = mapped_column(info=not_personal("what is to be done"))
    ids: Mapped[dict[str, int | str]] = mapped_column(
        Json, info=not_personal("row numbers and states only", keys=ID_KEYS)
    )
    state: Mapped[str] = mapped_column(info=not_personal("state of the work"))
    created_at: Mapped[datetime] = mapped_column(info=not_personal("when the work was put"))
    run_at: Mapped[datetime] = mapped_column(info=not_personal("when it is due"))
    attempts: Mapped[int] = mapped_column(info=not_personal("number of tries"))
    lease_until: Mapped[datetime | None] = mapped_column(info=not_personal("until when a worker has it"))
    lease_by: Mapped[str | None] = mapped_column(info=not_personal("name of the worker process"))
    done_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it ended"))
    error: Mapped[str | None] = mapped_column(
        info=not_personal("kind of the last fault and where it arose, never its values")
    )


class Recurring(Base):
    """When a recurring piece of work is due next; one row a name, moved on by compare-and-set."""

    __tablename__ = "recurring"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="timetable of the worker"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("what is to be done"))
    next_at: Mapped[datetime] = mapped_column(info=not_personal("when it is due next"))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job in this worker's hands until its lease ends."""

    id: int
    key: str
    name: str
    ids: dict[str, int | str]
    attempts: int
    lease_by: str


def put(session: Session, name: str, *, run_at: datetime, **ids: int | str) -> Job:
    """Put a job in the caller's transaction. It is done once that commits and `run_at` has come.

    Raises `ValueError` for a name that is not among the keys which the column's classification allows.
    """
    for key in ids:
        if not any(fnmatch(key, allowed) for allowed in ID_KEYS):
            raise ValueError(f"a job carries ids only, not {key}")
    job = Job(
        key=uuid.uuid4().hex, name=name, ids=ids, state=QUEUED, created_at=run_at, run_at=run_at, attempts=0
    )
    session.add(job)
    return job


def claim(
    session: Session,
    *,
    worker: str,
    now: datetime,
    limit: int = 10,
    names: Collection[str] | None = None,
    without: Collection[str] = (),
) -> list[Claimed]:
    """Take up to `limit` due jobs, oldest first, for `LEASE`; jobs whose lease ran out are due again.

    `names` takes only jobs of these names, `without` none of those. Any number of workers may call this at once: on
    SQLite the write session is the only one, on PostgreSQL rows locked by another worker are skipped. A job at which
    workers died `MAX_ATTEMPTS` times ends as failed.
    """
    due = (
        select(Job)
        .where(_due(now, names, without))
        .order_by(Job.run_at, Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = []
    for job in session.scalars(due):
        if job.attempts >= MAX_ATTEMPTS:
            job.state, job.done_at, job.lease_until, job.error = FAILED, now, None, "the worker died at it"
            continue
        job.lease_until, job.lease_by, job.attempts = now + LEASE, worker, job.attempts + 1
        claimed.append(Claimed(job.id, job.key, job.name, job.ids, job.attempts, worker))
    session.flush()
    return claimed


def is_due(
    session: Session,
    *,
    now: datetime,
    names: Collection[str] | None = None,
    without: Collection[str] = (),
) -> bool:
    """Whether `claim` would find anything; a look that takes nobody's place."""
    return session.scalar(select(Job.id).where(_due(now, names, without)).limit(1)) is not None


def _due(now: datetime, names: Collection[str] | None, without: Collection[str]) -> ColumnElement[bool]:
    due = and_(Job.state == QUEUED, Job.run_at <= now, or_(Job.lease_until.is_(None), Job.lease_until < now))
    if names is not None:
        due = and_(due, Job.name.in_(names))
    return and_(due, Job.name.not_in(without)) if without else due


def release(session: Session, worker: str) -> int:
    """Make the jobs of a worker that is known to be dead due again, without waiting for their leases to run out. The
    try it died at counts. Gives how many."""
    held = update(Job).where(Job.state == QUEUED, Job.lease_by == worker, Job.lease_until.is_not(None))
    return int(getattr(session.execute(held.values(lease_until=None)), "rowcount", 0))


def renew(session: Session, job: Claimed, *, now: datetime) -> bool:
    """Keep a job longer. False if another worker has it meanwhile."""
    return _change(session, job, lease_until=now + LEASE)


def finish(session: Session, job: Claimed, *, now: datetime) -> bool:
    """Mark a job done, in the transaction of its effect. False if another worker has it meanwhile; the caller must
    then roll its effect back."""
    return _change(session, job, state=DONE, done_at=now, lease_until=None, error=None)


def fail(session: Session, job: Claimed, error: str, *, now: datetime, for_good: bool = False) -> bool:
    """Note a failure: due again after a growing pause, or `failed` after the last try. True if it has failed for
    good (now or because the caller says so)."""
    last = for_good or job.attempts >= MAX_ATTEMPTS
    pause = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (job.attempts - 1))
    pause *= random.uniform(0.8, 1.2)  # noqa: S311 (spreads retries; not a secret)
    state = {"state": FAILED, "done_at": now} if last else {"run_at": now + pause}
    _change(session, job, error=error, lease_until=None, lease_by=None, **state)
    return last


def put_back(session: Session, job: Claimed, *, now: datetime) -> bool:
    """Return a job untouched, as if it had not been claimed (the worker is stopping)."""
    return _change(session, job, lease_until=None, lease_by=None, attempts=job.attempts - 1, run_at=now)


def retry(session: Session, job_ids: list[int] | None, *, now: datetime) -> int:
    """Make failed jobs due again (all of them for None). Gives how many."""
    wanted = update(Job).where(Job.state == FAILED)
    if job_ids is not None:
        wanted = wanted.where(Job.id.in_(job_ids))
    result = session.execute(
        wanted.values(state=QUEUED, run_at=now, attempts=0, done_at=None, lease_until=None, lease_by=None)
    )
    return int(getattr(result, "rowcount", 0))


def take_turn(session: Session, name: str, *, now: datetime, every: timedelta) -> bool:
    """Whether it is this worker's turn to do a recurring piece of work; moves its next run on if so."""
    row = session.scalar(select(Recurring).where(Recurring.name == name).with_for_update())
    if row is None:
        session.add(Recurring(name=name, next_at=now + every))
        session.flush()
        return True
    if row.next_at > now:
        return False
    row.next_at = now + every
    session.flush()
    return True


@dataclass(frozen=True, slots=True)
class Backlog:
    """How the queue stands. `oldest_due_seconds` is 0 when nothing is overdue."""

    due: int
    waiting: int
    failed: int
    oldest_due_seconds: int


def backlog(session: Session, *, now: datetime) -> Backlog:
    """Counts of queued, later and failed jobs, and the age of the oldest due one."""
    states = select(
        func.count().filter(Job.state == QUEUED, Job.run_at <= now),
        func.count().filter(Job.state == QUEUED, Job.run_at > now),
        func.count().filter(Job.state == FAILED),
        func.min(Job.run_at).filter(Job.state == QUEUED, Job.run_at <= now),
    ).where(Job.state != DONE)
    due, waiting, failed, oldest = session.execute(states).one()
    return Backlog(due, waiting, failed, int((now - oldest).total_seconds()) if oldest else 0)


def _change(session: Session, job: Claimed, **values: object) -> bool:
    result = session.execute(
        update(Job)
        .where(
            Job.id == job.id, Job.state == QUEUED, Job.lease_by == job.lease_by, Job.attempts == job.attempts
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(getattr(result, "rowcount", 0))
