"""The states of a ticket and which may follow which. Pure: no database, no clock, no words for people."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a ticket stands. Merged, spam and deleted are a disposal beside it, never a status."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"  # we wait for the customer
    ON_HOLD = "on_hold"  # we wait for somebody else
    SOLVED = "solved"
    CLOSED = "closed"


class Actor(StrEnum):
    """Who moves a ticket."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


OPEN_STATES = frozenset({Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD})

_BY_AGENT = {
    Status.NEW: {Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.SOLVED},
    Status.OPEN: {Status.PENDING, Status.ON_HOLD, Status.SOLVED},
    Status.PENDING: {Status.OPEN, Status.ON_HOLD, Status.SOLVED},
    Status.ON_HOLD: {Status.OPEN, Status.PENDING, Status.SOLVED},
    Status.SOLVED: {Status.OPEN, Status.PENDING, Status.ON_HOLD},
    Status.CLOSED: set(),
}
_BY_CUSTOMER = {
    Status.NEW: {Status.SOLVED},
    Status.OPEN: {Status.SOLVED},
    Status.PENDING: {Status.OPEN, Status.SOLVED},
    Status.ON_HOLD: {Status.OPEN, Status.SOLVED},
    Status.SOLVED: {Status.OPEN},
    Status.CLOSED: set(),
}
_BY_SYSTEM = {Status.SOLVED: {Status.CLOSED}}

_MOVES: dict[Actor, dict[Status, set[Status]]] = {
    Actor.AGENT: _BY_AGENT,
    Actor.CUSTOMER: _BY_CUSTOMER,
    Actor.SYSTEM: _BY_SYSTEM,
}


def may_follow(now: Status, wanted: Status, actor: Actor) -> bool:
    """Whether this actor may move a ticket from one status to the other. Staying is no move."""
    return wanted in _MOVES[actor].get(now, set())


def choices(now: Status, actor: Actor) -> list[Status]:
    """The statuses this actor may choose next, in their natural order."""
    allowed = _MOVES[actor].get(now, set())
    return [status for status in Status if status in allowed]


def after_customer_message(now: Status) -> Status:
    """A customer's message brings a ticket back to us; a new one stays new. Closed tickets take no message."""
    return now if now in (Status.NEW, Status.OPEN) else Status.OPEN


def after_agent_action(now: Status) -> Status:
    """The first thing an agent does with a new ticket makes it open."""
    return Status.OPEN if now is Status.NEW else now


def takes_messages(now: Status) -> bool:
    """A closed ticket is history; whoever has more to say opens a new request."""
    return now is not Status.CLOSED
