"""What all forms have in common: clean text, limits, and a rule's refusal shown beside its field.

Each domain's `forms.py` builds on `PortalForm`; limits of length live in forms, never in columns.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import FormField, PasswordField, StringField, TextAreaField, i18n
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from app.cleaning import clean, clean_line
from app.errors import Refused
from app.i18n import NATIVE_NAMES, language, say


class PortalForm(FlaskForm):
    """Parent of all forms."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Every text field is cleaned, so that no form can forget it."""
            own = tuple(unbound_field.kwargs.get("filters", ()))
            if issubclass(unbound_field.field_class, TextAreaField | PasswordField):
                options["filters"] = (clean, *own)
            elif issubclass(unbound_field.field_class, StringField):
                options["filters"] = (clean_line, *own)
            return unbound_field.bind(form=form, **options)

        def get_translations(self, form: Any) -> Any:
            """What WTForms itself says, read once for each language (Flask-WTF reads its file with each request)."""
            return _own_words(language())

    def refuse(self, refused: Refused) -> None:
        """Show a rule's answer beside its field, or above the form."""
        field = getattr(self, refused.field, None) if refused.field else None
        if isinstance(field, FormField):  # a text in several languages: said at the first
            field = next(iter(field.form))
        if field is not None and hasattr(field, "errors"):
            field.errors = [*field.errors, say(refused)]
        else:
            self.form_errors.append(say(refused))


@cache
def _own_words(lang: str) -> Any:
    return i18n.get_translations([lang])


def required(message: Any) -> DataRequired:
    """A field that may not be empty; the message says what to enter ("Enter a subject.")."""
    return DataRequired(message)


def at_most(characters: int) -> Length:
    """A field of limited length."""
    return Length(max=characters, message=lazy_gettext("Use at most %(max)d characters."))


class EmailAddress:
    """Checks the shape of an address, without asking the network."""

    def __call__(self, form: Any, field: Any) -> None:
        if not self.fits(field.data or ""):
            raise ValidationError(gettext("Enter an email address with an @, like name@company.com."))

    @staticmethod
    def fits(address: str) -> bool:
        """Whether this can be an address that our letters reach (the part before the @ in ASCII)."""
        from email_validator import EmailNotValidError, validate_email

        try:
            validate_email(address, check_deliverability=False, test_environment=True, allow_smtputf8=False)
        except EmailNotValidError:
            return False
        return True


def localised_form(languages: tuple[str, ...], make: Any, characters: int, *, all_required: bool) -> Any:
    """A `FormField` with one text field a language, for texts that admins write in each.

    `make` is `StringField` or `TextAreaField`. With `all_required` no language may stay empty.
    """
    fields = {
        lang: make(
            NATIVE_NAMES[lang],
            [
                required(lazy_gettext("Enter the text in this language too."))
                if all_required
                else Optional(strip_whitespace=False),
                at_most(characters),
            ],
        )
        for lang in languages
    }

    class Meta(PortalForm.Meta):
        csrf = False  # the form around it carries the token

    return type("LocalisedForm", (PortalForm,), {"Meta": Meta, **fields})


def localised_field(
    label: Any, languages: tuple[str, ...], make: Any, characters: int, *, all_required: bool
) -> Any:
    """One form component for a localised text."""
    return FormField(localised_form(languages, make, characters, all_required=all_required), label)


def localised_data(field: Any) -> dict[str, str]:
    """The texts typed into a localised field, by language, without empty ones."""
    return {lang: text for lang, text in field.data.items() if lang != "csrf_token" and text}
