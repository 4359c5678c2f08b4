"""The form of a draft: a period, a target for each priority and metric, and the hours of a week."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import HiddenField, IntegerField, StringField
from wtforms.validators import InputRequired

from app.errors import Refused
from app.forms import PortalForm, at_most
from app.reports.trials import MOST_MONTHS, PRIORITIES
from app.reports.what_if import Draft, Standing, Targets, Week
from app.sla.calendar_keeping import WEEKDAYS, check_overlaps
from app.sla.forms import LABELS
from app.sla.models import METRICS
from app.sla.terms import MOST_TARGET_HOURS
from app.sla.written import parse_hours, parse_length, written_hours, written_length
from app.tickets.labels import METRIC, PRIORITY
from app.words import N_, Word

DEFAULT_MONTHS = 3
NO_LENGTH = N_(
    "%(metric)s, priority %(priority)s: “%(text)s” is no length of time. Write one like 4 h, 30 min or 1:30."
)
TOO_MUCH = N_(
    "%(metric)s, priority %(priority)s: enter more than nothing and at most %(hours)s hours. Empty promises nothing."
)


class MonthsField(IntegerField):
    """A number of months; what is no number is refused in our words."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(gettext("Choose 1 to %(months)s months.", months=MOST_MONTHS)) from None


class DraftForm(PortalForm):
    """What is tried. Targets are lengths of working time ("4 h"); an empty one is no promise."""

    policy_id = HiddenField()
    months = MonthsField(_("Tickets of the last months"), [InputRequired(_("Enter a number of months."))])

    @property
    def chosen(self) -> int:
        """The policy it is about; 0 for what is no number."""
        given = self.policy_id.data or ""
        return int(given) if str(given).isdecimal() and len(str(given)) < 18 else 0

    def target(self, priority: str, metric: str) -> Any:
        """The field of one target."""
        return self[f"{priority}_{metric}"]

    def days(self) -> list[Any]:
        """The seven fields of the week."""
        return [self[day] for day in WEEKDAYS]

    def draft(self, present: Standing) -> Draft | None:
        """What differs from what holds today; None where something is wrong, which is said beside its field."""
        targets, week = self._targets(), self._week()
        if self.months.data is None or not 1 <= self.months.data <= MOST_MONTHS:
            self.refuse(Refused(N_("Choose 1 to %(months)s months."), "months", months=MOST_MONTHS))
        if self.errors:
            return None
        return Draft(
            self.chosen,
            targets if targets != present.targets else None,
            week if week != present.week else None,
        )

    def _targets(self) -> Targets:
        targets: dict[str, dict[str, int]] = {}
        for priority in PRIORITIES:
            for metric in METRICS:
                if (minutes := self._target(priority, metric)) is not None:
                    targets.setdefault(priority, {})[metric] = minutes
        return targets

    def _target(self, priority: str, metric: str) -> int | None:
        """One target in minutes; None for none, or for one that was refused."""
        field = self.target(priority, metric)
        named = {"metric": Word(METRIC[metric]), "priority": Word(PRIORITY[priority])}
        try:
            minutes = parse_length(field.data or "", field.name)
        except Refused:
            self.refuse(Refused(NO_LENGTH, field.name, text=field.data, **named))
            return None
        if minutes is not None and not 0 < minutes <= MOST_TARGET_HOURS * 60:
            self.refuse(Refused(TOO_MUCH, field.name, hours=MOST_TARGET_HOURS, **named))
            return None
        return minutes

    def _week(self) -> Week:
        week = []
        for field in self.days():
            try:
                week.append(parse_hours(field.data or "", field.name))
            except Refused as refused:
                self.refuse(refused)
        if len(week) == len(WEEKDAYS):
            try:
                check_overlaps(tuple(week))
            except Refused as refused:
                self.refuse(refused)
        return tuple(week)


for _priority in PRIORITIES:
    for _metric in METRICS:
        setattr(DraftForm, f"{_priority}_{_metric}", StringField(_(METRIC[_metric]), [at_most(40)]))
for _day, _label in zip(WEEKDAYS, LABELS, strict=True):
    setattr(DraftForm, _day, StringField(_label, [at_most(200)]))


def written(targets: Targets, week: Week) -> dict[str, str]:
    """Targets and hours as the form's fields hold them."""
    lengths = {
        f"{priority}_{metric}": written_length(minutes)
        for priority, promised in targets.items()
        for metric, minutes in promised.items()
    }
    return lengths | {day: written_hours(hours) for day, hours in zip(WEEKDAYS, week, strict=True)}
