"""Forms of the house's own pages. The form of the settings is made from the table of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, NumberRange

from app.forms import PortalForm, at_most, localised_data, localised_field
from app.i18n import format_number
from app.preferences import PREFERENCES, Preference
from app.words import N_

UNITS = {"minutes": N_("minutes"), "hours": N_("hours"), "days": N_("days"), "MB": N_("MB")}


class SettingsForm(PortalForm):
    """One field for each setting. `shown` holds the values the page was made with, so that only what this person
    changed is written."""

    shown = HiddenField()

    def typed(self, preference: Preference) -> Any:
        """What stands in the field of a setting, as the setting's type."""
        field = self[preference.name]
        return localised_data(field) if preference.kind == "localised" else field.data

    def before(self) -> dict[str, Any]:
        """The values the page was made with; empty when they cannot be read."""
        try:
            values = json.loads(self.shown.data or "")
        except ValueError:
            return {}
        return values if isinstance(values, dict) else {}


def settings_form(languages: tuple[str, ...]) -> type[SettingsForm]:
    """The form for all settings of `app.preferences`."""
    fields = {preference.name: _field(preference, languages) for preference in PREFERENCES}
    return type("AllSettingsForm", (SettingsForm,), fields)


def shown(values: Mapping[str, Any]) -> str:
    """The values of settings as `SettingsForm.shown` carries them."""
    return json.dumps(values, sort_keys=True)


def _field(preference: Preference, languages: tuple[str, ...]) -> Any:
    label = _(preference.label)
    if preference.kind == "localised":
        return localised_field(label, languages, StringField, 200, all_required=True)
    if preference.kind == "switch":
        return BooleanField(label)
    if preference.kind == "number":
        bounds = NumberRange(
            preference.least, preference.most, _("Enter a whole number from %(min)d to %(max)d.")
        )
        return IntegerField(label, [InputRequired(_("Enter a whole number.")), bounds])
    return StringField(label, [at_most(500)])


def hint(preference: Preference) -> str:
    """What stands below the label: the explanation, the unit and the bounds."""
    parts = [str(gettext(preference.hint))] if preference.hint else []
    if preference.kind == "number":
        bounds = {"least": format_number(preference.least), "most": format_number(preference.most)}
        if preference.unit:
            parts.append(
                gettext(
                    "In %(unit)s, from %(least)s to %(most)s.", unit=gettext(UNITS[preference.unit]), **bounds
                )
            )
        else:
            parts.append(gettext("From %(least)s to %(most)s.", **bounds))
    return " ".join(parts)


class LetterForm(PortalForm):
    """The words of one letter in each language. `based_on` names the words the page was made with."""

    based_on = HiddenField()


def letter_form(languages: tuple[str, ...]) -> type[LetterForm]:
    """The form for a letter's words. An emptied field returns to the shipped words."""
    fields = {
        "subject": localised_field(_("Subject"), languages, StringField, 200, all_required=False),
        "body": localised_field(_("Text"), languages, TextAreaField, 20_000, all_required=False),
    }
    return type("LetterWordsForm", (LetterForm,), fields)
