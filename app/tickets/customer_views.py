"""The customer's side: her requests, one request with its thread, and the link in a letter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session
from flask_babel import gettext
from flask_login import current_user

from app import drafts
from app.access import signed_in
from app.accounts.permissions import Viewer
from app.cleaning import clean_line
from app.errors import NotVisible, Refused
from app.i18n import format_date, format_deadline
from app.now import now
from app.sla import queries as sla
from app.tickets import corrections, lists, opening, queries, service, usual_waits
from app.tickets.deadlines import epoch
from app.tickets.files import SHOWN_KINDS, Limits
from app.tickets.forms import ButtonForm, ReplyForm, typed
from app.tickets.labels import STATUS_FOR_CUSTOMER
from app.tickets.messages import Sent, Text
from app.tickets.queries import Reader, number, ticket_id_of
from app.tickets.shared_views import drop, keep_draft, reader_of, remember_link, rules, uploads
from app.web import (
    commit,
    db,
    preferences,
    see,
)

bp = Blueprint("tickets", __name__)

FORGET = "forget"  # where the browser's session names the draft that the device needs no more

# --- one's own requests ------------------------------------------------------------------------------------------------


@bp.get("/tickets/")
@signed_in
def index() -> Any:
    tab = request.args.get("tab", lists.OPEN_TAB)
    if tab not in lists.TABS or (tab == lists.ORGANISATION_TAB and not lists.has_colleagues(current_user)):
        tab = lists.OPEN_TAB
    words = (clean_line(request.args.get("q")) or "")[:100]
    found = lists.own_requests(
        db(),
        current_user,
        tab,
        words=words,
        after=request.args.get("after"),
        before=request.args.get("before"),
    )
    return render_template(
        "tickets/list.html",
        tab=tab,
        q=words,
        page=found,
        shared=lists.has_colleagues(current_user),
        number=number,
        state_of=_state,
        status_words=STATUS_FOR_CUSTOMER,
    )


# --- one request ---------------------------------------------------------------------------------------------------------


@bp.get("/tickets/<int:shown>")
def ticket(shown: int) -> Any:
    reader = reader_of(ticket_id_of(shown))
    if reader.person_id is None:  # the same for every number, so that nobody learns which there are
        return render_template("tickets/signed_out.html", shown=shown), 404
    form = ReplyForm(formdata=None).keyed()
    kept = drafts.load(db(), reader.person_id, _reply_draft(shown)) if isinstance(reader, Viewer) else None
    if kept is not None:
        form.message.data = kept.fields.get("message", "")
    return _page(shown, form, reader)


def _page(shown: int, form: ReplyForm, reader: Reader) -> Any:
    try:
        found = queries.head_on_own_side(db(), ticket_id_of(shown), reader)
    except NotVisible:
        if isinstance(reader, Viewer) and reader.may(queries.WORK):
            return redirect(f"/desk/tickets/{shown}", 303)  # the team's side of it is the desk
        raise
    by = rules()
    until = service.reopens_until(found.solved_at, found.status, by)
    return render_template(
        "tickets/ticket.html",
        ticket=found,
        shown=shown,
        form=form,
        thread=queries.thread(db(), found.id, internal=False, until=now() - by.undo),
        files=queries.files(db(), found.id),
        corrections=corrections.of_ticket(db(), found.id),
        state=_state(found, until),
        usual=_usual(found),
        until=until if until and until >= now() else None,
        status_words=STATUS_FOR_CUSTOMER,
        me=reader.person_id,
        kinds=SHOWN_KINDS,
        limits=Limits.of(preferences()),
        draft_url=f"/tickets/{shown}/draft" if isinstance(reader, Viewer) else None,
        forget=session.pop(FORGET, None),
    )


@bp.post("/tickets/<int:shown>/replies")
def reply(shown: int) -> Any:
    reader = reader_of(ticket_id_of(shown))
    form = ReplyForm().keyed()
    if form.validate():
        try:
            stored = _store_reply(shown, form, reader)
        except Refused as refused:
            form.refuse(refused)
        else:
            session[FORGET] = _reply_draft(shown)
            flash(gettext("Your reply has been sent."), "ok")
            return see(f"/tickets/{shown}#message-{stored.message_id}")
    return _page(shown, form, reader), 422


def _store_reply(shown: int, form: ReplyForm, reader: Reader) -> Sent:
    by = rules()
    with uploads() as kept:
        said = Text(typed(form.message).strip(), typed(form.send_key), kept)
        stored = service.reply_as_customer(
            db(), ticket_id_of(shown), said, reader=reader, rules=by, now=now()
        )
        if isinstance(reader, Viewer) and reader.person_id is not None:
            drafts.discard(db(), reader.person_id, _reply_draft(shown))
        commit()
    if stored.repeated:
        drop(kept)
    return stored


@bp.post("/tickets/<int:shown>/resolution")
def resolve(shown: int) -> Any:
    ticket_id = ticket_id_of(shown)
    reader = reader_of(ticket_id)
    try:
        solved = service.resolve(db(), ticket_id, reader=reader, now=now())
    except Refused as refused:
        form = ReplyForm(formdata=None).keyed()
        form.refuse(refused)
        return _page(shown, form, reader), 422
    if solved:
        commit()
        flash(gettext("Your request is solved. Thank you for telling us."), "ok")
    return see(f"/tickets/{shown}")


@bp.post("/tickets/<int:shown>/reopening")
def reopen(shown: int) -> Any:
    reader = reader_of(ticket_id_of(shown))
    try:
        reopened = service.reopen(db(), ticket_id_of(shown), reader=reader, rules=rules(), now=now())
    except Refused as refused:
        form = ReplyForm(formdata=None).keyed()
        form.refuse(refused)
        return _page(shown, form, reader), 422
    if reopened:
        commit()
        flash(gettext("Your request is open again. Tell us what is still missing."), "ok")
    return see(f"/tickets/{shown}")


@bp.post("/tickets/<int:shown>/draft")
@signed_in
def reply_draft(shown: int) -> Any:
    return keep_draft(_reply_draft(shown), f"/tickets/{shown}")


def _reply_draft(shown: int) -> str:
    return f"ticket:{shown}"


def _usual(ticket: Any) -> Any:
    """How long like requests waited, while the first answer is still to come in time."""
    waits = ticket.next_metric == "first_response" and ticket.next_due_at and ticket.next_due_at >= now()
    if not waits or ticket.calendar_id is None or ticket.calendar_version is None:
        return None
    figure = usual_waits.known(db()).get((ticket.request_type_id, ticket.priority))
    calendar = sla.calendar(db(), ticket.calendar_id, ticket.calendar_version)
    return usual_waits.within(figure, calendar.between(epoch(ticket.proved_at), epoch(ticket.next_due_at)))


def _state(ticket: Any, until: datetime | None = None) -> Any:
    """How a request stands, as one whole sentence for the customer."""
    day = format_date(ticket.status_at) if hasattr(ticket, "status_at") else ""
    match ticket.status:
        case "pending" if day and ticket.sla_state == "paused":
            return gettext(
                "We have been waiting for your reply since %(day)s. Our clock stands still until then.",
                day=day,
            )
        case "pending" if day:
            return gettext("We have been waiting for your reply since %(day)s.", day=day)
        case "pending":
            return gettext("We are waiting for your reply.")
        case "on_hold":
            return gettext("We are waiting for somebody else and will get back to you.")
        case "solved" if until is not None:
            return gettext(
                "Solved on %(day)s. You may open it again until %(until)s.", day=day, until=format_date(until)
            )
        case "solved":
            return gettext("Solved.")
        case "closed":
            return gettext("Closed on %(day)s.", day=day) if day else gettext("Closed.")
    if ticket.next_due_at is None:
        return gettext("We are working on it.")
    if ticket.next_due_at < now():
        return gettext(
            "We meant to be back by %(due)s and did not manage it. We are working on your request.",
            due=format_deadline(ticket.next_due_at),
        )
    if ticket.next_metric in ("first_response", "next_response"):
        return gettext("We will answer by %(due)s.", due=format_deadline(ticket.next_due_at))
    if ticket.next_metric == "resolution":
        return gettext("We want to have it solved by %(due)s.", due=format_deadline(ticket.next_due_at))
    return gettext("You will hear from us by %(due)s.", due=format_deadline(ticket.next_due_at))


# --- the link in a letter ------------------------------------------------------------------------------------------------


@bp.route("/t/<token>", methods=["GET", "POST"])
def link(token: str) -> Any:
    """One button, so that programs which only look at links (GET) change nothing."""
    form = ButtonForm()
    if form.validate_on_submit():
        try:
            ticket_id, _ = opening.prove(db(), token, rules=rules(), now=now())
        except NotVisible:
            return render_template("tickets/dead_link.html"), 404
        commit()
        remember_link(token)
        return see(f"/tickets/{number(ticket_id)}")
    found = opening.behind_link(db(), token, rules=rules(), now=now())
    if found is None:
        return render_template("tickets/dead_link.html"), 404
    return render_template(
        "tickets/link.html", form=form, shown=number(found[0]), proved=found[1], token=token
    )
