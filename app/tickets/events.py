"""What can happen to a ticket: the types of events and the keys of their payloads. Pure.

Events are the truth the SLA engine replays (`docs/architecture.md`); payloads hold ids and codes, never texts.
"""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """One name for each thing that can happen."""

    CREATED = "created"
    PROVED = "proved"
    MESSAGE = "message"
    MESSAGE_WITHDRAWN = "message_withdrawn"
    STATUS = "status"
    PRIORITY = "priority"
    ASSIGNEE = "assignee"
    TEAM = "team"
    REQUEST_TYPE = "request_type"
    SUBJECT = "subject"
    TAGS = "tags"
    PRIVATE = "private"
    CUSTOMER_CHANGED = "customer_changed"
    POLICY = "policy"
    POLICY_EDIT = "policy_edit"
    CALENDAR_EDIT = "calendar_edit"
    MERGED_INTO = "merged_into"
    MERGED_FROM = "merged_from"
    SPLIT_FROM = "split_from"
    DISPOSAL = "disposal"
    ERASED = "erased"
    EXCUSED = "excused"
    UNEXCUSED = "unexcused"


PAYLOAD: dict[EventType, tuple[str, ...]] = {
    EventType.CREATED: (
        "by",
        "first_message",
        "status",
        "priority",
        "proved",
        "message_id",
        "policy_version_id",
    ),
    EventType.PROVED: (),
    EventType.MESSAGE: ("message_id",),
    EventType.MESSAGE_WITHDRAWN: ("message_id",),
    EventType.STATUS: ("from", "to"),
    EventType.PRIORITY: ("from", "to"),
    EventType.ASSIGNEE: ("from_id", "to_id"),
    EventType.TEAM: ("from_id", "to_id"),
    EventType.REQUEST_TYPE: ("from_id", "to_id"),
    EventType.SUBJECT: (),
    EventType.TAGS: ("count",),
    EventType.PRIVATE: ("to",),
    EventType.CUSTOMER_CHANGED: ("from_id", "to_id", "policy_version_id"),
    EventType.POLICY: ("from_id", "to_id"),
    EventType.POLICY_EDIT: ("to_id",),
    EventType.CALENDAR_EDIT: ("calendar_id", "to"),
    EventType.MERGED_INTO: ("ticket_id",),
    EventType.MERGED_FROM: ("ticket_id", "at"),
    EventType.SPLIT_FROM: ("ticket_id", "message_id"),
    EventType.DISPOSAL: ("from", "to", "reason"),
    EventType.ERASED: (),
    EventType.EXCUSED: ("breach_id",),
    EventType.UNEXCUSED: ("breach_id",),
}
