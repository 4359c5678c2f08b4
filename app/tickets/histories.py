"""What happened to tickets, read from the database as the SLA engine reads it: one ticket, or many in order.

Judges nothing. Columns are read raw (epoch seconds), because a hundred thousand histories have a million of them.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, bindparam, select, type_coerce
from sqlalchemy.orm import Session

from app.db import Json, plain_rows
from app.sla.replay import Event
from app.tickets.events import EventType
from app.tickets.models import TicketEvent

# Columns below the ORM and without conversions: for many rows both take longer than the database.
_ROW = TicketEvent.__table__.c
_RAW = (
    _ROW.ticket_id,
    _ROW.id,
    type_coerce(_ROW.occurred_at, BigInteger),
    _ROW.type,
    _ROW.author_kind,
    type_coerce(_ROW.public, Integer),
    type_coerce(_ROW.auto, Integer),
    type_coerce(_ROW.is_requester, Integer),
)
_OF_TICKET = select(*_RAW, _ROW.payload).where(_ROW.ticket_id == bindparam("ticket_id"))
_decode = json.JSONDecoder().raw_decode


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """For work on one bounded piece of many histories: it makes some hundred thousand small objects that hold no
    cycles, and looking for such takes a third of the time."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


def of_ticket(session: Session, ticket_id: int) -> list[Event]:
    """One ticket's history, in no particular order. One statement."""
    return [as_fact(*row[1:]) for row in session.execute(_OF_TICKET, {"ticket_id": ticket_id}).all()]


def in_bulk(session: Session, which: ColumnElement[bool]) -> Iterator[tuple[int, list[Event]]]:
    """The histories of many tickets by rising ticket id, each with its events in order; `which` is a condition on
    `TicketEvent`. One statement, read in pieces."""
    # PostgreSQL's driver reads JSON by itself; SQLite's text is read here, that of a change of status but once
    as_text = session.get_bind().dialect.name == "sqlite"
    payload = type_coerce(_ROW.payload, Text if as_text else Json)
    wanted = select(*_RAW, payload).where(which).order_by(_ROW.ticket_id, _ROW.occurred_at, _ROW.id)
    current, events, known = 0, list[Event](), dict[str, Any]()
    for ticket_id, key, at, kind, author, public, auto, is_requester, said in plain_rows(session, wanted):
        if ticket_id != current:
            if events:
                yield current, events
            current, events = ticket_id, []
        data: Any = said
        if as_text and (data := known.get(said)) is None:
            data = _decode(said)[0]
            if kind == _STATUS:
                known[said] = data
        events.append(as_fact(key, at, kind, author, bool(public), bool(auto), bool(is_requester), data))
    if events:
        yield current, events


def from_columns(events: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Events that are at hand as columns and not stored yet (loading many at once)."""
    return [
        as_fact(
            event["id"],
            int(event["occurred_at"].timestamp()),
            str(event["type"]),
            event["author_kind"],
            event["public"],
            event["auto"],
            event["is_requester"],
            event["payload"],
        )
        for event in events
    ]


def as_fact(
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
    names = _NAMES.get(kind)
    if names is None:
        return Event(key, at, kind, author, public, auto, is_requester, payload)
    data = dict(payload)
    for ours, theirs in names:
        data[theirs] = data.pop(ours, None)
    if kind == EventType.POLICY_EDIT:
        data["apply_to_open"] = True  # it is written only to tickets that it applies to
    return Event(key, at, kind, author, public, auto, is_requester, data)


# By plain texts, as the database gives them: looking an enumerator up by its text takes three times as long.
_STATUS = str(EventType.STATUS)
_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    str(EventType.CREATED): (("policy_version_id", "policy"),),
    str(EventType.POLICY): (("to_id", "to"),),
    str(EventType.CUSTOMER_CHANGED): (("policy_version_id", "to"),),
    str(EventType.POLICY_EDIT): (("to_id", "to"),),
    str(EventType.MERGED_INTO): (("ticket_id", "ticket"),),
    str(EventType.MERGED_FROM): (("ticket_id", "ticket"), ("at", "unanswered_since")),
}
_NAMING_A_POLICY: dict[str, str] = {
    str(EventType.CREATED): "policy",
    str(EventType.POLICY): "to",
    str(EventType.CUSTOMER_CHANGED): "to",
    str(EventType.POLICY_EDIT): "to",
}


def versions_in(events: Iterable[Event]) -> set[int]:
    """The ids of all policy versions that a history names."""
    named = {event.data[_NAMING_A_POLICY[event.type]] for event in events if event.type in _NAMING_A_POLICY}
    return {version for version in named if version is not None}


def forget_gone(events: Iterable[Event], known: Mapping[Any, Any]) -> None:
    """A policy version that is gone promises nothing: take its name out of the history."""
    for event in events:
        name = _NAMING_A_POLICY.get(event.type)
        if name is not None and event.data.get(name) not in known:
            event.data = {**event.data, name: None}


def holder_at(events: Sequence[Event], kind: EventType, moment: int, present: int | None) -> int | None:
    """Who (`ASSIGNEE`) or which team (`TEAM`) had a ticket at an instant, by its events; `present` has it now."""
    moves = sorted((e for e in events if e.type == kind), key=lambda event: (event.at, event.id))
    if not moves:
        return present
    held = moves[0].data.get("from_id")
    for move in moves:
        if move.at > moment:
            break
        held = move.data.get("to_id")
    return held if isinstance(held, int) else None
