"""The state of the installation, and trying failed work again."""

from __future__ import annotations

import shutil

import pytest
from flask import Flask
from sqlalchemy import select

from app import observe, outbox, versions
from app.articles import indexing
from app.audit import AuditEntry
from app.now import now
from app.outbox import Job
from tests.support.pages import Page, words


@pytest.fixture
def fail(app: Flask):
    def put(count: int = 1) -> list[int]:
        with app.extensions["portal"].database.session(write=True) as session:
            jobs = [outbox.put(session, "x.y", run_at=now(), thing_id=1) for _ in range(count)]
            for job in jobs:
                job.state, job.done_at, job.error, job.attempts = (
                    outbox.FAILED,
                    now(),
                    "OSError 5 at app/x.py:1",
                    20,
                )
            session.flush()
            ids = [job.id for job in jobs]
            session.commit()
        return ids

    return put


@pytest.fixture
def states(app: Flask):
    def read() -> list[str]:
        with app.extensions["portal"].database.session(write=False) as session:
            return list(session.scalars(select(Job.state).order_by(Job.id)))

    return read


@pytest.fixture
def entries(app: Flask):
    def read() -> list[tuple[int | None, int | None, int]]:
        with app.extensions["portal"].database.session(write=False) as session:
            rows = session.scalars(select(AuditEntry).where(AuditEntry.action == "job.retry"))
            return [(row.actor_id, row.object_id, row.details["count"]) for row in rows]

    return read


def value(page: Page, term: str) -> str:
    for pair in page.all("div"):
        if [words(dt) for dt in pair.findall("dt")] == [term]:
            return words(pair.find("dd"))
    raise AssertionError(term)


def test_fresh_installation(admin):
    page = admin.visit("/admin/system")
    assert value(page, "Worker") == "Silent"
    assert value(page, "Version") == versions.program()
    assert value(page, "Database").startswith("SQLite, ")
    assert value(page, "Schema version") == versions.newest()
    assert value(page, "Search index") == "Unreadable"
    assert "GB of" in value(page, "Free disk space")
    assert "No failed work" in page.text


def test_a_living_worker_and_its_index(app, admin, run_worker):
    run_worker()
    page = admin.visit("/admin/system")
    assert value(page, "Worker").startswith("Running")
    assert value(page, "Search index").startswith("0 articles, written")
    assert not page.all("div", class_="banner-danger")


def test_a_lost_index_is_told(app, admin, run_worker):
    run_worker()
    folder = app.extensions["portal"].search_dir
    shutil.rmtree(folder)
    indexing.index_in.cache_clear()
    assert "The search index cannot be read" in admin.visit("/admin/system").text


def test_a_worker_that_fell_silent(app, admin):
    with app.extensions["portal"].database.light_session() as session:
        observe.beat(session, "worker", now=now().replace(year=2025))
        session.commit()
    assert "The worker is silent" in admin.visit("/admin/system").text


def test_retries_one(admin, fail, states, entries):
    first, second = fail(2)
    page = admin.visit("/admin/system")
    assert "OSError 5 at app/x.py:1" in page.text
    page = admin.send(page, f"/jobs/{first}/")
    assert "1 task is tried again." in page.text
    assert states() == ["queued", "failed"]
    assert entries() == [(admin.person_id, first, 1)]
    assert str(second) in page.html


def test_retries_all(admin, fail, states, entries):
    fail(3)
    page = admin.send(admin.visit("/admin/system"), "Try all again")
    assert "3 tasks are tried again." in page.text
    assert states() == ["queued"] * 3
    assert entries() == [(admin.person_id, None, 3)]


def test_what_did_not_fail_is_not_retried(app, admin, fail, entries):
    (job,) = fail()
    page = admin.visit("/admin/system")
    admin.send(page, f"/jobs/{job}/")
    token = page.form(f"/jobs/{job}/").find("input").get("value")
    assert admin.post(f"/admin/system/jobs/{job}/retry", data={"csrf_token": token}).status_code == 404
    assert admin.post("/admin/system/jobs/4711/retry", data={"csrf_token": token}).status_code == 404
    answer = admin.post("/admin/system/jobs/retry", data={"csrf_token": token})
    assert answer.status_code == 303
    assert "No work has failed." in admin.visit("/admin/system").text
    assert len(entries()) == 1


def test_failed_work_is_paged(admin, fail):
    ids = fail(30)
    page = admin.visit("/admin/system")
    assert f"/jobs/{ids[29]}/" in page.html
    assert f"/jobs/{ids[4]}/" not in page.html
    assert f"/jobs/{ids[4]}/" in admin.follow(page, "Next").html


def test_at_most_eight_statements(admin, statements, fail):
    fail(3)
    with statements() as sent:
        admin.visit("/admin/system")
    assert len(sent) <= 10, "\n".join(sent)


def test_only_admins(editor, sign_in):
    editor.visit("/admin/system", status=403)
    sign_in("privacy_officer").visit("/admin/system", status=403)


@pytest.mark.both_databases
def test_names_the_database(app, admin, backend):
    named = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[backend]
    assert value(admin.visit("/admin/system"), "Database").startswith(f"{named}, ")
