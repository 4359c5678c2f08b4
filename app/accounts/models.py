"""Tables of people: persons with their grants and sessions, tokens, organisations, teams, segments.

One table `person` holds guests, customers, staff and everybody who ever wrote. No rule is decided here.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Json, primary_key, table_args
from app.personal import (
    Export,
    Kind,
    Purpose,
    Retain,
    RowFate,
    Source,
    T,
    Visible,
    not_personal,
    personal,
)
from app.words import N_

CUSTOMER, STAFF = "customer", "staff"
ADMIN, AGENT, LEAD, EDITOR, PRIVACY_OFFICER = "admin", "agent", "lead", "editor", "privacy_officer"
ROLES = (ADMIN, LEAD, AGENT, EDITOR, PRIVACY_OFFICER)
MEMBER, COLLEAGUE, MANAGER = "member", "colleague", "manager"
MEMBERSHIP_ROLES = (MEMBER, COLLEAGUE, MANAGER)


class Person(Base):
    """A human being known to the portal. `public_id` names her to the outside and is never reused.

    Without a password she is a guest; `proved_at` says when she proved that the address is hers. `erasing_at` is set
    while she can still take back her deletion, `erased_at` once only a pseudonym is left.
    """

    __tablename__ = "person"
    __table_args__ = table_args(
        CheckConstraint("kind IN ('customer', 'staff')", name="kind"),
        Index("ix_person_sort_name_id", "sort_name", "id"),
        Index("ix_person_kind_sort_name_id", "kind", "sort_name", "id"),
        privacy=T("self", RowFate.KEEP_ROW, N_("Your account")),
    )

    id: Mapped[int] = primary_key()
    public_id: Mapped[str] = mapped_column(
        unique=True,
        default=lambda: str(uuid.uuid4()),
        info=personal(
            Kind.IDENTIFIER,
            N_("Account number"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        ),
    )
    kind: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Kind of account"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            on_erase="keep",
            source=Source.STAFF,
        )
    )
    name: Mapped[str] = mapped_column(
        info=personal(
            Kind.IDENTIFIER,
            N_("Name"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            on_erase="replace:pseudonym_name",
            visible=Visible.THIRD_PARTY_MASKED,
        )
    )
    sort_name: Mapped[str] = mapped_column(
        info=personal(
            Kind.IDENTIFIER,
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.NEVER,
            on_erase="replace:pseudonym_name",
        )
    )
    email: Mapped[str] = mapped_column(
        unique=True,
        info=personal(
            Kind.CONTACT,
            N_("Email address"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            on_erase="replace:pseudonym_address",
        ),
    )
    password_hash: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.CREDENTIAL,
            N_("Password (only a check value that cannot be turned back)"),
            purpose=Purpose.SECURITY,
            retain=Retain.ACCOUNT,
            export=Export.NEVER,
            on_erase="clear",
            visible=Visible.SELF,
        )
    )
    language: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.PREFERENCE,
            N_("Language"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            on_erase="clear",
        )
    )
    theme: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.PREFERENCE,
            N_("Appearance"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            on_erase="clear",
        )
    )
    proved_at: Mapped[datetime | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Address confirmed"),
            purpose=Purpose.SECURITY,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            on_erase="clear",
            source=Source.USE,
        )
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Account created"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            on_erase="keep",
            source=Source.USE,
        )
    )
    last_seen_at: Mapped[datetime | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Last visit"),
            purpose=Purpose.SECURITY,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            on_erase="clear",
            source=Source.USE,
        )
    )
    disabled_at: Mapped[datetime | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Account closed"),
            purpose=Purpose.SECURITY,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            on_erase="keep",
            source=Source.STAFF,
        )
    )
    erasing_at: Mapped[datetime | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("To be deleted from"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            on_erase="clear",
        )
    )
    erased_at: Mapped[datetime | None] = mapped_column(
        info=not_personal("since when the row is a pseudonym without a person")
    )


class Grant(Base):
    """A right given to a member of staff; a lead's is for one team, an editor's for one category or all."""

    __tablename__ = "grant"
    __table_args__ = table_args(
        CheckConstraint("role IN ('admin', 'lead', 'agent', 'editor', 'privacy_officer')", name="role"),
        privacy=T("person_id", label=N_("Your rights")),
    )

    id: Mapped[int] = primary_key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), index=True, info=not_personal("whose right it is")
    )
    role: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Right"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )
    team_id: Mapped[int | None] = mapped_column(
        ForeignKey("team.id", ondelete="CASCADE"), index=True, info=not_personal("the team of a lead")
    )
    category_id: Mapped[int | None] = mapped_column(
        ForeignKey("category.id", ondelete="CASCADE"),
        index=True,
        info=not_personal("the category of an editor"),
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Since"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )


class Organisation(Base):
    """A company among the customers."""

    __tablename__ = "organisation"
    __table_args__ = table_args(
        Index("ix_organisation_sort_name_id", "sort_name", "id"),
        privacy=T(None, RowFate.KEEP_ROW, why="a company, not a person"),
    )

    id: Mapped[int] = primary_key()
    slug: Mapped[str] = mapped_column(unique=True, info=not_personal("short name in audiences"))
    name: Mapped[str] = mapped_column(info=not_personal("a company's name"))
    sort_name: Mapped[str] = mapped_column(info=not_personal("how the name sorts"))
    created_at: Mapped[datetime] = mapped_column(info=not_personal("when it was added"))


class Membership(Base):
    """A person's place in an organisation: member (own requests), colleague (all of the organisation's),
    manager (also invites and removes)."""

    __tablename__ = "membership"
    __table_args__ = table_args(
        UniqueConstraint("organisation_id", "person_id"),
        CheckConstraint("role IN ('member', 'colleague', 'manager')", name="role"),
        privacy=T("person_id", label=N_("Your organisations")),
    )

    id: Mapped[int] = primary_key()
    organisation_id: Mapped[int] = mapped_column(
        ForeignKey("organisation.id", ondelete="CASCADE"),
        info=personal(
            Kind.DERIVED,
            N_("Organisation"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        ),
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), index=True, info=not_personal("whose membership it is")
    )
    role: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Role in it"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Since"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )


class Team(Base):
    """A group of agents."""

    __tablename__ = "team"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="a group, not a person"))

    id: Mapped[int] = primary_key()
    name: Mapped[str] = mapped_column(unique=True, info=not_personal("name of the team"))
    sort_name: Mapped[str] = mapped_column(info=not_personal("how the name sorts"))
    created_at: Mapped[datetime] = mapped_column(info=not_personal("when it was added"))


class TeamMember(Base):
    """A member of staff in a team."""

    __tablename__ = "team_member"
    __table_args__ = table_args(
        UniqueConstraint("team_id", "person_id"), privacy=T("person_id", label=N_("Your teams"))
    )

    id: Mapped[int] = primary_key()
    team_id: Mapped[int] = mapped_column(
        ForeignKey("team.id", ondelete="CASCADE"),
        info=personal(
            Kind.DERIVED,
            N_("Team"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        ),
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), index=True, info=not_personal("who is in the team")
    )


class Segment(Base):
    """A group of customers across organisations ("customers with a maintenance contract")."""

    __tablename__ = "segment"
    __table_args__ = table_args(privacy=T(None, RowFate.KEEP_ROW, why="a group, not a person"))

    id: Mapped[int] = primary_key()
    slug: Mapped[str] = mapped_column(unique=True, info=not_personal("short name in audiences"))
    name: Mapped[str] = mapped_column(info=not_personal("name of the segment"))


class SegmentMember(Base):
    """An organisation or a person in a segment."""

    __tablename__ = "segment_member"
    __table_args__ = table_args(
        UniqueConstraint("segment_id", "organisation_id"),
        UniqueConstraint("segment_id", "person_id"),
        CheckConstraint("(organisation_id IS NULL) <> (person_id IS NULL)", name="one_of"),
        privacy=T("person_id", label=N_("Your customer groups")),
    )

    id: Mapped[int] = primary_key()
    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segment.id", ondelete="CASCADE"),
        info=personal(
            Kind.DERIVED,
            N_("Customer group"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        ),
    )
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id", ondelete="CASCADE"), index=True, info=not_personal("a company")
    )
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), index=True, info=not_personal("who is in the segment")
    )


class UserSession(Base):
    """One sign-in on one device. The cookie holds a random token; only its hash is here. A row that is gone or
    ended cannot be used again."""

    __tablename__ = "user_session"
    __table_args__ = table_args(privacy=T("person_id", label=N_("Signed-in devices")))

    id: Mapped[int] = primary_key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), index=True, info=not_personal("who is signed in")
    )
    token_hash: Mapped[str] = mapped_column(
        unique=True,
        info=personal(
            Kind.CREDENTIAL,
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.NEVER,
            visible=Visible.SELF,
        ),
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Signed in"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
            visible=Visible.SELF,
        )
    )
    seen_at: Mapped[datetime] = mapped_column(
        index=True,
        info=personal(
            Kind.DERIVED,
            N_("Last visit"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
            visible=Visible.SELF,
        ),
    )
    device: Mapped[str] = mapped_column(
        info=personal(
            Kind.NETWORK,
            N_("Browser and system"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
            visible=Visible.SELF,
        )
    )
    network: Mapped[str] = mapped_column(
        info=personal(
            Kind.NETWORK,
            N_("Network address (shortened)"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
            visible=Visible.SELF,
        )
    )


class Token(Base):
    """The right that a link in a letter carries: for one purpose, one person, one time, until it expires.

    `subject` is the new address while a change of address waits, and the old one after it. An invitation may offer a
    role in an organisation.

    The link's secret is derived from `seed` and the portal's key when the letter is written, so a letter written
    again carries the same link; only the secret's hash is stored.
    """

    __tablename__ = "token"
    __table_args__ = table_args(
        Index("ix_token_person_id_purpose", "person_id", "purpose"),
        privacy=T("person_id", label=N_("Links we sent you")),
    )

    id: Mapped[int] = primary_key()
    purpose: Mapped[str] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("What the link is for"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
        )
    )
    seed: Mapped[str] = mapped_column(
        info=personal(
            Kind.CREDENTIAL,
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.NEVER,
            visible=Visible.SELF,
        )
    )
    token_hash: Mapped[str] = mapped_column(
        unique=True,
        info=personal(
            Kind.CREDENTIAL,
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.NEVER,
            visible=Visible.SELF,
        ),
    )
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), info=not_personal("whom the letter went to")
    )
    subject: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.CONTACT,
            N_("Email address before or after a change"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
        )
    )
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id", ondelete="CASCADE"),
        index=True,
        info=personal(
            Kind.DERIVED,
            N_("Organisation you were invited to"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.STAFF,
        ),
    )
    membership_role: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Role offered there"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )
    pending_name: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.IDENTIFIER,
            N_("Name given at sign-up"),
            purpose=Purpose.ACCOUNT,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
        )
    )
    pending_password_hash: Mapped[str | None] = mapped_column(
        info=personal(
            Kind.CREDENTIAL,
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.NEVER,
            visible=Visible.SELF,
        )
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Sent"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
        )
    )
    expires_at: Mapped[datetime] = mapped_column(
        index=True,
        info=personal(
            Kind.DERIVED,
            N_("Valid until"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
        ),
    )
    used_at: Mapped[datetime | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Used"),
            purpose=Purpose.SECURITY,
            retain=Retain.SECURITY_LOG,
            export=Export.ART15,
            source=Source.USE,
        )
    )


class ApiToken(Base):
    """The right of a program to see and do through the JSON doors what one person may, within some scopes."""

    __tablename__ = "api_token"
    __table_args__ = table_args(privacy=T("person_id", label=N_("Keys for programs")))

    id: Mapped[int] = primary_key()
    person_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), index=True, info=not_personal("whose rights it carries")
    )
    token_hash: Mapped[str] = mapped_column(
        unique=True,
        info=personal(
            Kind.CREDENTIAL,
            purpose=Purpose.SECURITY,
            retain=Retain.ACCOUNT,
            export=Export.NEVER,
            visible=Visible.SELF,
        ),
    )
    scopes: Mapped[list[str]] = mapped_column(Json, info=not_personal("what the key opens", keys=("*",)))
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Created"),
            purpose=Purpose.SECURITY,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )
    revoked_at: Mapped[datetime | None] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Revoked"),
            purpose=Purpose.SECURITY,
            retain=Retain.ACCOUNT,
            export=Export.ART15,
            source=Source.STAFF,
        )
    )
