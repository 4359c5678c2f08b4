"""The page of settings: every preference with its type, unit and bounds. Only what was changed is written."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext, ngettext
from flask_login import current_user

from app import preferences as prefs
from app.access import needs
from app.admin import forms
from app.errors import Conflict, Refused
from app.now import now
from app.preferences import PREFERENCES, Preferences
from app.web import commit, db, portal, see
from app.words import N_

bp = Blueprint("settings", __name__)


@bp.get("/admin/settings")
@needs("settings.edit")
def settings() -> str:
    values = _values()
    return _page(forms.settings_form(portal().languages)(data={**values, "shown": forms.shown(values)}))


@bp.post("/admin/settings")
@needs("settings.edit")
def change() -> Any:
    form = forms.settings_form(portal().languages)(request.form)
    if form.validate_on_submit():
        changed = _apply(form)
        if not form.form_errors and not form.errors:
            commit()
            told = ngettext("%(num)s setting was changed.", "%(num)s settings were changed.", changed)
            flash(told if changed else gettext("Nothing was changed."), "ok" if changed else "info")
            return see("/admin/settings")
    return _page(form), 422


def _apply(form: forms.SettingsForm) -> int:
    """Write what this person changed; what others changed meanwhile stays. Gives how many settings were written."""
    values, before, changed = _values(), form.before(), 0
    for preference in PREFERENCES:
        name = preference.name
        present, typed = values[name], form.typed(preference)
        if preference.kind == "localised":
            typed = {**present, **typed}
        seen = before.get(name, present)
        if typed in (seen, present):
            continue
        try:
            if seen != present:
                raise Conflict(
                    N_("Somebody changed this setting meanwhile. Check the value and save again."), name
                )
            changed += prefs.change(db(), name, typed, actor_id=current_user.person_id, now=now())
        except Refused as refused:
            form.refuse(refused)
    form.shown.data = forms.shown(values)  # sent again, it overwrites knowingly
    return changed


def _values() -> dict[str, Any]:
    stored = Preferences.read(db())
    return {preference.name: stored[preference.name] for preference in PREFERENCES}


def _page(form: forms.SettingsForm) -> str:
    groups: dict[str, list[prefs.Preference]] = {}
    for preference in PREFERENCES:
        groups.setdefault(preference.group, []).append(preference)
    return render_template("admin/settings/edit.html", form=form, groups=groups, hint=forms.hint)
