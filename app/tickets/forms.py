"""The forms of requests: what customers type. Limits of length and number live here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Self

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    HiddenField,
    MultipleFileField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # stubs lag behind
from wtforms.validators import Optional, ValidationError

from app.accounts.permissions import Viewer
from app.forms import EmailAddress, PortalForm, at_most, required
from app.tickets.files import ACCEPT
from app.tickets.messages import TEXT_AT_MOST
from app.tickets.queries import TypeChoice

LONGEST_SUBJECT, LONGEST_NAME, LONGEST_ADDRESS = 200, 200, 254
LONGEST_KEY = 64


def _files() -> MultipleFileField:
    return MultipleFileField(_("Files"), [Optional()], render_kw={"accept": ACCEPT, "multiple": True})


def new_key() -> str:
    """A random name for one sending: a form that is sent twice carries it twice."""
    return secrets.token_urlsafe(16)


class SendingForm(PortalForm):
    """Parent of forms that are sent once, however often the button is pressed."""

    send_key = HiddenField(validators=[Optional(), at_most(LONGEST_KEY)])

    def keyed(self) -> Self:
        """The same form with its key; one that came without (a script) gets a new one."""
        if not self.send_key.data:
            self.send_key.data = new_key()
        return self


class RequestForm(SendingForm):
    """A new request. Guests also say who they are."""

    request_type = SelectField(_("What is it about?"), validate_choice=False, validators=[Optional()])
    subject = StringField(_("Subject"), [required(_("Enter a subject.")), at_most(LONGEST_SUBJECT)])
    message = TextAreaField(
        _("Description"), [required(_("Describe what it is about.")), at_most(TEXT_AT_MOST)]
    )
    attachments = _files()
    name = StringField(_("Your name"), [required(_("Enter your name.")), at_most(LONGEST_NAME)])
    email = StringField(
        _("Your email address"),
        [required(_("Enter an email address.")), at_most(LONGEST_ADDRESS), EmailAddress()],
    )
    private = BooleanField(_("Hide this request from my colleagues"))
    privacy = HiddenField(validators=[Optional(), at_most(20)])
    searched = HiddenField()  # the search that led here, to be counted

    _types: Sequence[TypeChoice] = ()

    def fit(self, types: Sequence[TypeChoice], lang: str, viewer: Viewer) -> Self:
        """The same form for this person: with the types there are, without what she need not say."""
        self._types = types
        if types:
            offered = [SelectChoice("", _("Please choose"))]
            offered += [SelectChoice(str(kind.id), kind.named(lang)) for kind in types]
            self.request_type.choices = offered
        else:
            del self.request_type
        if viewer.is_authenticated:
            del self.name, self.email
        if not viewer.organisations:
            del self.private
        return self.keyed()

    def validate_request_type(self, field: Any) -> None:
        """Nothing chosen is fine; something unknown is not."""
        if field.data and self.chosen is None:
            raise ValidationError(_("Choose one of the topics."))

    @property
    def chosen(self) -> TypeChoice | None:
        """The type that was chosen."""
        wanted = self.request_type.data if "request_type" in self else None
        return next((kind for kind in self._types if str(kind.id) == wanted), None)


class ReplyForm(SendingForm):
    """Something more from the customer."""

    message = TextAreaField(_("Your reply"), [required(_("Enter your reply.")), at_most(TEXT_AT_MOST)])
    attachments = _files()


class ButtonForm(PortalForm):
    """Only a button; carries the CSRF token and shows a rule's answer."""


def typed(field: Any) -> str:
    """What was typed into a field; empty for nothing."""
    return field.data or ""
