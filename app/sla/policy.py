"""What is promised: targets by priority and metric, what pauses them, and which policy a ticket falls under.

Knows no ticket's history and no calendar's hours; a policy names its calendar by key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

FIRST_RESPONSE = "first_response"
NEXT_RESPONSE = "next_response"
PERIODIC_UPDATE = "periodic_update"
RESOLUTION = "resolution"
METRICS = (FIRST_RESPONSE, NEXT_RESPONSE, PERIODIC_UPDATE, RESOLUTION)

# Statuses that pause when a policy says nothing: answers are owed at any time, updates and solutions wait for the customer.
DEFAULT_PAUSES: dict[str, frozenset[str]] = {
    FIRST_RESPONSE: frozenset(),
    NEXT_RESPONSE: frozenset(),
    PERIODIC_UPDATE: frozenset({"pending"}),
    RESOLUTION: frozenset({"pending"}),
}

Key = int | str | None
"""Names a policy version or a calendar in the books that the caller keeps."""


class BadPolicy(ValueError):
    """A policy that promises nothing sensible; `field` names the part at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Target(NamedTuple):
    """A promise in business seconds, and how long before its end it warns (0: never)."""

    seconds: int
    warn_seconds: int = 0


class Escalation(NamedTuple):
    """A step before (negative) or after the due time of a metric, in business seconds; `id` names it to the caller."""

    id: int | str
    metric: str
    offset_seconds: int


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a policy. `targets[priority][metric]`; what is absent has no clock. Raises `BadPolicy`."""

    id: Key
    calendar: Key
    targets: Mapping[str, Mapping[str, Target]]
    pause_on: Mapping[str, Collection[str]] = field(default_factory=dict)
    on_reopen: Literal["resume", "restart"] = "resume"
    escalations: tuple[Escalation, ...] = ()
    pausing: Mapping[str, frozenset[str]] = field(init=False, repr=False)
    """The statuses that pause each metric, those of the defaults included (R5)."""

    def __post_init__(self) -> None:
        if self.calendar is None:
            raise BadPolicy("calendar", "a policy needs a calendar")
        if self.on_reopen not in ("resume", "restart"):
            raise BadPolicy("on_reopen", f"no way to go on after reopening: {self.on_reopen}")
        for metrics in self.targets.values():
            for metric, target in metrics.items():
                if metric not in METRICS:
                    raise BadPolicy("targets", f"no clock is called {metric}")
                if target.seconds <= 0:
                    raise BadPolicy("targets", f"the target of {metric} must be longer than nothing")
                if target.warn_seconds < 0:
                    raise BadPolicy("warn_before", f"the warning of {metric} must come before its end")
        for part, named in (
            ("pause_on", [*self.pause_on]),
            ("escalations", [step.metric for step in self.escalations]),
        ):
            if unknown := set(named) - set(METRICS):
                raise BadPolicy(part, f"no clock is called {', '.join(sorted(unknown))}")
        pausing = DEFAULT_PAUSES | {metric: frozenset(statuses) for metric, statuses in self.pause_on.items()}
        object.__setattr__(self, "pausing", pausing)

    def target(self, priority: str, metric: str) -> Target | None:
        """What is promised for one priority and metric, if anything."""
        return self.targets.get(priority, {}).get(metric)


@dataclass(frozen=True, slots=True)
class Policy:
    """A place in the order of policies. `conditions[fact]` lists the values that fit; an absent fact fits always."""

    name: str
    version: Key
    conditions: Mapping[str, Collection[int | str]] = field(default_factory=dict)
    enabled: bool = True


class Refusal(NamedTuple):
    """Why a policy did not match: it is switched off (`fact` None), or the ticket's values of a fact do not fit."""

    policy: str
    fact: str | None
    wanted: tuple[int | str, ...] = ()
    found: tuple[int | str, ...] = ()


def match_policy(
    ticket_facts: Mapping[str, int | str | Collection[int | str] | None], policies: Iterable[Policy]
) -> tuple[Key, list[Refusal]]:
    """The version of the first policy whose conditions all fit (None if none does), and why each earlier one did not.

    A fact may have several values (tags, segments); one that fits is enough.
    """
    refusals: list[Refusal] = []
    for policy in policies:
        refusal = _refusal(policy, ticket_facts)
        if refusal is None:
            return policy.version, refusals
        refusals.append(refusal)
    return None, refusals


def _refusal(policy: Policy, facts: Mapping[str, int | str | Collection[int | str] | None]) -> Refusal | None:
    if not policy.enabled:
        return Refusal(policy.name, None)
    for fact, wanted in policy.conditions.items():
        value = facts.get(fact)
        found: tuple[int | str, ...]
        if value is None:
            found = ()
        elif isinstance(value, int | str):
            found = (value,)
        else:
            found = tuple(value)
        if not set(found) & set(wanted):
            return Refusal(policy.name, fact, tuple(wanted), found)
    return None
