"""Deleting one's own account: the preview, the proof of identity, the way back, and the certificate."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, session
from flask_babel import gettext

from app import access
from app.accounts import queries, tokens
from app.accounts.entry_views import CLOSING, checked_password, link_rules
from app.accounts.forms import typed
from app.accounts.tokens import DELETION_UNDO
from app.errors import NotVisible, Refused, Throttled
from app.now import now
from app.privacy import labels, service
from app.privacy.forms import DeletionForm, LinkedDeletionForm, UndoForm
from app.privacy.identity_views import KEPT, Asker, asking, own_data
from app.privacy.models import GRACE, HELD, PrivacyRequest
from app.privacy.planner import lines_of
from app.privacy.queries import certificate_of, is_under_way
from app.web import commit, db, preferences, see

bp = Blueprint("privacy_deletion", __name__)
MARKER_SECONDS = 15 * 60  # so long a right password at the sign-in opens the way back


@bp.get("/privacy/deletion")
@own_data
def preview() -> Any:
    return _preview(asking(), None)


@bp.post("/privacy/deletion")
@own_data
def delete() -> Any:
    who = asking()
    form = _form_for(who)
    if not form.validate_on_submit():
        return _preview(who, form)
    try:
        if isinstance(form, DeletionForm):
            checked_password(typed(form.current), who.person_id)
        made = service.request_deletion(
            db(),
            who.person_id,
            rules=link_rules(),
            grace=preferences().period("period_undo_deletion_days"),
            note=_about_former(typed(form.former)),
            now=now(),
        )
    except Throttled:
        raise
    except Refused as refused:
        form.refuse(refused)
        return _preview(who, form)
    commit()
    access.sign_out()
    session.pop(KEPT, None)
    session[CLOSING] = [made.person_id, int(now().timestamp())]
    return see("/privacy/deletion/closed")


def _about_former(told: str) -> str:
    """What she tells of former names is for the officer to look at: nobody may have words of her choice removed from the
    texts of others."""
    return f"{gettext('Former names or addresses')}:\n{told}" if told else ""


def _form_for(who: Asker) -> DeletionForm | LinkedDeletionForm:
    """The password once more; who came by a link proved a moment ago that the address is hers."""
    return LinkedDeletionForm() if who.by_link else DeletionForm()


def _preview(who: Asker, form: DeletionForm | LinkedDeletionForm | None) -> Any:
    page = render_template(
        "privacy/deletion.html",
        who=who,
        form=form or _form_for(who),
        plan=service.preview(db(), who.person_id, now=now()),
        labels=labels,
        days=preferences()["period_undo_deletion_days"],
    )
    return page, 422 if form is not None else 200


# --- closed, and the way back ----------------------------------------------------------------------------------------


@bp.get("/privacy/deletion/closed")
def closed() -> Any:
    pending = _by_marker()
    if pending is None:
        return redirect("/privacy/", 303)
    return render_template(
        "privacy/closed.html", request_=pending, form=UndoForm(), open_=pending.state in (GRACE, HELD)
    )


def _by_marker() -> PrivacyRequest | None:
    """The deletion whose owner gave her password in this browser a moment ago."""
    person_id, at = session.get(CLOSING, (0, 0))
    if not person_id or now().timestamp() - at > MARKER_SECONDS:
        return None
    return service.pending_erasure(db(), person_id)


@bp.get("/privacy/deletion/undo/<token>")
def undo_link(token: str) -> str:
    waiting = tokens.look(db(), DELETION_UNDO, token, now=now())
    pending = service.pending_erasure(db(), waiting.person_id)
    if pending is None:
        raise tokens.DeadLink(DELETION_UNDO, known=True, used=True)
    return render_template("privacy/undo.html", form=UndoForm(token=token), request_=pending)


@bp.post("/privacy/deletion/undo")
def undo() -> Any:
    form = UndoForm()
    if not form.validate_on_submit():
        raise NotVisible
    if typed(form.token):
        person = service.undo_by_link(db(), typed(form.token), now=now())
    else:
        pending = _by_marker()
        if pending is None:
            raise NotVisible
        person = service.undo_deletion(db(), pending.id, now=now())
    has_password = queries.credentials_of(db(), person.id).person_id is not None
    commit()
    session.pop(CLOSING, None)
    flash(gettext("Your account is open again. Nothing was deleted."), "ok")
    return see("/account/sign-in" if has_password else "/privacy/")


# --- certificates ----------------------------------------------------------------------------------------------------


@bp.get("/privacy/certificates/<key>")
def certificate(key: str) -> Any:
    found = certificate_of(db(), key)
    if found is None and not is_under_way(db(), key):
        raise NotVisible
    lines = lines_of(found.lines) if found else ()
    return render_template("privacy/certificate.html", certificate=found, lines=lines, labels=labels)
