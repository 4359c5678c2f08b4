"""Where admins keep the topics that customers choose from."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.validators import NumberRange, Optional

from app.access import needs
from app.errors import NotVisible, Refused
from app.forms import PortalForm, localised_data, localised_field
from app.i18n import say
from app.now import now
from app.tickets import labels, policy_reading, queries, types
from app.tickets.models import RequestType
from app.web import commit, db, portal, release, see

bp = Blueprint("request_types", __name__)

RETENTION = {
    "ticket_support": _("Ordinary questions: 12 months after closing"),
    "trade_letter": _("Offers, orders, complaints: 6 years from the end of the year"),
    "receipt": _("Receipts: 8 years from the end of the year"),
}


def _form(kind: RequestType | None) -> Any:
    languages = portal().languages

    class RequestTypeForm(PortalForm):
        name = localised_field(_("Name"), languages, StringField, 80, all_required=True)
        help = localised_field(
            _("Help text below the choice"), languages, StringField, 300, all_required=False
        )
        team_id = SelectField(_("Team that gets it"))
        priority = SelectField(_("Priority it begins with"))
        retention = SelectField(_("How long such requests are kept"))
        position = IntegerField(_("Order"), [Optional(), NumberRange(0, 100_000)], default=100)
        active = BooleanField(_("Customers may choose it"), default=True)

    form = RequestTypeForm(obj=kind)
    teams = [(str(key), name) for key, name in queries.teams(db())]
    form.team_id.choices = [("", gettext("No team")), *teams]
    form.priority.choices = [(code, gettext(words)) for code, words in labels.PRIORITY.items()]
    form.retention.choices = list(RETENTION.items())
    if kind is None and not form.is_submitted():
        form.priority.data = "normal"
    if kind is not None and not form.is_submitted():
        form.team_id.data = str(kind.team_id or "")
    return form


@bp.get("/admin/request-types")
@needs("request_types.edit")
def listing() -> str:
    return render_template(
        "admin/request-types/list.html", kinds=types.listing(db()), labels=labels, retention=RETENTION
    )


@bp.route("/admin/request-types/new", methods=["GET", "POST"])
@needs("request_types.edit")
def new() -> Any:
    form = _form(None)
    if form.validate_on_submit():
        try:
            types.add(db(), _values(form), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            flash(gettext("The topic is there."), "ok")
            return see("/admin/request-types")
    return render_template("admin/request-types/edit.html", form=form, kind=None), 422 if form.errors else 200


@bp.route("/admin/request-types/<int:type_id>", methods=["GET", "POST"])
@needs("request_types.edit")
def edit(type_id: int) -> Any:
    kind = db().get(RequestType, type_id)
    if kind is None:
        raise NotVisible
    form = _form(kind)
    if form.validate_on_submit():
        try:
            types.change(db(), type_id, _values(form), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Saved."), "ok")
            return see("/admin/request-types")
    page = render_template(
        "admin/request-types/edit.html",
        form=form,
        kind=kind,
        promises=policy_reading.concerned(db(), "request_type", type_id),
    )
    return page, 422 if form.errors else 200


@bp.post("/admin/request-types/<int:type_id>/deletion")
@needs("request_types.edit")
def deletion(type_id: int) -> Any:
    try:
        types.remove(db(), type_id, actor_id=current_user.person_id, now=now())
    except Refused as refused:
        flash(say(refused), "warn")
        return see(f"/admin/request-types/{type_id}")
    commit()
    flash(gettext("The topic was deleted."), "ok")
    return see("/admin/request-types")


def _values(form: Any) -> types.Values:
    return types.Values(
        name=localised_data(form.name),
        help=localised_data(form.help),
        team_id=int(form.team_id.data) if form.team_id.data else None,
        priority=form.priority.data,
        retention=form.retention.data,
        position=form.position.data or 0,
        active=form.active.data,
    )
