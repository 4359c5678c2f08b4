"""The store of later work: jobs about a person or her requests are taken out before they act. Jobs hold row numbers
only; their kinds are not known here.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Token
from app.outbox import Job
from app.privacy.facts import blocks
from app.privacy.sinks import Finding, Subject
from app.tickets.models import Message, Ticket

AT_ONCE = 500
OURS = "privacy."  # the erasure's own jobs name nothing but their request


class JobSink:
    """Jobs that name a person, her links, her requests or her messages by their row numbers."""

    name = "jobs"

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, subject: Subject) -> list[Finding]:
        return [Finding(self.name, f"job/{key}", own=True) for key in self._hers(subject)]

    def erase(self, subject: Subject) -> int:
        """Remove her jobs, done ones included. Gives how many."""
        hers = self._hers(subject)
        for block in blocks(hers):
            self.session.execute(delete(Job).where(Job.id.in_(block)))
        return len(hers)

    def verify(self, subject: Subject) -> list[Finding]:
        return self.find(subject)

    def owns(self, path: Path) -> bool:
        return False  # the table lies in the database's file

    def _hers(self, subject: Subject) -> list[int]:
        if subject.person_id is None:
            return []
        found, last = [], 0
        while rows := self.session.execute(
            select(Job.id, Job.ids)
            .where(Job.id > last, Job.name.not_like(f"{OURS}%"))
            .order_by(Job.id)
            .limit(AT_ONCE)
        ).all():
            last = rows[-1][0]
            hers = self._of_her([row[1] for row in rows], subject.person_id)
            found += [key for key, ids in rows if any((name, ids.get(name)) in hers for name in ids)]
        return found

    def _of_her(
        self, named: Collection[dict[str, int | str]], person_id: int
    ) -> set[tuple[str, int | str | None]]:
        """Which of the named rows are hers, as (name in the job, row number)."""
        owners = {
            "token_id": select(Token.id).where(Token.person_id == person_id),
            "ticket_id": select(Ticket.id).where(Ticket.requester_id == person_id),
            "message_id": select(Message.id).where(
                or_(
                    Message.author_id == person_id,
                    Message.ticket_id.in_(select(Ticket.id).where(Ticket.requester_id == person_id)),
                )
            ),
        }
        hers: set[tuple[str, int | str | None]] = {("person_id", person_id)}
        for name, owned in owners.items():
            wanted = {ids[name] for ids in named if name in ids}
            if wanted:
                column = next(iter(owned.selected_columns))
                hers |= {(name, key) for key in self.session.scalars(owned.where(column.in_(wanted)))}
        return hers
