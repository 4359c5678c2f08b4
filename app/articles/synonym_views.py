"""Where editors keep the words that mean the same, and the words that say little, one list a language."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.accounts.forms import choices
from app.articles import synonyms
from app.articles.forms import StopWordsForm, SynonymsForm
from app.articles.service import Door
from app.cleaning import clean_line
from app.errors import NotVisible, Refused
from app.i18n import NATIVE_NAMES, language
from app.now import now
from app.web import commit, db, portal, release, see

bp = Blueprint("synonyms", __name__)

LONGEST_SEARCH = 200


@bp.get("/admin/synonyms")
@needs("synonyms.edit")
def listing() -> str:
    return _listing(_lang(request.args.get("lang")), None)


@bp.route("/admin/synonyms/new", methods=["GET", "POST"])
@needs("synonyms.edit")
def new() -> Any:
    form = SynonymsForm(lang=_lang(request.args.get("lang")), words=clean_line(request.args.get("words")))
    form.lang.choices = choices({code: NATIVE_NAMES[code] for code in portal().languages})
    if form.validate_on_submit() and _keep(form, None, form.lang.data):
        return see(f"/admin/synonyms?lang={form.lang.data}")
    return render_template("admin/synonyms/new.html", form=form), (422 if form.errors else 200)


@bp.route("/admin/synonyms/<int:group_id>", methods=["GET", "POST"])
@needs("synonyms.edit")
def edit(group_id: int) -> Any:
    row = synonyms.group(db(), group_id)
    members, lang = list(row.words), row.lang
    form = SynonymsForm(words="\n".join(members))
    del form.lang
    if form.validate_on_submit() and _keep(form, group_id, lang):
        return see(f"/admin/synonyms?lang={lang}")
    page = render_template(
        "admin/synonyms/edit.html", form=form, group_id=group_id, group_lang=lang, words=members
    )
    return page, (422 if form.errors else 200)


@bp.post("/admin/synonyms/<int:group_id>/deletion")
@needs("synonyms.edit")
def deletion(group_id: int) -> Any:
    lang = synonyms.remove(db(), group_id, door=_door())
    commit()
    flash(gettext("The synonyms are deleted."), "ok")
    return see(f"/admin/synonyms?lang={lang}")


@bp.post("/admin/synonyms/stop-words/<lang>")
@needs("synonyms.edit")
def stop_words(lang: str) -> Any:
    if lang not in portal().languages:
        raise NotVisible
    form = StopWordsForm()
    if form.validate():
        try:
            synonyms.keep_stop_words(db(), lang, _words(form.words.data), door=_door())
        except Refused as refused:
            release()
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Saved. The search follows it now."), "ok")
            return see(f"/admin/synonyms?lang={lang}")
    return _listing(lang, form), 422


def _listing(lang: str, form: StopWordsForm | None) -> str:
    q = (clean_line(request.args.get("q")) or "")[:LONGEST_SEARCH]
    found = synonyms.listed(
        db(), lang, q=q, before=request.args.get("before"), after=request.args.get("after")
    )
    form = form or StopWordsForm(words="\n".join(synonyms.stop_words(db(), lang)))
    return render_template("admin/synonyms/list.html", page=found, words_lang=lang, q=q, form=form)


def _keep(form: SynonymsForm, group_id: int | None, lang: str) -> bool:
    try:
        synonyms.save(db(), group_id, lang, _words(form.words.data), door=_door())
    except Refused as refused:
        release()
        form.refuse(refused)
        return False
    commit()
    flash(gettext("Saved. The search follows it now."), "ok")
    return True


def _words(typed: str | None) -> tuple[str, ...]:
    """What was typed one a line or separated by commas, each once."""
    cleaned = map(clean_line, re.split(r"[,;\n]", typed or ""))
    return tuple(dict.fromkeys(word for word in cleaned if word))


def _lang(wanted: str | None) -> str:
    return wanted if wanted in portal().languages else language()


def _door() -> Door:
    return Door(current_user.person_id, now())
