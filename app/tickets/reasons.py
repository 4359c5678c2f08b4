"""Why a ticket is due when it is: its history replayed with a trail, the promise behind it, and what was missed.

Decides nothing: every number is the engine's, the same that stands in the queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import BigInteger, select, type_coerce
from sqlalchemy.orm import Session, aliased

from app.accounts.models import Person
from app.sla.calendar import BusinessCalendar
from app.sla.explain import Account, accounts, explain
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import SlaPolicyVersion
from app.sla.replay import ClockRun, Event, TicketSla
from app.tickets import histories
from app.tickets.books import Books
from app.tickets.deadlines import epoch
from app.tickets.models import SlaBreach, Ticket

Run = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Reasons:
    """What a replay found for one ticket, with its trail. `policy` has policy_id, name, number and calendar_name."""

    ticket_id: int
    policy: Any
    history: Sequence[Event]
    found: TicketSla
    now: int

    @property
    def calendars(self) -> dict[Run, BusinessCalendar | None]:
        """The calendar of each run."""
        return {(run.metric, run.run_no): run.calendar for run in self.found.runs}

    @property
    def runs(self) -> list[ClockRun]:
        """The clocks that promise something."""
        return [run for run in self.found.runs if run.target is not None]

    @property
    def policy_name(self) -> str:
        """The name of the promise; empty where there is none."""
        return self.policy.name if self.policy is not None else ""

    def accounts(self) -> list[Account]:
        """How the time of each clock went."""
        return [one for one in accounts(self.found.trail, self.calendars) if one.target is not None]

    def sentences(self, lang: str, zone: tzinfo) -> list[str]:
        """The explanation of each clock in one language; the hours it names add up."""
        return explain(self.found.trail, self.calendars, lang, zone)


def of_ticket(session: Session, ticket_id: int, *, now: datetime) -> Reasons | None:
    """The reasons behind a ticket's deadlines, whoever asks; None where there is no such ticket. Three statements
    once the calendars are known."""
    policy = session.execute(
        select(
            Ticket.policy_version_id,
            SlaPolicyVersion.policy_id,
            SlaPolicyVersion.name,
            SlaPolicyVersion.number,
            CalendarRow.name.label("calendar_name"),
        )
        .select_from(Ticket)
        .outerjoin(SlaPolicyVersion, SlaPolicyVersion.id == Ticket.policy_version_id)
        .outerjoin(CalendarRow, CalendarRow.id == SlaPolicyVersion.calendar_id)
        .where(Ticket.id == ticket_id)
    ).first()
    if policy is None:
        return None
    history = histories.of_ticket(session, ticket_id)
    found = Books.naming(session, [history]).replay(history, epoch(now), explain=True)
    return Reasons(ticket_id, policy if policy.policy_id else None, history, found, epoch(now))


def misses(session: Session, ticket_id: int) -> Sequence[Any]:
    """What was missed of a ticket, the newest first: superseded and excused ones too, with who excused them. One
    statement."""
    excuser, holder = aliased(Person), aliased(Person)
    return session.execute(
        select(
            SlaBreach.id,
            SlaBreach.metric,
            SlaBreach.run_no,
            SlaBreach.due_at,
            SlaBreach.breached_at,
            SlaBreach.fulfilled_at,
            SlaBreach.overdue_seconds,
            SlaBreach.superseded_at,
            SlaBreach.superseded_reason,
            SlaBreach.excused_by_id,
            SlaBreach.excused_reason,
            SlaBreach.calendar_version,
            excuser.name.label("excused_by"),
            holder.name.label("assignee_name"),
            type_coerce(SlaBreach.due_at, BigInteger).label("due_epoch"),
        )
        .outerjoin(excuser, excuser.id == SlaBreach.excused_by_id)
        .outerjoin(holder, holder.id == SlaBreach.assignee_id)
        .where(SlaBreach.ticket_id == ticket_id)
        .order_by(SlaBreach.due_at.desc(), SlaBreach.id.desc())
    ).all()
