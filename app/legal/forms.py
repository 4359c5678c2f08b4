"""The form in which a legal text is written."""

from flask_babel import lazy_gettext as _
from wtforms import IntegerField, TextAreaField
from wtforms.widgets import HiddenInput

from app.forms import PortalForm, at_most, required


class LegalTextForm(PortalForm):
    body = TextAreaField(_("Text"), [required(_("Enter the text.")), at_most(100_000)])
    based_on = IntegerField(widget=HiddenInput(), default=0)
