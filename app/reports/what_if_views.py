"""Where leads try out other promises: the draft, the trial while it is computed, its figures and the tickets that differ."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.errors import NotVisible, Refused
from app.now import now
from app.reports import reading, trials, what_if
from app.reports.forms import DEFAULT_MONTHS, DraftForm, written
from app.reports.models import DONE, UNDER_WAY, WhatIfRun
from app.reports.trials import PRIORITIES
from app.sla.forms import LABELS
from app.sla.models import METRICS
from app.sla.written import written_hours, written_length
from app.tickets.labels import METRIC, PRIORITY, STATUS
from app.web import commit, db, release, see

bp = Blueprint("what_if", __name__)

WORDS = {"metrics": METRIC, "priorities": PRIORITY, "weekdays": LABELS, "status_words": STATUS}
WRITTEN = {"length": written_length, "hours": written_hours}


@bp.get("/reports/what-if")
@needs("reports.read")
def draft() -> Any:
    places = reading.places(db())
    wanted = request.args.get("policy", type=int)
    order = sorted(places, key=lambda place: (place.policy_id != wanted, not place.enabled))
    chosen = order[0] if order else None
    if chosen is None:
        return render_template("reports/no_policy.html")
    return _draft_page(_prefilled(chosen.policy_id), chosen.policy_id, places)


def _prefilled(policy_id: int) -> DraftForm:
    """What holds today; with `again` what this person tried last."""
    present = what_if.standing(db(), policy_id)
    targets: what_if.Targets = present.targets
    week, months = present.week, DEFAULT_MONTHS
    last = trials.latest_of(db(), current_user.person_id) if "again" in request.args else None
    if last is not None and last.policy_id == policy_id:
        tried, months = trials.draft_of(last), trials.months_of(last)
        targets = targets if tried.targets is None else tried.targets
        week = week if tried.week is None else tried.week
    return DraftForm(formdata=None, policy_id=str(policy_id), months=months, **written(targets, week))


def _draft_page(form: DraftForm, policy_id: int, places: list[reading.Place]) -> str:
    return render_template(
        "reports/what_if.html",
        form=form,
        places=[place for place in places if place.enabled or place.policy_id == policy_id],
        place=next(place for place in places if place.policy_id == policy_id),
        last=trials.latest_of(db(), current_user.person_id),
        priority_codes=PRIORITIES,
        metric_codes=METRICS,
        **WORDS,
    )


@bp.post("/reports/what-if")
@needs("reports.read")
def start() -> Any:
    form = DraftForm()
    policy_id = form.chosen
    present = what_if.standing(db(), policy_id)
    if form.validate_on_submit() and (tried := form.draft(present)) is not None:
        me, months = current_user.person_id, form.months.data or 0
        try:
            run = trials.start(db(), tried, months=months, author_id=me, now=now())
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            return see(f"/reports/what-if/{run.id}")
    return _draft_page(form, policy_id, reading.places(db())), 422


@bp.get("/reports/what-if/<int:run_id>")
@needs("reports.read")
def trial(run_id: int) -> Any:
    run = trials.read(db(), run_id)
    metric = request.args.get("metric")
    metric = metric if metric in METRICS else None
    return render_template(
        "reports/trial.html",
        run=run,
        place=reading.place(db(), run.policy_id),
        mine=run.author_id == current_user.person_id,
        changes=trials.changes(run),
        under_way=run.state in UNDER_WAY,
        metric=metric,
        metric_codes=METRICS,
        **(_figures(run, metric) if run.state == DONE else {}),
        **WORDS,
        **WRITTEN,
    )


def _figures(run: WhatIfRun, metric: str | None) -> dict[str, Any]:
    result = run.result or {}
    names = reading.team_names(db())
    by_team = what_if.figures(result, "team", metric=metric)
    by_priority = what_if.figures(result, "priority", metric=metric)
    by_metric = what_if.figures(result, "metric")
    return {
        "result": result,
        "decided": by_metric,
        "by_metric": [(gettext(METRIC[code]), by_metric[code]) for code in METRICS if code in by_metric],
        "by_team": sorted(
            ((names.get(team) or gettext("No team"), found) for team, found in by_team.items()),
            key=lambda row: row[0],
        ),
        "by_priority": [
            (gettext(PRIORITY[code]), by_priority[code]) for code in PRIORITIES if code in by_priority
        ],
    }


@bp.get("/reports/what-if/<int:run_id>/progress")
@needs("reports.read")
def progress(run_id: int) -> Any:
    """How far it is. Once there is no more to wait for, the page is told to load itself again."""
    try:
        run = trials.read(db(), run_id)
    except NotVisible:
        return "", 200, {"HX-Refresh": "true"}  # replaced meanwhile; the page itself says so
    ended = {} if run.state in UNDER_WAY else {"HX-Refresh": "true"}
    return render_template("reports/progress.html", run=run), 200, ended


@bp.post("/reports/what-if/<int:run_id>/cancellation")
@needs("reports.read")
def cancellation(run_id: int) -> Any:
    trials.cancel(db(), run_id, author_id=current_user.person_id)
    commit()
    return see(f"/reports/what-if/{run_id}")


@bp.get("/reports/what-if/<int:run_id>/<any(worse, better):direction>")
@needs("reports.read")
def tickets(run_id: int, direction: str) -> Any:
    if not current_user.may("tickets.work"):
        raise NotVisible
    run = trials.read(db(), run_id)
    after, before = request.args.get("after"), request.args.get("before")
    rows, differing = reading.tickets(db(), run, direction, current_user, after=after, before=before)
    return render_template(
        "reports/tickets.html",
        run=run,
        direction=direction,
        rows=rows,
        differing=differing,
        listed=what_if.MOST_LISTED,
        **WORDS,
    )
