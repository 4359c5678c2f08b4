"""My data: what a person reads about what is held on her."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Blueprint, render_template
from flask_babel import get_locale, gettext

from app.accounts import consents
from app.i18n import format_date, format_datetime
from app.privacy import labels, mydata, queries, recipients, rights
from app.privacy.identity_views import asker, own_data
from app.web import db

bp = Blueprint("privacy", __name__)


@bp.get("/privacy/")
@own_data
def my_data() -> str:
    who = asker()
    assert who is not None
    lang = str(get_locale())
    return render_template(
        "privacy/my_data.html",
        who=who,
        sections=mydata.sections(db(), who.person_id),
        readable=_readable,
        requests=rights.of_person(db(), who.person_id),
        consents=(consents.open_count(db(), who.person_id), len(consents.PURPOSES)),
        tickets=queries.own_requests(db(), who.person_id),
        recipients=recipients.receivers(db(), lang),
        labels=labels,
    )


def _readable(value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(value, date):
        return format_date(value)
    if isinstance(value, dict):
        return str(value.get(str(get_locale())) or next(iter(value.values()), ""))
    if isinstance(value, mydata.Code):
        return str(gettext(mydata.CODES[value]))
    return str(value)
