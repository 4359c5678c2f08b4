"""Where editors see what was searched and what was not found, and begin what is missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app import searchlog
from app.access import needs
from app.articles.service import Door
from app.cleaning import clean_line
from app.deflection import searches
from app.errors import NotVisible
from app.i18n import language
from app.now import now
from app.web import commit, db, portal, see

bp = Blueprint("searches", __name__)

DAYS = 30


@bp.get("/admin/searches")
@needs("searches.read")
def listing() -> str:
    wanted, lacking = request.args.get("lang"), request.args.get("lacking", "")
    lang = wanted if wanted in portal().languages else language()
    lacking = lacking if lacking in (searchlog.WITHOUT_HIT, searchlog.WITHOUT_CLICK) else ""
    report = searchlog.report(
        db(),
        lang=lang,
        since=now().date() - timedelta(days=DAYS),
        lacking=lacking,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return render_template(
        "admin/searches/list.html",
        report=report,
        words_lang=lang,
        lacking=lacking,
        days=DAYS,
        types=searches.type_names(db(), language()),
        may_write=current_user.may("articles.edit"),
    )


@bp.post("/admin/searches/draft")
@needs("articles.edit")
def draft() -> Any:
    lang = request.form.get("lang", "")
    text = (clean_line(request.form.get("text")) or "")[: searchlog.LONGEST]
    if lang not in portal().languages or not text:
        raise NotVisible
    made = searches.begin_article(
        db(), text, lang=lang, viewer=current_user, door=Door(current_user.person_id, now())
    )
    commit()
    flash(gettext("A draft was begun. You look after it."), "ok")
    return see(f"/admin/articles/{made.article_id}/{lang}")
