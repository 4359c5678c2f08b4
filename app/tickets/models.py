"""Tables of requests: types, tickets, messages, files, events, and what the SLA engine derived for each ticket.

`ticket_event` is the truth about what happened; clocks and due instants are a cache that can be made again. No rule
is decided here.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Json, Localised, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, RowFate, Source, T, Visible, not_personal, personal
from app.words import N_

CHANNELS = ("web", "desk", "mail", "phone", "letter", "visit", "api", "import")
RETENTION_CLASSES = ("ticket_support", "trade_letter", "receipt")
TICKET_TERMS = (Retain.TICKET_SUPPORT, Retain.TRADE_LETTER, Retain.RECEIPT)

# Where tickets stand in the queue (`queue_key`): running clocks by due instant, then paused ones by what is left,
# then those without a promise by age. Never NULL, so that paging by key works.
PAUSED_FROM = 1 << 40
WITHOUT_FROM = 1 << 41
FIRST_NUMBER = 10_000  # a ticket's number is its id plus this; it is shown and spoken, and never a right


def _of_the_ticket(kind: Kind, label: str = "", **more: Any) -> dict[str, Any]:
    """A column about the requester's request; it goes with the request's retention class."""
    return personal(kind, label, purpose=Purpose.SUPPORT, retain=TICKET_TERMS, **more)


class RequestType(Base):
    """What a request is about, in the customer's words; says the team and the priority it begins with."""

    __tablename__ = "request_type"
    __table_args__ = table_args(
        CheckConstraint("retention IN ('ticket_support', 'trade_letter', 'receipt')", name="retention"),
        privacy=T(None, RowFate.KEEP_ROW, why="choices of the operator"),
    )

    id: Mapped[int] = primary_key()
    name: Mapped[dict[str, str]] = mapped_column(Localised, info=not_personal("name", keys=("*",)))
    help: Mapped[dict[str, str]] = mapped_column(Localised, info=not_personal("help text", keys=("*",)))
    team_id: Mapped[int | None] = mapped_column(
        ForeignKey("team.id", ondelete="SET NULL"), index=True, info=not_personal("team that gets it")
    )
    priority: Mapped[str] = mapped_column(default="normal", info=not_personal("priority it begins with"))
    retention: Mapped[str] = mapped_column(
        default="ticket_support", info=not_personal("how long such requests must be kept")
    )
    position: Mapped[int] = mapped_column(default=0, info=not_personal("sort order"))
    active: Mapped[bool] = mapped_column(default=True, info=not_personal("whether customers may choose it"))


class Ticket(Base):
    """A request. `public_id` names it in ledgers and exports; `number` (id + 10000) to people.

    `disposal` takes it out of everything whatever its status; `proved_at` is NULL while a guest has not shown that
    the address is hers. The due instants repeat what the clocks say, so that lists need no join.
    """

    __tablename__ = "ticket"
    __table_args__ = table_args(
        CheckConstraint("status IN ('new', 'open', 'pending', 'on_hold', 'solved', 'closed')", name="status"),
        CheckConstraint("priority IN ('low', 'normal', 'high', 'urgent')", name="priority"),
        CheckConstraint("disposal IN ('merged', 'spam', 'deleted')", name="disposal"),
        Index(  # the queue, in order; its further columns spare counting a view the rows themselves
            "ix_ticket_of_the_desk",
            *("is_open", "queue_key", "id", "disposal", "restricted_at", "snoozed_until", "assignee_id"),
            *("team_id", "proved_at", "at_risk_at", "next_due_at"),
            sqlite_where=text("is_open = 1"),
            postgresql_where=text("is_open"),
        ),
        Index("ix_ticket_team_id_is_open_queue_key_id", "team_id", "is_open", "queue_key", "id"),
        Index("ix_ticket_assignee_id_is_open_queue_key_id", "assignee_id", "is_open", "queue_key", "id"),
        Index("ix_ticket_requester_id_last_activity_at_id", "requester_id", "last_activity_at", "id"),
        Index("ix_ticket_organisation_id_last_activity_at_id", "organisation_id", "last_activity_at", "id"),
        Index("ix_ticket_status_status_at_id", "status", "status_at", "id"),
        Index("ix_ticket_is_open_last_activity_at_id", "is_open", "last_activity_at", "id"),
        Index("ix_ticket_is_open_snoozed_until_id", "is_open", "snoozed_until", "id"),
        Index("ix_ticket_is_open_at_risk_at_next_due_at", "is_open", "at_risk_at", "next_due_at"),
        Index("ix_ticket_next_breach_at", "next_breach_at"),
        Index("ix_ticket_next_warning_at", "next_warning_at"),
        privacy=T("requester_id", RowFate.KEEP_ROW, N_("Your requests")),
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True,
        default=lambda: str(uuid.uuid4()),
        info=not_personal("name of the request to the outside"),
    )
    subject: Mapped[str] = mapped_column(info=_of_the_ticket(Kind.CONTENT, N_("Subject"), on_erase="clear"))
    requester_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="RESTRICT"), info=not_personal("whose request it is")
    )
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id", ondelete="SET NULL"),
        info=_of_the_ticket(
            Kind.DERIVED, N_("Organisation"), export=Export.ART15, on_erase="keep", source=Source.STAFF
        ),
    )
    request_type_id: Mapped[int | None] = mapped_column(
        ForeignKey("request_type.id", ondelete="SET NULL"),
        index=True,
        info=_of_the_ticket(Kind.DERIVED, N_("Topic"), export=Export.BOTH, on_erase="keep"),
    )
    team_id: Mapped[int | None] = mapped_column(
        ForeignKey("team.id", ondelete="SET NULL"), info=not_personal("team that has it")
    )
    assignee_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.SUPPORT,
            retain=TICKET_TERMS,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.STAFF,
            subject="assignee_id",
        ),
    )
    status: Mapped[str] = mapped_column(
        info=_of_the_ticket(
            Kind.DERIVED, N_("Status"), export=Export.ART15, on_erase="keep", source=Source.USE
        )
    )
    status_at: Mapped[datetime] = mapped_column(info=not_personal("when the status began"))
    priority: Mapped[str] = mapped_column(
        info=_of_the_ticket(
            Kind.DERIVED, N_("Priority"), export=Export.ART15, on_erase="keep", source=Source.STAFF
        )
    )
    channel: Mapped[str] = mapped_column(
        info=_of_the_ticket(
            Kind.DERIVED, N_("How it came"), export=Export.ART15, on_erase="keep", source=Source.USE
        )
    )
    language: Mapped[str] = mapped_column(info=not_personal("language of the request"))
    private: Mapped[bool] = mapped_column(default=False, info=not_personal("hidden from colleagues"))
    disposal: Mapped[str | None] = mapped_column(info=not_personal("merged, spam or deleted"))
    merged_into_id: Mapped[int | None] = mapped_column(
        ForeignKey("ticket.id", ondelete="SET NULL"),
        index=True,
        info=not_personal("the request it went into"),
    )
    retention: Mapped[str | None] = mapped_column(
        info=not_personal("how long it must be kept, if changed here")
    )
    privacy_version: Mapped[int] = mapped_column(
        default=0,
        info=_of_the_ticket(
            Kind.CONSENT,
            N_("Version of the privacy notice shown"),
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        ),
    )
    created_at: Mapped[datetime] = mapped_column(
        info=_of_the_ticket(Kind.DERIVED, N_("Sent"), export=Export.ART15, on_erase="keep", source=Source.USE)
    )
    proved_at: Mapped[datetime | None] = mapped_column(info=not_personal("when the guest proved her address"))
    last_activity_at: Mapped[datetime] = mapped_column(info=not_personal("newest public message or change"))
    last_author_kind: Mapped[str] = mapped_column(info=not_personal("who wrote last: customer or agent"))
    solved_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it was last solved"))
    closed_at: Mapped[datetime | None] = mapped_column(
        info=_of_the_ticket(
            Kind.DERIVED, N_("Closed"), export=Export.ART15, on_erase="keep", source=Source.USE
        )
    )
    snoozed_until: Mapped[datetime | None] = mapped_column(info=not_personal("hidden from the queue until"))
    restricted_at: Mapped[datetime | None] = mapped_column(
        info=_of_the_ticket(
            Kind.DERIVED,
            N_("Kept out of sight since"),
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )
    is_open: Mapped[bool] = mapped_column(info=not_personal("stands in the queue"))
    queue_key: Mapped[int] = mapped_column(info=not_personal("place in the queue, never NULL"))
    next_due_at: Mapped[datetime | None] = mapped_column(
        info=not_personal("nearest promise, past ones included")
    )
    next_breach_at: Mapped[datetime | None] = mapped_column(info=not_personal("nearest running promise"))
    next_warning_at: Mapped[datetime | None] = mapped_column(info=not_personal("nearest warning"))
    at_risk_at: Mapped[datetime | None] = mapped_column(
        info=not_personal("earliest warning of open promises, past ones included")
    )
    next_metric: Mapped[str | None] = mapped_column(info=not_personal("which promise is nearest"))
    sla_state: Mapped[str | None] = mapped_column(info=not_personal("none, running, paused, breached or met"))
    policy_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("sla_policy_version.id", ondelete="SET NULL"),
        index=True,
        info=not_personal("promise in force"),
    )
    calendar_id: Mapped[int | None] = mapped_column(
        ForeignKey("business_calendar.id", ondelete="SET NULL"),
        index=True,
        info=not_personal("calendar in force"),
    )
    calendar_version: Mapped[int | None] = mapped_column(info=not_personal("version of the calendar used"))
    engine_version: Mapped[int | None] = mapped_column(info=not_personal("version of the rules used"))
    send_key: Mapped[str] = mapped_column(
        unique=True, info=not_personal("random name of one sending, so that a double click makes one ticket")
    )


class Message(Base):
    """Something somebody wrote. `body` is what she wrote as text; `html` is cleaned mail HTML or NULL."""

    __tablename__ = "message"
    __table_args__ = table_args(
        Index("ix_message_ticket_id_id", "ticket_id", "id"),
        CheckConstraint("author_kind IN ('customer', 'participant', 'agent', 'system')", name="author_kind"),
        CheckConstraint("body_kind IN ('markdown', 'plain')", name="body_kind"),
        privacy=T("author_id", RowFate.KEEP_ROW, N_("Messages you wrote")),
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True,
        default=lambda: str(uuid.uuid4()),
        info=not_personal("name of the message to the outside"),
    )
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=_of_the_ticket(Kind.IDENTIFIER, export=Export.NEVER, on_erase="keep", source=Source.USE),
    )
    author_kind: Mapped[str] = mapped_column(info=not_personal("customer, participant, agent or system"))
    public: Mapped[bool] = mapped_column(info=not_personal("whether the customer sees it"))
    auto: Mapped[bool] = mapped_column(default=False, info=not_personal("written by a machine"))
    body: Mapped[str] = mapped_column(
        info=_of_the_ticket(
            Kind.CONTENT,
            N_("Text"),
            export=Export.ART15,
            on_erase="clear",
            visible=Visible.THIRD_PARTY_MASKED,
        )
    )
    body_kind: Mapped[str] = mapped_column(info=not_personal("markdown or plain"))
    html: Mapped[str | None] = mapped_column(
        info=_of_the_ticket(Kind.CONTENT, export=Export.NEVER, on_erase="clear")
    )
    emptied: Mapped[str | None] = mapped_column(
        info=not_personal("why the text is gone: asked (by the person) or term (its time was over)")
    )
    created_at: Mapped[datetime] = mapped_column(
        info=_of_the_ticket(
            Kind.DERIVED, N_("Written"), export=Export.ART15, on_erase="keep", source=Source.USE
        )
    )
    withdrawn_at: Mapped[datetime | None] = mapped_column(info=not_personal("taken back before it was sent"))
    send_key: Mapped[str] = mapped_column(
        unique=True, info=not_personal("random name of one sending, so that a double click sends once")
    )


class Attachment(Base):
    """A file of a message. The content lies in the storage under `storage_key`; the name is only a column."""

    __tablename__ = "attachment"
    __table_args__ = table_args(
        Index("ix_attachment_message_id", "message_id"),
        privacy=T("message_id.author_id", RowFate.DELETE_ROW, N_("Files you sent")),
    )

    id: Mapped[int] = primary_key()
    message_id: Mapped[int] = mapped_column(
        ForeignKey("message.id", ondelete="CASCADE"), info=not_personal("the message")
    )
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), index=True, info=not_personal("the request")
    )
    storage_key: Mapped[str] = mapped_column(unique=True, info=_of_the_ticket(Kind.FILE, export=Export.NEVER))
    name: Mapped[str] = mapped_column(info=_of_the_ticket(Kind.FILE, N_("File name")))
    content_type: Mapped[str] = mapped_column(info=not_personal("kind of file"))
    size: Mapped[int] = mapped_column(
        info=_of_the_ticket(Kind.DERIVED, N_("Size in bytes"), export=Export.ART15)
    )
    sha256: Mapped[str] = mapped_column(info=_of_the_ticket(Kind.DERIVED, export=Export.NEVER))
    created_at: Mapped[datetime] = mapped_column(
        info=_of_the_ticket(Kind.DERIVED, N_("Sent"), export=Export.ART15, source=Source.USE)
    )


class MessageCorrection(Base):
    """A note beside a message that something in it is wrong and how it is right (GDPR Art. 16). The message itself is
    never rewritten; whoever reads it reads the note."""

    __tablename__ = "message_correction"
    __table_args__ = table_args(
        Index("ix_message_correction_message_id_id", "message_id", "id"),
        privacy=T(
            "message_id.ticket_id.requester_id", RowFate.DELETE_ROW, N_("Corrections in your requests")
        ),
    )

    id: Mapped[int] = primary_key()
    message_id: Mapped[int] = mapped_column(
        ForeignKey("message.id", ondelete="CASCADE"), info=not_personal("the message")
    )
    text: Mapped[str] = mapped_column(
        info=_of_the_ticket(
            Kind.CONTENT, N_("Correction"), export=Export.ART15, on_erase="clear", source=Source.STAFF
        )
    )
    created_at: Mapped[datetime] = mapped_column(
        info=_of_the_ticket(Kind.DERIVED, N_("Written"), export=Export.ART15, source=Source.USE)
    )
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=TICKET_TERMS,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
            subject="author_id",
        ),
    )


class TicketTag(Base):
    """A word by which agents group tickets."""

    __tablename__ = "ticket_tag"
    __table_args__ = table_args(
        UniqueConstraint("ticket_id", "tag"),
        Index("ix_ticket_tag_tag", "tag"),
        privacy=T(None, RowFate.KEEP_ROW, why="groups of requests, chosen by the team"),
    )

    id: Mapped[int] = primary_key()
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    tag: Mapped[str] = mapped_column(info=not_personal("the word"))


class TicketEvent(Base):
    """Something that happened to a ticket, never changed afterwards. `id` is the order of recording; the SLA engine
    replays events by (occurred_at, id). Payloads hold ids and codes, never texts (`app.tickets.events`)."""

    __tablename__ = "ticket_event"
    __table_args__ = table_args(
        Index("ix_ticket_event_ticket_id_occurred_at_id", "ticket_id", "occurred_at", "id"),
        privacy=T("actor_id", RowFate.KEEP_ROW, N_("What you did with requests")),
    )

    id: Mapped[int] = primary_key()
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    occurred_at: Mapped[datetime] = mapped_column(
        info=_of_the_ticket(Kind.DERIVED, N_("Time"), export=Export.ART15, on_erase="keep", source=Source.USE)
    )
    recorded_at: Mapped[datetime] = mapped_column(info=not_personal("when it was written down"))
    type: Mapped[str] = mapped_column(
        info=_of_the_ticket(
            Kind.DERIVED, N_("What happened"), export=Export.ART15, on_erase="keep", source=Source.USE
        )
    )
    actor_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=_of_the_ticket(Kind.IDENTIFIER, export=Export.NEVER, on_erase="keep", source=Source.USE),
    )
    author_kind: Mapped[str] = mapped_column(info=not_personal("customer, participant, agent or system"))
    is_requester: Mapped[bool] = mapped_column(info=not_personal("whether the actor is the requester"))
    public: Mapped[bool] = mapped_column(info=not_personal("whether the customer sees it"))
    auto: Mapped[bool] = mapped_column(info=not_personal("done by a machine"))
    payload: Mapped[dict[str, Any]] = mapped_column(
        Json,
        info=not_personal(
            "ids and codes only",
            keys=(
                "from",
                "to",
                "message_id",
                "*_id",
                "status",
                "priority",
                "proved",
                "by",
                "first_message",
                "reason",
                "count",
                "at",
            ),
        ),
    )


class TicketLink(Base):
    """The right behind the link in a letter: one ticket, one recipient, no password. Made newly usable by its seed,
    like a token; it lasts until 30 days after the ticket closed or until it is revoked."""

    __tablename__ = "ticket_link"
    __table_args__ = table_args(
        UniqueConstraint("ticket_id", "person_id"),
        privacy=T("person_id", label=N_("Links to single requests")),
    )

    id: Mapped[int] = primary_key()
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), index=True, info=not_personal("whom the letter went to")
    )
    seed: Mapped[str] = mapped_column(
        info=_of_the_ticket(Kind.CREDENTIAL, export=Export.NEVER, visible=Visible.SELF)
    )
    token_hash: Mapped[str] = mapped_column(
        unique=True, info=_of_the_ticket(Kind.CREDENTIAL, export=Export.NEVER, visible=Visible.SELF)
    )
    created_at: Mapped[datetime] = mapped_column(
        info=_of_the_ticket(Kind.DERIVED, N_("Made"), export=Export.ART15, source=Source.USE)
    )
    revoked_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it was withdrawn"))


class StaffAccess(Base):
    """A member of staff looked at a request or a file. Written before the page is sent."""

    __tablename__ = "staff_access"
    __table_args__ = table_args(
        Index("ix_staff_access_ticket_id_id", "ticket_id", "id"),
        Index("ix_staff_access_person_id_id", "person_id", "id"),
        privacy=T("ticket_id.requester_id", RowFate.KEEP_ROW, N_("When our team looked at your requests")),
    )

    id: Mapped[int] = primary_key()
    at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.AUDIT,
            N_("Time"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="RESTRICT"),
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
            subject="person_id",
        ),
    )
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    attachment_id: Mapped[int | None] = mapped_column(info=not_personal("the file, if it was one"))


class SlaClock(Base):
    """One run of one clock of one ticket, derived from its events; can be made again at any time."""

    __tablename__ = "sla_clock"
    __table_args__ = table_args(
        UniqueConstraint("ticket_id", "metric", "run_no"),
        privacy=T(None, RowFate.KEEP_ROW, why="times of work, counted for reports after erasure too"),
    )

    id: Mapped[int] = primary_key()
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    metric: Mapped[str] = mapped_column(info=not_personal("which clock"))
    run_no: Mapped[int] = mapped_column(info=not_personal("counts from 1"))
    state: Mapped[str] = mapped_column(info=not_personal("running, paused, met, breached or cancelled"))
    started_at: Mapped[datetime] = mapped_column(info=not_personal("start"))
    due_at: Mapped[datetime | None] = mapped_column(info=not_personal("promised instant"))
    warn_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it warns"))
    fulfilled_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it was kept"))
    fulfilled_by_event_id: Mapped[int | None] = mapped_column(info=not_personal("event that kept it"))
    breached_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it was missed"))
    target_minutes: Mapped[int | None] = mapped_column(info=not_personal("promised business minutes"))
    elapsed_seconds: Mapped[int] = mapped_column(info=not_personal("business seconds run"))
    paused_seconds: Mapped[int] = mapped_column(info=not_personal("business seconds paused"))
    remaining_seconds: Mapped[int | None] = mapped_column(info=not_personal("business seconds left"))
    policy_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("sla_policy_version.id", ondelete="SET NULL"), index=True, info=not_personal("the promise")
    )


class SlaBreach(Base):
    """A missed promise. Never deleted: one that is no longer true is superseded, one with a good reason excused."""

    __tablename__ = "sla_breach"
    __table_args__ = table_args(
        UniqueConstraint("ticket_id", "metric", "run_no", "due_at"),
        privacy=T("assignee_id", RowFate.KEEP_ROW, N_("Missed deadlines of requests assigned to you")),
    )

    id: Mapped[int] = primary_key()
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    metric: Mapped[str] = mapped_column(info=not_personal("which clock"))
    run_no: Mapped[int] = mapped_column(info=not_personal("which run"))
    due_at: Mapped[datetime] = mapped_column(info=not_personal("promised instant"))
    breached_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Time"),
            purpose=Purpose.SUPPORT,
            retain=TICKET_TERMS,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )
    detected_at: Mapped[datetime] = mapped_column(info=not_personal("when it was noticed"))
    fulfilled_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it was kept after all"))
    overdue_seconds: Mapped[int | None] = mapped_column(info=not_personal("business seconds late"))
    assignee_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.SUPPORT,
            retain=TICKET_TERMS,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
        ),
    )
    team_id: Mapped[int | None] = mapped_column(
        ForeignKey("team.id", ondelete="SET NULL"), index=True, info=not_personal("team that had it")
    )
    policy_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("sla_policy_version.id", ondelete="SET NULL"), index=True, info=not_personal("the promise")
    )
    calendar_version: Mapped[int | None] = mapped_column(info=not_personal("version of the calendar used"))
    superseded_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it stopped being true"))
    superseded_reason: Mapped[str | None] = mapped_column(info=not_personal("code of the reason"))
    excused_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            on_erase="keep",
            source=Source.USE,
            subject="excused_by_id",
        ),
    )
    excused_reason: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.CONTENT,
            purpose=Purpose.SUPPORT,
            retain=TICKET_TERMS,
            export=Export.NEVER,
            on_erase="clear",
            source=Source.STAFF,
        )
    )


class UsualWait(Base):
    """How long half of the like requests of late waited for their first answer; a figure, counted anew every day."""

    __tablename__ = "usual_wait"
    __table_args__ = table_args(
        UniqueConstraint("request_type_id", "priority"),
        privacy=T(None, RowFate.KEEP_ROW, why="a figure over at least 30 requests"),
    )

    id: Mapped[int] = primary_key()
    request_type_id: Mapped[int | None] = mapped_column(
        ForeignKey("request_type.id", ondelete="CASCADE"), info=not_personal("what they are about")
    )
    priority: Mapped[str] = mapped_column(info=not_personal("priority they have"))
    seconds: Mapped[int] = mapped_column(info=not_personal("median of business seconds"))
    count: Mapped[int] = mapped_column(info=not_personal("how many requests it was made of"))
    computed_at: Mapped[datetime] = mapped_column(info=not_personal("when it was counted"))


class SlaFired(Base):
    """A warning or escalation that happened, once for each clock run, step and due instant."""

    __tablename__ = "sla_fired"
    __table_args__ = table_args(
        UniqueConstraint("ticket_id", "metric", "run_no", "step", "due_at"),
        privacy=T(None, RowFate.KEEP_ROW, why="times of work"),
    )

    id: Mapped[int] = primary_key()
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("ticket.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    metric: Mapped[str] = mapped_column(info=not_personal("which clock"))
    run_no: Mapped[int] = mapped_column(info=not_personal("which run"))
    step: Mapped[str] = mapped_column(info=not_personal("which step"))
    due_at: Mapped[datetime] = mapped_column(info=not_personal("promised instant"))
    sent_at: Mapped[datetime] = mapped_column(info=not_personal("when it happened"))
