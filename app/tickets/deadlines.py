"""What was promised for a ticket and by when: from its events to its clocks, its misses and its place in the queue.

The events are the truth, everything here is derived from them and may be made again at any time. Times and rules are
`app.sla`'s; this module knows tickets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from app.sla import queries as sla
from app.sla.policy import FIRST_RESPONSE
from app.sla.queries import Offer
from app.sla.replay import TicketSla
from app.tickets import derived, histories, matching, record
from app.tickets.books import Books
from app.tickets.derived import Judged, Notice
from app.tickets.events import EventType
from app.tickets.matching import Facts
from app.tickets.models import PAUSED_FROM, WITHOUT_FROM, SlaClock, Ticket
from app.tickets.record import Acting

ENGINE_VERSION = (
    3  # grows when the same events would be judged, or kept, differently; then all are counted again
)


def begin(
    session: Session, ticket: Ticket, created: Mapping[str, Any], *, time_zone: str, now: datetime
) -> list[SlaClock]:
    """Give a ticket that is about to be stored its promise and its place in the queue.

    `created` is the payload of its first event; the promise is written into it too. Gives the clocks to store once
    the ticket has its id. `time_zone` is for the hours of a new installation.
    """
    offer = matching.offer_for(session, ticket, time_zone=time_zone, now=now)
    ticket.policy_version_id = int(offer.version.id) if offer else None  # type: ignore[arg-type]
    payload = {**created, "policy_version_id": ticket.policy_version_id}
    first = histories.as_fact(0, epoch(now), str(EventType.CREATED), "", False, False, False, payload)
    books = Books(session, {} if offer is None else {int(offer.version.id): offer})  # type: ignore[arg-type]
    found = books.replay([first], epoch(now))
    show(ticket, offer, found, derived.notices(found))
    return [SlaClock(**_aware(columns)) for columns in derived.clocks_of(0, found)]


def refresh(session: Session, ticket: Ticket, *, now: datetime) -> list[Notice]:
    """Replay a ticket's events and write what follows from them. Gives what is still to be told of its clocks.

    Whatever was taken back, came late or was corrected is right afterwards; writing what is known changes nothing.
    """
    session.flush()
    history = histories.of_ticket(session, ticket.id)
    books = Books.naming(session, [history])
    judged = Judged(ticket.id, ticket.assignee_id, ticket.team_id, history, books.replay(history, epoch(now)))
    told = derived.write(session, [judged], now=epoch(now)).get(ticket.id, [])
    show(ticket, books.offers.get(ticket.policy_version_id or 0), judged.sla, told)
    return told


class Made(NamedTuple):
    """The rows of a ticket that follow from its events, to be inserted with it."""

    clocks: list[dict[str, Any]]
    misses: list[dict[str, Any]]
    fired: list[dict[str, Any]]


def judge(books: Books, ticket: Ticket, events: Sequence[Mapping[str, Any]], *, now: datetime) -> Made:
    """What `refresh` finds, for a ticket whose events are at hand as columns (loading many at once).

    Writes the ticket's own columns and gives the other rows. What there was to tell before counts as told: nobody gets
    letters about the past that was just loaded.
    """
    history, moment = histories.from_columns(events), epoch(now)
    judged = Judged(ticket.id, ticket.assignee_id, ticket.team_id, history, books.replay(history, moment))
    listed = derived.notices(judged.sla)
    coming = [notice for notice in listed if notice.at > moment]
    show(ticket, books.offers.get(ticket.policy_version_id or 0), judged.sla, coming)
    return Made(
        derived.clocks_of(ticket.id, judged.sla),
        derived.misses_of(judged, moment),
        [derived.fired_columns(ticket.id, notice) for notice in listed if notice.at <= moment],
    )


def rematch(session: Session, ticket: Ticket, acting: Acting, *, time_zone: str, now: datetime) -> None:
    """Look for the policy again because something it depends on changed; write it down if it is another one (R9). A
    later version of the same policy is none: a ticket keeps the version it began with (R10).

    The caller has the deadlines found again afterwards.
    """
    offer = matching.offer_for(session, ticket, time_zone=time_zone, now=now)
    before, after = ticket.policy_version_id, offer.version.id if offer else None
    if before != after and not matching.of_one_policy(session, before, after):  # type: ignore[arg-type]
        ticket.policy_version_id = after  # type: ignore[assignment]
        payload: dict[str, object] = {"from_id": before, "to_id": after}
        record.note(session, ticket, EventType.POLICY, acting, now=now, payload=payload)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a request would be promised: by when its first response comes, and within how many business seconds."""

    due: datetime
    seconds: int


def foreseen(session: Session, wanted: Sequence[Facts], *, now: datetime) -> list[Promise | None]:
    """What requests with these facts would be promised if they were sent now; None where nothing is. One statement
    once the calendars are known."""
    offers = sla.offers(session)
    found: list[Promise | None] = []
    for facts in wanted:
        offer = matching.chosen(offers, facts)
        target = offer.version.target(facts.priority, FIRST_RESPONSE) if offer else None
        if offer is None or target is None:
            found.append(None)
            continue
        calendar = sla.calendar(session, offer.calendar_id, offer.calendar_version)
        due = datetime.fromtimestamp(calendar.add(epoch(now), target.seconds), UTC)
        found.append(Promise(due, target.seconds))
    return found


def latest(promises: Sequence[Promise | None]) -> datetime | None:
    """Of several things that a request may be, the last due time; None where nothing is promised for one of them."""
    dues = [promise.due for promise in promises if promise is not None]
    return max(dues) if dues and len(dues) == len(promises) else None


# --- from the engine to the ticket ---------------------------------------------------------------------------------


def show(ticket: Ticket, offer: Offer | None, found: TicketSla, told: Sequence[Notice]) -> None:
    """Write what lists need into the ticket: nearest due, breach and warning, the place in the queue. `told` is what is
    still to be told, so that the sweep finds by an index what it missed."""
    for name, value in columns(epoch(ticket.created_at), found, told).items():
        setattr(ticket, name, instant(value) if name in _INSTANTS else value)
    ticket.calendar_id = offer.calendar_id if offer else None
    ticket.calendar_version = offer.calendar_version if offer else None


_INSTANTS = frozenset({"next_due_at", "next_breach_at", "next_warning_at", "at_risk_at"})


def columns(created_at: int, found: TicketSla, told: Sequence[Notice]) -> dict[str, Any]:
    """The ticket's columns that follow from a replay; instants in epoch seconds."""
    if found.next_due_at is not None:
        queue_key = found.next_due_at
    elif found.least_remaining is not None:
        queue_key = PAUSED_FROM + found.least_remaining
    else:
        queue_key = WITHOUT_FROM + created_at
    return {
        "engine_version": ENGINE_VERSION,
        "next_due_at": found.next_due_at,
        "next_metric": found.next_metric,
        "next_breach_at": found.next_breach_at,
        "next_warning_at": told[0].at if told else None,
        "at_risk_at": min((run.warn_at for run in found.runs if run.open and run.warn_at), default=None),
        "sla_state": _state(found),
        "queue_key": queue_key,
    }


def _state(found: TicketSla) -> str:
    """The state that stands for the ticket: of its open clocks, else of its finished ones."""
    counted = [run for run in found.runs if run.target is not None]
    states = [run.state for run in counted if run.open] or [run.state for run in counted]
    return next((state for state in ("breached", "running", "paused", "met") if state in states), "none")


def _aware(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: instant(value) if name.endswith("_at") else value for name, value in values.items()}


def epoch(moment: datetime) -> int:
    """An instant as the engine counts."""
    return int(moment.timestamp())


def instant(seconds: int | None) -> datetime | None:
    """The same the other way round."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
