"""The legal pages as readers see them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext as _
from flask_login import current_user

from app import markup
from app.i18n import language
from app.legal import queries
from app.web import db, remember_by_etag

bp = Blueprint("legal", __name__)

TITLES = {
    "imprint": _("Legal notice"),
    "privacy-notice": _("Privacy notice"),
    "accessibility": _("Accessibility"),
    "contact": _("Contact"),
}


@bp.get("/<any('imprint','privacy-notice','accessibility','contact'):page>")
def show(page: str) -> Any:
    text = queries.current(db(), page, language())
    html = render_template(
        "legal/page.html", title=TITLES[page], text=text, content=markup.render(text.body, resolve=local)
    )
    return html if current_user.is_authenticated or request.cookies else remember_by_etag(html)


def local(address: str) -> str:
    """Links in legal texts name other pages of the portal ("imprint", "privacy/")."""
    return f"/{address}"
