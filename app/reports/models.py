"""The table of trial replays: what a draft would have promised and how it would have been kept.

A run is a passing thing: its author has at most one, and it goes after a week.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Json, primary_key, table_args
from app.personal import Export, Kind, Purpose, Retain, Source, T, not_personal, personal
from app.words import N_

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
UNDER_WAY = (QUEUED, RUNNING, FAILED)  # a failed one is tried again by its job


class WhatIfRun(Base):
    """One trial of a draft over the tickets created from `since` until the run was started (`created_at`)."""

    __tablename__ = "what_if_run"
    __table_args__ = table_args(
        CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
        Index("ix_what_if_run_created_at", "created_at"),
        privacy=T("author_id", label=N_("Promises you tried out")),
    )

    id: Mapped[int] = primary_key()
    author_id: Mapped[int] = mapped_column(
        ForeignKey("person.id", ondelete="CASCADE"), unique=True, info=not_personal("whose run it is")
    )
    policy_id: Mapped[int] = mapped_column(
        ForeignKey("sla_policy.id", ondelete="CASCADE"), index=True, info=not_personal("which policy")
    )
    created_at: Mapped[datetime] = mapped_column(
        info=personal(
            Kind.DERIVED,
            N_("Started"),
            purpose=Purpose.ACCOUNTABILITY,
            retain=Retain.MAIL_QUEUE,
            export=Export.ART15,
            source=Source.USE,
        )
    )
    since: Mapped[datetime] = mapped_column(info=not_personal("tickets created from here on are replayed"))
    draft: Mapped[dict[str, Any]] = mapped_column(
        Json,
        info=not_personal(
            "targets and hours that are tried, and those they replace", keys=("targets", "week")
        ),
    )
    state: Mapped[str] = mapped_column(info=not_personal("state of the work"))
    done: Mapped[int] = mapped_column(info=not_personal("tickets replayed so far"))
    total: Mapped[int] = mapped_column(info=not_personal("tickets to replay"))
    result: Mapped[dict[str, Any] | None] = mapped_column(
        Json,
        info=not_personal(
            "counts by metric, team and priority; row numbers of tickets that differ",
            keys=("tickets", "cells", "better", "worse", "differing"),
        ),
    )
