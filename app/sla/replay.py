"""Service level clocks of one ticket, replayed from its events: what is due, what was kept, and why.

Pure: events, policies and calendars come in, the state at `now` goes out; nothing is remembered between two replays.
So a late fact, a corrected calendar or a new edition of the zone data is right after the next replay (R16).
"""

from __future__ import annotations

from collections.abc import Iterable

from app.sla.history import Event, in_force
from app.sla.judge import CalendarBook, PolicyBook
from app.sla.outcome import DECIDED, Breach, ClockRun, EscalationDue, Step, TicketSla, state_of, sum_up
from app.sla.policy import match_policy
from app.sla.rules import TicketClocks

__all__ = [
    "Breach",
    "CalendarBook",
    "ClockRun",
    "EscalationDue",
    "Event",
    "PolicyBook",
    "Run",
    "SlaClock",
    "Step",
    "TicketSla",
    "match_policy",
]


Run = tuple[str, int]
"""A run of a clock within its ticket: the metric, and which run of it."""


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
        trail: list[Step] | None = [] if explain else None
        ticket = _seen(TicketClocks(policies, calendars, trail), events, now)
        escalations = ticket.policy.escalations if ticket.policy is not None else ()
        return sum_up(ticket.clocks, ticket.breaches, escalations, trail or (), now)

    @staticmethod
    def verdicts(
        events: Iterable[Event], policies: PolicyBook, calendars: CalendarBook, now: int
    ) -> dict[Run, str]:
        """The clocks that are decided at `now`: `met` or `breached`. What `replay` finds, without what only one ticket's
        reader asks for. Raises the same."""
        clocks = _seen(TicketClocks(policies, calendars, None), events, now).clocks
        states = ((clock, state_of(clock)) for clock in clocks)
        return {(clock.metric, clock.run_no): state for clock, state in states if state in DECIDED}


def _seen(ticket: TicketClocks, events: Iterable[Event], now: int) -> TicketClocks:
    for event in in_force(events, now):
        ticket.see(event)
    ticket.settle(now)
    return ticket
