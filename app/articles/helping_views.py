"""Articles that may answer what somebody is about to ask: a fragment that the form of a request shows while one types."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user

from app.articles import finding, synonyms
from app.articles.memory import memory_of
from app.articles.reader_views import LANG
from app.cleaning import clean_line
from app.web import db, portal

bp = Blueprint("helping", __name__)

MOST = 3


@bp.get(f"{LANG}/suggest-for-request")
def suggest_for_request(lang: str) -> Any:
    text = (clean_line(request.args.get("text")) or "")[: finding.LONGEST]
    words = synonyms.kept(db(), memory_of(portal().database))
    found = finding.find(db(), portal().search_dir, current_user, text, lang=lang, limit=MOST, words=words)
    return render_template("articles/for_request.html", found=found)
