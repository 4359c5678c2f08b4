"""Service level clocks of one ticket, replayed from its events: what is due, what was kept, and why.

Pure: events, policies and calendars come in, the state at `now` goes out; nothing is remembered between two replays.
So a late fact, a corrected calendar or a new edition of the zone data is right after the next replay (R16).
"""

from __future__ import annotations

from collections.abc import Iterable

from app.sla.history import Event, in_force
from app.sla.judge import CalendarBook, PolicyBook
from app.sla.outcome import Breach, ClockRun, EscalationDue, Step, TicketSla, sum_up
from app.sla.policy import match_policy
from app.sla.rules import TicketClocks

__all__ = [
    "Breach",
    "CalendarBook",
    "ClockRun",
    "EscalationDue",
    "Event",
    "PolicyBook",
    "SlaClock",
    "Step",
    "TicketSla",
    "match_policy",
]


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
        ticket = TicketClocks(policies, calendars, trail)
        for event in in_force(events, now):
            ticket.see(event)
        ticket.settle(now)
        escalations = ticket.policy.escalations if ticket.policy is not None else ()
        return sum_up(ticket.clocks, ticket.breaches, escalations, trail or (), now)
