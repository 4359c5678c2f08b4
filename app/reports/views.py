"""The reports' first page: how many tickets came, how promises were kept, and the way to trying others out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user

from app.access import needs
from app.now import now
from app.reports import queries, trials
from app.reports.what_if import months_before
from app.tickets.labels import METRIC
from app.web import db, portal

bp = Blueprint("reports", __name__)

PERIODS = (1, 3, 6, 12)  # months to choose from


@bp.get("/reports/")
@needs("reports.read")
def start() -> Any:
    until = now()
    chosen = request.args.get("months", type=int)
    months = chosen if chosen in PERIODS else PERIODS[1]
    since = months_before(until, months)
    return render_template(
        "reports/start.html",
        weeks=queries.tickets_by_week(db(), since=since, until=until, time_zone=portal().timezone),
        promises=queries.promises_kept(db(), since=since, until=until),
        trial=trials.latest_of(db(), current_user.person_id),
        periods=PERIODS,
        months=months,
        metrics=METRIC,
    )
