"""The log of consents as a store: its rows are proof and stay, but none of an erased person may go on."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import consents
from app.accounts.consents import Consent
from app.now import now
from app.privacy.sinks import Finding, Subject


class ConsentSink:
    """Consents of a person. Rows of the database are found by its own sink; this one ends what is in force."""

    name = "consents"

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, subject: Subject) -> list[Finding]:
        return []

    def erase(self, subject: Subject) -> int:
        """End her consents. What stays names nobody: a keyed hash of the address, and when it ended."""
        if subject.person_id is None:
            return 0
        return consents.end_all(self.session, [subject.person_id], through=consents.ERASURE, now=now())

    def verify(self, subject: Subject) -> list[Finding]:
        """Consents that still count, or still carry the key of a link."""
        left = select(Consent.id).where(
            Consent.person_id == subject.person_id,
            Consent.withdrawn_at.is_(None) | Consent.seed.is_not(None),
        )
        return [Finding(self.name, f"consent/{row}", own=True) for row in self.session.scalars(left)]

    def owns(self, path: Path) -> bool:
        return False  # the table lies in the database's file
