"""Where editors keep the glossary, one list a language."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.accounts.forms import choices
from app.articles import editing, glossary
from app.articles.forms import TermForm
from app.articles.glossary import TermText
from app.articles.models import GlossaryTerm
from app.articles.service import Door
from app.cleaning import clean_line
from app.errors import NotVisible, Refused
from app.i18n import NATIVE_NAMES, language
from app.now import now
from app.web import commit, db, portal, release, see

bp = Blueprint("glossary_admin", __name__)


@bp.get("/admin/glossary")
@needs("glossary.edit")
def listing() -> str:
    lang, q = _lang(request.args.get("lang")), (clean_line(request.args.get("q")) or "")[:200]
    found = editing.terms(db(), lang, q=q, before=request.args.get("before"), after=request.args.get("after"))
    return render_template("admin/glossary/list.html", page=found, term_lang=lang, q=q)


@bp.route("/admin/glossary/new", methods=["GET", "POST"])
@needs("glossary.edit")
def new() -> Any:
    form = TermForm(lang=_lang(request.args.get("lang")))
    form.lang.choices = choices({code: NATIVE_NAMES[code] for code in portal().languages})
    if form.validate_on_submit() and _keep(form, None, form.lang.data):
        return see(f"/admin/glossary?lang={form.lang.data}")
    return render_template("admin/glossary/new.html", form=form), (422 if form.errors else 200)


@bp.route("/admin/glossary/<int:term_id>", methods=["GET", "POST"])
@needs("glossary.edit")
def edit(term_id: int) -> Any:
    row = db().get(GlossaryTerm, term_id)
    if row is None:
        raise NotVisible
    text, lang = glossary.text_of(row), row.lang
    form = TermForm(
        term=text.term,
        definition=text.definition,
        also=", ".join(text.also),
        related=", ".join(text.related),
    )
    del form.lang
    if form.validate_on_submit() and _keep(form, term_id, lang):
        return see(f"/admin/glossary?lang={lang}")
    page = render_template(
        "admin/glossary/edit.html", form=form, term_id=term_id, term=text.term, term_lang=lang, slug=row.slug
    )
    return page, (422 if form.errors else 200)


@bp.post("/admin/glossary/<int:term_id>/deletion")
@needs("glossary.edit")
def deletion(term_id: int) -> Any:
    glossary.remove(db(), term_id, door=Door(current_user.person_id, now()))
    commit()
    flash(gettext("The term is deleted."), "ok")
    return see("/admin/glossary")


def _keep(form: TermForm, term_id: int | None, lang: str) -> bool:
    text = TermText(
        form.term.data or "", form.definition.data or "", _words(form.also.data), _words(form.related.data)
    )
    try:
        glossary.save(db(), term_id, lang, text, door=Door(current_user.person_id, now()))
    except Refused as refused:
        release()
        form.refuse(refused)
        return False
    commit()
    flash(gettext("Saved. Readers see it now."), "ok")
    return True


def _words(typed: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in map(clean_line, (typed or "").split(",")) if word))


def _lang(wanted: str | None) -> str:
    return wanted if wanted in portal().languages else language()
