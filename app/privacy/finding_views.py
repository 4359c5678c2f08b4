"""Finding a person in every store, and blacking out what was found. Words typed here are never part of an address, so
that no log holds them; they wait as the officer's draft and go with the black-out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy import select

from app import drafts
from app.access import needs
from app.accounts.forms import typed
from app.errors import NotVisible, Refused
from app.now import now
from app.privacy import blackout, labels, queries
from app.privacy.admin_views import HERE, tabs
from app.privacy.forms import FindForm, PassageForm, PlacesForm, ReasonForm
from app.privacy.stores import all_sinks, subject_for
from app.tickets.models import FIRST_NUMBER, Attachment
from app.web import commit, db, portal, release, see

bp = Blueprint("privacy_finding", __name__)
FIND, PASSAGE = "privacy.find", "privacy.blackout"  # names of the officer's drafts
SHOWN = 500


# --- find ------------------------------------------------------------------------------------------------------------


@bp.route(f"{HERE}/find", methods=["GET", "POST"])
@needs("privacy.work")
def find() -> Any:
    form = FindForm()
    if form.validate_on_submit():
        drafts.save(
            db(), current_user.person_id, FIND, {"q": typed(form.q), "former": typed(form.former)}, now=now()
        )
        commit()
        return see(f"{HERE}/find")
    kept = drafts.load(db(), current_user.person_id, FIND)
    wanted = (kept.fields.get("q", "") if kept else "") if request.method == "GET" else ""
    former = kept.fields.get("former", "") if kept else ""
    subject = subject_for(db(), wanted, former.splitlines()) if wanted else None
    found = _found(subject, kept.id if kept else 0) if subject else None
    page = render_template(
        "admin/privacy/find.html",
        form=FindForm(formdata=None, q=wanted, former=former) if request.method == "GET" else form,
        wanted=wanted,
        person_id=subject.person_id if subject else None,
        public_id=subject.public_id if subject else "",
        found=found,
        shown=SHOWN,
        labels=labels,
        numbers=queries.numbers_of(db(), [one.place for one in found or []]),
        tabs=tabs("find"),
    )
    return page, 422 if form.is_submitted() else 200


def _found(subject: Any, own_draft: int) -> list[Any]:
    """Findings of every store, each place once, without the draft that holds the typed words."""
    places: dict[tuple[str, str], Any] = {}
    for sink in all_sinks(db(), portal()):
        for one in sink.find(subject):
            known = places.get((one.sink, one.place))
            if one.place != f"draft/{own_draft}" and (known is None or one.own):
                places[(one.sink, one.place)] = one
    return sorted(places.values(), key=lambda one: (not one.own, one.sink, one.place))


@bp.post(f"{HERE}/find/end")
@needs("privacy.work")
def forget() -> Any:
    drafts.discard(db(), current_user.person_id, FIND)
    commit()
    return see(f"{HERE}/find")


# --- black out a passage -----------------------------------------------------------------------------------------------


@bp.route(f"{HERE}/blackout", methods=["GET", "POST"])
@needs("privacy.work")
def passage() -> Any:
    form = PassageForm()
    if form.validate_on_submit():
        try:
            _check(form)
        except Refused as refused:
            form.refuse(refused)
        else:
            fields = {"passage": typed(form.passage), "reason": typed(form.reason)}
            drafts.save(db(), current_user.person_id, PASSAGE, fields, now=now())
            commit()
            return see(f"{HERE}/blackout/places")
    page = render_template("admin/privacy/blackout.html", form=form, tabs=tabs("blackout"))
    return page, 422 if form.is_submitted() else 200


def _check(form: PassageForm) -> None:
    blackout.places(db(), typed(form.passage), typed(form.reason), lang=portal().languages[0])


@bp.route(f"{HERE}/blackout/places", methods=["GET", "POST"])
@needs("privacy.work")
def places() -> Any:
    kept = drafts.load(db(), current_user.person_id, PASSAGE)
    if kept is None:
        raise NotVisible
    words, reason = kept.fields["passage"], kept.fields["reason"]
    own = f"draft.{kept.id}.fields"
    found = [
        place
        for place in blackout.places(db(), words, reason, lang=portal().languages[0])
        if place.key != own
    ]
    form = PlacesForm()
    form.places.choices = [(place.key, place.key) for place in found if not place.kept]
    if form.validate_on_submit():
        try:
            return _black_out(words, reason, form.places.data or [])
        except Refused as refused:
            form.refuse(refused)
    page = render_template(
        "admin/privacy/places.html",
        form=form,
        found=found,
        reason=reason,
        chosen=form.places.data if form.is_submitted() else [place.key for place in found],
        labels=labels,
        tabs=tabs("blackout"),
    )
    return page, 422 if form.is_submitted() else 200


def _black_out(words: str, reason: str, chosen: list[str]) -> Any:
    person_id = current_user.person_id
    done = blackout.black_out(db(), portal(), words, chosen, reason, actor_id=person_id, now=now())
    drafts.discard(db(), person_id, PASSAGE)
    drafts.discard(db(), person_id, FIND)
    count = len(done.places)
    commit()
    release()
    blackout.finish(portal(), words)
    flash(gettext("Blacked out. Places changed: %(count)s.", count=count), "ok")
    return see(f"{HERE}/blackout")


# --- black out a file ------------------------------------------------------------------------------------------------


@bp.route(f"{HERE}/files/<int:attachment_id>/blackout", methods=["GET", "POST"])
@needs("privacy.work")
def file(attachment_id: int) -> Any:
    row = (
        db()
        .execute(select(Attachment.name, Attachment.ticket_id).where(Attachment.id == attachment_id))
        .first()
    )
    if row is None:
        raise NotVisible
    form, number = ReasonForm(), row.ticket_id + FIRST_NUMBER
    if form.validate_on_submit():
        try:
            blackout.black_out_file(
                db(),
                portal(),
                attachment_id,
                typed(form.reason),
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            release()
            blackout.finish(portal(), "")
            flash(gettext("The file is gone; its message says so."), "ok")
            return see(f"{HERE}/tickets/{number}")
    page = render_template(
        "admin/privacy/file.html",
        form=form,
        name=row.name,
        number=number,
        path=request.path,
        tabs=tabs("find"),
    )
    return page, 422 if form.is_submitted() else 200
