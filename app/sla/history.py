"""A ticket's history as the engine reads it: what happened, in order, without what was taken back.

Knows no clocks; `rules` says what an event does to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any


@dataclass(slots=True)
class Event:
    """Something that happened to the ticket. Ordered by (at, id); types without a rule are passed over (R16).

    The engine changes none; that it is not frozen makes a million of them in a quarter of the time.

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


_ORDER = attrgetter("at", "id")
_TYPE = attrgetter("type")
_UNDOING = frozenset({"message_withdrawn", "merge_undone", "disposal"})


def in_force(events: Iterable[Event], now: int) -> list[Event]:
    """The events until `now` in order (R16), without what was taken back: it counts as if it had never happened.

    Nothing happens to a ticket before its creation: where a host's clock was behind, the creation's instant counts.
    """
    seen = [event for event in events if event.at <= now]
    seen.sort(key=_ORDER)
    if seen and seen[0].type != "created":
        seen = _from_creation_on(seen)
    if _UNDOING.isdisjoint(map(_TYPE, seen)):
        return seen
    kept: list[Event] = []
    for event in seen:
        if event.type in ("message_withdrawn", "merge_undone") or _restores(event):
            kept = [left for other in kept if (left := _undone(other, event)) is not None]
        else:
            kept.append(event)
    return kept


def _from_creation_on(seen: list[Event]) -> list[Event]:
    creation = next((event for event in seen if event.type == "created"), None)
    if creation is None:
        return []
    others = [event for event in seen if event is not creation]
    others = [event if event.at >= creation.at else replace(event, at=creation.at) for event in others]
    return [creation, *sorted(others, key=_ORDER)]


def _restores(event: Event) -> bool:
    return event.type == "disposal" and event.data.get("to") is None


def _undone(event: Event, undoing: Event) -> Event | None:
    """What is left of an event once another took it back.

    A ticket whose first message was taken back is left as one opened with nothing public.
    """
    if undoing.type == "message_withdrawn":
        message = undoing.data.get("message_id")
        if message is None or event.data.get("message_id") != message:
            return event
        if event.type == "created":
            return replace(event, data={**event.data, "first_message": "internal"})
        return None if event.type == "message" else event
    if undoing.type == "merge_undone":
        merging = event.type in ("merged_into", "merged_from")
        return None if merging and event.data.get("ticket") == undoing.data.get("ticket") else event
    return None if event.type in ("merged_into", "deleted", "disposal") else event
