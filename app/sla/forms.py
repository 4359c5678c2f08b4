"""Forms in which calendars and promises are kept."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import DateField, DecimalField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, NumberRange

from app.forms import PortalForm, at_most, required
from app.i18n import format_number

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LABELS = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
A_DAY = _("Enter a day.")


class HoursField(DecimalField):
    """Hours with a decimal comma or point, shown as the page's language writes them."""

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([value.strip().replace(",", ".") for value in valuelist])

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else format_number(float(self.data))


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


def targets_form(labels: dict[str, str]) -> Any:
    """A form with target and warning for each priority, in hours."""

    class TargetsForm(PortalForm):
        pass

    for code, label in labels.items():
        range_ = NumberRange(0, 2000, message=_("Enter hours between 0 and 2000."))
        target = HoursField(label, [InputRequired(_("Enter hours.")), range_])
        warning = HoursField(_("Warning before the deadline"), [InputRequired(_("Enter hours.")), range_])
        setattr(TargetsForm, code, target)
        setattr(TargetsForm, f"{code}_warning", warning)
    return TargetsForm
