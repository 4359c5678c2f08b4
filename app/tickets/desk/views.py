"""The desk's pages: queue, search, a customer, and taking the next ticket. One ticket is in `ticket_views`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user

from app.access import needs
from app.cleaning import clean_line
from app.now import now
from app.tickets import handling, labels, lists, queries
from app.tickets.desk import reading
from app.web import commit, db, see

bp = Blueprint("desk", __name__)

VIEWS = {
    lists.INBOX: (_("Inbox"), "inbox"),
    lists.MINE: (_("My open tickets"), "user"),
    lists.UNASSIGNED: (_("Unassigned"), "circle-help"),
    lists.TEAM: (_("My team"), "users"),
    lists.OVERDUE: (_("Overdue"), "triangle-alert"),
    lists.AT_RISK: (_("Deadline at risk"), "clock"),
    lists.SNOOZED: (_("Snoozed"), "pause"),
    lists.SOLVED: (_("Solved"), "circle-check"),
    lists.ALL: (_("All tickets"), "list"),
}
COUNTED = (lists.INBOX, lists.MINE, lists.UNASSIGNED, lists.TEAM, lists.OVERDUE, lists.AT_RISK)


def side(view: str | None = None, *, counted: dict[str, int] | None = None) -> list[Any]:
    """The desk's side navigation; `counted` are the numbers beside the views."""
    links = [
        (f"/desk/?view={name}", label, icon, name == view, _shown((counted or {}).get(name)))
        for name, (label, icon) in VIEWS.items()
    ]
    more = [(url_for("desk.new"), gettext("New ticket"), "plus", request.endpoint == "desk.new", None)]
    if current_user.may("reports.read"):
        more.append(("/reports/", gettext("Reports"), "activity", False, None))
    if current_user.may("admin.area"):
        more.append(("/admin/", gettext("Administration"), "settings", False, None))
    return [(gettext("Tickets"), links), (gettext("More"), more)]


def _shown(count: int | None) -> str | None:
    if count is None:
        return None
    return f"{lists.COUNTED_UP_TO}+" if count > lists.COUNTED_UP_TO else str(count)


@bp.get("/desk/")
@needs("tickets.work")
def queue() -> str:
    view = request.args.get("view", lists.INBOX)
    view = view if view in VIEWS else lists.INBOX
    moment, team_ids = now(), queries.teams_of(db(), current_user.person_id)
    newest = request.args.get("sort") == "newest"
    rows = lists.queue(
        db(),
        current_user,
        view,
        now=moment,
        team_ids=team_ids,
        newest_first=newest,
        after=request.args.get("after"),
        before=request.args.get("before"),
    )
    counted = lists.counts(db(), current_user, COUNTED, now=moment, team_ids=team_ids)
    return render_template(
        "desk/queue.html",
        view=view,
        view_label=VIEWS[view][0],
        rows=rows,
        newest=newest,
        moment=moment,
        status_words=labels.STATUS,
        workspace_nav=side(view, counted=counted),
    )


@bp.post("/desk/next")
@needs("tickets.work")
def take_next() -> Any:
    ticket_id = handling.take_next(db(), viewer=current_user, now=now())
    if ticket_id is None:
        flash(gettext("No ticket is waiting to be taken."), "info")
        return see("/desk/")
    commit()
    return see(f"/desk/tickets/{queries.number(ticket_id)}")


@bp.get("/desk/search")
@needs("tickets.work")
def search() -> Any:
    words = (clean_line(request.args.get("q")) or "")[:200]
    numbered = reading.numbered(db(), words, current_user)
    if numbered is not None:
        return see(f"/desk/tickets/{queries.number(numbered)}")
    rows = (
        reading.found(
            db(), words, current_user, after=request.args.get("after"), before=request.args.get("before")
        )
        if words
        else None
    )
    return render_template(
        "desk/search.html", q=words, rows=rows, status_words=labels.STATUS, workspace_nav=side()
    )


@bp.get("/desk/customers/<int:person_id>")
@needs("tickets.work")
def customer(person_id: int) -> str:
    return render_template(
        "desk/customer.html",
        customer=reading.customer(db(), person_id, current_user),
        rows=reading.tickets_of(
            db(),
            person_id,
            current_user,
            after=request.args.get("after"),
            before=request.args.get("before"),
        ),
        status_words=labels.STATUS,
        workspace_nav=side(),
    )


from app.tickets.desk import new_views, ticket_views, why_views  # noqa: E402, F401  (their routes hang on `bp`)
