"""The fragment from which agents put a link to an article into a reply."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask_login import current_user

from app.access import needs
from app.articles import finding, synonyms
from app.articles.memory import memory_of
from app.articles.models import INTERNAL
from app.articles.reader_views import LANG
from app.cleaning import clean_line
from app.web import db, portal

bp = Blueprint("article_insert", __name__)

MOST = 6


@bp.get(f"{LANG}/insert")
@needs("workspace")
def insert(lang: str) -> str:
    text = (clean_line(request.args.get("q")) or "")[: finding.LONGEST]
    words = synonyms.kept(db(), memory_of(portal().database))
    found = finding.find(db(), portal().search_dir, current_user, text, lang=lang, limit=MOST, words=words)
    shown = [
        find for find in found.finds if find.audience != INTERNAL
    ]  # a customer could not open the others
    return render_template("articles/insert.html", finds=shown, base_url=portal().base_url)
