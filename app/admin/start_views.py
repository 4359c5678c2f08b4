"""The start page of the administration: what needs attention, and the ways to everything one may do."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _
from flask_login import current_user

from app.access import needs
from app.admin import state
from app.now import now
from app.page import NAVIGATION
from app.web import db, portal, preferences

bp = Blueprint("start", __name__)

# What one does on each page, in a sentence; the names and permissions are those of the navigation.
ABOUT = {
    "/admin/articles": _("Write, publish and improve help articles."),
    "/admin/categories": _("Order the headings of the help centre."),
    "/admin/glossary": _("Explain the words of your trade."),
    "/admin/synonyms": _("Say which words mean the same."),
    "/admin/searches": _("See what customers look for and do not find."),
    "/admin/people": _("Add people, give roles, close accounts."),
    "/admin/organisations": _("Keep customers' companies and their members."),
    "/admin/teams": _("Decide who works together."),
    "/admin/calendars": _("Working hours, holidays and days on which you are closed."),
    "/admin/sla-policies": _("Say by when which requests are answered and solved."),
    "/admin/request-types": _("Decide what customers may ask about."),
    "/desk/": _("Answer and solve requests."),
    "/reports/": _("See what was promised and what was kept."),
    "/admin/settings": _("Name, sign-up, periods and limits."),
    "/admin/mail-templates": _("Change the words of the emails we send."),
    "/admin/legal": _("Legal notice, privacy, accessibility, contact."),
    "/admin/privacy": _("Requests about personal data, legal holds, finding and blacking out."),
    "/admin/audit": _("See who changed what and when."),
    "/admin/system": _("Worker, search index, database and disk."),
}


@bp.get("/admin/")
@needs("admin.area")
def start() -> str:
    found = state.attention(db(), settings=preferences(), languages=portal().languages, now=now())
    return render_template(
        "admin/start/show.html",
        attention=[item for item in found if current_user.may(item.action)],
        many=state.MANY,
        groups=[
            (label, [link for link in links if current_user.may(link[3])])
            for label, links in NAVIGATION
            if any(current_user.may(link[3]) for link in links)
        ],
        about=ABOUT,
    )
