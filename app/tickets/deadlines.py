"""What was promised for a ticket and by when: from its events to its clocks and its place in the queue.

The events are the truth, everything here is derived from them and may be made again at any time. Times and rules are
`app.sla`'s; this module knows tickets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.db import insert_or_add
from app.sla import queries as sla
from app.sla import service as sla_service
from app.sla.policy import FIRST_RESPONSE, match_policy
from app.sla.queries import Offer
from app.sla.replay import ClockRun, Event, SlaClock, TicketSla
from app.tickets import record
from app.tickets.events import EventType
from app.tickets.models import PAUSED_FROM, WITHOUT_FROM, Ticket, TicketEvent
from app.tickets.models import SlaClock as ClockRow
from app.tickets.record import Acting

ENGINE_VERSION = 1  # grows when the engine would judge the same events differently


def begin(
    session: Session, ticket: Ticket, created: Mapping[str, Any], *, time_zone: str, now: datetime
) -> list[ClockRow]:
    """Give a ticket that is about to be stored its promise and its place in the queue.

    `created` is the payload of its first event; the promise is written into it too. Gives the clocks to store once
    the ticket has its id. `time_zone` is for the hours of a new installation.
    """
    offer = _match(session, ticket, time_zone=time_zone, now=now)
    ticket.policy_version_id = int(offer.version.id) if offer else None  # type: ignore[arg-type]
    payload = {**created, "policy_version_id": ticket.policy_version_id}
    first = _as_fact(0, _epoch(now), EventType.CREATED, "", False, False, False, payload)
    sla_now = _replayed(session, [first], {} if offer is None else {ticket.policy_version_id: offer}, now)
    _show(ticket, offer, sla_now)
    return [ClockRow(**_columns(ticket, run)) for run in sla_now.runs if run.target is not None]


def refresh(session: Session, ticket: Ticket, *, now: datetime, everything: bool = False) -> None:
    """Replay a ticket's events and write its clocks and its place in the queue.

    Only clocks that are open or ended just now are written; finished ones keep their numbers. `everything` writes
    all of them anew: something was taken back, or an event lies in the past.
    """
    rows = session.execute(
        select(
            TicketEvent.id,
            TicketEvent.occurred_at,
            TicketEvent.type,
            TicketEvent.author_kind,
            TicketEvent.public,
            TicketEvent.auto,
            TicketEvent.is_requester,
            TicketEvent.payload,
        ).where(TicketEvent.ticket_id == ticket.id)
    )
    facts = [_as_fact(row[0], _epoch(row[1]), *row[2:]) for row in rows]
    offers = sla.book(session, _versions(facts))
    sla_now = _replayed(session, facts, offers, now)
    _show(ticket, offers.get(ticket.policy_version_id or 0), sla_now)
    runs = [run for run in sla_now.runs if run.target is not None]
    if everything:
        session.execute(delete(ClockRow).where(ClockRow.ticket_id == ticket.id))
        if runs:
            session.execute(insert(ClockRow), [_columns(ticket, run) for run in runs])
        return
    for run in runs:
        if run.open or _ended_at(run) >= _epoch(now):
            columns = _columns(ticket, run)
            changes = {name: value for name, value in columns.items() if name not in _RUN_KEY}
            insert_or_add(session, ClockRow, columns, list(_RUN_KEY), changes)


def judge(
    session: Session, ticket: Ticket, events: Sequence[Mapping[str, Any]], *, now: datetime
) -> list[dict[str, Any]]:
    """What `refresh` finds, for a ticket whose events are at hand as columns (loading many at once).

    Writes the ticket's own columns and gives those of its clocks; asks the database for promises only.
    """
    facts = [
        _as_fact(
            event["id"],
            _epoch(event["occurred_at"]),
            event["type"],
            event["author_kind"],
            event["public"],
            event["auto"],
            event["is_requester"],
            event["payload"],
        )
        for event in events
    ]
    offers = sla.book(session, _versions(facts))
    sla_now = _replayed(session, facts, offers, now)
    _show(ticket, offers.get(ticket.policy_version_id or 0), sla_now)
    return [_columns(ticket, run) for run in sla_now.runs if run.target is not None]


def rematch(session: Session, ticket: Ticket, acting: Acting, *, time_zone: str, now: datetime) -> None:
    """Look for the policy again because something it depends on changed; write it down if it is another one.
    The caller has the deadlines found again afterwards."""
    offer = _match(session, ticket, time_zone=time_zone, now=now)
    before, after = ticket.policy_version_id, offer.version.id if offer else None
    if before != after:
        ticket.policy_version_id = after  # type: ignore[assignment]
        payload: dict[str, object] = {"from_id": before, "to_id": after}
        record.note(session, ticket, EventType.POLICY, acting, now=now, payload=payload)


def foreseen(session: Session, *, priorities: Collection[str], now: datetime) -> datetime | None:
    """By when a request sent now would have its first response, of these priorities the last one; None where nothing
    is promised for one of them. Two statements at most once the calendar is known."""
    offers = {offer.version.id: offer for offer in sla.offers(session)}
    dues = []
    for priority in priorities:
        version_id, _ = match_policy(
            {"priority": priority, "channel": "web"}, [offer.policy for offer in offers.values()]
        )
        offer = offers.get(version_id)
        target = offer.version.target(priority, FIRST_RESPONSE) if offer else None
        if offer is None or target is None:
            return None
        calendar = sla.calendar(session, offer.calendar_id, offer.calendar_version)
        dues.append(calendar.add(_epoch(now), target.seconds))
    return _instant(max(dues, default=None))


# --- from the database to the engine -------------------------------------------------------------------------------


def _match(session: Session, ticket: Ticket, *, time_zone: str, now: datetime) -> Offer | None:
    found = sla.offers(session)
    if not found and sla_service.ensure_defaults(session, time_zone=time_zone, now=now):
        found = sla.offers(session)
    facts = {
        "priority": ticket.priority,
        "request_type": ticket.request_type_id,
        "organisation": ticket.organisation_id,
        "channel": ticket.channel,
    }
    version_id, _ = match_policy(facts, [offer.policy for offer in found])
    return next((offer for offer in found if offer.version.id == version_id), None)


def _as_fact(
    key: int,
    at: int,
    kind: str,
    author: str,
    public: bool,
    auto: bool,
    is_requester: bool,
    payload: Mapping[str, Any],
) -> Event:
    """An event as the engine reads it. Our payloads name rows by keys that end in `_id`."""
    data = dict(payload)
    for ours, theirs in _NAMES.get(kind, ()):
        data[theirs] = data.pop(ours, None)
    if kind == EventType.POLICY_EDIT:
        data["apply_to_open"] = True  # it is written only to tickets that it applies to
    return Event(key, at, str(kind), author, public, auto, is_requester, data)


_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    EventType.CREATED: (("policy_version_id", "policy"),),
    EventType.POLICY: (("to_id", "to"),),
    EventType.CUSTOMER_CHANGED: (("policy_version_id", "to"),),
    EventType.POLICY_EDIT: (("to_id", "to"),),
    EventType.CALENDAR_EDIT: (("calendar_id", "calendar"),),
    EventType.MERGED_INTO: (("ticket_id", "ticket"),),
    EventType.MERGED_FROM: (("ticket_id", "ticket"), ("at", "unanswered_since")),
}
_NAMING_A_POLICY = {
    EventType.CREATED: "policy",
    EventType.POLICY: "to",
    EventType.CUSTOMER_CHANGED: "to",
    EventType.POLICY_EDIT: "to",
}


def _versions(facts: Sequence[Event]) -> set[int]:
    named = {fact.data.get(_NAMING_A_POLICY.get(EventType(fact.type), "")) for fact in facts}
    return {version for version in named if version is not None}


def _replayed(
    session: Session, facts: Sequence[Event], offers: Mapping[Any, Offer], now: datetime
) -> TicketSla:
    for fact in facts:
        name = _NAMING_A_POLICY.get(EventType(fact.type))
        if name and fact.data.get(name) not in offers:
            fact.data[name] = None  # type: ignore[index]  # a policy that is gone promises nothing
    policies = {key: offer.version for key, offer in offers.items()}
    calendars: dict[Any, Any] = {
        offer.calendar_id: sla.calendar(session, offer.calendar_id, offer.calendar_version)
        for offer in offers.values()
    }
    return SlaClock.replay(facts, policies, calendars, _epoch(now))


# --- from the engine to the ticket ---------------------------------------------------------------------------------


def _show(ticket: Ticket, offer: Offer | None, sla_now: TicketSla) -> None:
    """Write what lists need into the ticket: nearest due, breach and warning, the place in the queue."""
    ticket.engine_version = ENGINE_VERSION
    ticket.calendar_id = offer.calendar_id if offer else None
    ticket.calendar_version = offer.calendar_version if offer else None
    ticket.next_due_at, ticket.next_metric = _instant(sla_now.next_due_at), sla_now.next_metric
    ticket.next_breach_at = _instant(sla_now.next_breach_at)
    ticket.next_warning_at = _instant(sla_now.next_warning_at)
    ticket.at_risk_at = _instant(
        min((run.warn_at for run in sla_now.runs if run.open and run.warn_at), default=None)
    )
    ticket.sla_state = _state(sla_now)
    if sla_now.next_due_at is not None:
        ticket.queue_key = sla_now.next_due_at
    elif sla_now.least_remaining is not None:
        ticket.queue_key = PAUSED_FROM + sla_now.least_remaining
    else:
        ticket.queue_key = WITHOUT_FROM + _epoch(ticket.created_at)


def _state(sla_now: TicketSla) -> str:
    """The state that stands for the ticket: of its open clocks, else of its finished ones."""
    counted = [run for run in sla_now.runs if run.target is not None]
    states = [run.state for run in counted if run.open] or [run.state for run in counted]
    return next((state for state in ("breached", "running", "paused", "met") if state in states), "none")


_RUN_KEY = ("ticket_id", "metric", "run_no")


def _columns(ticket: Ticket, run: ClockRun) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id,
        "metric": run.metric,
        "run_no": run.run_no,
        "state": run.state,
        "started_at": _instant(run.started_at),
        "due_at": _instant(run.due_at),
        "warn_at": _instant(run.warn_at) if run.open else None,
        "fulfilled_at": _instant(run.fulfilled_at),
        "fulfilled_by_event_id": run.fulfilled_by,
        "breached_at": _instant(run.breached_at),
        "target_minutes": None if run.target is None else run.target // 60,
        "elapsed_seconds": run.elapsed,
        "paused_seconds": run.paused,
        "remaining_seconds": run.remaining,
        "policy_version_id": run.policy,
    }


def _ended_at(run: ClockRun) -> int:
    """When a clock that is not open ended; cancelled ones end with the event that is being written."""
    return run.fulfilled_at if run.fulfilled_at is not None else 1 << 62


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
