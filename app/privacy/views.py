"""My data: what a person reads about what is held on her."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Blueprint, render_template
from flask_babel import gettext

from app.i18n import format_date, format_datetime
from app.privacy import mydata
from app.privacy.identity_views import asker, own_data
from app.web import db

bp = Blueprint("privacy", __name__)


@bp.get("/privacy/")
@own_data
def my_data() -> str:
    who = asker()
    assert who is not None
    return render_template(
        "privacy/my_data.html", who=who, sections=mydata.sections(db(), who.person_id), readable=_readable
    )


def _readable(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(value, date):
        return format_date(value)
    if isinstance(value, str) and value in mydata.CODES:
        return str(gettext(mydata.CODES[value]))
    return str(value)
