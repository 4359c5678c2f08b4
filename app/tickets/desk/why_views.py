"""Why a ticket is due when it is: the page, its fragment beside the thread, and excusing what was missed."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.errors import NotVisible, Refused
from app.i18n import language, say
from app.now import now
from app.sla.explain import length
from app.sla.policy import METRICS
from app.tickets import excuses, labels, queries, reasons
from app.tickets.deadlines import instant
from app.tickets.desk import timeline
from app.tickets.desk.views import bp, side
from app.tickets.queries import on_desk, ticket_id_of
from app.web import commit, db, portal, release, see


@bp.get("/desk/tickets/<int:shown>/why")
@needs("tickets.work")
def why(shown: int) -> str:
    return _page(shown)


@bp.post("/desk/tickets/<int:shown>/breaches/<int:breach_id>/excuse")
@needs(excuses.MAY_EXCUSE)
def excuse(shown: int, breach_id: int) -> Any:
    reason = request.form.get("reason", "")
    try:
        done = excuses.excuse(db(), ticket_id_of(shown), breach_id, reason, viewer=current_user, now=now())
    except Refused as refused:
        release()
        return _page(shown, refused=say(refused), at=breach_id, typed=reason), 422
    if done:
        commit()
        flash(gettext("Excused. Reports show this deadline apart from the others."), "ok")
    return see(f"/desk/tickets/{shown}/why#breach-{breach_id}")


@bp.post("/desk/tickets/<int:shown>/breaches/<int:breach_id>/excuse/withdrawal")
@needs(excuses.MAY_EXCUSE)
def unexcuse(shown: int, breach_id: int) -> Any:
    if excuses.take_back(db(), ticket_id_of(shown), breach_id, viewer=current_user, now=now()):
        commit()
        flash(gettext("This deadline counts as missed again."), "ok")
    return see(f"/desk/tickets/{shown}/why#breach-{breach_id}")


def _page(shown: int, *, refused: str = "", at: int | None = None, typed: str = "") -> str:
    head = queries.head(db(), ticket_id_of(shown), on_desk(current_user))
    found = reasons.of_ticket(db(), head.id, now=now())
    if found is None:
        raise NotVisible
    accounts = found.accounts()
    sentences = found.sentences(language(), ZoneInfo(portal().timezone))
    scale = timeline.scale_of(accounts, found.now)
    runs = {(run.metric, run.run_no): run for run in found.runs}
    clocks = [
        (
            account,
            runs[account.metric, account.run_no],
            words,
            timeline.draw(
                account, found.history, found.calendars[account.metric, account.run_no], scale, found.now
            ),
        )
        for account, words in zip(accounts, sentences, strict=True)
    ]
    clocks.sort(key=lambda clock: (METRICS.index(clock[0].metric), clock[0].run_no))
    fragment = "HX-Request" in request.headers
    return render_template(
        "desk/why_fragment.html" if fragment else "desk/why.html",
        head=head,
        number=shown,
        found=found,
        clocks=clocks,
        scale=scale,
        misses=reasons.misses(db(), head.id),
        labels=labels,
        may_excuse=current_user.may(excuses.MAY_EXCUSE, team_id=head.team_id),
        at_most=excuses.REASON_AT_MOST,
        refused=refused,
        refused_at=at,
        typed=typed,
        workspace_nav=None if fragment else side(),
    )


@bp.app_template_filter("worktime")
def worktime(seconds: int) -> str:
    """Business time as people read it, to the minute below: "2 h 5 min"."""
    return length(max(0, seconds) // 60 * 60, language())


@bp.app_template_filter("as_instant")
def as_instant(seconds: int | None) -> Any:
    """Epoch seconds of the engine as a moment for `|datetime`."""
    return instant(seconds)
