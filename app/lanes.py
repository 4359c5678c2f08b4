"""How later work gets done: lanes of jobs, leases kept while a job runs, faults noted, dead workers noticed.

Letters have a lane of their own, so that a slow mail server holds up nothing else. It must not know any job by name:
`app.worker` hands over the tables.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import smtplib
import socket
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import observe, outbox
from app.errors import NotVisible
from app.letters import Message
from app.mail import Post, Undeliverable
from app.now import now
from app.outbox import Claimed
from app.preferences import Preferences
from app.web import Portal

Ids = dict[str, Any]
Letter = Callable[[Post, Ids], Message | None]
Chore = Callable[[Session, Ids, Portal], None]

HERE = Path(__file__).parent.parent
OUR_CODE = {HERE / "app", HERE / "knowledge_base"}
HEARTBEAT_SECONDS = 10
SHORTEST_PAUSE, LONGEST_PAUSE, PAUSE_AFTER_FAULT = 0.2, 1.0, 5.0  # seconds between looks at the queue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """A chore whose effect lies outside the database (the search index) and that is cheaper for many at once.

    The function gets a read session and the ids of up to `most` jobs. It must be safe to repeat. Another worker may do
    the same job at the same time, so it takes its own lock first and reads afterwards.
    """

    function: Callable[[Session, list[Ids], Portal], None]
    most: int = 200


@dataclass(frozen=True, slots=True)
class Recurring:
    """A piece of work done every so often by whichever worker comes first.

    Turn and effect are one transaction. With `outside` the effect lies outside the database (files, the search index)
    and may take long: the turn is taken first, then the function gets a read session; it must be safe to miss once.
    """

    name: str
    every: timedelta
    function: Callable[[Session, datetime, Portal], None]
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Tables:
    """What a worker can do. A letter is composed or None when it is not needed any more."""

    letters: Mapping[str, Letter]
    chores: Mapping[str, Chore | Batch]
    recurring: tuple[Recurring, ...] = ()


class LostLease(Exception):
    """Another worker has the job meanwhile; whatever was done in this transaction is rolled back."""


class UnknownJob(Exception):
    """No table names this job; perhaps another version of the portal put it."""


@dataclass
class Worker:
    """The hands of one process. Its name stands in the leases it holds."""

    portal: Portal
    tables: Tables
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}")
    stopping: threading.Event = field(default_factory=threading.Event)
    held: dict[int, Claimed] = field(default_factory=dict)

    # --- one round ---------------------------------------------------------------------------------------------

    def deliver(self) -> int:
        """Claim and send due letters. Gives how many jobs were claimed."""
        claimed = self._claim(names=self.tables.letters.keys())
        with self._letting_go(claimed):
            for job in claimed:
                self._do([job], self._send)
        return len(claimed)

    def labour(self) -> int:
        """Claim and do due chores, of one batched name as many as the batch takes. Gives how many jobs were
        claimed."""
        claimed = self._claim(without=self.tables.letters.keys())
        batches: dict[str, list[Claimed]] = {}
        with self._letting_go(claimed):
            for job in claimed:
                if isinstance(self.tables.chores.get(job.name), Batch):
                    batches.setdefault(job.name, []).append(job)
                else:
                    self._do([job], self._chore)
            for name, jobs in batches.items():
                batch = self.tables.chores[name]
                assert isinstance(batch, Batch)
                more = self._claim(names=[name], limit=batch.most - len(jobs))
                with self._letting_go(more):
                    self._do([*jobs, *more], self._batch)
        return len(claimed)

    def keep_timetable(self) -> int:
        """Do what is due again. Gives 0: nothing is left to do now."""
        for work in self.tables.recurring:
            if self.stopping.is_set():
                break
            try:
                self._do_again(work)
            except Exception as fault:
                log.error("recurring work %s failed: %s", work.name, named(fault))
                turn = partial(outbox.take_turn, name=work.name, now=now(), every=work.every)
                self._change(turn)  # or it would be tried at every look
        return 0

    def _do_again(self, work: Recurring) -> None:
        database = self.portal.database
        with database.session(write=True) as session:
            if not outbox.take_turn(session, work.name, now=now(), every=work.every):
                return
            if not work.outside:
                work.function(session, now(), self.portal)
            session.commit()
        if work.outside:
            with database.session(write=False) as session:
                work.function(session, now(), self.portal)

    # --- one job -----------------------------------------------------------------------------------------------

    def _claim(
        self, *, limit: int = 10, names: Collection[str] | None = None, without: Collection[str] = ()
    ) -> list[Claimed]:
        if limit < 1 or self.stopping.is_set():
            return []
        database = self.portal.database
        with database.session(write=False) as session:  # an idle worker takes nobody's place
            if not outbox.is_due(session, now=now(), names=names, without=without):
                return []
        with database.session(write=True) as session:
            claimed = outbox.claim(
                session, worker=self.name, now=now(), limit=limit, names=names, without=without
            )
            session.commit()
        self.held.update({job.id: job for job in claimed})
        return claimed

    def _do(self, jobs: list[Claimed], how: Callable[[list[Claimed]], None]) -> None:
        """One job, or a batch. A batch that fails is tried job by job, so that a bad one holds up no other."""
        try:
            if self.stopping.is_set():
                for job in jobs:
                    self._change(partial(outbox.put_back, job=job, now=now()))
            else:
                how(jobs)
        except LostLease:
            log.warning("job %d (%s) was taken over by another worker", jobs[0].id, jobs[0].name)
        except Exception as fault:
            if len(jobs) == 1:
                self._note(jobs[0], fault)
                return
            log.warning("%d jobs %s failed together: %s", len(jobs), jobs[0].name, named(fault))
            for job in jobs:
                self._do([job], how)
        finally:
            for job in jobs:
                self.held.pop(job.id, None)

    def _send(self, jobs: list[Claimed]) -> None:
        """Compose from a read session, close it, send, and only then mark the job done."""
        (job,) = jobs
        with self.portal.database.session(write=False) as session:
            try:
                message = self.tables.letters[job.name](post_for(self.portal, session, job.key), job.ids)
            except NotVisible:
                message = None
        if message is not None:
            self.portal.transport.send(message, key=job.key)
        self._change(partial(outbox.finish, job=job, now=now()))

    def _chore(self, jobs: list[Claimed]) -> None:
        """Effect and end of the job are one transaction: both are kept, or neither."""
        (job,) = jobs
        chore = self.tables.chores.get(job.name)
        if chore is None or isinstance(chore, Batch):
            raise UnknownJob
        with self.portal.database.session(write=True) as session:
            try:
                chore(session, job.ids, self.portal)
            except NotVisible:
                session.rollback()  # what it was about is gone, and that is fine
            if not outbox.finish(session, job, now=now()):
                raise LostLease
            session.commit()

    def _batch(self, jobs: list[Claimed]) -> None:
        """Many jobs by one call, from a read session; then all are marked done."""
        batch = self.tables.chores[jobs[0].name]
        assert isinstance(batch, Batch)
        with self.portal.database.session(write=False) as session:
            batch.function(session, [job.ids for job in jobs], self.portal)
        self._change(lambda session: [outbox.finish(session, job, now=now()) for job in jobs])

    @contextmanager
    def _letting_go(self, jobs: list[Claimed]) -> Iterator[None]:
        """However a round ends, its jobs' leases are renewed no longer."""
        try:
            yield
        finally:
            for job in jobs:
                self.held.pop(job.id, None)

    # --- leases and faults -------------------------------------------------------------------------------------

    def _change(self, change: Callable[[Session], object]) -> None:
        """Change jobs in a transaction of its own. A letter that is out must not go out again because the database
        was restarting just then, so this is tried for a while."""
        for pause in (1, 5, 15, None):
            try:
                with self.portal.database.session(write=True) as session:
                    change(session)
                    session.commit()
                return
            except OperationalError:
                if pause is None or self.stopping.wait(pause):
                    raise

    def _note(self, job: Claimed, fault: Exception) -> None:
        for_good, error = isinstance(fault, Undeliverable), named(fault)
        self._change(partial(outbox.fail, job=job, error=error, now=now(), for_good=for_good))
        log.warning("job %d (%s) failed at try %d: %s", job.id, job.name, job.attempts, error)
        log.debug("%s", "".join(traceback.format_tb(fault.__traceback__)))

    def beat(self) -> None:
        """Say that this worker lives: renew its leases, and free those of workers of this host that do not."""
        with self.portal.database.light_session() as session:
            for job in list(self.held.values()):
                outbox.renew(session, job, now=now())
            observe.beat(session, "worker", now=now(), detail=self.name)
            session.commit()
        for path in self._lock_folder.glob("*.lock"):
            if path.stem != self.name:
                self._bury(path)

    def _bury(self, path: Path) -> None:
        with suppress(OSError), open(path) as file:  # locked: it lives; gone: somebody else was faster
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self.portal.database.session(write=True) as session:
                freed = outbox.release(session, path.stem)
                session.commit()
            path.unlink()
            if freed:
                log.warning("worker %s died; its %d jobs are due again", path.stem, freed)

    # --- a working life ----------------------------------------------------------------------------------------

    @property
    def _lock_folder(self) -> Path:
        return self.portal.data_dir / "workers"

    @contextmanager
    def present(self) -> Iterator[None]:
        """Be known as alive: hold a lock that the system lets go of however the process ends, and beat."""
        self._lock_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._lock_folder / f"{self.name}.lock"
        with open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.beat()
            ended = threading.Event()
            thread = threading.Thread(target=self._beat_until, args=(ended,), name="heartbeat")
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()
                path.unlink(missing_ok=True)

    def _beat_until(self, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            try:
                self.beat()
            except Exception as fault:
                log.warning("the heartbeat failed: %s", named(fault))

    def until_stopped(self, work: Callable[[], int], longest: float = LONGEST_PAUSE) -> None:
        """One lane: work, and look again after a pause that grows while there is nothing to do. No fault ends it."""
        pause = SHORTEST_PAUSE
        while not self.stopping.is_set():
            try:
                pause = 0 if work() else min(max(pause, SHORTEST_PAUSE) * 1.5, longest)
            except Exception as fault:
                log.error("the lane %s failed: %s", threading.current_thread().name, named(fault))
                pause = PAUSE_AFTER_FAULT
            self.stopping.wait(pause)


def post_for(portal: Portal, session: Session, key: str) -> Post:
    """What the composer of one letter works with. `key` names the letter: it is its job's."""
    return Post(
        session=session,
        base_url=portal.base_url,
        secret=portal.secret_key,
        now=now(),
        job_key=key,
        languages=portal.languages,
        mail_from=portal.mail_from,
        company=Preferences.read(session)["company_name"],
        timezone=portal.timezone,
    )


def named(fault: BaseException) -> str:
    """The kind of a fault, its code and where in the portal it arose; never its words, which may name a person."""
    kind = type(fault).__name__
    code = getattr(fault, "smtp_code", None) or getattr(fault, "errno", None)
    if isinstance(fault, Undeliverable):
        code = fault.code or None
    elif isinstance(fault, smtplib.SMTPRecipientsRefused):
        code = next(iter(fault.recipients.values()))[0]
    files = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(fault.__traceback__)]
    ours = [f"{file.relative_to(HERE)}:{line}" for file, line in files if OUR_CODE & set(file.parents)]
    return f"{kind}{f' {code}' if code else ''}{f' at {ours[-1]}' if ours else ''}"
