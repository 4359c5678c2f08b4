"""Where a request is sent: the form with its draft, and what becomes of it afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, session
from flask_login import current_user

from app import drafts, searchlog_views
from app.access import signed_in
from app.cleaning import clean_line
from app.errors import NotVisible, Refused, Throttled
from app.i18n import language
from app.legal import queries as legal
from app.now import now
from app.tickets import deadlines, opening, queries, usual_waits
from app.tickets.files import SHOWN_KINDS, Limits
from app.tickets.forms import LONGEST_SUBJECT, RequestForm, typed
from app.tickets.limits import REQUEST_ADDRESS, REQUEST_NETWORK
from app.tickets.matching import Facts
from app.tickets.messages import Request
from app.tickets.queries import TypeChoice, number
from app.tickets.shared_views import drop, keep_draft, rules, uploads
from app.web import commit, count_tries, db, is_local, network, portal, preferences, safe_target, see
from app.words import N_

bp = Blueprint("requests", __name__)

DRAFT = "ticket:new"
TOO_OFTEN = N_(
    "Several requests came from this address or connection within an hour. Send this one after %(at)s, or sign in."
)
SENT = "sent"  # where the browser's session keeps the request that was just sent


@bp.route("/tickets/new", methods=["GET", "POST"])
def new() -> Any:
    types = queries.request_types(db())
    form = _request_form(types)
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                return _send(form)
            except Throttled as refused:
                at = now() + timedelta(seconds=refused.retry_after)
                form.refuse(Refused(TOO_OFTEN, "email", at=at))
                status = 429
            except Refused as refused:
                form.refuse(refused)
    return _new_page(form, types), status


def _request_form(types: list[TypeChoice]) -> RequestForm:
    """The form as it was sent, else with the person's draft, else with the words of a search that found nothing."""
    given: dict[str, Any] = {"subject": (clean_line(request.args.get("subject")) or "")[:LONGEST_SUBJECT]}
    if request.method == "GET" and current_user.is_authenticated:
        kept = drafts.load(db(), current_user.person_id, DRAFT)
        given = dict(kept.fields) if kept else given
        given.pop("send_key", None)
    return RequestForm(data=given).fit(types, language(), current_user)


def _new_page(form: RequestForm, types: list[TypeChoice]) -> str:
    lang = language()
    if request.method == "GET":
        form.searched.data = searchlog_views.carried()
    if not form.privacy.data:
        form.privacy.data = str(legal.current(db(), "privacy-notice", lang).version)
    limits = Limits.of(preferences())
    wanted = _wanted(_kinds(form, types))
    promises = deadlines.foreseen(db(), wanted, now=now())
    usual = usual_waits.beside(
        usual_waits.known(db()), [(facts.request_type, facts.priority) for facts in wanted], promises
    )
    return render_template(
        "tickets/new.html",
        form=form,
        types=types,
        due=deadlines.latest(promises),
        usual=usual,
        limits=limits,
        kinds=SHOWN_KINDS,
        draft_url="/tickets/new/draft" if current_user.is_authenticated else None,
    )


def _kinds(form: RequestForm, types: list[TypeChoice]) -> list[TypeChoice]:
    """The topic that is chosen, else all that may be."""
    chosen = form.request_type.data if "request_type" in form else None
    return [kind for kind in types if str(kind.id) == chosen] or types


def _wanted(kinds: list[TypeChoice]) -> list[Facts]:
    """What the request may be, as far as promises depend on it."""
    organisation = current_user.organisations[0][0] if current_user.organisations else None
    segments = [key for key, _ in current_user.segments]
    return [
        Facts(kind.priority, request_type=kind.id, organisation=organisation, segment=segments)
        for kind in kinds
    ] or [Facts(organisation=organisation, segment=segments)]


def _send(form: RequestForm) -> Any:
    """Store the files, then the request, and lead on to its confirmation. Raises `Refused`."""
    viewer = current_user._get_current_object()
    lang = language()
    version = _notice_version(form.privacy.data, lang)
    if not viewer.is_authenticated:
        count_tries((REQUEST_ADDRESS, typed(form.email).casefold()), (REQUEST_NETWORK, network()))
    by = rules()
    with uploads() as kept:
        asked = Request(
            subject=typed(form.subject),
            body=typed(form.message).strip(),
            send_key=typed(form.send_key),
            language=lang,
            kind=form.chosen,
            files=kept,
            private=bool("private" in form and form.private.data),
            privacy_version=version,
        )
        if viewer.is_authenticated:
            sent = opening.open_ticket(db(), asked, viewer=viewer, rules=by, now=now())
            drafts.discard(db(), viewer.person_id, DRAFT)
        else:
            sent = opening.open_as_guest(
                db(), asked, name=typed(form.name), address=typed(form.email), rules=by, now=now()
            )
        commit()
    if sent.repeated:
        drop(kept)
    else:
        searchlog_views.note_request(form.searched.data, form.chosen.id if form.chosen else None)
    session[SENT] = [sent.ticket_id, sent.letter]
    return see("/tickets/new/sent")


def _notice_version(shown: str | None, lang: str) -> int:
    """The version of the privacy notice that was shown; a form that does not say it saw the present one."""
    current = legal.current(db(), "privacy-notice", lang).version
    said = shown or ""
    return min(int(said), current) if said.isascii() and said.isdigit() and len(said) < 10 else current


@bp.get("/tickets/new/sent")
def sent() -> Any:
    ticket_id, letter = session.get(SENT) or (0, False)
    try:
        found = queries.head(db(), ticket_id, queries.present())
    except NotVisible:
        return redirect("/tickets/new", 303)
    own = current_user.person_id == found.requester_id
    return render_template(
        "tickets/sent.html",
        ticket=found,
        shown=number(found.id),
        own=own,
        letter=letter,
        mail_url=safe_target("/mail/") if portal().demo and portal().mail_captured and is_local() else None,
    )


@bp.post("/tickets/new/draft")
@signed_in
def new_draft() -> Any:
    return keep_draft(DRAFT, "/tickets/new")
