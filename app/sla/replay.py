"""Service level clocks of one ticket, replayed from its events: what is due, what was kept, and why.

Pure: events, policies and calendars come in, the state at `now` goes out; nothing is remembered between two replays.
Rules R1 to R16 are named where they are carried out, and in every step of the trail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from app.sla.calendar import BusinessCalendar
from app.sla.clock import Clock
from app.sla.policy import (
    DEFAULT_PAUSES,
    FIRST_RESPONSE,
    METRICS,
    NEXT_RESPONSE,
    PERIODIC_UPDATE,
    RESOLUTION,
    Key,
    PolicyVersion,
)

PolicyBook = Mapping[Key, PolicyVersion]
CalendarBook = Mapping[Key, BusinessCalendar]

DONE = frozenset({"solved", "closed"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the ticket. Ordered by (at, id); types without a rule are passed over (R16).

    `data` by type: created: by, first_message, status, priority, policy, proved (False: a guest's request that waits
    for `proved`), message_id. message, message_withdrawn: message_id. status, priority, policy, customer_changed: to.
    policy_edit: to, apply_to_open. calendar_edit: calendar, to. merged_into, merge_undone: ticket. merged_from: ticket,
    unanswered_since. disposal: to (merged, spam, deleted, or None when taken back). deleted: nothing.
    """

    id: int
    at: int
    type: str
    author: str = "system"
    public: bool = False
    auto: bool = False
    is_requester: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)


class EscalationDue(NamedTuple):
    """When an escalation step of a running clock comes; it fires once for (clock, step, due)."""

    step: int | str
    at: int


class ClockRun(NamedTuple):
    """A clock at `now`; instants in epoch seconds, lengths in business seconds.

    `state` is none (no target), running, paused, met, breached or cancelled. A breached clock that is not fulfilled is
    overdue and open if `open`; `waiting` says that it is in a pausing status. `remaining` is negative when overdue.
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


class TicketSla(NamedTuple):
    """All clocks of a ticket at `now`.

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


class SlaClock:
    """The door to the engine."""

    @staticmethod
    def replay(
        events: Iterable[Event],
        policies: PolicyBook,
        calendars: CalendarBook,
        now: int,
        *,
        explain: bool = False,
    ) -> TicketSla:
        """The clocks of a ticket as seen at `now`; later events are not seen. With `explain`, the trail is kept.

        Raises `KeyError` for a policy or calendar that the books lack, and what the calendar raises.
        """
        ticket = _Ticket(policies, calendars, [] if explain else None)
        for event in _in_force(events, now):
            ticket.see(event)
        ticket.settle(now)
        return ticket.result(now)


_ORDER = attrgetter("at", "id")
_CANCELLING = frozenset({"merged_into", "deleted", "disposal"})
_UNDOING = frozenset({"message_withdrawn", "merge_undone", "disposal"})


def _in_force(events: Iterable[Event], now: int) -> list[Event]:
    """The events until `now` in order, without what was taken back: it counts as if it had never happened."""
    seen = sorted((event for event in events if event.at <= now), key=_ORDER)
    if not any(event.type in _UNDOING for event in seen):
        return seen
    kept: list[Event] = []
    for event in seen:
        if event.type == "message_withdrawn":
            kept = [_unsaid(other) if _says(other, event) else other for other in kept]
            kept = [other for other in kept if not (other.type == "message" and _says(other, event))]
        elif event.type == "merge_undone":
            ticket = event.data.get("ticket")
            kept = [
                other
                for other in kept
                if not (other.type in ("merged_into", "merged_from") and other.data.get("ticket") == ticket)
            ]
        elif event.type == "disposal" and event.data.get("to") is None:
            kept = [other for other in kept if other.type not in _CANCELLING]
        else:
            kept.append(event)
    return kept


def _says(event: Event, withdrawal: Event) -> bool:
    message = withdrawal.data.get("message_id")
    return message is not None and event.data.get("message_id") == message


def _unsaid(event: Event) -> Event:
    """A ticket whose first message was taken back is left as one opened with nothing public."""
    if event.type != "created":
        return event
    return Event(
        event.id, event.at, "created", event.author, data={**event.data, "first_message": "internal"}
    )


class _Ticket:
    """The ticket while it is replayed."""

    __slots__ = (
        "answered",
        "begun",
        "breaches",
        "calendar",
        "calendars",
        "clocks",
        "corrected",
        "created",
        "disposed",
        "event",
        "open",
        "policies",
        "policy",
        "priority",
        "proved",
        "status",
        "trail",
        "unanswered",
    )

    def __init__(self, policies: PolicyBook, calendars: CalendarBook, trail: list[Step] | None) -> None:
        self.policies = policies
        self.calendars = calendars
        self.trail = trail
        self.clocks: list[Clock] = []
        self.open: dict[str, Clock] = {}
        self.breaches: list[tuple[Clock, Breach]] = []
        self.corrected: dict[Key, Key] = {}  # calendars that others have taken the place of
        self.policy: PolicyVersion | None = None
        self.calendar: BusinessCalendar | None = None
        self.priority = "normal"
        self.status = "new"
        self.created: Event | None = None
        self.proved = False
        self.begun = False
        self.disposed = False
        self.answered = False  # by a public message of an agent, ever
        self.unanswered: int | None = None  # a customer's message while solved, until the reopening
        self.event: Event | None = None

    def see(self, event: Event) -> None:
        """Bring the clocks up to the event and let it act."""
        rule = _RULES.get(event.type)
        if rule is None or self.disposed:
            return
        self.settle(event.at)
        self.event = event
        rule(self, event)

    def settle(self, t: int) -> None:
        """Due times that passed before instant t were missed at their due time (T6: late is after it)."""
        for clock in self.open.values():
            if clock.due is not None and clock.due < t and clock.breached_at is None:
                self.event = None
                self._breach(clock, clock.due, "T6")

    # beginning (R3)

    def created_(self, event: Event) -> None:
        if self.created is not None:
            return
        self.created = event
        self.status = event.data.get("status") or "new"
        self.priority = event.data.get("priority") or "normal"
        self._take_policy(event.data.get("policy"))
        if self.proved or event.data.get("proved", True):
            self._begin(event)

    def proved_(self, event: Event) -> None:
        self.proved = True
        if self.created is not None and not self.begun:
            self._begin(event)

    def _begin(self, event: Event) -> None:
        """Start what counts from creation; for a guest that is the proof of the address (R3)."""
        assert self.created is not None
        facts = self.created.data
        outbound = (
            facts.get("by") == "agent"
            and facts.get("first_message") == "agent_public"
            and not self.created.is_requester
        )
        self.begun = True
        self._start(RESOLUTION, event.at, "R3")
        if not outbound:
            self._start(FIRST_RESPONSE, event.at, "R3")
            if self.answered:  # a host's clock was behind, or an agent answered before the proof
                self._fulfil(FIRST_RESPONSE, event)
        else:
            self.answered = True
        if self.answered:
            self._start(PERIODIC_UPDATE, event.at, "R3")
        if self.status in DONE:
            self._solve(event)

    # messages (R1, R2, R4)

    def message(self, event: Event) -> None:
        if not event.public or event.auto:
            return
        if event.author == "agent" and not event.is_requester:
            self._agent_answers(event)
        elif event.author in ("agent", "customer", "participant"):
            self._customer_writes(event)

    def _agent_answers(self, event: Event) -> None:
        self.answered = True
        self.unanswered = None
        for metric in (FIRST_RESPONSE, NEXT_RESPONSE, PERIODIC_UPDATE):
            self._fulfil(metric, event)
        if self.begun and self.status not in DONE:
            self._start(PERIODIC_UPDATE, event.at, "R1")

    def _customer_writes(self, event: Event) -> None:
        """Before the first answer the first response covers it; further messages restart nothing (R4)."""
        if self.answered:
            self._ask(event.at, "R4")

    def _ask(self, since: int, rule: str) -> None:
        if self.status in DONE:  # nothing runs while solved (R6); the reopening looks here
            self.unanswered = since if self.unanswered is None else min(since, self.unanswered)
        elif self.begun and NEXT_RESPONSE not in self.open:
            self._start(NEXT_RESPONSE, since, rule)

    # status (R5 to R7)

    def status_(self, event: Event) -> None:
        was_done, self.status = self.status in DONE, event.data["to"]
        if not self.begun:
            return
        if self.status in DONE:
            if not was_done:
                self._solve(event)
        elif was_done:
            self._reopen(event)
        else:
            self._pause_or_resume(event.at)

    def _solve(self, event: Event) -> None:
        for metric in METRICS:
            self._fulfil(metric, event, "R6")

    def _reopen(self, event: Event) -> None:
        t = event.at
        if self.policy is not None and self.policy.on_reopen == "restart":
            self._start(RESOLUTION, t, "R7")
        else:
            self._resume(RESOLUTION, t)
        if not self.answered:
            self._resume(FIRST_RESPONSE, t)
        self._start(PERIODIC_UPDATE, t, "R7")
        if self.unanswered is not None:
            self._start(NEXT_RESPONSE, self.unanswered, "R7")
            self.unanswered = None

    def _resume(self, metric: str, t: int) -> None:
        clock = next((clock for clock in reversed(self.clocks) if clock.metric == metric), None)
        if clock is None:
            return
        clock.go_on(t, running=not self._pauses(metric))
        self.open[metric] = clock
        self._judge(clock, "R7", "reopened")

    def _pauses(self, metric: str) -> bool:
        if self.policy is None:
            return self.status in DEFAULT_PAUSES[metric]
        return self.policy.pauses(metric, self.status)

    def _pause_or_resume(self, t: int) -> None:
        for metric, clock in self.open.items():
            running = not self._pauses(metric)
            if running != clock.running:
                before, elapsed = clock.due, clock.elapsed_at(t) if self.trail is not None else 0
                clock.switch(t, running=running)
                self._tell(
                    clock, "R5", "resumed" if running else "paused", before, elapsed, status=self.status
                )

    # other terms (R8 to R11)

    def priority_(self, event: Event) -> None:
        self.priority = event.data["to"]
        self._judge_all("R8")

    def policy_(self, event: Event) -> None:
        if "to" in event.data:
            self._take_policy(event.data["to"])
            self._pause_or_resume(event.at)
            self._judge_all("R9")

    def policy_edit(self, event: Event) -> None:
        if event.data.get("apply_to_open"):
            self._take_policy(event.data["to"])
            self._pause_or_resume(event.at)
            self._judge_all("R10")

    def calendar_edit(self, event: Event) -> None:
        old, new = event.data["calendar"], event.data["to"]
        self.corrected = {key: new if value == old else value for key, value in self.corrected.items()}
        self.corrected[old] = new
        self.corrected.pop(new, None)
        before = self.calendar
        self._take_calendar()
        if self.calendar is not before:
            self._judge_all("R11")

    def _take_policy(self, key: Key) -> None:
        self.policy = self.policies[key] if key is not None else None
        self._take_calendar()

    def _take_calendar(self) -> None:
        key = self.policy.calendar if self.policy is not None else None
        self.calendar = self.calendars[self.corrected.get(key, key)] if key is not None else None

    def _judge_all(self, rule: str) -> None:
        for clock in self.open.values():
            self._judge(clock, rule)

    def _judge(self, clock: Clock, rule: str, key: str = "judged") -> None:
        """Find the due time again with the terms in force. Already past: missed at the moment of the change (R8).

        A clock that was missed before stays missed from then on, or from its new due time; one that is no longer
        late is withdrawn, unless a solution was given late (R7).
        """
        event = self.event
        assert event is not None
        before, target, breached_at = clock.due, clock.target, clock.breached_at
        elapsed = clock.elapsed_at(event.at) if self.trail is not None else 0
        self._aim(clock)
        if key != "judged" or clock.due != before or clock.target != target:
            self._tell(clock, rule, key, before, elapsed, priority=self.priority)
        late = clock.due is not None and clock.due < event.at
        if clock.once_late or (breached_at is not None and clock.due == before):
            return
        if breached_at is not None:
            self._withdraw(clock)
            clock.breached_at = None
        if late:
            assert clock.due is not None
            self._breach(clock, event.at if breached_at is None else max(clock.due, breached_at), rule)

    def _aim(self, clock: Clock) -> None:
        target = self.policy.target(self.priority, clock.metric) if self.policy is not None else None
        clock.policy = self.policy.id if self.policy is not None else None
        clock.aim(target.seconds if target else None, target.warn_seconds if target else 0, self.calendar)

    # merging and leaving (R12, R13)

    def merged_from(self, event: Event) -> None:
        since = event.data.get("unanswered_since")
        if since is None or not self.begun or not self.answered:
            return
        clock = self.open.get(NEXT_RESPONSE)
        if clock is None:
            self._ask(since, "R12")
        elif since < clock.started_at:
            before, elapsed = clock.due, clock.elapsed_at(event.at) if self.trail is not None else 0
            clock.begin_earlier(since)
            self._tell(clock, "R12", "began_earlier", before, elapsed)
            if clock.due is not None and clock.due < event.at and clock.breached_at is None:
                self._breach(clock, event.at, "R12")

    def merged_into(self, event: Event) -> None:
        self._leave(event, "R12")

    def disposal(self, event: Event) -> None:
        self._leave(event, "R12" if event.data.get("to") == "merged" else "R13")

    def deleted(self, event: Event) -> None:
        self._leave(event, "R13")

    def _leave(self, event: Event, rule: str) -> None:
        """End the open clocks unfulfilled. What was missed before a merge stays missed (R12)."""
        for clock in self.open.values():
            before, due, elapsed = clock.due, clock.due, clock.elapsed_at(event.at)
            clock.end(event.at)
            clock.cancelled = rule == "R13" or clock.breached_at is None
            clock.due = None if clock.cancelled else due
            self._tell(clock, rule, "cancelled", before, elapsed)
        self.open.clear()
        self.disposed = True

    # one clock

    def _start(self, metric: str, since: int, rule: str) -> None:
        """Start the next run of a metric. A due time that already passed is missed now (R8)."""
        event = self.event
        assert event is not None
        run_no = 1 + sum(clock.metric == metric for clock in self.clocks)
        clock = Clock(metric, run_no, since, running=not self._pauses(metric))
        self._aim(clock)
        self.clocks.append(clock)
        self.open[metric] = clock
        self._tell(clock, rule, "started", None, 0, since=since, priority=self.priority)
        if clock.due is not None and clock.due < event.at:
            self._breach(clock, event.at, rule)

    def _fulfil(self, metric: str, event: Event, rule: str = "R1") -> None:
        clock = self.open.pop(metric, None)
        if clock is None:
            return
        before = clock.due
        clock.end(event.at)
        clock.fulfilled_at, clock.fulfilled_by = event.at, event.id
        key = "answered" if rule == "R1" else "solved"
        self._tell(clock, rule, key, before, clock.elapsed)

    def _breach(self, clock: Clock, breached_at: int, rule: str) -> None:
        assert clock.due is not None
        clock.breached_at = breached_at
        breach = Breach(clock.metric, clock.run_no, clock.due, breached_at, None, 0, clock.policy, None, None)
        for i, (other, known) in enumerate(self.breaches):
            if other is clock and known.due_at == clock.due:  # withdrawn once and true again
                self.breaches[i] = (clock, breach)
                break
        else:
            self.breaches.append((clock, breach))
        if self.trail is not None:
            elapsed = clock.elapsed_at(breached_at) if rule != "T6" else clock.target or 0
            self._tell(clock, rule, "breached", clock.due, elapsed, at=breached_at)

    def _withdraw(self, clock: Clock) -> None:
        assert self.event is not None
        for i, (other, breach) in enumerate(self.breaches):
            if other is clock and breach.superseded_at is None:
                self.breaches[i] = (
                    clock,
                    breach._replace(superseded_at=self.event.at, superseded_by=self.event.id),
                )

    def _tell(
        self,
        clock: Clock,
        rule: str,
        key: str,
        due_before: int | None,
        elapsed_before: int,
        *,
        at: int | None = None,
        **params: Any,
    ) -> None:
        """Write a step of the trail. Only asked when someone reads it: numbers cost calendar look-ups."""
        if self.trail is None:
            return
        event = self.event
        t = at if at is not None else event.at if event is not None else clock.started_at
        params["target"] = clock.target
        self.trail.append(
            Step(
                t,
                event.id if event is not None else None,
                rule,
                key,
                params,
                elapsed_before,
                clock.elapsed_at(t) if key in ("began_earlier", "judged") else elapsed_before,
                due_before,
                clock.due,
                clock.metric,
                clock.run_no,
            )
        )

    # the answer

    def result(self, now: int) -> TicketSla:
        """Everything the caller stores or shows, at instant `now`."""
        runs = tuple(self._run(clock, now) for clock in sorted(self.clocks, key=_by_metric))
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
            for at in (run.warn_at, *(step.at for step in run.escalations)):
                if at is not None and at > now and (warning is None or at < warning):
                    warning = at
        return TicketSla(
            runs,
            due,
            breach,
            warning,
            metric,
            remaining if due is None else None,
            tuple(self._missed(clock, breach, now) for clock, breach in self.breaches),
            tuple(self.trail or ()),
        )

    def _run(self, clock: Clock, now: int) -> ClockRun:
        is_open = clock.since is not None
        waiting = is_open and not clock.running
        elapsed = clock.elapsed_at(now)
        if clock.target is None:
            state = "none"
        elif clock.cancelled:
            state = "cancelled"
        elif clock.breached_at is not None:
            state = "breached"
        elif not is_open:
            state = "met"
        else:
            state = "paused" if waiting else "running"
        return ClockRun(
            clock.metric,
            clock.run_no,
            state,
            clock.started_at,
            clock.due,
            self._warns_at(clock),
            clock.fulfilled_at,
            clock.fulfilled_by,
            clock.target,
            elapsed,
            clock.paused_at(now),
            clock.target - elapsed if is_open and clock.target is not None else None,
            clock.breached_at,
            is_open,
            waiting,
            clock.policy,
            self._escalations(clock) if is_open and clock.running and clock.target is not None else (),
        )

    def _warns_at(self, clock: Clock) -> int | None:
        """The instant of the warning; a paused clock warns of nothing (R14)."""
        if not clock.warn or clock.target is None or clock.cancelled or not clock.running:
            return None
        return clock.reaches(max(0, clock.target - clock.warn))

    def _escalations(self, clock: Clock) -> tuple[EscalationDue, ...]:
        if self.policy is None or not self.policy.escalations:
            return ()
        assert clock.target is not None
        steps = []
        for step in self.policy.escalations:
            if step.metric == clock.metric:
                at = clock.reaches(max(0, clock.target + step.offset_seconds))
                if at is not None:
                    steps.append(EscalationDue(step.id, at))
        return tuple(steps)

    def _missed(self, clock: Clock, breach: Breach, now: int) -> Breach:
        """The breach with what became of it. Overdue time counts in working hours."""
        until = clock.fulfilled_at if clock.fulfilled_at is not None else now
        overdue = clock.calendar.between(breach.due_at, until) if clock.calendar is not None else 0
        return breach._replace(fulfilled_at=clock.fulfilled_at, overdue=overdue)


_PLACES = {metric: place for place, metric in enumerate(METRICS)}


def _by_metric(clock: Clock) -> tuple[int, int]:
    return _PLACES[clock.metric], clock.run_no


_RULES: dict[str, Callable[[_Ticket, Event], None]] = {
    "created": _Ticket.created_,
    "proved": _Ticket.proved_,
    "message": _Ticket.message,
    "status": _Ticket.status_,
    "priority": _Ticket.priority_,
    "policy": _Ticket.policy_,
    "customer_changed": _Ticket.policy_,
    "policy_edit": _Ticket.policy_edit,
    "calendar_edit": _Ticket.calendar_edit,
    "merged_into": _Ticket.merged_into,
    "merged_from": _Ticket.merged_from,
    "disposal": _Ticket.disposal,
    "deleted": _Ticket.deleted,
}
