"""What a person asks for beside a copy and a deletion of everything: corrections, restriction, objection with their
state and answer, and the deletion of one request or file."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext

from app.accounts.entry_views import checked_password
from app.accounts.forms import typed
from app.errors import NotVisible, Refused, Throttled
from app.now import now
from app.privacy import labels, queries, rights, service
from app.privacy.forms import AskForm, LinkedPartForm, PasswordForm
from app.privacy.identity_views import Asker, asking, own_data
from app.privacy.models import DONE, ERASURE, MESSAGE, PERSON, RESTRICTION, TICKET
from app.web import commit, db, see

bp = Blueprint("privacy_rights", __name__)
KIND = "<any(rectification, restriction, objection):kind>"


@bp.route(f"/privacy/ask/{KIND}", methods=["GET", "POST"])
@own_data
def ask(kind: str) -> Any:
    who, form = asking(), AskForm()
    scope, key = _about(who)
    if form.validate_on_submit():
        made = rights.ask(db(), who.person_id, kind, typed(form.words), scope=scope, key=key, now=now())
        commit()
        flash(gettext("We have your request. You get an answer by email and here."), "ok")
        return see(f"/privacy/requests/{made.public_id}")
    number = service.number_of(db(), scope, key) if scope != PERSON else None
    page = render_template(
        "privacy/ask.html", form=form, kind=kind, labels=labels, path=request.full_path, number=number
    )
    return page, 422 if form.is_submitted() else 200


def _about(who: Asker) -> tuple[str, str]:
    """What it is about: everything, or one request or message of hers that the address names."""
    for scope in (TICKET, MESSAGE):
        key = request.args.get(scope)
        if key:
            if not rights.is_hers(db(), who.person_id, scope, key):
                raise NotVisible
            return scope, key
    return PERSON, ""


@bp.get("/privacy/requests/<uuid:public_id>")
@own_data
def one(public_id: Any) -> str:
    found = rights.one_of(db(), asking().person_id, str(public_id))
    return render_template(
        "privacy/request.html",
        request_=found,
        labels=labels,
        in_force=found.kind == RESTRICTION and found.state == DONE,
        may_withdraw=found.kind in rights.ASKED_BY_HERSELF and found.state == "open",
        certificate=found.certificate_key if found.kind == ERASURE and found.state == DONE else None,
    )


@bp.post("/privacy/requests/<uuid:public_id>/withdrawal")
@own_data
def withdraw(public_id: Any) -> Any:
    """She takes a request back, or lifts a restriction of hers."""
    who = asking()
    found = rights.one_of(db(), who.person_id, str(public_id))
    try:
        if found.kind == RESTRICTION and found.state == DONE:
            rights.lift(db(), found.id, person_id=who.person_id, now=now())
            told = gettext("Lifted. Our team works on your requests again.")
        else:
            rights.withdraw(db(), who.person_id, str(public_id), now=now())
            told = gettext("You took your request back.")
    except Refused as refused:
        flash(gettext(refused.message), "warn")
    else:
        commit()
        flash(told, "ok")
    return see(f"/privacy/requests/{public_id}")


# --- one request or one file --------------------------------------------------------------------------------------------


@bp.get("/privacy/tickets/<int:number>")
@own_data
def ticket(number: int) -> str:
    found = queries.own_thread(db(), number, asking().person_id)
    return render_template("privacy/ticket.html", thread=found, number=number, me=asking().person_id)


@bp.route("/privacy/parts/<any(ticket, file):scope>/<key>", methods=["GET", "POST"])
@own_data
def part(scope: str, key: str) -> Any:
    who = asking()
    if not rights.is_hers(db(), who.person_id, scope, key):
        raise NotVisible
    form = LinkedPartForm() if who.by_link else PasswordForm()
    if form.validate_on_submit():
        try:
            if isinstance(form, PasswordForm):
                checked_password(typed(form.current), who.person_id)
            made = service.start_own_part(db(), who.person_id, scope, key, now=now())
        except Throttled:
            raise
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("It is being deleted."), "ok")
            return see(f"/privacy/requests/{made.public_id}")
    page = render_template(
        "privacy/part.html",
        form=form,
        who=who,
        plan=service.preview_part(db(), scope, key, now=now()),
        scope=scope,
        labels=labels,
        path=request.path,
        number=service.number_of(db(), scope, key),
    )
    return page, 422 if form.is_submitted() else 200
