"""Consents of a person: one switch for each purpose, its log, and the link by which a letter lets her stop."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import get_locale, gettext

from app.accounts import consents
from app.accounts.forms import ButtonForm, typed
from app.errors import Conflict, NotVisible
from app.now import now
from app.privacy import labels, rights
from app.privacy.forms import ConsentForm
from app.privacy.identity_views import asking, own_data
from app.web import commit, csrf, db, portal, see

bp = Blueprint("privacy_consents", __name__)
HERE = "/privacy/consents"
ONE_CLICK = "One-Click"  # RFC 8058: what a mail program posts for its own button


@bp.get(HERE)
@own_data
def show() -> Any:
    return _page()


def _page(refused: str = "") -> Any:
    who = asking()
    page = render_template(
        "privacy/consents.html",
        who=who,
        states=consents.states(db(), who.person_id),
        log=consents.log_of(db(), who.person_id),
        form=ConsentForm(formdata=None),
        labels=labels,
        lang=str(get_locale()),
        refused=refused,
    )
    return page, 422 if refused else 200


@bp.post(f"{HERE}/<any(survey, news):purpose>")
@own_data
def change(purpose: str) -> Any:
    form, who = ConsentForm(), asking()
    if not form.validate_on_submit():
        raise NotVisible
    if typed(form.wanted) != "1":
        consents.withdraw(db(), who.person_id, purpose, through=consents.PAGE, now=now())
        told = gettext("Switched off. We do not write to you for this any more.")
    else:
        try:
            consents.give(
                db(),
                who.person_id,
                purpose,
                digest=typed(form.digest),
                lang=str(get_locale()),
                through=consents.PAGE,
                secret=portal().secret_key,
                now=now(),
            )
        except Conflict as conflict:
            return _page(gettext(conflict.message))
        told = gettext("Switched on. You can switch it off here at any time.")
    commit()
    flash(told, "ok")
    return see(HERE)


@bp.post(f"{HERE}/objection")
@own_data
def object_() -> Any:
    """Objecting to advertising needs no reason and acts at once (GDPR Art. 21(2), (3))."""
    rights.object_to_marketing(db(), asking().person_id, now=now())
    commit()
    flash(gettext("We noted your objection. You get no surveys and no news any more."), "ok")
    return see(HERE)


@bp.route(f"{HERE}/stop/<token>", methods=["GET", "POST"])
@csrf.exempt  # type: ignore[untyped-decorator]
def stop(token: str) -> Any:
    """One button, so that programs which only look at links (GET) change nothing. What the link carries is the right
    itself, so a mail program may post it without a form of ours (RFC 8058)."""
    found = consents.behind_link(db(), token)
    if request.method == "POST":
        consents.stop(db(), token, now=now())
        commit()
        return see(request.path)
    return render_template(
        "privacy/stop.html",
        form=ButtonForm(formdata=None),
        path=request.path,
        words=gettext(labels.CONSENT[found.purpose]),
        ended=found.withdrawn_at is not None,
    )
