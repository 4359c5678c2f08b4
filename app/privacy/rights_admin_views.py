"""The officer's pages beside requests: the record of processing, recipients, the words of consents, and notes of
correction beside messages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, render_template, request
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from wtforms import HiddenField, TextAreaField

from app.access import needs
from app.accounts import consents
from app.accounts.forms import typed
from app.errors import Refused
from app.forms import PortalForm, localised_data, localised_field
from app.i18n import gettext_in
from app.now import now
from app.privacy import labels, recipients, record, service
from app.privacy.admin_views import HERE, tabs
from app.privacy.forms import CorrectionForm, RecipientForm
from app.privacy.models import Recipient
from app.tickets import corrections
from app.tickets.models import FIRST_NUMBER
from app.web import commit, db, portal, release, see

bp = Blueprint("privacy_rights_admin", __name__)
LONGEST_PURPOSE, LONGEST_TEXT = 300, 2_000


# --- the record of processing ------------------------------------------------------------------------------------------


@bp.get(f"{HERE}/map")
@needs("privacy.read")
def processing_map() -> Any:
    lang = str(get_locale())
    found = record.record(recipients.receivers(db(), lang))
    wanted = request.args.get("format")
    if wanted in ("md", "json"):
        text = (record.as_markdown if wanted == "md" else record.as_json)(found, gettext_in(lang))
        kind = "text/markdown" if wanted == "md" else "application/json"
        name = f"record-of-processing.{lang}.{wanted}"
        return Response(
            text,
            content_type=f"{kind}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    return render_template("admin/privacy/map.html", record=found, tabs=tabs("map"))


# --- recipients ----------------------------------------------------------------------------------------------------------


@bp.get(f"{HERE}/recipients")
@needs("privacy.work")
def recipient_list() -> str:
    return render_template(
        "admin/privacy/recipients.html",
        found=recipients.listed(db()),
        lang=str(get_locale()),
        tabs=tabs("recipients"),
    )


def _recipient_form(row: Recipient | None) -> Any:
    class LocalisedRecipientForm(RecipientForm):
        purpose = localised_field(
            _("What they do for you"),
            portal().languages,
            TextAreaField,
            LONGEST_PURPOSE,
            all_required=True,
        )

    return LocalisedRecipientForm(obj=row)


@bp.route(f"{HERE}/recipients/new", methods=["GET", "POST"])
@needs("privacy.work")
def new_recipient() -> Any:
    return _recipient(None)


@bp.route(f"{HERE}/recipients/<int:recipient_id>", methods=["GET", "POST"])
@needs("privacy.work")
def recipient(recipient_id: int) -> Any:
    return _recipient(recipients.one(db(), recipient_id))


def _recipient(row: Recipient | None) -> Any:
    form = _recipient_form(row)
    if form.validate_on_submit():
        recipients.save(
            db(),
            row.id if row else None,
            name=typed(form.name),
            purpose=localised_data(form.purpose),
            country=typed(form.country),
            contract_on=form.contract_on.data,
            actor_id=current_user.person_id,
            now=now(),
        )
        commit()
        flash(gettext("Saved."), "ok")
        return see(f"{HERE}/recipients")
    page = render_template("admin/privacy/recipient.html", form=form, row=row, tabs=tabs("recipients"))
    return page, 422 if form.is_submitted() else 200


@bp.post(f"{HERE}/recipients/<int:recipient_id>/deletion")
@needs("privacy.work")
def remove_recipient(recipient_id: int) -> Any:
    recipients.remove(db(), recipient_id, actor_id=current_user.person_id, now=now())
    commit()
    flash(gettext("Taken off the list."), "ok")
    return see(f"{HERE}/recipients")


# --- the words of consents -------------------------------------------------------------------------------------------------


@bp.get(f"{HERE}/consents")
@needs("privacy.work")
def consent_texts() -> str:
    found = [consents.wording(db(), purpose) for purpose in consents.PURPOSES]
    return render_template(
        "admin/privacy/consents.html",
        found=found,
        lang=str(get_locale()),
        labels=labels,
        tabs=tabs("consents"),
    )


@bp.route(f"{HERE}/consents/<any(survey, news):purpose>", methods=["GET", "POST"])
@needs("privacy.work")
def consent_text(purpose: str) -> Any:
    shown = consents.wording(db(), purpose)

    class ConsentTextForm(PortalForm):
        text = localised_field(_("Words"), portal().languages, TextAreaField, LONGEST_TEXT, all_required=True)
        based_on = HiddenField()

    form = ConsentTextForm(text=shown.text, based_on=str(shown.version))
    if form.validate_on_submit():
        based_on = typed(form.based_on)
        try:
            consents.publish(
                db(),
                purpose,
                localised_data(form.text),
                based_on=int(based_on) if based_on.isdigit() else 0,
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            release()
            form.form_errors.append(gettext(refused.message))
        else:
            commit()
            flash(gettext("Published. Everybody is asked anew; older consents stay as proof."), "ok")
            return see(f"{HERE}/consents")
    page = render_template(
        "admin/privacy/consent_text.html", form=form, shown=shown, labels=labels, tabs=tabs("consents")
    )
    return page, 422 if form.is_submitted() else 200


@bp.get(f"{HERE}/about/<any(ticket, message):scope>/<key>")
@needs("privacy.work")
def about(scope: str, key: str) -> Any:
    """From what a request names to the page where something can be done about it."""
    return see(f"{HERE}/tickets/{service.number_of(db(), scope, key)}")


# --- notes of correction -----------------------------------------------------------------------------------------------------


@bp.route(f"{HERE}/messages/<key>/correction", methods=["GET", "POST"])
@needs("privacy.work")
def correction(key: str) -> Any:
    form = CorrectionForm()
    number = corrections.ticket_of(db(), key) + FIRST_NUMBER
    if form.validate_on_submit():
        corrections.add(db(), key, typed(form.text), actor_id=current_user.person_id, now=now())
        commit()
        flash(gettext("The note stands beside the message, for everybody who reads it."), "ok")
        return see(f"{HERE}/tickets/{number}")
    page = render_template(
        "admin/privacy/correction.html", form=form, number=number, path=request.path, tabs=tabs("find")
    )
    return page, 422 if form.is_submitted() else 200
