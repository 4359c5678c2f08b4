"""People and requests for the tests of tickets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import AGENT, CUSTOMER, Person
from app.accounts.permissions import Viewer
from app.accounts.queries import viewer_of_person
from app.db import Database
from app.outbox import Job
from app.preferences import Preferences
from app.tickets import opening
from app.tickets.messages import Request, Sent, Text
from app.tickets.models import Ticket, TicketEvent
from app.tickets.rules import Rules
from tests import factories

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Berlin, an hour after opening

RULES = Rules.of(Preferences({}), secret="s" * 32, time_zone="Europe/Berlin", undo_seconds=10, limited=True)

_keys = count(1)


def request(**given: Any) -> Request:
    """Something a person asks, with a key of its own."""
    values: dict[str, Any] = {
        "subject": "Coffee machine leaks",
        "body": "Water runs out.",
        "send_key": f"key{next(_keys)}",
        "language": "en",
    }
    return Request(**(values | given))


def text(body: str = "More words", **given: Any) -> Text:
    return Text(**({"body": body, "send_key": f"key{next(_keys)}"} | given))


@dataclass
class Desk:
    """One session with a customer and an agent in it, and shorthand for what tests do all the time."""

    session: Session
    customer: Viewer
    agent: Viewer

    def open(self, now: datetime = MONDAY, **given: Any) -> Sent:
        return opening.open_ticket(self.session, request(**given), viewer=self.customer, rules=RULES, now=now)

    def guest(self, address: str = "guest@example.org", name: str = "Gusti", now: datetime = MONDAY) -> Sent:
        return opening.open_as_guest(
            self.session, request(), name=name, address=address, rules=RULES, now=now
        )

    def ticket(self, sent: Sent | int) -> Ticket:
        self.session.flush()
        self.session.expire_all()
        return self.session.get_one(Ticket, sent if isinstance(sent, int) else sent.ticket_id)

    def events(self, sent: Sent) -> list[str]:
        rows = self.session.query(TicketEvent).filter_by(ticket_id=sent.ticket_id).order_by(TicketEvent.id)
        return [event.type for event in rows]

    def jobs(self) -> list[tuple[str, dict[str, Any]]]:
        return [(job.name, dict(job.ids)) for job in self.session.query(Job).order_by(Job.id)]

    def person(self, role: str = CUSTOMER, **given: Any) -> Viewer:
        return viewer_of(self.session, factories.person(self.session, role, **given))


def viewer_of(session: Session, person: Person) -> Viewer:
    found = viewer_of_person(session, person.id)
    assert found is not None
    return found


@pytest.fixture
def desk(database: Database) -> Any:
    """A customer and an agent, on SQLite and on PostgreSQL."""
    with database.session(write=True) as session:
        customer, agent = factories.person(session), factories.person(session, AGENT)
        yield Desk(session, viewer_of(session, customer), viewer_of(session, agent))


def later(hours: float = 0, minutes: float = 0, days: float = 0) -> datetime:
    """So long after `MONDAY`."""
    return MONDAY + timedelta(hours=hours, minutes=minutes, days=days)


__all__ = ["MONDAY", "RULES", "Callable", "Desk", "later", "request", "text", "viewer_of"]
