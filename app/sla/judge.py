"""The clocks of one ticket under the terms in force: started, paused, judged, ended, and every miss on record.

Knows which policy, calendar, priority and status hold, and no event's meaning; `rules` says when which of this happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from app.sla.calendar import BusinessCalendar
from app.sla.clock import Clock
from app.sla.history import Event
from app.sla.outcome import Breach, Step, new_row
from app.sla.policy import DEFAULT_PAUSES, METRICS, Key, PolicyVersion, Target

PolicyBook = Mapping[Key, PolicyVersion]
CalendarBook = Mapping[Key, BusinessCalendar]

_FIRST = itemgetter(0)
_RECKONED = frozenset(
    {"judged", "reopened", "began_earlier"}
)  # steps after which elapsed time may be another
_NO_TARGETS: Mapping[str, Target] = {}
_NOTHING: Mapping[str, Any] = {}


class Clocks:
    """All runs of a ticket (`clocks`), those not ended by metric (`open`), and missed due times (`breaches`).

    `event` is what happens at the moment; None while time alone passes. `trail` is None when nobody reads it.
    """

    __slots__ = (
        "breaches",
        "calendar",
        "calendars",
        "clocks",
        "corrected",
        "event",
        "open",
        "pausing",
        "policies",
        "policy",
        "priority",
        "run_nos",
        "settled",
        "status",
        "targets",
        "trail",
    )

    def __init__(self, policies: PolicyBook, calendars: CalendarBook, trail: list[Step] | None) -> None:
        self.policies = policies
        self.calendars = calendars
        self.trail = trail
        self.clocks: list[Clock] = []
        self.open: dict[str, Clock] = {}
        self.breaches: list[tuple[Clock, Breach]] = []
        self.run_nos = dict.fromkeys(METRICS, 1)
        self.corrected: dict[Key, Key] = {}  # calendars that others have taken the place of
        self.policy: PolicyVersion | None = None
        self.calendar: BusinessCalendar | None = None
        self.pausing: Mapping[str, frozenset[str]] = DEFAULT_PAUSES
        self.targets = _NO_TARGETS
        self.priority = "normal"
        self.status = "new"
        self.event: Event | None = None
        self.settled: int | None = None

    def settle(self, t: int) -> None:
        """Due times that passed before instant t were missed at their due time (T6: late is after it).

        Once for each instant (`settled`): what an event does to due times it settles itself.
        """
        self.settled = t
        for clock in self.open.values():
            if clock.due is not None and clock.due < t and clock.breached_at is None:
                self._miss(t)
                return

    def _miss(self, t: int) -> None:
        self.event = None
        open_ones = [clock for clock in self.open.values() if clock.breached_at is None]
        late = [(clock.due, clock) for clock in open_ones if clock.due is not None and clock.due < t]
        for due, clock in sorted(late, key=_FIRST):
            self._breach(clock, due, "T6")

    # terms

    def take_policy(self, key: Key) -> None:
        """Put a policy version in force, or none."""
        self.policy = self.policies[key] if key is not None else None
        self.pausing = self.policy.pausing if self.policy is not None else DEFAULT_PAUSES
        self.take_priority(self.priority)
        self.take_calendar()

    def take_priority(self, priority: str) -> None:
        """Put a priority in force, and with it the targets of the policy."""
        self.priority = priority
        self.targets = (
            self.policy.targets.get(priority, _NO_TARGETS) if self.policy is not None else _NO_TARGETS
        )

    def take_calendar(self) -> None:
        """Put the policy's calendar in force, or the one that took its place (R11)."""
        key = self.policy.calendar if self.policy is not None else None
        self.calendar = self.calendars[self.corrected.get(key, key)] if key is not None else None

    def judge_all(self, rule: str) -> None:
        """Find the due times of all open clocks again; finished ones keep their numbers (R10)."""
        for clock in self.open.values():
            self.judge(clock, rule)

    def judge(self, clock: Clock, rule: str, key: str = "judged") -> None:
        """Find the due time again with the terms in force (R8).

        A clock that is no longer late is withdrawn, unless a solution was given late: that one keeps its due time.
        """
        event = self.event
        assert event is not None
        target = self.targets.get(clock.metric)
        seconds = target.seconds if target is not None else None
        calendar = self.calendar if target is not None else clock.calendar
        if key == "judged" and seconds == clock.target and calendar is clock.calendar:
            clock.policy = self.policy.id if self.policy is not None else None
            clock.warn = target.warn_seconds if target is not None else 0
            return
        before, breached_at = clock.due, clock.breached_at
        elapsed = clock.elapsed_at(event.at) if self.trail is not None else 0
        if clock.once_late and target is not None:  # solved late: judged for good (R7)
            if self.trail is not None and key == "reopened":
                self._tell(clock, rule, key, before, elapsed, self._terms(clock))
            return
        clock.once_late = False
        self._aim(clock, target)
        if self.trail is not None:
            self._tell(clock, rule, key, before, elapsed, self._terms(clock))
        self._find_late(clock, event, before, breached_at, rule)

    def begin_earlier(self, clock: Clock, since: int) -> None:
        """Let a request of a merged ticket keep its age (R12)."""
        event = self.event
        assert event is not None
        before, breached_at = clock.due, clock.breached_at
        elapsed = clock.elapsed_at(event.at) if self.trail is not None else 0
        clock.begin_earlier(since)
        if self.trail is not None:
            self._tell(clock, "R12", "began_earlier", before, elapsed, {"since": since})
        self._find_late(clock, event, before, breached_at, "R12")

    def _find_late(
        self, clock: Clock, event: Event, before: int | None, breached_at: int | None, rule: str
    ) -> None:
        """After a new due time: missed at this moment if it is past; a miss before this moment keeps its instant."""
        if breached_at is not None and clock.due == before:
            return
        if breached_at is not None:
            self._withdraw(clock)
            clock.breached_at = None
        if clock.due is not None and clock.due < event.at:
            self._breach(clock, event.at if breached_at is None else max(clock.due, breached_at), rule)

    def _aim(self, clock: Clock, target: Target | None) -> None:
        clock.policy = self.policy.id if self.policy is not None else None
        clock.warn = target.warn_seconds if target is not None else 0
        if target is not None:
            clock.aim(target.seconds, self.calendar)
        else:
            clock.aim(None, clock.calendar)

    # one clock

    def start(self, metric: str, since: int, rule: str, *, asked_at: int | None = None) -> None:
        """Start the next run of a metric. A due time that already passed is missed now (R8).

        `asked_at` is a start that lies in solved time, which is neither work nor pause (R7).
        """
        event = self.event
        assert event is not None
        clock = Clock(metric, self.run_nos[metric], since, running=self.status not in self.pausing[metric])
        if asked_at is not None:
            clock.started_at = asked_at
        self.run_nos[metric] += 1
        if self.policy is not None:
            clock.policy = self.policy.id
            target = self.targets.get(metric)
            if target is not None:
                clock.target, clock.warn = target
                clock.calendar = self.calendar
                clock.due = clock.reaches(clock.target)
        self.clocks.append(clock)
        self.open[metric] = clock
        if self.trail is not None:
            params = self._terms(clock)
            params["since"], params["from"] = clock.started_at, since
            self._tell(clock, rule, "started", None, 0, params)
        if clock.due is not None and clock.due < event.at:
            self._breach(clock, event.at, rule)

    def fulfil(self, metric: str, event: Event, rule: str = "R1") -> None:
        """End the open run of a metric, if there is one; late or not was settled before."""
        clock = self.open.pop(metric, None)
        if clock is None:
            return
        before = clock.due
        clock.end(event.at)
        clock.fulfilled_at, clock.fulfilled_by = event.at, event.id
        if self.trail is not None:
            self._tell(clock, rule, "answered" if rule == "R1" else "solved", before, clock.elapsed, _NOTHING)

    def resume(self, metric: str, t: int) -> None:
        """Let the last run of a metric go on after a reopening, with what was left (R7)."""
        clock = next((clock for clock in reversed(self.clocks) if clock.metric == metric), None)
        if clock is None:
            return
        clock.go_on(t, running=self.status not in self.pausing[metric])
        self.open[metric] = clock
        self.judge(clock, "R7", "reopened")

    def pause_or_resume(self, t: int) -> None:
        """Let status and policy in force decide which open clocks run."""
        for metric, clock in self.open.items():
            running = self.status not in self.pausing[metric]
            if running != clock.running:
                before = clock.due
                clock.switch(t, running=running)
                if self.trail is not None:
                    key = "resumed" if running else "paused"
                    self._tell(clock, "R5", key, before, clock.elapsed, {"status": self.status})

    # records

    def _breach(self, clock: Clock, breached_at: int, rule: str) -> None:
        assert clock.due is not None
        clock.breached_at = breached_at
        version = clock.calendar.spec.version if clock.calendar is not None else None
        breach = Breach(
            clock.metric, clock.run_no, clock.due, breached_at, None, 0, clock.policy, None, None, version
        )
        for i, (other, known) in enumerate(self.breaches):
            if other is clock and known.due_at == clock.due:  # withdrawn once and true again
                self.breaches[i] = (clock, breach)
                break
        else:
            self.breaches.append((clock, breach))
        if self.trail is not None:
            elapsed = clock.elapsed_at(self.event.at) if self.event is not None else clock.target or 0
            params = {"priority": self.priority, "breached_at": breached_at}
            self._tell(clock, rule, "breached", clock.due, elapsed, params)

    def _withdraw(self, clock: Clock) -> None:
        assert self.event is not None
        for i, (other, breach) in enumerate(self.breaches):
            if other is clock and breach.superseded_at is None:
                self.breaches[i] = (
                    clock,
                    breach._replace(superseded_at=self.event.at, superseded_by=self.event.id),
                )

    def _terms(self, clock: Clock) -> dict[str, Any]:
        return {
            "target": clock.target,
            "priority": self.priority,
            "status": self.status,
            "running": clock.running,
        }

    def _tell(
        self,
        clock: Clock,
        rule: str,
        key: str,
        due_before: int | None,
        elapsed_before: int,
        params: Mapping[str, Any],
    ) -> None:
        """Write a step of the trail. Callers ask first whether there is one: its numbers cost calendar look-ups."""
        assert self.trail is not None
        event = self.event
        if event is not None:
            at, event_id = event.at, event.id
        else:  # time alone makes a clock late, and does nothing else
            assert clock.due is not None
            at, event_id = clock.due, None
        elapsed = clock.elapsed_at(at) if key in _RECKONED else elapsed_before
        due, metric, run_no = clock.due, clock.metric, clock.run_no
        step = (at, event_id, rule, key, params, elapsed_before, elapsed, due_before, due, metric, run_no)
        self.trail.append(new_row(Step, step))
