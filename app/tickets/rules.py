"""What the installation says about requests, as plain values for the services: its key, its zone and its periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.preferences import Preferences

LETTERS_AN_HOUR = 3  # automatic confirmations to one address; more would make the form a relay for spam


@dataclass(frozen=True, slots=True)
class Rules:
    """`undo` is how long a sent reply may be taken back; `letters_an_hour` None means: as many as needed."""

    secret: str
    time_zone: str
    undo: timedelta
    reopen: timedelta
    closing: timedelta
    unproved: timedelta
    link: timedelta
    letters_an_hour: int | None = LETTERS_AN_HOUR

    @classmethod
    def of(
        cls, preferences: Preferences, *, secret: str, time_zone: str, undo_seconds: int, limited: bool
    ) -> Rules:
        """From the settings of the host (`config`) and those in the database."""
        return cls(
            secret=secret,
            time_zone=time_zone,
            undo=timedelta(seconds=undo_seconds),
            reopen=preferences.period("period_reopen_days"),
            closing=preferences.period("period_closing_days"),
            unproved=preferences.period("period_unproved_days"),
            link=preferences.period("period_ticket_link_days"),
            letters_an_hour=LETTERS_AN_HOUR if limited else None,
        )
