"""A person's own copy of her data: asking for it with proof of identity, watching it grow, fetching it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, send_file

from app.accounts.entry_views import checked_password
from app.accounts.forms import ButtonForm, typed
from app.errors import NotVisible, Refused, Throttled
from app.i18n import language
from app.now import now
from app.privacy import copies, export
from app.privacy.export import Standing
from app.privacy.forms import PasswordForm
from app.privacy.identity_views import Asker, asker, own_data
from app.web import commit, db, portal, preferences, see

bp = Blueprint("privacy_export", __name__)
HERE = "/privacy/exports"

# Nothing in an archive may run, wherever it is opened.
FILE_CSP = "default-src 'none'; sandbox; frame-ancestors 'none'"


def _asking() -> Asker:
    found = asker()
    if found is None:
        raise NotVisible
    return found


def _form_for(who: Asker) -> PasswordForm | ButtonForm:
    """The password once more; who came by a link proved a moment ago that the address is hers."""
    return ButtonForm() if who.by_link else PasswordForm()


@bp.get(HERE)
@own_data
def overview() -> Any:
    return _overview(_asking(), None)


def _overview(who: Asker, form: PasswordForm | ButtonForm | None) -> Any:
    copies = export.newest(db(), who.person_id, secret=portal().secret_key)
    page = render_template(
        "privacy/exports.html",
        who=who,
        form=form or _form_for(who),
        copies=copies,
        building=next((one for one in copies if one.is_building), None),
        ready=next((one for one in copies if one.is_ready(now())), None),
        hours=preferences()["period_export_hours"],
    )
    return page, 422 if form is not None else 200


@bp.post(HERE)
@own_data
def ask() -> Any:
    who = _asking()
    form = _form_for(who)
    if not form.validate_on_submit():
        return _overview(who, form)
    try:
        if isinstance(form, PasswordForm):
            checked_password(typed(form.current), who.person_id)
        made = export.ask(db(), who.person_id, lang=language(), now=now())
    except Throttled:
        raise
    except Refused as refused:
        form.refuse(refused)
        return _overview(who, form)
    commit()
    return see(f"{HERE}/{export.name_of(made, portal().secret_key)}")


@bp.get(f"{HERE}/<name>")
def fetch(name: str) -> Any:
    """The archive; a page that says how far it is, or that it is over. A stranger is asked who she is."""
    who = asker()
    if who is None:
        return see("/privacy/")
    found = export.named(db(), name, who.person_id, secret=portal().secret_key)
    if found.is_building:
        return render_template("privacy/export_building.html", one=found)
    if not found.is_ready(now()):
        return _gone(found)
    return _sent(found, who)


def _sent(found: Standing, who: Asker) -> Any:
    path = copies.path_of(portal(), found.export.file_key)
    if not path.is_file():
        return _gone(found)
    if request.method == "GET":
        with portal().database.light_session() as light:
            export.note_download(light, found.export.id, who.person_id, now=now())
            light.commit()
    name = f"{'meine-daten' if found.export.lang == 'de' else 'my-data'}-{found.export.made_at:%Y-%m-%d}.zip"
    try:
        response = send_file(path, "application/zip", as_attachment=True, download_name=name, etag=False)
    except FileNotFoundError:
        return _gone(found)
    response.headers["Content-Security-Policy"] = FILE_CSP
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _gone(found: Standing) -> Any:
    return render_template("privacy/export_gone.html", one=found), 410


@bp.get(f"{HERE}/<name>/progress")
def progress(name: str) -> Any:
    """How far it is, as a part of a page."""
    who = asker()
    if who is None:
        raise NotVisible
    found = export.named(db(), name, who.person_id, secret=portal().secret_key)
    return render_template("privacy/export_progress.html", one=found, ready=found.is_ready(now()))
