"""The form of a promise: its fields are named as refusals of `app.sla.policy_keeping` name them.

Turns fields into terms and terms into fields; what is sensible is decided by the services.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from app.errors import Refused
from app.forms import EmailAddress, PortalForm, at_most, required
from app.i18n import say
from app.sla.models import METRICS
from app.sla.terms import (
    METRIC_WORDS,
    MOST_STEPS,
    PAUSING,
    WARNING,
    Step,
    Terms,
    pause_field,
    step_field,
    target_field,
)
from app.sla.written import parse_length, written_length
from app.tickets.labels import CHANNEL, PRIORITY, STATUS
from app.tickets.policy_reading import URGENT_FIRST
from app.words import N_

SPARE_STEPS = 2  # empty rows below the steps there are
ACTIONS = {
    "": N_("nothing"),
    "notify:assignee": N_("Email to the assignee"),
    "notify:team": N_("Email to everybody in the team"),
    "notify:lead": N_("Email to the team's lead"),
    "notify:person": N_("Email to a person of the team"),
    "mail": N_("Email to an address"),
    "assign:lead": N_("Assign to the team's lead"),
    "assign:person": N_("Assign to a person"),
    "priority:high": N_("Raise the priority to high"),
    "priority:urgent": N_("Raise the priority to urgent"),
}
Choices = dict[str, str]


class LengthField(StringField):
    """A length of working time as people write it; `minutes` is what it says, None when it is empty."""

    minutes: int | None = None

    def pre_validate(self, form: Any) -> None:
        try:
            self.minutes = parse_length(self.data or "", self.name)
        except Refused as refused:
            raise ValidationError(say(refused)) from refused


class Ticks(SelectMultipleField):
    """Several of a few: check boxes. Whether a choice exists is asked by the service, which can say so."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, label: Any, **given: Any) -> None:
        super().__init__(label, [Optional()], validate_choice=False, **given)


def policy_form(
    *, calendars: Choices, people: Choices, topics: Choices, segments: Choices, steps: int
) -> Any:
    """The form's class, with a row for each of so many escalation steps."""
    fields: dict[str, Any] = {
        "name": StringField(_("Name"), [required(_("Enter a name.")), at_most(80)]),
        "calendar_id": SelectField(_("Working hours"), choices=calendars, validate_choice=False),
        "organisations": TextAreaField(_("Organisations"), [at_most(20_000)]),
        "segments": Ticks(_("Customer groups"), choices=segments),
        "request_types": Ticks(_("Topics"), choices=topics),
        "channels": Ticks(_("How the request came"), choices=_worded(CHANNEL)),
        "tags": StringField(_("Tags"), [at_most(500)]),
        "priorities": Ticks(
            _("Priorities"), choices={code: gettext(PRIORITY[code]) for code in URGENT_FIRST}
        ),
        "on_reopen": RadioField(
            _("When a request is reopened"),
            choices={
                "resume": gettext("the solution has the time that was left"),
                "restart": gettext("the solution has the whole time again"),
            },
            validate_choice=False,
        ),
        "gap": BooleanField(_("Requests that fit no other promise may be without one")),
        "based_on": HiddenField(),
    }
    for metric in METRICS:
        for priority in URGENT_FIRST:
            name = target_field(metric, priority)
            fields[name] = LengthField(
                _(
                    "%(metric)s, %(priority)s",
                    metric=gettext(METRIC_WORDS[metric]),
                    priority=gettext(PRIORITY[priority]),
                )
            )
            fields[name + WARNING] = LengthField(_("Warning before it"))
        pausing = {status: gettext(STATUS[status]) for status in PAUSING}
        fields[pause_field(metric)] = Ticks(_("The clock stands still while the request is"), choices=pausing)
    for place in range(steps):
        fields |= _step_fields(step_field(place), place, people)
    return type("PolicyForm", (PortalForm,), fields)


def _step_fields(name: str, place: int, people: Choices) -> dict[str, Any]:
    sides = {"before": gettext("before it"), "after": gettext("after it")}
    metrics = {metric: gettext(METRIC_WORDS[metric]) for metric in METRICS}
    actions = {code: gettext(words) for code, words in ACTIONS.items()}
    return {
        name: SelectField(_("What happens"), choices=actions, validate_choice=False, default=""),
        f"{name}_metric": SelectField(_("Deadline"), choices=metrics, validate_choice=False),
        f"{name}_time": LengthField(_("How long")),
        f"{name}_side": SelectField(
            _("Before or after"), choices=sides, validate_choice=False, default="after"
        ),
        f"{name}_person": SelectField(_("Person"), choices={"": "–", **people}, validate_choice=False),
        f"{name}_address": StringField(_("Address"), [Optional(), EmailAddress(), at_most(254)]),
        f"{name}_working_hours": BooleanField(_("Emails wait for working hours")),
    }


def steps_wanted(terms: Terms | None, sent: Mapping[str, Any]) -> int:
    """How many rows of steps the form has: those there are and some to spare, or as many as were sent."""
    there = len(terms.steps) if terms else 0
    typed = [place for place in range(MOST_STEPS) if step_field(place) in sent]
    return min(MOST_STEPS, max(there + SPARE_STEPS, *(place + 1 for place in typed), 0))


def filled(terms: Terms, organisations: Sequence[str], number: int | None) -> dict[str, Any]:
    """What the form shows for these terms."""
    data: dict[str, Any] = {
        "name": terms.name,
        "calendar_id": str(terms.calendar_id),
        "organisations": "\n".join(organisations),
        "segments": list(map(str, terms.conditions.get("segment", ()))),
        "request_types": list(map(str, terms.conditions.get("request_type", ()))),
        "channels": list(terms.conditions.get("channel", ())),
        "tags": ", ".join(map(str, terms.conditions.get("tag", ()))),
        "priorities": list(terms.conditions.get("priority", ())),
        "on_reopen": terms.on_reopen,
        "based_on": "" if number is None else str(number),
    }
    for (metric, priority), (minutes, warn) in terms.targets.items():
        data[target_field(metric, priority)] = written_length(minutes)
        data[target_field(metric, priority) + WARNING] = written_length(warn) if warn else ""
    for metric in METRICS:
        data[pause_field(metric)] = list(terms.pausing(metric))
    for place, step in enumerate(terms.steps):
        name = step_field(place)
        data |= {
            name: "mail" if step.action == "mail" else f"{step.action}:{step.recipient}",
            f"{name}_metric": step.metric,
            f"{name}_time": written_length(step.offset_minutes),
            f"{name}_side": "before" if step.offset_minutes < 0 else "after",
            f"{name}_person": str(step.person_id or ""),
            f"{name}_address": step.recipient if step.action == "mail" else "",
            f"{name}_working_hours": step.working_hours,
        }
    return data


def terms_of(form: Any, organisations: Sequence[int], steps: int) -> Terms:
    """What the sent form says; `organisations` are the ids of those it names. Its fields have been validated."""
    conditions: dict[str, list[int | str]] = {
        "organisation": list(organisations),
        "segment": list(map(_id, form.segments.data)),
        "request_type": list(map(_id, form.request_types.data)),
        "channel": form.channels.data,
        "tag": sorted(
            {" ".join(tag.split()).casefold() for tag in (form.tags.data or "").split(",") if tag.strip()}
        ),
        "priority": form.priorities.data,
    }
    targets = {}
    for metric in METRICS:
        for priority in URGENT_FIRST:
            minutes = form[target_field(metric, priority)].minutes
            warn = form[target_field(metric, priority) + WARNING].minutes
            if minutes is not None:
                targets[metric, priority] = (minutes, warn or 0)
            elif warn is not None:
                raise Refused(_ALONE, target_field(metric, priority))
    return Terms(
        name=form.name.data,
        calendar_id=_id(form.calendar_id.data),
        targets=targets,
        conditions={fact: values for fact, values in conditions.items() if values},
        pause_on={metric: form[pause_field(metric)].data for metric in METRICS},
        on_reopen=form.on_reopen.data or "",
        steps=tuple(step for place in range(steps) if (step := _step(form, step_field(place))) is not None),
    )


_ALONE = N_("A warning needs a promised time: enter one, or empty the warning.")


def _step(form: Any, name: str) -> Step | None:
    what = form[name].data or ""
    if not what:
        return None
    action, _colon, recipient = what.partition(":")
    minutes = form[f"{name}_time"].minutes or 0
    if minutes < 0:
        raise Refused(N_("Write the time without a sign, and choose before or after."), f"{name}_time")
    return Step(
        metric=form[f"{name}_metric"].data or "",
        offset_minutes=-minutes if form[f"{name}_side"].data == "before" else minutes,
        action=action,
        recipient=(form[f"{name}_address"].data or "").strip() if action == "mail" else recipient,
        person_id=_id(form[f"{name}_person"].data) or None if recipient == "person" else None,
        working_hours=bool(form[f"{name}_working_hours"].data),
    )


def _id(value: object) -> int:
    """A row's number as a form sends it; 0, which no row has, for anything else."""
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _worded(labels: Mapping[str, str]) -> Choices:
    return {code: gettext(words) for code, words in labels.items()}
