"""Where admins write the legal texts and see the versions before."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app import markup
from app.access import needs
from app.errors import NotVisible, Refused
from app.legal import queries, service
from app.legal.forms import LegalTextForm
from app.legal.views import TITLES, local
from app.now import now
from app.web import commit, db, portal, see

bp = Blueprint("legal_admin", __name__)


@bp.get("/admin/legal")
@needs("legal.edit")
def texts() -> str:
    return render_template(
        "admin/legal/list.html", titles=TITLES, published=queries.overview(db()), codes=portal().languages
    )


@bp.get("/admin/legal/<page>/<lang>")
@needs("legal.edit")
def edit(page: str, lang: str) -> str:
    _known(page, lang)
    text = queries.current(db(), page, lang)
    return _editor(page, lang, LegalTextForm(body=text.body, based_on=text.version))


@bp.post("/admin/legal/<page>/<lang>")
@needs("legal.edit")
def publish(page: str, lang: str) -> Any:
    _known(page, lang)
    form = LegalTextForm()
    if "preview" in request.form:
        return _editor(page, lang, form, preview=markup.render(form.body.data or "", resolve=local).html)
    if form.validate_on_submit():
        try:
            service.publish(
                db(),
                page,
                lang,
                form.body.data or "",
                based_on=form.based_on.data or 0,
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Published. Readers see this version now."), "ok")
            return see(f"/admin/legal/{page}/{lang}")
    return _editor(page, lang, form), 422


@bp.get("/admin/legal/<page>/<lang>/versions/<int:number>")
@needs("legal.edit")
def version(page: str, lang: str, number: int) -> str:
    _known(page, lang)
    text = queries.version(db(), page, lang, number)
    if text is None:
        raise NotVisible
    return render_template(
        "admin/legal/version.html",
        title=TITLES[page],
        text=text,
        content=markup.render(text.body, resolve=local),
    )


@bp.post("/admin/legal/preview")
@needs("legal.edit")
def preview() -> str:
    return markup.render(request.form.get("body", "")[:100_000], resolve=local).html


def _editor(page: str, lang: str, form: LegalTextForm, preview: str | None = None) -> str:
    return render_template(
        "admin/legal/edit.html",
        page=page,
        title=TITLES[page],
        text_lang=lang,
        form=form,
        preview=preview,
        current=queries.current(db(), page, lang),
        versions=queries.versions(db(), page, lang),
    )


def _known(page: str, lang: str) -> None:
    if page not in queries.PAGES or lang not in portal().languages:
        raise NotVisible
