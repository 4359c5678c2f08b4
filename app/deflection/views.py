"""Where the form of a request ends because an article has helped."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user

from app import drafts
from app.deflection import service
from app.now import now
from app.web import commit, db, portal, see

bp = Blueprint("deflection", __name__)

DRAFT = "ticket:new"  # the text that is needed no more


@bp.post("/tickets/new/solved")
def solved() -> Any:
    lang = request.form.get("lang", "")
    if lang in portal().languages:
        service.count_solved(db(), slug=request.form.get("article", "")[:300], lang=lang, on=now().date())
    if current_user.is_authenticated:
        drafts.discard(db(), current_user.person_id, DRAFT)
    commit()
    return see("/tickets/new/solved")


@bp.get("/tickets/new/solved")
def thanks() -> str:
    return render_template("deflection/solved.html")
