"""What the law wants told beside the data themselves (GDPR Art. 15(1) and (2)), in plain words.

Purposes, terms and sources stand with each sort of data; here is the rest.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.i18n import gettext_in
from app.privacy import recipients
from app.words import N_

TOLD = (
    (
        N_("Who gets your data"),
        N_(
            "Our team, as far as somebody works on your request. Nobody sells them or uses them for advertising."
        ),
    ),
    (
        N_("Other countries"),
        N_("Your data leave the European Economic Area and Switzerland only as listed under recipients."),
    ),
    (
        N_("Your rights"),
        N_(
            "You may have your data corrected, deleted, restricted, or handed over, and you may object. "
            "You do all of it at “My data” in the portal."
        ),
    ),
    (
        N_("Complaints"),
        N_("You may complain to a data protection authority, for example the one where you live."),
    ),
    (
        N_("Decisions by machines"),
        N_("No machine decides about you. Rules only sort and remind; people decide."),
    ),
    (
        N_("Other people"),
        N_(
            "Names and addresses of others are replaced by a role and a number. "
            "What others wrote to you is complete otherwise. Your own words are as you wrote them."
        ),
    ),
)
RECIPIENT = N_("Recipient: %(name)s (%(country)s)")


def told(session: Session, lang: str) -> list[dict[str, str]]:
    """Title and text of each item, in one language."""
    say = gettext_in(lang)
    found = [{"title": say(title), "text": say(text)} for title, text in TOLD]
    for one in recipients.receivers(session, lang):
        title = say(RECIPIENT) % {"name": one.name, "country": one.country}
        found.append({"title": title, "text": one.purpose})
    return found
