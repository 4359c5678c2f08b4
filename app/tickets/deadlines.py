"""What was promised for a ticket and by when: from its events to its clocks and its place in the queue.

The events are the truth, everything here is derived from them and may be made again at any time. Times are computed by
`app.sla`; this module knows tickets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db import insert_or_add
from app.sla import queries as sla
from app.sla import service as sla_service
from app.sla.calendar import BusinessCalendar
from app.sla.queries import Promise
from app.tickets.events import EventType
from app.tickets.models import PAUSED_FROM, WITHOUT_FROM, SlaClock, Ticket, TicketEvent

ENGINE_VERSION = 1
FIRST_RESPONSE = "first_response"
RUNNING, PAUSED, MET, BREACHED, CANCELLED = "running", "paused", "met", "breached", "cancelled"


class Fact(NamedTuple):
    """One event as the clocks see it; `at` in epoch seconds."""

    id: int | None
    at: int
    type: str
    author_kind: str
    is_requester: bool
    public: bool
    auto: bool
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one clock. Instants are epoch seconds, durations business seconds."""

    metric: str
    state: str
    started: int
    due: int | None
    warn: int | None
    fulfilled: int | None
    fulfilled_by: int | None
    breached: int | None
    target_minutes: int
    elapsed: int
    remaining: int | None


def begin(
    session: Session, ticket: Ticket, *, first_message: str, time_zone: str, now: datetime
) -> list[SlaClock]:
    """Give a ticket that is about to be stored its promise and its place in the queue.

    Gives the clocks to store with it once its id is known. `first_message` as in the event `created`. An unproved
    request is promised nothing before its proof.
    """
    promise = _match(session, ticket, time_zone=time_zone, now=now)
    ticket.policy_version_id = promise.version_id if promise else None
    ticket.engine_version = ENGINE_VERSION
    created = Fact(
        None, _epoch(now), EventType.CREATED, "", False, False, False, {"first_message": first_message}
    )
    runs = _runs(session, ticket, promise, [created], now)
    _show(ticket, promise, runs)
    return [SlaClock(**_columns(ticket, run)) for run in runs]


def refresh(session: Session, ticket: Ticket, *, now: datetime, rematch: str | None = None) -> None:
    """Replay a ticket's events and write its clocks and its place in the queue.

    With `rematch` (a time zone for defaults) the policy is looked for again, because what it depends on changed.
    """
    if rematch is not None:
        promise = _match(session, ticket, time_zone=rematch, now=now)
        ticket.policy_version_id = promise.version_id if promise else None
    else:
        promise = sla.promise(session, ticket.policy_version_id) if ticket.policy_version_id else None
    runs = _runs(session, ticket, promise, _facts(session, ticket.id), now)
    _show(ticket, promise, runs)
    if not runs:  # nothing is promised any more
        session.execute(
            delete(SlaClock).where(SlaClock.ticket_id == ticket.id, SlaClock.fulfilled_at.is_(None))
        )
    for run in runs:
        columns = _columns(ticket, run)
        changes = {name: value for name, value in columns.items() if name not in _RUN_KEY}
        insert_or_add(session, SlaClock, columns, list(_RUN_KEY), changes)


def foreseen(
    session: Session,
    *,
    priority: str,
    request_type_id: int | None,
    organisation_id: int | None,
    now: datetime,
) -> datetime | None:
    """By when a request sent now would get its first response; None where nothing is promised."""
    facts = {
        "priority": priority,
        "request_type": request_type_id,
        "organisation": organisation_id,
        "channel": "web",
    }
    promise = sla.matching(sla.promises(session), facts)
    target = promise.targets.get((priority, FIRST_RESPONSE)) if promise else None
    if promise is None or target is None:
        return None
    calendar = sla.calendar(session, promise.calendar_id, promise.calendar_version)
    return _instant(calendar.add(_epoch(now), target.minutes * 60))


# --- from the database to the engine -------------------------------------------------------------------------------


def _match(session: Session, ticket: Ticket, *, time_zone: str, now: datetime) -> Promise | None:
    found = sla.promises(session)
    if not found and sla_service.ensure_defaults(session, time_zone=time_zone, now=now):
        found = sla.promises(session)
    facts = {
        "priority": ticket.priority,
        "request_type": ticket.request_type_id,
        "organisation": ticket.organisation_id,
        "channel": ticket.channel,
    }
    return sla.matching(found, facts)


def _facts(session: Session, ticket_id: int) -> list[Fact]:
    """The events in the order of the clocks, without messages that were taken back."""
    rows = session.execute(
        select(
            TicketEvent.id,
            TicketEvent.occurred_at,
            TicketEvent.type,
            TicketEvent.author_kind,
            TicketEvent.is_requester,
            TicketEvent.public,
            TicketEvent.auto,
            TicketEvent.payload,
        )
        .where(TicketEvent.ticket_id == ticket_id)
        .order_by(TicketEvent.occurred_at, TicketEvent.id)
    )
    facts = [Fact(row[0], _epoch(row[1]), *row[2:]) for row in rows]
    withdrawn = {fact.payload.get("message_id") for fact in facts if fact.type == EventType.MESSAGE_WITHDRAWN}
    return [
        fact
        for fact in facts
        if fact.type != EventType.MESSAGE or fact.payload.get("message_id") not in withdrawn
    ]


def _runs(
    session: Session, ticket: Ticket, promise: Promise | None, facts: Sequence[Fact], now: datetime
) -> list[Run]:
    if promise is None:
        return []
    calendar = sla.calendar(session, promise.calendar_id, promise.calendar_version)
    run = first_response(
        facts,
        promise,
        calendar,
        priority=ticket.priority,
        proved=ticket.proved_at is not None,
        now=_epoch(now),
    )
    return [run] if run else []


# --- the clock of the first response -------------------------------------------------------------------------------


def first_response(
    facts: Sequence[Fact],
    promise: Promise,
    calendar: BusinessCalendar,
    *,
    priority: str,
    proved: bool,
    now: int,
) -> Run | None:
    """The first response (`docs/architecture.md`, rules R1 to R8 of the clocks): from the customer's request, or the
    proof of a guest's, to the first public message of an agent who is not the requester. Solving stops it for as
    long as the ticket stays solved. None where no clock runs, or nothing is promised for the priority.

    `priority` is the present one; a clock that has ended is judged by the one it had then.
    """
    waits_for_proof = any(fact.type == EventType.PROVED for fact in facts) or not proved
    at = next((f.payload["from"] for f in facts if f.type == EventType.PRIORITY), priority)
    changed = 0  # when the target last changed
    periods: list[list[int]] = []  # [from, to) in which the clock ran; the last may be unended (to = -1)
    fulfilled: Fact | None = None
    cancelled = False
    for fact in facts:
        match EventType(fact.type):
            case EventType.CREATED if fact.payload.get("first_message") == "agent_public":
                return None
            case EventType.CREATED if not waits_for_proof:
                periods.append([fact.at, -1])
            case EventType.PROVED:
                periods.append([fact.at, -1])
            case EventType.PRIORITY:
                at, changed = fact.payload["to"], fact.at
            case EventType.MESSAGE if _responds(fact):
                fulfilled = fact
                break
            case EventType.STATUS if fact.payload["to"] == "solved":
                _end(periods, fact.at)
            case EventType.STATUS if fact.payload["from"] == "solved" and periods:
                periods.append([fact.at, -1])
            case EventType.DISPOSAL:
                cancelled = fact.payload["to"] is not None
            case _:
                pass
    target = promise.targets.get((at, FIRST_RESPONSE))
    if not periods or target is None:
        return None
    return _judge(
        periods,
        target.minutes,
        target.warn_minutes,
        calendar,
        changed=changed,
        fulfilled=fulfilled,
        cancelled=cancelled,
        now=now,
    )


def _responds(fact: Fact) -> bool:
    return fact.public and fact.author_kind == "agent" and not fact.is_requester and not fact.auto


def _end(periods: list[list[int]], at: int) -> None:
    if periods and periods[-1][1] < 0:
        periods[-1][1] = at


def _judge(
    periods: list[list[int]],
    target_minutes: int,
    warn_minutes: int,
    calendar: BusinessCalendar,
    *,
    changed: int,
    fulfilled: Fact | None,
    cancelled: bool,
    now: int,
) -> Run:
    until = fulfilled.at if fulfilled else now
    runs_still = periods[-1][1] < 0
    elapsed = sum(calendar.between(start, until if end < 0 else end) for start, end in periods)
    due = _reached(periods, target_minutes * 60, calendar)
    warn = _reached(periods, (target_minutes - warn_minutes) * 60, calendar) if warn_minutes else None
    late = due is not None and until > due  # at the due instant is in time (T6)
    if cancelled:
        state = CANCELLED
    elif late:
        state = BREACHED
    elif fulfilled is not None:
        state = MET
    else:
        state = RUNNING if runs_still else PAUSED
    return Run(
        metric=FIRST_RESPONSE,
        state=state,
        started=periods[0][0],
        due=due,
        warn=warn,
        fulfilled=fulfilled.at if fulfilled else None,
        fulfilled_by=fulfilled.id if fulfilled else None,
        breached=max(due, changed) if late and due is not None and not cancelled else None,
        target_minutes=target_minutes,
        elapsed=elapsed,
        remaining=max(0, target_minutes * 60 - elapsed) if state in (RUNNING, PAUSED) else None,
    )


def _reached(periods: list[list[int]], seconds: int, calendar: BusinessCalendar) -> int | None:
    """The instant at which so many business seconds have run; None while the clock stands before it."""
    left = max(0, seconds)
    for start, end in periods:
        if end < 0 or calendar.between(start, end) >= left:
            return calendar.add(start, left)
        left -= calendar.between(start, end)
    return None


# --- from the engine to the ticket ---------------------------------------------------------------------------------


def _show(ticket: Ticket, promise: Promise | None, runs: Sequence[Run]) -> None:
    """Write what lists need into the ticket: nearest due, breach and warning, the place in the queue."""
    ticket.calendar_id = promise.calendar_id if promise else None
    ticket.calendar_version = promise.calendar_version if promise else None
    live = [run for run in runs if run.fulfilled is None and run.state in (RUNNING, BREACHED)]
    dues = [(run.due, run.metric) for run in live if run.due is not None] if ticket.is_open else []
    paused = [run.remaining for run in runs if run.state == PAUSED and run.remaining is not None]
    ticket.next_due_at, ticket.next_metric = None, None
    if dues:
        due, ticket.next_metric = min(dues)
        ticket.next_due_at, ticket.queue_key = _instant(due), due
    elif paused and ticket.is_open:
        ticket.queue_key = PAUSED_FROM + min(paused)
    else:
        ticket.queue_key = WITHOUT_FROM + _epoch(ticket.created_at)
    running = [run for run in live if run.state == RUNNING] if ticket.is_open else []
    ticket.next_breach_at = _instant(min((run.due for run in running if run.due is not None), default=None))
    ticket.next_warning_at = _instant(
        min((run.warn for run in running if run.warn is not None), default=None)
    )
    ticket.sla_state = _worst([run.state for run in runs])


def _worst(states: Sequence[str]) -> str:
    return next((state for state in (BREACHED, RUNNING, PAUSED, MET) if state in states), "none")


_RUN_KEY = ("ticket_id", "metric", "run_no")


def _columns(ticket: Ticket, run: Run) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id,
        "metric": run.metric,
        "run_no": 1,
        "state": run.state,
        "started_at": _instant(run.started),
        "due_at": None if run.state in (PAUSED, CANCELLED) else _instant(run.due),
        "warn_at": _instant(run.warn) if run.state == RUNNING else None,
        "fulfilled_at": _instant(run.fulfilled),
        "fulfilled_by_event_id": run.fulfilled_by,
        "breached_at": _instant(run.breached),
        "target_minutes": run.target_minutes,
        "elapsed_seconds": run.elapsed,
        "paused_seconds": 0,
        "remaining_seconds": run.remaining,
        "policy_version_id": ticket.policy_version_id,
    }


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
