"""Keeping promises: every change of a policy is a new version of its whole terms, checked and written in the audit log.

A version holds for new tickets. What it means for open ones, and whether the people and groups it names exist, is
asked above (`app.tickets.policy_edits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit
from app.db import locked
from app.errors import Conflict, NotVisible, Refused
from app.sla.models import (
    BusinessCalendar,
    CalendarVersion,
    SlaEscalationStep,
    SlaPolicy,
    SlaPolicyVersion,
    SlaTarget,
)
from app.sla.policy import Policy, PolicyVersion, Target
from app.sla.queries import Offer
from app.sla.terms import Step, Terms, check_terms, differences, plain
from app.words import N_


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
    policy.conditions = plain(terms.conditions)
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
    check_terms(terms)


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
