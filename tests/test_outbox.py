"""Jobs: put with the change they belong to, taken by one worker at a time, tried again, given up visibly."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app import outbox
from app.db import Database
from app.now import now
from app.outbox import DONE, FAILED, QUEUED, Claimed, Job

T0 = now()


def put(database: Database, *names: str, **more: Any) -> list[int]:
    with database.session(write=True) as session:
        jobs = [outbox.put(session, name, run_at=more.get("run_at", T0), thing_id=7) for name in names]
        session.commit()
        return [job.id for job in jobs]


def claim(database: Database, worker: str = "a", at: Any = T0, **more: Any) -> list[Claimed]:
    with database.session(write=True) as session:
        claimed = outbox.claim(session, worker=worker, now=at, **more)
        session.commit()
        return claimed


def change(database: Database, function: Any, *args: Any, **more: Any) -> Any:
    with database.session(write=True) as session:
        answer = function(session, *args, **more)
        session.commit()
        return answer


def row(database: Database, number: int) -> Job:
    with database.session(write=False) as session:
        return session.get_one(Job, number)


def test_a_job_exists_only_with_its_change(database: Database) -> None:
    with database.session(write=True) as session:
        outbox.put(session, "x", run_at=T0)
    assert claim(database) == []
    put(database, "x")
    assert [job.name for job in claim(database)] == ["x"]


def test_a_job_waits_for_its_time_and_for_its_lease(database: Database) -> None:
    put(database, "x", run_at=T0 + timedelta(minutes=5))
    assert claim(database) == []
    later = T0 + timedelta(minutes=5)
    (job,) = claim(database, at=later)
    assert job.ids == {"thing_id": 7}
    assert claim(database, "b", at=later + outbox.LEASE) == []
    (again,) = claim(database, "b", at=later + outbox.LEASE + timedelta(seconds=1))
    assert (again.id, again.attempts) == (job.id, 2)
    assert not change(database, outbox.finish, job, now=later), "the first worker has lost it"
    assert not change(database, outbox.renew, job, now=later)
    assert change(database, outbox.finish, again, now=later)
    assert row(database, job.id).state == DONE


def test_renewing_keeps_a_job(database: Database) -> None:
    put(database, "x")
    (job,) = claim(database)
    assert change(database, outbox.renew, job, now=T0 + outbox.LEASE)
    assert claim(database, "b", at=T0 + outbox.LEASE + timedelta(seconds=60)) == []


def test_lanes_take_only_their_names(database: Database) -> None:
    put(database, "letter", "chore", "letter")
    assert [job.name for job in claim(database, without=["letter"])] == ["chore"]
    assert [job.name for job in claim(database, names=["letter"], limit=1)] == ["letter"]
    assert claim(database, names=[]) == []
    with database.session(write=False) as session:
        assert outbox.is_due(session, now=T0, names=["letter"])
        assert not outbox.is_due(session, now=T0, without=["letter"])


def test_a_failing_job_is_tried_with_growing_pauses_and_then_given_up(database: Database) -> None:
    (number,) = put(database, "x")
    at, pauses = T0, []
    for attempt in range(1, outbox.MAX_ATTEMPTS + 1):
        (job,) = claim(database, at=at)
        assert job.attempts == attempt
        last = change(database, outbox.fail, job, f"Fault {attempt}", now=at)
        assert last == (attempt == outbox.MAX_ATTEMPTS)
        found = row(database, number)
        if not last:
            pauses.append((found.run_at - at).total_seconds())
            at = found.run_at
    assert (found.state, found.error) == (FAILED, f"Fault {outbox.MAX_ATTEMPTS}")
    assert claim(database, at=at + timedelta(days=9)) == []
    assert 8 <= pauses[0] <= 12
    assert all(later > earlier * 1.2 for earlier, later in pairwise(pauses[:9]))
    assert max(pauses) <= outbox.LONGEST_DELAY.total_seconds() * 1.2
    assert timedelta(days=1) < at - T0 < timedelta(days=4)
    assert change(database, outbox.retry, [number], now=at) == 1
    assert row(database, number).state == QUEUED
    assert claim(database, at=at)[0].attempts == 1


def test_some_faults_are_for_good(database: Database) -> None:
    (number,) = put(database, "x")
    (job,) = claim(database)
    assert change(database, outbox.fail, job, "Undeliverable 550", now=T0, for_good=True)
    assert row(database, number).state == FAILED


def test_a_job_at_which_workers_die_ends_as_failed(database: Database) -> None:
    (number,) = put(database, "x")
    at = T0
    for _ in range(outbox.MAX_ATTEMPTS):
        assert len(claim(database, at=at)) == 1
        at += outbox.LEASE + timedelta(seconds=1)
    assert claim(database, at=at) == []
    assert row(database, number).state == FAILED


def test_jobs_of_a_dead_worker_are_due_at_once(database: Database) -> None:
    put(database, "x", "x")
    dead, living = claim(database, "dead", limit=1), claim(database, "living", limit=1)
    assert change(database, outbox.release, "dead") == 1
    (job,) = claim(database, "new")
    assert (job.id, job.attempts) == (dead[0].id, 2)
    assert change(database, outbox.finish, living[0], now=T0)


def test_a_job_put_back_counts_no_try(database: Database) -> None:
    put(database, "x")
    (job,) = claim(database)
    change(database, outbox.put_back, job, now=T0)
    assert claim(database, "b")[0].attempts == 1


def test_retry_touches_failed_jobs_only(database: Database) -> None:
    first, second, third = put(database, "x", "x", "x")
    claimed = {job.id: job for job in claim(database)}
    for number in (first, second):
        change(database, outbox.fail, claimed[number], "F", now=T0, for_good=True)
    assert change(database, outbox.retry, [first, third, 99], now=T0) == 1
    assert change(database, outbox.retry, None, now=T0) == 1
    assert row(database, third).lease_by == "a"


def test_the_backlog(database: Database) -> None:
    put(database, "x", run_at=T0 - timedelta(seconds=90))
    put(database, "x", run_at=T0 + timedelta(seconds=90))
    with database.session(write=False) as session:
        assert outbox.backlog(session, now=T0) == outbox.Backlog(1, 1, 0, 90)
    with database.session(write=True) as session:
        session.execute(update(Job).values(state=DONE))
        assert outbox.backlog(session, now=T0) == outbox.Backlog(0, 0, 0, 0)


def test_recurring_work_has_one_turn(database: Database) -> None:
    hour = timedelta(hours=1)
    assert change(database, outbox.take_turn, "sweep", now=T0, every=hour)
    assert not change(database, outbox.take_turn, "sweep", now=T0 + timedelta(minutes=59), every=hour)
    assert change(database, outbox.take_turn, "sweep", now=T0 + hour, every=hour)


def test_many_workers_never_have_one_job_at_once(database: Database) -> None:
    put(database, *["x"] * 60)
    taken: list[int] = []
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            while jobs := claim(database, name, limit=4):
                taken.extend(job.id for job in jobs)
                for job in jobs:
                    assert change(database, outbox.finish, job, now=T0)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert Counter(taken) == Counter(set(taken))
    assert len(taken) == 60
    with database.session(write=False) as session:
        assert session.scalar(select(func.count()).where(Job.state == DONE)) == 60


@pytest.mark.parametrize("name", ["email", "title", "text", "id"])
def test_a_job_holds_ids_only(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        outbox.put(Session(), "x", run_at=T0, **{name: "someone@example.org"})
