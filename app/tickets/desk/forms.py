"""Forms of the desk. Limits of length are here; what may be done is the services' business."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import (
    EmailField,
    HiddenField,
    IntegerField,
    MultipleFileField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, Optional
from wtforms.widgets import HiddenInput

from app.forms import EmailAddress, PortalForm, at_most, required
from app.tickets.messages import TEXT_AT_MOST

SEND_KEY = Length(min=8, max=80)


class ReplyForm(PortalForm):
    """A public reply. `seen_message` is the newest message its writer had before her."""

    message = TextAreaField(_("Reply"), [required(_("Enter your reply.")), at_most(TEXT_AT_MOST)])
    attachments = MultipleFileField(_("Files"))
    status_after = SelectField(_("Status afterwards"))
    seen_message = IntegerField(widget=HiddenInput(), validators=[Optional()])
    send_key = HiddenField(validators=[SEND_KEY])


class NoteForm(PortalForm):
    """A note for the team."""

    message = TextAreaField(_("Internal note"), [required(_("Enter your note.")), at_most(TEXT_AT_MOST)])
    attachments = MultipleFileField(_("Files"))
    send_key = HiddenField(validators=[SEND_KEY])


class FieldForm(PortalForm):
    """One field of a ticket: the new value, and the one its changer saw."""

    value = StringField()
    seen = StringField()


class NewTicketForm(PortalForm):
    """A ticket opened for somebody."""

    channel = SelectField(_("How it came"))
    name = StringField(_("Name"), [required(_("Enter the customer's name.")), at_most(200)])
    email = EmailField(
        _("Email address"), [required(_("Enter the customer's email address.")), EmailAddress(), at_most(254)]
    )
    request_type = SelectField(_("Topic"))
    priority = SelectField(_("Priority"))
    subject = StringField(_("Subject"), [required(_("Enter a subject.")), at_most(200)])
    first_message = SelectField(_("The text is"))
    message = TextAreaField(_("Text"), [required(_("Enter the text.")), at_most(TEXT_AT_MOST)])
    attachments = MultipleFileField(_("Files"))
    send_key = HiddenField(validators=[SEND_KEY])


def choose(field: Any, choices: list[tuple[str, str]]) -> None:
    """Give a select its choices."""
    field.choices = choices
