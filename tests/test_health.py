"""What operators ask: lives it, is it ready, how much work waits."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text, update

from app import observe, outbox
from app.articles import indexing
from app.now import now
from app.outbox import Job
from app.web import Portal

pytestmark = pytest.mark.both_databases


@pytest.fixture
def portal(app: Flask) -> Portal:
    """A portal whose worker has just been alive and whose index is there."""
    parts: Portal = app.extensions["portal"]
    with parts.database.light_session() as session:
        observe.beat(session, "worker", now=now())
        session.commit()
    indexing.ensure(parts.database, parts.search_dir)
    return parts


def ready(app: Flask) -> tuple[int, dict[str, Any]]:
    answer = app.test_client().get("/readyz")
    return answer.status_code, answer.get_json()


def test_it_lives_and_sets_no_cookie(app: Flask) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = app.test_client().get(path, headers={"Host": "localhost"})
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
    assert app.test_client().get("/healthz").get_json() == {"status": "ok"}


def test_ready(app: Flask, portal: Portal) -> None:
    status, told = ready(app)
    assert status == 200
    assert told["checks"] == dict.fromkeys(
        ("database", "migrations", "search_index", "worker", "queue"), True
    )


def test_a_silent_worker_makes_it_unready(app: Flask, portal: Portal) -> None:
    with portal.database.light_session() as session:
        observe.beat(session, "worker", now=now() - timedelta(seconds=61))
        session.commit()
    status, told = ready(app)
    assert (status, told["checks"]["worker"]) == (503, False)


def test_an_old_job_makes_it_unready_and_a_failed_one_is_counted(app: Flask, portal: Portal) -> None:
    with portal.database.session(write=True) as session:
        outbox.put(session, "x", run_at=now() - timedelta(minutes=6))
        session.commit()
    assert ready(app)[0] == 503
    with portal.database.session(write=True) as session:
        session.execute(update(Job).values(state=outbox.FAILED))
        session.commit()
    status, told = ready(app)
    assert (status, told["failed_jobs"]) == (200, 1)


def test_a_missing_index_makes_it_unready(app: Flask, portal: Portal) -> None:
    shutil.rmtree(portal.search_dir)
    status, told = ready(app)
    assert (status, told["checks"]["search_index"]) == (503, False)


def test_another_version_of_the_database_makes_it_unready(app: Flask, portal: Portal) -> None:
    with portal.database.session(write=True) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        session.commit()
    status, told = ready(app)
    assert (status, told["checks"]["migrations"]) == (503, False)
    with portal.database.session(write=True) as session:  # the next test may get this database
        session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": _head()})
        session.commit()


def _head() -> str:
    from app import versions

    return versions.newest()


def test_metrics_of_the_queue(app: Flask, portal: Portal) -> None:
    with portal.database.session(write=True) as session:
        outbox.put(session, "x", run_at=now() - timedelta(seconds=30))
        outbox.put(session, "x", run_at=now() + timedelta(seconds=30))
        session.commit()
    lines = app.test_client().get("/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert values['portal_jobs{state="queued"}'] == "2"
    assert values["portal_jobs_due"] == "1"
    assert 29 <= int(values["portal_oldest_due_job_seconds"]) <= 60
    assert 0 <= int(values["portal_worker_heartbeat_seconds"]) <= 30
    assert all(f"# TYPE {name.split('{')[0]} gauge" in lines for name in values)


@pytest.mark.settings(PORTAL_METRICS_TOKEN="a token for the metrics")
@pytest.mark.parametrize(
    ("headers", "peer", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::1", 200),
        ({}, "192.0.2.1", 404),
        ({"Host": "help.example"}, "127.0.0.1", 404),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", 404),
        ({"Forwarded": "for=127.0.0.1"}, "127.0.0.1", 404),
        ({"Authorization": "Bearer a token for the metrics"}, "192.0.2.1", 200),
        ({"Authorization": "Bearer another"}, "192.0.2.1", 404),
        ({"Authorization": "Bearer "}, "192.0.2.1", 404),
        ({"Authorization": "Basic a token for the metrics"}, "192.0.2.1", 404),
    ],
)
def test_metrics_are_for_this_host_or_the_token(
    app: Flask, headers: dict[str, str], peer: str, status: int
) -> None:
    answer = app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.status_code == status


def test_without_a_token_none_opens_the_metrics(app: Flask) -> None:
    for given in ("Bearer ", "Bearer", "Bearer x"):
        answer = app.test_client().get(
            "/metrics", headers={"Authorization": given}, environ_base={"REMOTE_ADDR": "192.0.2.1"}
        )
        assert answer.status_code == 404
