"""The worker: letters after commit, chores with their effect, batches, the timetable, faults and stopping."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import lanes, observe, outbox, worker
from app.db import Database
from app.errors import NotVisible
from app.lanes import Batch, Recurring, Tables, Worker, named
from app.letters import Letter, Message
from app.mail import Post, SmtpTransport
from app.now import now
from app.outbox import DONE, FAILED, QUEUED, Job
from app.preferences import PreferenceRow
from app.web import Portal
from config import MailTransport
from tests.support.live import wait_for
from tests.support.mailbox import Mailbox
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.both_databases

SECRET = "words of jane@example.org"
LETTER = Letter("test", "For tests", "Number {number}", "This is number {number}.")


def compose(post: Post, ids: dict[str, Any]) -> Message | None:
    if ids["thing_id"] == 0:
        return None
    if ids["thing_id"] < 0:
        raise NotVisible
    number = str(ids["thing_id"])
    return post.write(LETTER, to=f"n{number}@example.org", lang="en", values={"number": number}, why="x")


def note(session: Session, ids: dict[str, Any], portal: Portal) -> None:
    """A chore whose effect is a row."""
    session.add(PreferenceRow(name=f"effect {ids['thing_id']}", value=1, changed_at=now()))
    session.flush()
    if ids["thing_id"] == 13:
        raise ZeroDivisionError(SECRET)
    if ids["thing_id"] < 0:
        raise NotVisible


@pytest.fixture
def portal(app: Flask) -> Portal:
    found: Portal = app.extensions["portal"]
    return found


@pytest.fixture
def put(portal: Portal) -> Callable[..., None]:
    def put(name: str, *things: int) -> None:
        with portal.database.session(write=True) as session:
            for thing in things:
                outbox.put(session, name, run_at=now(), thing_id=thing)
            session.commit()

    return put


@pytest.fixture
def jobs(portal: Portal) -> Callable[[], dict[int, Job]]:
    def by_thing() -> dict[int, Job]:
        with portal.database.session(write=False) as session:
            return {int(job.ids["thing_id"]): job for job in session.scalars(select(Job).order_by(Job.id))}

    return by_thing


def effects(database: Database) -> list[str]:
    with database.session(write=False) as session:
        return sorted(session.scalars(select(PreferenceRow.name)))


def test_letters_chores_and_what_is_gone(
    app: Flask, portal: Portal, put: Any, jobs: Any, mails: Mailbox
) -> None:
    put("letter", 1, 2, 0, -1)
    put("chore", 5, -5)
    assert worker.run_once(app, Tables({"letter": compose}, {"chore": note})) == 6
    assert [mail["Subject"] for mail in mails] == ["Number 1", "Number 2"]
    assert [mail["Message-ID"] for mail in mails] == [f"<{jobs()[n].key}@localhost>" for n in (1, 2)]
    assert effects(portal.database) == ["effect 5"]
    assert {job.state for job in jobs().values()} == {DONE}
    assert worker.run_once(app, Tables({"letter": compose}, {"chore": note})) == 0


def test_a_failing_chore_leaves_nothing_and_tells_no_values(
    app: Flask, portal: Portal, put: Any, jobs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    put("chore", 13, 14)
    with caplog.at_level(logging.DEBUG):
        worker.run_once(app, Tables({}, {"chore": note}))
    assert effects(portal.database) == ["effect 14"]
    job = jobs()[13]
    assert (job.state, job.attempts) == (QUEUED, 1)
    assert job.run_at > now()
    assert job.error.startswith("ZeroDivisionError at app/lanes.py:")
    assert "jane" not in caplog.text + job.error
    assert "failed at try 1" in caplog.text


def test_a_job_that_nobody_knows_waits_for_a_version_that_does(app: Flask, put: Any, jobs: Any) -> None:
    put("from.the.future", 1)
    worker.run_once(app, Tables({}, {}))
    assert jobs()[1].state == QUEUED
    assert jobs()[1].error.startswith("UnknownJob")


def test_a_lost_lease_takes_the_effect_back(app: Flask, portal: Portal, put: Any, jobs: Any) -> None:
    def slow(session: Session, ids: dict[str, Any], portal: Portal) -> None:
        with portal.database.engine.connect() as other:  # what a second worker has done meanwhile
            if portal.database.dialect == "postgresql":
                other.execute(update(Job).values(lease_by="another"))
                other.commit()
        note(session, ids, portal)
        session.execute(update(Job).values(lease_by="another"))

    put("chore", 1)
    worker.run_once(app, Tables({}, {"chore": slow}))
    assert effects(portal.database) == []
    assert jobs()[1].state == QUEUED


def test_batches_are_one_call_and_a_bad_one_holds_up_no_other(
    app: Flask, portal: Portal, put: Any, jobs: Any
) -> None:
    calls: list[list[int]] = []

    def index(session: Session, many: list[dict[str, Any]], portal: Portal) -> None:
        calls.append([ids["thing_id"] for ids in many])
        if 30 in calls[-1]:
            raise OSError(28, "disk full")

    put("index", *range(1, 26))
    assert worker.run_once(app, Tables({}, {"index": Batch(index)})) == 10
    assert calls == [list(range(1, 26))]
    calls.clear()
    put("index", 29, 30, 31)
    worker.run_once(app, Tables({}, {"index": Batch(index, most=2)}))
    assert calls == [[29, 30, 31], [29], [30], [31]] or calls[-1] == [31]
    assert {n: j.state for n, j in jobs().items() if n > 28} == {29: DONE, 30: QUEUED, 31: DONE}
    assert jobs()[30].error.startswith("OSError 28")


def test_a_batch_cannot_write_to_the_database(app: Flask, put: Any, jobs: Any) -> None:
    def index(session: Session, many: list[dict[str, Any]], portal: Portal) -> None:
        note(session, many[0], portal)

    put("index", 1)
    worker.run_once(app, Tables({}, {"index": Batch(index)}))
    assert jobs()[1].error.startswith("RuntimeError")


def test_the_timetable(app: Flask, portal: Portal) -> None:
    done: list[str] = []

    def sweep(session: Session, moment: Any, portal: Portal) -> None:
        session.add(PreferenceRow(name=f"swept {len(done)}", value=1, changed_at=moment))
        done.append("sweep")

    def broken(session: Session, moment: Any, portal: Portal) -> None:
        done.append("broken")
        raise ValueError

    def outside(session: Session, moment: Any, portal: Portal) -> None:
        assert isinstance(session, Session)
        done.append("outside")

    hour = timedelta(hours=1)
    tables = Tables(
        {},
        {},
        (
            Recurring("broken", hour, broken),
            Recurring("sweep", hour, sweep),
            Recurring("outside", hour, outside, outside=True),
        ),
    )
    worker.run_once(app, tables)
    worker.run_once(app, tables)
    assert done == ["broken", "sweep", "outside"]
    assert effects(portal.database) == ["swept 1"]


def test_the_real_timetable_sweeps(app: Flask, portal: Portal, put: Any, jobs: Any) -> None:
    put("chore", 1, 2)
    portal.captured_mail_dir.mkdir()
    old, fresh = portal.captured_mail_dir / "old.eml", portal.captured_mail_dir / "fresh.eml"
    for path in (old, fresh):
        path.write_text("x")
    long_ago = (now() - timedelta(days=31)).timestamp()
    os.utime(old, (long_ago, long_ago))
    with portal.database.session(write=True) as session:
        session.execute(
            update(Job).where(Job.id == 1).values(state=DONE, done_at=now() - timedelta(days=8))
            if portal.database.dialect == "sqlite"
            else update(Job)
            .where(Job.id == select(Job.id).order_by(Job.id).limit(1).scalar_subquery())
            .values(state=DONE, done_at=now() - timedelta(days=8))
        )
        session.commit()
    worker.run_once(app)
    assert list(jobs()) == [2]
    assert not old.exists()
    assert fresh.exists()


@pytest.fixture
def by_smtp(app: Flask, portal: Portal, smtp_server: SmtpServer) -> SmtpServer:
    """The portal sends to the sink."""
    transport = SmtpTransport(MailTransport("smtp", "127.0.0.1", smtp_server.port))
    object.__setattr__(portal, "transport", transport)
    return smtp_server


@pytest.mark.parametrize("mood", ["later", "full", "drop"])
def test_a_failing_mail_server_delays_and_loses_nothing(
    app: Flask, portal: Portal, put: Any, jobs: Any, by_smtp: SmtpServer, mood: str
) -> None:
    put("letter", 1, 2)
    by_smtp.mood = mood
    tables = Tables({"letter": compose}, {})
    worker.run_once(app, tables)
    assert {job.state for job in jobs().values()} == {QUEUED}
    assert all(job.error.startswith("SMTP") and job.run_at > now() for job in jobs().values())
    by_smtp.mood = "accept"
    with portal.database.session(write=True) as session:
        session.execute(update(Job).values(run_at=now()))
        session.commit()
    worker.run_once(app, tables)
    assert [message["Subject"] for message in by_smtp.messages] == ["Number 1", "Number 2"]
    assert {job.state for job in jobs().values()} == {DONE}


def test_a_recipient_refused_for_good_fails_visibly(
    app: Flask, put: Any, jobs: Any, by_smtp: SmtpServer
) -> None:
    put("letter", 1)
    by_smtp.mood = "refuse"
    worker.run_once(app, Tables({"letter": compose}, {}))
    job = jobs()[1]
    assert (job.state, job.attempts) == (FAILED, 1)
    assert job.error.startswith("Undeliverable 550 at app/mail.py")
    page = app.test_client().get("/metrics", headers={"Host": "localhost"})
    assert 'portal_jobs{state="failed"} 1' in page.text


def test_a_letter_that_is_out_is_not_sent_again_because_the_database_was_away(
    app: Flask, portal: Portal, put: Any, jobs: Any, by_smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("letter", 1)
    honest, faults = outbox.finish, ["one", "two"]

    def flaky(*args: Any, **more: Any) -> bool:
        if faults:
            faults.pop()
            raise lanes.OperationalError("COMMIT", {}, Exception("restarting"))
        return honest(*args, **more)

    monkeypatch.setattr(outbox, "finish", flaky)
    monkeypatch.setattr(Worker, "_change", _impatient(Worker._change))
    worker.run_once(app, Tables({"letter": compose}, {}))
    assert len(by_smtp.messages) == 1
    assert jobs()[1].state == DONE


def _impatient(change: Any) -> Any:
    """The same without real pauses."""

    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return self.is_set()

    def changed(self: Worker, *args: Any) -> None:
        self.stopping = Impatient()
        change(self, *args)

    return changed


def test_a_long_job_keeps_its_lease_and_the_heart_beats(
    app: Flask, portal: Portal, put: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "HEARTBEAT_SECONDS", 0.05)
    seen: list[Any] = []

    def long(session: Session, many: list[dict[str, Any]], portal: Portal) -> None:
        with portal.database.session(write=True) as other:
            other.execute(update(Job).values(lease_until=now() - timedelta(seconds=5)))
            other.commit()

        def renewed() -> bool:
            with portal.database.session(write=False) as other:
                return other.scalars(select(Job.lease_until)).one() > now()

        wait_for(renewed, 10, "the renewal")
        seen.append(1)

    put("long", 1)
    worker.run_once(app, Tables({}, {"long": Batch(long)}))
    assert seen == [1]
    assert jobs()[1].state == DONE
    with portal.database.session(write=False) as session:
        last = observe.last_beat(session, "worker")
    assert last is not None
    assert now() - last < timedelta(seconds=20)


def test_a_dead_workers_jobs_are_taken_at_once(app: Flask, portal: Portal, put: Any, jobs: Any) -> None:
    put("chore", 1, 2)
    dead, living = Worker(portal, Tables({}, {}), name="dead"), Worker(portal, Tables({}, {}), name="living")
    with portal.database.session(write=True) as session:
        for hands in (dead, living):
            outbox.claim(session, worker=hands.name, now=now(), limit=1)
        session.commit()
    folder = portal.data_dir / "workers"
    folder.mkdir()
    (folder / "dead.lock").write_text("")
    with open(folder / "living.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        worker.run_once(app, Tables({}, {"chore": note}))
    assert effects(portal.database) == ["effect 1"]
    assert jobs()[2].lease_by == "living"
    assert sorted(path.name for path in folder.iterdir()) == ["living.lock"]


def test_told_to_stop_it_finishes_the_job_in_hand_and_puts_back_the_rest(
    app: Flask, portal: Portal, put: Any, jobs: Any
) -> None:
    hands = Worker(portal, Tables({}, {}))

    def stopping(session: Session, ids: dict[str, Any], portal: Portal) -> None:
        note(session, ids, portal)
        hands.stopping.set()

    hands.tables = Tables({}, {"chore": stopping})
    put("chore", 1, 2, 3)
    hands.labour()
    assert effects(portal.database) == ["effect 1"]
    left = [jobs()[n] for n in (2, 3)]
    assert [(job.state, job.attempts, job.lease_until) for job in left] == [(QUEUED, 0, None)] * 2
    assert hands.held == {}


def test_run_forever_ends_on_sigterm(app: Flask, portal: Portal, put: Any, mails: Mailbox) -> None:
    """In this very process: it installs handlers, so it runs in the main thread."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    put("letter", 1)

    def stop_when_sent() -> None:
        wait_for(lambda: len(mails) == 1, 20, "the letter")
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=stop_when_sent)
    helper.start()
    started = time.monotonic()
    try:
        worker.run_forever(app, Tables({"letter": compose}, {}))
    finally:
        helper.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert time.monotonic() - started < 20
    assert list((portal.data_dir / "workers").iterdir()) == []


def test_a_slow_mail_server_holds_up_no_chore(
    app: Flask, portal: Portal, put: Any, by_smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.mail.TIMEOUT_SECONDS", 2)
    by_smtp.mood = "hang"
    put("letter", 1)
    put("chore", 2)
    hands = Worker(portal, Tables({"letter": compose}, {"chore": note}))
    lanes_of = [
        threading.Thread(target=hands.until_stopped, args=(w,)) for w in (hands.deliver, hands.labour)
    ]
    for lane in lanes_of:
        lane.start()
    started = time.monotonic()
    wait_for(lambda: effects(portal.database) == ["effect 2"], 10, "the chore")
    waited = time.monotonic() - started
    hands.stopping.set()
    for lane in lanes_of:
        lane.join()
    assert waited < 2


def test_faults_are_named_without_their_words() -> None:
    with pytest.raises(FileNotFoundError) as raised:
        Path("/nowhere/jane@example.org").read_text()
    assert named(raised.value) == "FileNotFoundError 2"
