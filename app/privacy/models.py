"""Tables of data protection: requests of people, the steps of an erasure, legal holds, the position in the ledger,
certificates, black-outs, recipients, and what a statute demands to keep of somebody who is erased. No rule is decided
here.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Json, Localised, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, RowFate, Source, T, Visible, not_personal, personal
from app.words import N_

ERASURE, EXPORT, ACCESS, RECTIFICATION, RESTRICTION, OBJECTION = (
    "erasure",
    "export",
    "access",
    "rectification",
    "restriction",
    "objection",
)
KINDS = (ERASURE, EXPORT, ACCESS, RECTIFICATION, RESTRICTION, OBJECTION)

# open: somebody has to act. grace: can be taken back until `run_at`. running, failed: the worker is at it.
# held: a legal hold keeps everything back; it goes on when that is released.
OPEN, GRACE, RUNNING, FAILED, HELD = "open", "grace", "running", "failed", "held"
DONE, WITHDRAWN, REFUSED = "done", "withdrawn", "refused"
STATES = (OPEN, GRACE, RUNNING, FAILED, HELD, DONE, WITHDRAWN, REFUSED)
UNFINISHED = (OPEN, GRACE, RUNNING, FAILED, HELD)

PERSON, TICKET, MESSAGE, FILE, PASSAGE = "person", "ticket", "message", "file", "passage"
SCOPES = (PERSON, TICKET, MESSAGE, FILE)

GROUNDS = ("legal_case", "dispute", "claim", "authority")  # why a hold, as far as the person is told


def _of_the_request(kind: Kind, label: str = "", **more: Any) -> dict[str, Any]:
    """A column of the proof of what we did on somebody's request."""
    more.setdefault("source", Source.USE)
    return personal(kind, label, purpose=Purpose.ACCOUNTABILITY, retain=Retain.DSR_LOG, **more)


def _who(column: str) -> dict[str, Any]:
    """A column that names the member of the team who did something."""
    return personal(
        Kind.IDENTIFIER,
        purpose=Purpose.ACCOUNTABILITY,
        retain=Retain.AUDIT,
        export=Export.NEVER,
        on_erase="keep",
        source=Source.USE,
        subject=column,
    )


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class PrivacyRequest(Base):
    """One request under GDPR Art. 15 to 21 and what becomes of it.

    `scope` says what it is about; `scope_key` is the public id of a ticket or message, or a file's storage key.
    `subject_*` hold what an erasure needs to find her in every store; they are emptied with its last step.
    """

    __tablename__ = "privacy_request"
    __table_args__ = table_args(
        CheckConstraint(_one_of("kind", KINDS), name="kind"),
        CheckConstraint(_one_of("state", STATES), name="state"),
        CheckConstraint(_one_of("scope", SCOPES), name="scope"),
        Index("ix_privacy_request_person_id_kind_id", "person_id", "kind", "id"),
        Index("ix_privacy_request_state_due_at_id", "state", "due_at", "id"),
        privacy=T("person_id", RowFate.KEEP_ROW, N_("Your data protection requests")),
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True, default=lambda: str(uuid.uuid4()), info=not_personal("name of the request in addresses")
    )
    certificate_key: Mapped[str] = mapped_column(
        unique=True,
        default=lambda: str(uuid.uuid4()),
        info=not_personal("random name of the certificate to come"),
    )
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"), info=not_personal("whose request it is")
    )
    kind: Mapped[str] = mapped_column(
        info=_of_the_request(Kind.DERIVED, N_("What you asked for"), export=Export.ART15, on_erase="keep")
    )
    state: Mapped[str] = mapped_column(
        info=_of_the_request(Kind.DERIVED, N_("State"), export=Export.ART15, on_erase="keep")
    )
    scope: Mapped[str] = mapped_column(default=PERSON, info=not_personal("what it is about"))
    scope_key: Mapped[str] = mapped_column(default="", info=not_personal("public id of what it is about"))
    started_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"),
        index=True,
        info=_who("started_by_id"),
    )
    note: Mapped[str] = mapped_column(
        default="",
        info=_of_the_request(
            Kind.CONTENT,
            N_("What you told us"),
            export=Export.ART15,
            on_erase="clear",
            source=Source.PERSON,
        ),
    )
    answer: Mapped[str] = mapped_column(
        default="",
        info=_of_the_request(
            Kind.CONTENT, N_("Our answer"), export=Export.ART15, on_erase="clear", source=Source.STAFF
        ),
    )
    former: Mapped[str | None] = mapped_column(
        info=_of_the_request(
            Kind.IDENTIFIER,
            N_("Former names and addresses to be removed too"),
            export=Export.ART15,
            on_erase="clear",
            source=Source.PERSON,
        )
    )
    plan: Mapped[dict[str, Any] | None] = mapped_column(
        Json,
        info=not_personal(
            "numbers, reasons, dates and public ids; no contents",
            keys=("on", "scope", "key", "lines", "delete", "restrict", "texts", "held"),
        ),
    )
    plan_digest: Mapped[str] = mapped_column(default="", info=not_personal("digest of the plan"))
    created_at: Mapped[datetime] = mapped_column(
        info=_of_the_request(Kind.DERIVED, N_("Received"), export=Export.ART15, on_erase="keep")
    )
    due_at: Mapped[datetime] = mapped_column(
        info=_of_the_request(Kind.DERIVED, N_("To be answered until"), export=Export.ART15, on_erase="keep")
    )
    extended_reason: Mapped[str] = mapped_column(
        default="",
        info=_of_the_request(
            Kind.CONTENT,
            N_("Why the answer takes longer"),
            export=Export.ART15,
            on_erase="clear",
            source=Source.STAFF,
        ),
    )
    run_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it is carried out"))
    started_at: Mapped[datetime | None] = mapped_column(info=not_personal("when the worker began"))
    done_at: Mapped[datetime | None] = mapped_column(
        info=_of_the_request(Kind.DERIVED, N_("Done"), export=Export.ART15, on_erase="keep")
    )
    progress_done: Mapped[int] = mapped_column(default=0, info=not_personal("number of rows and files done"))
    progress_total: Mapped[int] = mapped_column(default=0, info=not_personal("number of rows and files"))
    job_id: Mapped[int | None] = mapped_column(info=not_personal("the job that carries it out"))
    letter_job_id: Mapped[int | None] = mapped_column(info=not_personal("the job of the last letter"))
    subject_email: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.CONTACT,
            purpose=Purpose.DELIVERY,
            retain=Retain.MAIL_QUEUE,
            export=Export.NEVER,
            on_erase="clear",
            source=Source.USE,
            visible=Visible.SELF,
        )
    )
    subject_name: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.DELIVERY,
            retain=Retain.MAIL_QUEUE,
            export=Export.NEVER,
            on_erase="clear",
            source=Source.USE,
            visible=Visible.SELF,
        )
    )
    subject_lang: Mapped[str | None] = mapped_column(info=not_personal("language of the last letter"))


class JobStep(Base):
    """One step of an erasure over one store: where it stands, so that it goes on there after a crash."""

    __tablename__ = "privacy_job_step"
    __table_args__ = table_args(
        UniqueConstraint("request_id", "name"),
        CheckConstraint(_one_of("state", ("waiting", "running", "failed", "done")), name="state"),
        privacy=T(None, RowFate.KEEP_ROW, why="counts and states of work"),
    )

    id: Mapped[int] = primary_key()
    request_id: Mapped[int] = mapped_column(
        ForeignKey("privacy_request.id", ondelete="CASCADE"), info=not_personal("the request")
    )
    name: Mapped[str] = mapped_column(info=not_personal("which step"))
    position: Mapped[int] = mapped_column(info=not_personal("order of the steps"))
    state: Mapped[str] = mapped_column(default="waiting", info=not_personal("state of the step"))
    count: Mapped[int] = mapped_column(default=0, info=not_personal("how many rows or files were changed"))
    tries: Mapped[int] = mapped_column(default=0, info=not_personal("how often it was begun"))
    done_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it ended"))
    error: Mapped[str] = mapped_column(
        default="", info=not_personal("kind of the last fault and where it arose, never its values")
    )


class LegalHold(Base):
    """A case for which something may not be deleted: proposed by one admin, in force once a second one confirms it,
    until it is released. It is looked at again on `review_on`, six months ahead at most."""

    __tablename__ = "legal_hold"
    __table_args__ = table_args(
        CheckConstraint("(person_id IS NULL) <> (ticket_id IS NULL)", name="one_of"),
        CheckConstraint("confirmed_by_id IS NULL OR confirmed_by_id <> proposed_by_id", name="two_admins"),
        CheckConstraint(_one_of("ground", GROUNDS), name="ground"),
        Index("ix_legal_hold_released_at_review_on", "released_at", "review_on", "id"),
        privacy=T("person_id", RowFate.KEEP_ROW, N_("Cases for which data may not be deleted")),
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True, default=lambda: str(uuid.uuid4()), info=not_personal("name of the hold in addresses")
    )
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="RESTRICT"), index=True, info=not_personal("whose data are held")
    )
    ticket_id: Mapped[int | None] = mapped_column(
        ForeignKey("ticket.id", ondelete="RESTRICT"), index=True, info=not_personal("the request held")
    )
    ground: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Kind of case"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.LEGAL_HOLD,
            export=Export.ART15,
            on_erase="keep",
            source=Source.STAFF,
        )
    )
    reason: Mapped[str] = mapped_column(
        info=personal(
            Kind.CONTENT,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.LEGAL_HOLD,
            export=Export.NEVER,
            on_erase="clear",
            source=Source.STAFF,
        )
    )
    review_on: Mapped[date] = mapped_column(info=not_personal("day of the next look"))
    proposed_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"), index=True, info=_who("proposed_by_id")
    )
    proposed_at: Mapped[datetime] = mapped_column(info=not_personal("when it was proposed"))
    confirmed_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"), index=True, info=_who("confirmed_by_id")
    )
    confirmed_at: Mapped[datetime | None] = mapped_column(info=not_personal("since when it is in force"))
    released_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"), index=True, info=_who("released_by_id")
    )
    released_at: Mapped[datetime | None] = mapped_column(info=not_personal("when it ended"))


class ErasureRecord(Base):
    """An entry of the ledger that this database has carried out. A restored database lacks the newest ones."""

    __tablename__ = "erasure_record"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="position in the ledger"))

    id: Mapped[int] = primary_key()
    number: Mapped[int] = mapped_column(unique=True, info=not_personal("number of the entry"))
    digest: Mapped[str] = mapped_column(info=not_personal("digest of the entry"))
    at: Mapped[datetime] = mapped_column(info=not_personal("when it was carried out here"))


class Certificate(Base):
    """What was erased, in numbers, verified afterwards. Says nothing about whom; its name is random."""

    __tablename__ = "certificate"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="numbers without a person"))

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True, default=lambda: str(uuid.uuid4()), info=not_personal("random name")
    )
    request_id: Mapped[int | None] = mapped_column(
        ForeignKey("privacy_request.id", ondelete="SET NULL"), index=True, info=not_personal("the request")
    )
    scope: Mapped[str] = mapped_column(info=not_personal("person, ticket, message or file"))
    plan_digest: Mapped[str] = mapped_column(info=not_personal("digest of the plan"))
    ledger_number: Mapped[int] = mapped_column(info=not_personal("entry in the ledger"))
    ledger_digest: Mapped[str] = mapped_column(info=not_personal("digest of that entry"))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(
        Json,
        info=not_personal("numbers, reasons and dates", keys=("group", "action", "count", "reason", "until")),
    )
    steps: Mapped[list[dict[str, Any]]] = mapped_column(
        Json, info=not_personal("stores and numbers", keys=("name", "count"))
    )
    leftovers: Mapped[int] = mapped_column(info=not_personal("what the verification found"))
    verified_at: Mapped[datetime] = mapped_column(info=not_personal("when it was verified"))


class Blackout(Base):
    """A passage or file that was removed wherever it stood: where, why and by whom, never what."""

    __tablename__ = "blackout"
    __table_args__ = table_args(
        privacy=T(
            None, RowFate.KEEP_ROW, N_("Black-outs"), why="places and a reason, of nobody in particular"
        )
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True, default=lambda: str(uuid.uuid4()), info=not_personal("random name")
    )
    kind: Mapped[str] = mapped_column(info=not_personal("passage or file"))
    reason: Mapped[str] = mapped_column(
        info=personal(
            Kind.CONTENT,
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.AUDIT,
            export=Export.NEVER,
            on_erase="clear",
            source=Source.STAFF,
        )
    )
    actor_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="SET NULL"), index=True, info=_who("actor_id")
    )
    at: Mapped[datetime] = mapped_column(info=not_personal("when"))
    places: Mapped[list[str]] = mapped_column(Json, info=not_personal("tables and row numbers", keys=("*",)))


class RetainedIdentity(Base):
    """Name and address of an erased person whose business letters must be kept (HGB 257, AO 147): a letter without
    its sender is none. Nobody sees it but the privacy officer; it is deleted with the last of the letters."""

    __tablename__ = "retained_identity"
    __table_args__ = table_args(
        privacy=T("person_id", RowFate.RESTRICT, N_("Sender of business letters that must be kept"))
    )

    id: Mapped[int] = primary_key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="RESTRICT"), unique=True, info=not_personal("whose they were")
    )
    name: Mapped[str] = mapped_column(
        info=personal(
            Kind.IDENTIFIER,
            N_("Name"),
            purpose=Purpose.STATUTE,
            retain=(Retain.TRADE_LETTER, Retain.RECEIPT, Retain.LEGAL_HOLD),
            export=Export.ART15,
        )
    )
    email: Mapped[str] = mapped_column(
        info=personal(
            Kind.CONTACT,
            N_("Email address"),
            purpose=Purpose.STATUTE,
            retain=(Retain.TRADE_LETTER, Retain.RECEIPT, Retain.LEGAL_HOLD),
            export=Export.ART15,
        )
    )
    until: Mapped[date | None] = mapped_column(info=not_personal("last day; none while a case is open"))


class Recipient(Base):
    """Somebody outside who handles data for the operator: a processor with a contract under GDPR Art. 28, or another
    recipient. The people whose data they handle are told by name (Art. 15(1)(c); CJEU C-154/21)."""

    __tablename__ = "recipient"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="companies, not persons"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(info=not_personal("a company's name"))
    sort_name: Mapped[str] = mapped_column(info=not_personal("how the name sorts"))
    purpose: Mapped[dict[str, str]] = mapped_column(
        Localised, info=not_personal("what it does for the operator", keys=("*",))
    )
    country: Mapped[str] = mapped_column(info=not_personal("where it handles the data"))
    contract_on: Mapped[date | None] = mapped_column(info=not_personal("day of the contract"))
    created_at: Mapped[datetime] = mapped_column(info=not_personal("when it was entered"))
