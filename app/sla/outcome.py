"""What a replay answers: every clock at one instant, missed due times, what comes next, and the trail.

Reads clocks and changes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from app.sla.calendar import BusinessCalendar
from app.sla.clock import Clock
from app.sla.policy import Escalation, Key


class EscalationDue(NamedTuple):
    """When an escalation step of a running clock comes; it fires once for (clock, step, due)."""

    step: int | str
    at: int


class ClockRun(NamedTuple):
    """A clock at `now`; instants in epoch seconds, lengths in business seconds.

    `state` is none (no target), running, paused, met, breached or cancelled. A breached clock that is not fulfilled is
    overdue and open if `open`; `waiting` says that it is in a pausing status. `remaining` is negative when overdue.
    Without a target nothing is counted: lengths are 0.
    """

    metric: str
    run_no: int
    state: str
    started_at: int
    due_at: int | None
    warn_at: int | None
    fulfilled_at: int | None
    fulfilled_by: int | None
    target: int | None
    elapsed: int
    paused: int
    remaining: int | None
    breached_at: int | None
    open: bool
    waiting: bool
    policy: Key
    escalations: tuple[EscalationDue, ...]
    calendar: BusinessCalendar | None = None


class Breach(NamedTuple):
    """A due time that was missed. Superseded ones are no longer true and stay for the record (R8)."""

    metric: str
    run_no: int
    due_at: int
    breached_at: int
    fulfilled_at: int | None
    overdue: int
    policy: Key
    superseded_at: int | None
    superseded_by: int | None
    calendar_version: int | None = None


class Step(NamedTuple):
    """One change of one clock: the rule behind it and its numbers before and after."""

    at: int
    event_id: int | None
    rule: str
    key: str
    params: Mapping[str, Any]
    elapsed_before: int
    elapsed_after: int
    due_before: int | None
    due_after: int | None
    metric: str
    run_no: int


DECIDED = ("met", "breached")
new_row = tuple.__new__  # of a named tuple, at half the price: a replay makes some twenty rows
_BY_TIME = attrgetter("breached_at", "metric", "run_no", "due_at")


class TicketSla(NamedTuple):
    """All clocks of a ticket at `now`, in the order in which they started.

    `next_due_at` is the earliest due time of open clocks, overdue ones included, with its `next_metric`; only paused
    clocks left: both are None and `least_remaining` orders them (R15). `next_warning_at` is the next warning or
    escalation after `now` (R14).
    """

    runs: tuple[ClockRun, ...]
    next_due_at: int | None
    next_breach_at: int | None
    next_warning_at: int | None
    next_metric: str | None
    least_remaining: int | None
    breaches: tuple[Breach, ...]
    trail: tuple[Step, ...]

    def latest(self, metric: str) -> ClockRun | None:
        """The last run of a metric."""
        return next((run for run in reversed(self.runs) if run.metric == metric), None)


def sum_up(
    clocks: Iterable[Clock],
    breaches: Iterable[tuple[Clock, Breach]],
    escalations: tuple[Escalation, ...],
    trail: Iterable[Step],
    now: int,
) -> TicketSla:
    """Everything the caller stores or shows, at instant `now`."""
    runs = tuple([_run(clock, escalations, now) for clock in clocks])
    due = breach = warning = metric = remaining = None
    for run in runs:
        if not run.open or run.target is None:
            continue
        if run.waiting:
            assert run.remaining is not None
            remaining = run.remaining if remaining is None else min(remaining, run.remaining)
            continue
        if run.due_at is not None:
            if due is None or run.due_at < due:
                due, metric = run.due_at, run.metric
            if run.state == "running" and (breach is None or run.due_at < breach):
                breach = run.due_at
        for at in (run.warn_at, *[step.at for step in run.escalations]):
            if at is not None and at > now and (warning is None or at < warning):
                warning = at
    return TicketSla(
        runs,
        due,
        breach,
        warning,
        metric,
        remaining if due is None else None,
        tuple(sorted([_missed(clock, breach, now) for clock, breach in breaches], key=_BY_TIME)),
        tuple(trail),
    )


def state_of(clock: Clock) -> str:
    """How a clock stands; the words are those of `ClockRun`."""
    if clock.target is None:
        return "none"
    if clock.cancelled:
        return "cancelled"
    if clock.breached_at is not None:
        return "breached"
    if clock.since is None:
        return "met"
    return "running" if clock.running else "paused"


def _run(clock: Clock, escalations: tuple[Escalation, ...], now: int) -> ClockRun:
    target, is_open = clock.target, clock.since is not None
    if target is None:
        return _without_target(clock, is_open)
    waiting = is_open and not clock.running
    elapsed = clock.elapsed_at(now) if is_open else clock.elapsed
    run = (
        clock.metric,
        clock.run_no,
        state_of(clock),
        clock.started_at,
        clock.due,
        _warns_at(clock) if clock.warn else None,
        clock.fulfilled_at,
        clock.fulfilled_by,
        target,
        elapsed,
        clock.paused_at(now) if waiting else clock.paused,
        target - elapsed if is_open else None,
        clock.breached_at,
        is_open,
        waiting,
        clock.policy,
        _comes_at(clock, escalations) if escalations and is_open and not waiting else (),
        clock.calendar,
    )
    return new_row(ClockRun, run)


def _without_target(clock: Clock, is_open: bool) -> ClockRun:
    return ClockRun(
        clock.metric,
        clock.run_no,
        "none",
        clock.started_at,
        None,
        None,
        clock.fulfilled_at,
        clock.fulfilled_by,
        None,
        0,
        0,
        None,
        clock.breached_at,
        is_open,
        is_open and not clock.running,
        clock.policy,
        (),
    )


def _warns_at(clock: Clock) -> int | None:
    """The instant of the warning; a paused clock warns of nothing (R14)."""
    if clock.target is None or clock.cancelled or not clock.running:
        return None
    return clock.reaches(max(0, clock.target - clock.warn))


def _comes_at(clock: Clock, escalations: tuple[Escalation, ...]) -> tuple[EscalationDue, ...]:
    assert clock.target is not None
    steps = []
    for step in escalations:
        if step.metric == clock.metric:
            at = clock.reaches(max(0, clock.target + step.offset_seconds))
            if at is not None:
                steps.append(EscalationDue(step.id, at))
    return tuple(steps)


def _missed(clock: Clock, breach: Breach, now: int) -> Breach:
    """The breach with what became of it. Overdue time counts in working hours."""
    until = clock.fulfilled_at if clock.fulfilled_at is not None else now
    overdue = clock.calendar.between(breach.due_at, until) if clock.calendar is not None else 0
    return new_row(Breach, (*breach[:4], clock.fulfilled_at, overdue, *breach[6:]))
