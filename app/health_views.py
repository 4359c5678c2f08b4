"""What operators and their monitoring ask: does it live, is it ready, how much work waits. No cookie, no person."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import observe, outbox, versions
from app.now import now
from app.web import db, is_local, portal
from knowledge_base.index import BrokenIndex, Index

OLDEST_HEARTBEAT, OLDEST_DUE_JOB = 60, 300  # seconds

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """This process answers."""
    return _uncached(jsonify(status="ok"))


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """All that a request and its later work need: 200, or 503 with the checks that failed.

    Failed jobs are counted but do not make it unready: they wait for a person (`worker failed`).
    """
    checks = {"database": _passes(lambda: portal().database.answers())}
    failed: int | None = None
    if checks["database"]:
        checks["migrations"] = _passes(
            lambda: versions.standing(portal().database.engine) == versions.newest()
        )
        checks["search_index"] = _passes(lambda: Index(portal().search_dir).view() is not None)
    if checks.get("migrations"):
        waiting = outbox.backlog(db(), now=now())
        failed = waiting.failed
        checks["worker"] = 0 <= _heartbeat_age(db()) < OLDEST_HEARTBEAT
        checks["queue"] = waiting.oldest_due_seconds < OLDEST_DUE_JOB
    ready = all(checks.values()) and len(checks) == 5
    answer = jsonify(status="ready" if ready else "not ready", checks=checks, failed_jobs=failed)
    return _uncached(answer), 200 if ready else 503


@bp.get("/metrics")
def metrics() -> Response:
    """The queue in numbers, in the text format of Prometheus (version 0.0.4): to this host itself, or with the bearer
    token `PORTAL_METRICS_TOKEN`."""
    if not (_has_token() or is_local()):
        abort(404)
    by_state = select(outbox.Job.state, func.count()).group_by(outbox.Job.state)
    counted = dict(db().execute(by_state).all())
    waiting = outbox.backlog(db(), now=now())
    states = (outbox.QUEUED, outbox.DONE, outbox.FAILED)
    text = "".join(
        (
            _gauge("portal_jobs", "Jobs by state", {f'{{state="{s}"}}': counted.get(s, 0) for s in states}),
            _gauge("portal_jobs_due", "Jobs whose time has come", waiting.due),
            _gauge("portal_oldest_due_job_seconds", "How long it waits", waiting.oldest_due_seconds),
            _gauge("portal_worker_heartbeat_seconds", "Its age; -1 for never", _heartbeat_age(db())),
        )
    )
    return _uncached(Response(text, content_type="text/plain; version=0.0.4; charset=utf-8"))


def _gauge(name: str, about: str, values: int | dict[str, int]) -> str:
    labelled = values if isinstance(values, dict) else {"": values}
    lines = [f"{name}{labels} {value}" for labels, value in labelled.items()]
    return "\n".join([f"# HELP {name} {about}", f"# TYPE {name} gauge", *lines, ""])


def _heartbeat_age(session: Session) -> int:
    last = observe.last_beat(session, "worker")
    return -1 if last is None else max(0, int((now() - last).total_seconds()))


def _has_token() -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted = portal().metrics_token
    return (
        bool(wanted) and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), wanted.encode())
    )


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (BrokenIndex, DBAPIError, OSError):
        return False


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
