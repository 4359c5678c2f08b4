"""The terms of a promise as an admin enters them: what they hold, in what they differ, and when they make no sense.

Knows no other promise and no database; whether what they name exists is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.errors import Refused
from app.sla.models import ACTIONS, FACTS, METRICS, PRIORITIES
from app.sla.policy import DEFAULT_PAUSES
from app.words import N_, Word

MOST_TARGET_HOURS = 2000
MOST_STEPS = 10
PAUSING = ("pending", "on_hold")  # the statuses that may pause a clock
METRIC_WORDS = {
    "first_response": N_("First response"),
    "next_response": N_("Next response"),
    "periodic_update": N_("Update"),
    "resolution": N_("Resolution"),
}
RECIPIENTS = {"notify": ("assignee", "team", "lead", "person"), "assign": ("lead", "person")}


@dataclass(frozen=True, slots=True)
class Step:
    """An escalation: business minutes before (negative) or after the due time of a metric, and what is done then.

    `recipient` as in `SlaEscalationStep`; `working_hours`: a letter waits for the next opening.
    """

    metric: str
    offset_minutes: int
    action: str
    recipient: str
    person_id: int | None = None
    working_hours: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy says, as an admin enters it. `targets[metric, priority]` is (target, warning before it) in business
    minutes; `conditions[fact]` lists values that fit; `pause_on[metric]` lists statuses."""

    name: str
    calendar_id: int
    targets: Mapping[tuple[str, str], tuple[int, int]]
    conditions: Mapping[str, Sequence[int | str]] = field(default_factory=dict)
    pause_on: Mapping[str, Sequence[str]] = field(default_factory=dict)
    on_reopen: str = "resume"
    steps: tuple[Step, ...] = ()

    def pausing(self, metric: str) -> tuple[str, ...]:
        """The statuses that pause a metric, the default where nothing is said (R5)."""
        return tuple(sorted(self.pause_on.get(metric, DEFAULT_PAUSES[metric])))


def differences(before: Terms, after: Terms) -> list[str]:
    """The parts in which two terms differ, by name."""
    parts = []
    for part in ("name", "calendar_id", "targets", "on_reopen"):
        if getattr(before, part) != getattr(after, part):
            parts.append(part)
    if plain(before.conditions) != plain(after.conditions):
        parts.append("conditions")
    if any(before.pausing(metric) != after.pausing(metric) for metric in METRICS):
        parts.append("pause_on")
    if sorted(before.steps, key=repr) != sorted(after.steps, key=repr):
        parts.append("steps")
    return parts


def plain(conditions: Mapping[str, Sequence[int | str]]) -> dict[str, list[int | str]]:
    """Conditions as they are stored: sorted, without empty ones."""
    return {
        fact: sorted(set(conditions[fact]), key=lambda value: (str(type(value)), value))
        for fact in FACTS
        if conditions.get(fact)
    }


# --- what makes no sense ---------------------------------------------------------------------------------------------


def check_terms(terms: Terms) -> None:
    """Raises `Refused` naming the field for terms that promise nothing sensible, whatever else there is."""
    if unknown := set(terms.conditions) - set(FACTS):
        raise Refused(N_("There is no condition called %(name)s."), "name", name=min(unknown))
    _check_targets(terms)
    if terms.on_reopen not in ("resume", "restart"):
        raise Refused(N_("Choose what a reopened request does."), "on_reopen")
    for metric, statuses in terms.pause_on.items():
        if metric not in METRICS or set(statuses) - set(PAUSING):
            raise Refused(
                N_("Only waiting for the customer and on hold stop a clock."), pause_field(str(metric))
            )
    _check_steps(terms)


def _check_targets(terms: Terms) -> None:
    if not terms.targets:
        raise Refused(
            N_("Enter at least one time. Without any, nothing is promised."),
            target_field("first_response", "urgent"),
        )
    for (metric, priority), (minutes, warn) in terms.targets.items():
        named = target_field(metric, priority)
        if metric not in METRICS or priority not in PRIORITIES:
            raise Refused(N_("There is no such time to promise."), named)
        if not 0 < minutes <= MOST_TARGET_HOURS * 60:
            raise Refused(
                N_(
                    "A promised time is more than nothing and at most %(hours)s hours. Empty promises nothing."
                ),
                named,
                hours=MOST_TARGET_HOURS,
            )
        if not 0 <= warn < minutes:
            raise Refused(
                N_("The warning comes before the deadline: enter less time than is promised."),
                named + WARNING,
            )


def _check_steps(terms: Terms) -> None:
    if len(terms.steps) > MOST_STEPS:
        raise Refused(N_("Use at most %(number)s steps."), step_field(MOST_STEPS - 1), number=MOST_STEPS)
    for place, step in enumerate(terms.steps):
        if step.metric not in METRICS or step.action not in ACTIONS:
            raise Refused(N_("Choose the deadline and what happens."), step_field(place))
        targets = [minutes for (metric, _), (minutes, _) in terms.targets.items() if metric == step.metric]
        if not targets:
            raise Refused(
                N_("Nothing is promised for “%(metric)s”. Enter a time for it, or remove this step."),
                step_field(place),
                metric=Word(METRIC_WORDS[step.metric]),
            )
        if not -min(targets) < step.offset_minutes <= MOST_TARGET_HOURS * 60:
            raise Refused(
                N_("This step would come before the clock starts, or more than %(hours)s hours late."),
                step_field(place) + "_time",
                hours=MOST_TARGET_HOURS,
            )
        _check_recipient(step, step_field(place))


def _check_recipient(step: Step, named: str) -> None:
    if step.action == "mail" and "@" not in step.recipient:
        raise Refused(N_("Enter the address that gets the email."), named + "_address")
    if step.action == "priority" and step.recipient not in PRIORITIES[1:]:
        raise Refused(N_("Choose the priority that the ticket gets."), named)
    if step.action in RECIPIENTS and step.recipient not in RECIPIENTS[step.action]:
        raise Refused(N_("Choose who is meant."), named)
    if step.recipient == "person" and step.person_id is None:
        raise Refused(N_("Choose the person who is meant."), named + "_person")


WARNING = "_warning"


def target_field(metric: str, priority: str) -> str:
    """The field of a promised time in forms and refusals; the one of its warning ends in `WARNING`."""
    return f"{metric}_{priority}"


def pause_field(metric: str) -> str:
    """The field of the statuses that pause a metric."""
    return f"pause_{metric}"


def step_field(place: int) -> str:
    """The field that says what happens at an escalation step; its others begin with this name."""
    return f"step{place}"
