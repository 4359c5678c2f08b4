"""Keeping promises: every change of a policy is a new version of its whole terms, checked and written in the audit log.

A version holds for new tickets. What it means for open ones, and whether the people and groups it names exist, is
asked above (`app.tickets.policy_edits`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit
from app.db import locked
from app.errors import Conflict, NotVisible, Refused
from app.sla.models import (
    ACTIONS,
    FACTS,
    METRICS,
    PRIORITIES,
    BusinessCalendar,
    CalendarVersion,
    SlaEscalationStep,
    SlaPolicy,
    SlaPolicyVersion,
    SlaTarget,
)
from app.sla.policy import DEFAULT_PAUSES, Policy, PolicyVersion, Target
from app.sla.queries import Offer
from app.words import N_, Word

MOST_TARGET_HOURS = 2000
MOST_STEPS = 10
PAUSING = ("pending", "on_hold")  # the statuses that may pause a clock
METRIC_WORDS = {
    "first_response": N_("First response"),
    "next_response": N_("Next response"),
    "periodic_update": N_("Update"),
    "resolution": N_("Solution"),
}
RECIPIENTS = {"notify": ("assignee", "team", "lead", "person"), "assign": ("lead", "person")}


@dataclass(frozen=True, slots=True, order=True)
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


def save(
    session: Session,
    policy_id: int | None,
    terms: Terms,
    *,
    actor_id: int | None,
    now: datetime,
    gap: bool = False,
    based_on: int | None = None,
) -> SlaPolicyVersion | None:
    """Add a policy (None), or give one new terms as its next version. None when nothing differs.

    A new policy stands before those for all requests. `gap` says that requests without a promise are meant;
    `based_on` is the number of the version that was changed. Raises `NotVisible`, `Conflict`, `Refused` naming the field.
    """
    policies = _lock_all(session)
    check(session, policy_id, terms)
    changed: list[str] = []
    if policy_id is None:
        policy = SlaPolicy(name=terms.name, position=0, enabled=True, conditions={}, calendar_id=0)
        number = 1
        _place(policies, policy, terms)
    else:
        policy = _of(policies, policy_id)
        before = newest_version(session, policy_id)
        if based_on is not None and based_on != before.number:
            raise Conflict(
                N_(
                    "Somebody saved version %(number)s meanwhile. Your entries are still here: compare, then save again."
                ),
                number=before.number,
            )
        standing = terms_of(session, before)
        changed = differences(standing, terms)
        if not changed:
            return None
        number = before.number + 1
        if terms.conditions and policy.enabled and not standing.conditions:
            _check_gap(policies, policy, gap)
    policy.name, policy.calendar_id = terms.name, terms.calendar_id
    policy.conditions = _plain(terms.conditions)
    session.add(policy)
    session.flush()
    version = _write(session, policy, number, terms, actor_id, now)
    action = "policy.create" if policy_id is None else "policy.change"
    _record(session, action, policy, actor_id, now, version=number, fields=changed)
    return version


def move(session: Session, policy_id: int, by: int, *, actor_id: int | None, now: datetime) -> bool:
    """Let a policy be tried one place earlier (-1) or later (1). False where it stands at that end already."""
    policies = _lock_all(session)
    policy = _of(policies, policy_id)
    place = policies.index(policy)
    if by not in (-1, 1) or not 0 <= place + by < len(policies):
        return False
    policies.insert(place + by, policies.pop(place))
    _number(policies)
    session.flush()
    _record(session, "policy.move", policy, actor_id, now, **{"from": place + 1, "to": place + by + 1})
    return True


def switch(
    session: Session, policy_id: int, enabled: bool, *, actor_id: int | None, now: datetime, gap: bool = False
) -> bool:
    """Switch a policy on or off for new tickets. False if it is so already. `gap` as in `save`."""
    policies = _lock_all(session)
    policy = _of(policies, policy_id)
    if policy.enabled == enabled:
        return False
    if not enabled and not policy.conditions:
        _check_gap(policies, policy, gap)
    policy.enabled = enabled
    session.flush()
    _record(session, "policy.enable" if enabled else "policy.disable", policy, actor_id, now)
    return True


def delete(
    session: Session, policy_id: int, *, actor_id: int | None, now: datetime, gap: bool = False
) -> None:
    """Remove a policy with its versions. The caller has made sure that no ticket has any of them. `gap` as in `save`."""
    policies = _lock_all(session)
    policy = _of(policies, policy_id)
    if policy.enabled and not policy.conditions:
        _check_gap(policies, policy, gap)
    _record(session, "policy.delete", policy, actor_id, now)
    session.delete(policy)
    session.flush()


# --- reading -------------------------------------------------------------------------------------------------------


def in_order(session: Session) -> list[SlaPolicy]:
    """All policies in the order in which they are tried. One statement."""
    return list(session.scalars(select(SlaPolicy).order_by(SlaPolicy.position, SlaPolicy.id)))


def newest_version(session: Session, policy_id: int) -> SlaPolicyVersion:
    """The version of a policy that holds for new tickets. Raises `NotVisible`."""
    found = session.scalar(
        select(SlaPolicyVersion)
        .where(SlaPolicyVersion.policy_id == policy_id)
        .order_by(SlaPolicyVersion.number.desc())
        .limit(1)
    )
    if found is None:
        raise NotVisible
    return found


def terms_of(session: Session, version: SlaPolicyVersion) -> Terms:
    """What a version says. Two statements."""
    return all_terms(session, [version])[version.id]


def all_terms(session: Session, versions: Sequence[SlaPolicyVersion]) -> dict[int, Terms]:
    """What several versions say, by id. Two statements."""
    ids = [version.id for version in versions]
    targets: dict[int, dict[tuple[str, str], tuple[int, int]]] = {key: {} for key in ids}
    for one in session.scalars(select(SlaTarget).where(SlaTarget.policy_version_id.in_(ids))):
        targets[one.policy_version_id][one.metric, one.priority] = (one.target_minutes, one.warn_minutes)
    steps: dict[int, list[Step]] = {key: [] for key in ids}
    for row in session.scalars(
        select(SlaEscalationStep)
        .where(SlaEscalationStep.policy_version_id.in_(ids))
        .order_by(SlaEscalationStep.id)
    ):
        steps[row.policy_version_id].append(
            Step(row.metric, row.offset_minutes, row.action, row.recipient, row.person_id, row.working_hours)
        )
    return {
        version.id: Terms(
            name=version.name,
            calendar_id=version.calendar_id,
            targets=targets[version.id],
            conditions=version.conditions,
            pause_on=version.pause_on,
            on_reopen=version.on_reopen,
            steps=tuple(steps[version.id]),
        )
        for version in versions
    }


def draft(session: Session, key: int, terms: Terms) -> Offer:
    """Terms that are not saved, as the engine takes them; `key` stands for the version's id. Steps are left out: they
    change no clock. The terms have been checked."""
    calendar = session.get_one(BusinessCalendar, terms.calendar_id)
    changed_at = session.scalar(
        select(CalendarVersion.since).where(
            CalendarVersion.calendar_id == calendar.id, CalendarVersion.number == calendar.version
        )
    )
    targets: dict[str, dict[str, Target]] = {}
    for (metric, priority), (minutes, warn) in terms.targets.items():
        targets.setdefault(priority, {})[metric] = Target(minutes * 60, warn * 60)
    reopening: Any = terms.on_reopen
    return Offer(
        Policy(terms.name, key, terms.conditions),
        PolicyVersion(key, terms.calendar_id, targets, terms.pause_on, reopening),
        calendar.id,
        calendar.version,
        changed_at,
    )


def differences(before: Terms, after: Terms) -> list[str]:
    """The parts in which two terms differ, by name."""
    parts = []
    for part in ("name", "calendar_id", "targets", "on_reopen"):
        if getattr(before, part) != getattr(after, part):
            parts.append(part)
    if _plain(before.conditions) != _plain(after.conditions):
        parts.append("conditions")
    if any(before.pausing(metric) != after.pausing(metric) for metric in METRICS):
        parts.append("pause_on")
    if sorted(map(_step_key, before.steps)) != sorted(map(_step_key, after.steps)):
        parts.append("steps")
    return parts


def _step_key(step: Step) -> tuple[Any, ...]:
    return (*[getattr(step, name) for name in Step.__slots__ if name != "person_id"], step.person_id or 0)


# --- checks --------------------------------------------------------------------------------------------------------


def check(session: Session, policy_id: int | None, terms: Terms) -> None:
    """Raises `Refused` naming the field for terms that promise nothing sensible."""
    if not terms.name.strip():
        raise Refused(N_("Enter a name."), "name")
    taken = select(SlaPolicy.id).where(SlaPolicy.name == terms.name, SlaPolicy.id != (policy_id or 0))
    if session.scalar(taken) is not None:
        raise Refused(N_("There is a promise with this name already."), "name")
    if session.get(BusinessCalendar, terms.calendar_id) is None:
        raise Refused(N_("Choose the working hours by which these times count."), "calendar_id")
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


def leaves_gap(policies: Sequence[SlaPolicy], policy: SlaPolicy) -> bool:
    """Whether without this policy some requests have no promise: it is the last one for all requests that is on."""
    return not any(one.enabled and not one.conditions for one in policies if one.id != policy.id)


def _check_gap(policies: Sequence[SlaPolicy], policy: SlaPolicy, allowed: bool) -> None:
    if not allowed and leaves_gap(policies, policy):
        raise Refused(
            N_(
                "This is the last promise for all requests. Without it, requests that fit no other promise have no"
                " deadline and no warning. Tick the box below if that is meant."
            ),
            "gap",
        )


# --- writing -------------------------------------------------------------------------------------------------------


def _write(
    session: Session, policy: SlaPolicy, number: int, terms: Terms, actor_id: int | None, now: datetime
) -> SlaPolicyVersion:
    version = SlaPolicyVersion(
        policy_id=policy.id,
        number=number,
        name=terms.name,
        conditions=policy.conditions,
        calendar_id=terms.calendar_id,
        valid_from=now,
        author_id=actor_id,
        pause_on={metric: sorted(statuses) for metric, statuses in terms.pause_on.items()},
        on_reopen=terms.on_reopen,
    )
    session.add(version)
    session.flush()
    session.add_all(
        SlaTarget(
            policy_version_id=version.id,
            priority=priority,
            metric=metric,
            target_minutes=minutes,
            warn_minutes=warn,
        )
        for (metric, priority), (minutes, warn) in terms.targets.items()
    )
    for step in terms.steps:
        values = {name: getattr(step, name) for name in Step.__slots__}
        session.add(SlaEscalationStep(policy_version_id=version.id, **values))
        session.flush()  # one by one: their order is that of their rows
    session.flush()
    return version


def _plain(conditions: Mapping[str, Sequence[int | str]]) -> dict[str, list[int | str]]:
    """Conditions as they are stored: sorted, without empty ones."""
    return {
        fact: sorted(set(conditions[fact]), key=lambda value: (str(type(value)), value))
        for fact in FACTS
        if conditions.get(fact)
    }


def _place(policies: list[SlaPolicy], policy: SlaPolicy, terms: Terms) -> None:
    """Put a new policy before the first one for all requests, or last if it is one itself."""
    general = next((place for place, one in enumerate(policies) if not one.conditions), len(policies))
    policies.insert(general if terms.conditions else len(policies), policy)
    _number(policies)


def _number(policies: Sequence[SlaPolicy]) -> None:
    for position, policy in enumerate(policies, 1):
        policy.position = position


def _lock_all(session: Session) -> list[SlaPolicy]:
    """All policies in their order, locked: order and gaps are questions about all of them."""
    statement = locked(select(SlaPolicy).order_by(SlaPolicy.position, SlaPolicy.id))
    return list(session.scalars(statement.execution_options(populate_existing=True)))


def _of(policies: Sequence[SlaPolicy], policy_id: int) -> SlaPolicy:
    found = next((policy for policy in policies if policy.id == policy_id), None)
    if found is None:
        raise NotVisible
    return found


def _record(
    session: Session, action: str, policy: SlaPolicy, actor_id: int | None, now: datetime, **details: Any
) -> None:
    audit.record(
        session,
        actor_id=actor_id,
        action=action,
        object_kind="sla_policy",
        object_id=policy.id,
        at=now,
        **details,
    )
