"""The privacy officer's side of copies: starts one for somebody, looks through internal notes, releases or withholds each."""

from __future__ import annotations

from itertools import islice
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.accounts.forms import ButtonForm, typed
from app.errors import NotVisible, Refused
from app.i18n import language
from app.now import now
from app.privacy import archive, export, queries, taking
from app.privacy.admin_views import HERE, tabs
from app.privacy.export_models import RELEASED, WITHHELD
from app.privacy.forms import NoteDecisionForm
from app.privacy.models import DONE, EXPORT, OPEN, PrivacyRequest
from app.privacy.taking import HELD_BACK, Note, Taker
from app.tickets import handling
from app.web import commit, db, portal, see

bp = Blueprint("privacy_export_admin", __name__)
SHOWN = 25


@bp.post(f"{HERE}/requests/<public_id>/copy")
@needs("privacy.work")
def start(public_id: str) -> Any:
    """Have the copy made that answers somebody's request for information."""
    found = queries.case(db(), public_id)
    if found.person is None:
        raise NotVisible
    try:
        made = export.ask(
            db(),
            found.person.id,
            lang=found.person.language or language(),
            actor_id=current_user.person_id,
            now=now(),
        )
    except Refused as refused:
        flash(gettext(refused.message), "warn")
        return see(f"{HERE}/requests/{public_id}")
    copy = db().get_one(PrivacyRequest, made.request_id).public_id
    commit()
    flash(gettext("The copy is being made. The person gets a letter when it is there."), "ok")
    return see(f"{HERE}/requests/{copy}")


def _request(public_id: str) -> PrivacyRequest:
    found = queries.case(db(), public_id).request
    if found.kind != EXPORT or found.person_id is None:
        raise NotVisible
    return found


def _taker(found: PrivacyRequest) -> Taker:
    return archive.taker_for(db(), portal(), found.person_id or 0, language())


@bp.get(f"{HERE}/exports/<public_id>")
@needs("privacy.work")
def notes(public_id: str) -> str:
    found = _request(public_id)
    taker = _taker(found)
    decided = request.args.get("view") == "decided"
    after = request.args.get("after", 0, int)
    wanted = (note for note in taking.notes(taker, after=after) if (note.state == HELD_BACK) is not decided)
    listed = list(islice(wanted, SHOWN + 1))
    return render_template(
        "admin/privacy/notes.html",
        request_=found,
        person=taker.person,
        notes=listed[:SHOWN],
        more=listed[SHOWN - 1].row if len(listed) > SHOWN else None,
        decided=decided,
        open_=found.state in (OPEN, DONE),
        tabs=tabs("requests"),
        path=f"{HERE}/exports/{public_id}",
    )


@bp.route(f"{HERE}/exports/<public_id>/notes/<key>", methods=["GET", "POST"])
@needs("privacy.work")
def note(public_id: str, key: str) -> Any:
    found = _request(public_id)
    taker = _taker(found)
    one = next((note for note in taking.notes(taker) if note.key == key), None)
    if one is None:
        raise NotVisible
    form = NoteDecisionForm(data=_suggested(taker, one))
    if form.validate_on_submit():
        try:
            _decide(found, one, form)
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Saved. The person sees it in her next copy."), "ok")
            return see(_next(public_id, taker, one))
    if request.method == "GET":
        _note_access(one)
    page = render_template(
        "admin/privacy/note.html",
        request_=found,
        person=taker.person,
        note=one,
        form=form,
        tabs=tabs("requests"),
        path=f"{HERE}/exports/{public_id}",
    )
    return page, 422 if form.is_submitted() else 200


def _suggested(taker: Taker, one: Note) -> dict[str, str]:
    """What was decided before; else the note with names and addresses of others masked."""
    if one.state == HELD_BACK:
        return {"text": taker.masks.text(one.original)}
    return {"text": one.text or taker.masks.text(one.original), "reason": one.why}


def _decide(found: PrivacyRequest, one: Note, form: NoteDecisionForm) -> None:
    export.decide(
        db(),
        found,
        one,
        state=RELEASED if form.decision.data == RELEASED else WITHHELD,
        text=typed(form.text),
        reason=typed(form.reason),
        actor_id=current_user.person_id,
        now=now(),
    )


def _next(public_id: str, taker: Taker, done: Note) -> str:
    """The next note to look at, else the list."""
    later = (note for note in taking.notes(taker, after=done.row) if note.state == HELD_BACK)
    found = next(later, None)
    here = f"{HERE}/exports/{public_id}"
    return f"{here}/notes/{found.key}" if found else here


def _note_access(one: Note) -> None:
    """Write down that a member of the team looks, before the page is sent."""
    with portal().database.light_session() as light:
        handling.note_staff_access(light, viewer=current_user, ticket_id=one.ticket_id, now=now())
        light.commit()


@bp.post(f"{HERE}/exports/<public_id>/completion")
@needs("privacy.work")
def complete(public_id: str) -> Any:
    form = ButtonForm()
    if not form.validate_on_submit():
        raise NotVisible
    try:
        export.complete(db(), _request(public_id), actor_id=current_user.person_id, now=now())
    except Refused as refused:
        flash(gettext(refused.message), "warn")
    else:
        commit()
        flash(gettext("The copy is being made again. The person gets a letter when it is there."), "ok")
    return see(f"{HERE}/requests/{public_id}")
