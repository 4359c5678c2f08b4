"""What each event does to the clocks of a ticket: rules R1 to R13, each named where it is carried out.

Knows one ticket while it is replayed, and remembers nothing beyond.
"""

from __future__ import annotations

from collections.abc import Callable

from app.sla.history import Event
from app.sla.judge import CalendarBook, Clocks, PolicyBook
from app.sla.outcome import Step
from app.sla.policy import (
    FIRST_RESPONSE,
    METRICS,
    NEXT_RESPONSE,
    PERIODIC_UPDATE,
    RESOLUTION,
)

DONE = frozenset({"solved", "closed"})


class TicketClocks(Clocks):
    """The ticket while it is replayed: what its events mean for its clocks."""

    __slots__ = ("answered", "begun", "created", "disposed", "proved", "unanswered")

    def __init__(self, policies: PolicyBook, calendars: CalendarBook, trail: list[Step] | None) -> None:
        super().__init__(policies, calendars, trail)
        self.created: Event | None = None
        self.proved = False
        self.begun = False
        self.disposed = False
        self.answered = False  # by a public message of an agent, ever
        self.unanswered: int | None = None  # a customer's message while solved, until the reopening

    def see(self, event: Event) -> None:
        """Bring the clocks up to the event and let it act."""
        rule = _RULES.get(event.type)
        if rule is None or self.disposed:
            return
        if event.at != self.settled:
            self.settle(event.at)
        self.event = event
        rule(self, event)

    # beginning (R3)

    def on_created(self, event: Event) -> None:
        if self.created is not None:
            return
        self.created = event
        self.status = event.data.get("status") or "new"
        self.priority = event.data.get("priority") or self.priority
        self.take_policy(event.data.get("policy"))
        if self.proved or event.data.get("proved", True):
            self._begin(event)

    def on_proved(self, event: Event) -> None:
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
        self.start(RESOLUTION, event.at, "R3")
        if not outbound:
            self.start(FIRST_RESPONSE, event.at, "R3")
            if self.answered:  # a host's clock was behind, or an agent answered before the proof
                self.fulfil(FIRST_RESPONSE, event)
        else:
            self.answered = True
        if self.answered:
            self.start(PERIODIC_UPDATE, event.at, "R3")
        if self.status in DONE:
            self._solve(event)

    # messages (R1, R2, R4)

    def on_message(self, event: Event) -> None:
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
            if metric in self.open:
                self.fulfil(metric, event)
        if self.begun and self.status not in DONE:
            self.start(PERIODIC_UPDATE, event.at, "R1")

    def _customer_writes(self, event: Event) -> None:
        """Before the first answer the first response covers it; further messages restart nothing (R4)."""
        if self.answered:
            self._ask(event.at, "R4")

    def _ask(self, since: int, rule: str) -> None:
        if self.status in DONE:  # nothing runs while solved (R6); the reopening looks here
            self.unanswered = since if self.unanswered is None else min(since, self.unanswered)
        elif self.begun and NEXT_RESPONSE not in self.open:
            self.start(NEXT_RESPONSE, since, rule)

    # status (R5 to R7)

    def on_status(self, event: Event) -> None:
        was_done, self.status = self.status in DONE, event.data["to"]
        if not self.begun:
            return
        if self.status in DONE:
            if not was_done:
                self._solve(event)
        elif was_done:
            self._reopen(event)
        else:
            self.pause_or_resume(event.at)

    def _solve(self, event: Event) -> None:
        for metric in METRICS:
            if metric in self.open:
                self.fulfil(metric, event, "R6")

    def _reopen(self, event: Event) -> None:
        t = event.at
        if self.policy is not None and self.policy.on_reopen == "restart":
            self.start(RESOLUTION, t, "R7")
        else:
            self.resume(RESOLUTION, t)
        if not self.answered:
            self.resume(FIRST_RESPONSE, t)
        self.start(PERIODIC_UPDATE, t, "R7")
        if self.unanswered is not None:
            self.start(NEXT_RESPONSE, t, "R7", asked_at=self.unanswered)
            self.unanswered = None

    # other terms (R8 to R11)

    def on_priority(self, event: Event) -> None:
        self.take_priority(event.data["to"])
        self.judge_all("R8")

    def on_policy(self, event: Event) -> None:
        if "to" in event.data:
            self.take_policy(event.data["to"])
            self.pause_or_resume(event.at)
            self.judge_all("R9")

    def on_policy_edit(self, event: Event) -> None:
        if event.data.get("apply_to_open"):
            self.take_policy(event.data["to"])
            self.pause_or_resume(event.at)
            self.judge_all("R10")

    def on_calendar_edit(self, event: Event) -> None:
        old, new = event.data["calendar"], event.data["to"]
        self.corrected = {key: new if value == old else value for key, value in self.corrected.items()}
        self.corrected[old] = new
        before = self.calendar
        self.take_calendar()
        if self.calendar is not before:
            self.judge_all("R11")

    # merging and leaving (R12, R13)

    def on_merged_from(self, event: Event) -> None:
        since = event.data.get("unanswered_since")
        if since is None or not self.begun or not self.answered:
            return
        since = min(since, event.at)
        clock = self.open.get(NEXT_RESPONSE)
        if clock is None:
            self._ask(since, "R12")
        elif since < clock.started_at:
            self.begin_earlier(clock, since)

    def on_merged_into(self, event: Event) -> None:
        self._leave(event, "R12")

    def on_disposal(self, event: Event) -> None:
        self._leave(event, "R12" if event.data.get("to") == "merged" else "R13")

    def on_deleted(self, event: Event) -> None:
        self._leave(event, "R13")

    def on_erased(self, event: Event) -> None:
        """The requester was erased. As at a merge what was missed stays missed, so that no figure changes."""
        self._leave(event, "R12")

    def _leave(self, event: Event, rule: str) -> None:
        """End the open clocks unfulfilled. What was missed before a merge stays missed (R12)."""
        for clock in self.open.values():
            before = clock.due
            clock.end(event.at)
            clock.cancelled = rule == "R13" or clock.breached_at is None
            clock.due = None if clock.cancelled else before
            if self.trail is not None:
                self._tell(clock, rule, "cancelled", before, clock.elapsed, {})
        self.open.clear()
        self.disposed = True


_RULES: dict[str, Callable[[TicketClocks, Event], None]] = {
    "created": TicketClocks.on_created,
    "proved": TicketClocks.on_proved,
    "message": TicketClocks.on_message,
    "status": TicketClocks.on_status,
    "priority": TicketClocks.on_priority,
    "policy": TicketClocks.on_policy,
    "customer_changed": TicketClocks.on_policy,
    "policy_edit": TicketClocks.on_policy_edit,
    "calendar_edit": TicketClocks.on_calendar_edit,
    "merged_into": TicketClocks.on_merged_into,
    "merged_from": TicketClocks.on_merged_from,
    "disposal": TicketClocks.on_disposal,
    "deleted": TicketClocks.on_deleted,
    "erased": TicketClocks.on_erased,
}
