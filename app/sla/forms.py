"""Forms in which calendars are kept."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, NumberRange

from app.forms import PortalForm, at_most, required
from app.sla.calendar_keeping import WEEKDAYS

LABELS = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
A_DAY = _("Enter a day.")


class CalendarForm(PortalForm):
    """A calendar's name, zone and week."""

    name = StringField(_("Name"), [required(_("Enter a name.")), at_most(80)])
    time_zone = StringField(
        _("Time zone"), [required(_("Enter a time zone like Europe/Berlin.")), at_most(60)]
    )
    valid_from = DateField(_("These hours count from"), [InputRequired(A_DAY)])

    def days(self) -> list[Any]:
        """The seven fields of the week."""
        return [getattr(self, day) for day in WEEKDAYS]


for _day, _label in zip(WEEKDAYS, LABELS, strict=True):
    setattr(CalendarForm, _day, StringField(_label, [at_most(200)]))


class ClosingForm(PortalForm):
    """Days on which the team does not work."""

    first = DateField(_("First day"), [InputRequired(A_DAY)])
    last = DateField(_("Last day"), [InputRequired(A_DAY)])
    reason = StringField(_("Reason"), [required(_("Enter a reason.")), at_most(120)])


class DayForm(PortalForm):
    """One day with hours of its own."""

    day = DateField(_("Day"), [InputRequired(A_DAY)])
    hours = StringField(_("Hours"), [required(_("Enter hours like 9:00-12:00.")), at_most(40)])
    reason = StringField(_("Reason"), [required(_("Enter a reason.")), at_most(120)])


class HolidayForm(PortalForm):
    """Which region's holidays are proposed."""

    region = SelectField(_("Region"))
    year = IntegerField(_("Year"), [InputRequired(_("Enter a year.")), NumberRange(2000, 2100)])
