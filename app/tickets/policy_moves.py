"""Which open tickets a change of one policy moves, and where to: asked before saving as well as after it.

Reads in blocks; writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.accounts.models import SegmentMember
from app.sla.models import SlaPolicyVersion
from app.sla.queries import Offer
from app.tickets.events import EventType
from app.tickets.matching import Facts, chosen
from app.tickets.models import Ticket, TicketTag
from app.tickets.recounting import AT_ONCE

DRAFT = -1  # the id of a version that is not saved yet
LAST = 1 << 62  # the id of an event that comes after all others


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one policy: the offers as they will be, in order; the version that its tickets get (None: it is
    switched off, they fall under others); and of which policy each version is, with its number."""

    policy_id: int
    offers: tuple[Offer, ...]
    version_id: int | None
    known: Mapping[int, tuple[int, int]]

    def move(self, present: int | None, facts: Facts) -> tuple[EventType, int | None] | None:
        """How a ticket with these facts and this version moves; None if it stays."""
        found = chosen(self.offers, facts)
        fits = int(found.version.id) if found is not None else None  # type: ignore[arg-type]
        mine = present is not None and self._policy(present) == self.policy_id
        if fits is not None and self._policy(fits) == self.policy_id:
            if self.version_id is None or (mine and self._number(present) >= self._number(self.version_id)):
                return None
            return (EventType.POLICY_EDIT if mine else EventType.POLICY), self.version_id
        return (EventType.POLICY, fits) if mine else None

    def _policy(self, version_id: int) -> int | None:
        return self.policy_id if version_id == DRAFT else self.known.get(version_id, (None, 0))[0]

    def _number(self, version_id: int | None) -> int:
        return LAST if version_id == DRAFT else self.known.get(version_id or 0, (0, 0))[1]


def known_versions(session: Session) -> dict[int, tuple[int, int]]:
    """Of which policy each version is, and its number."""
    rows = session.execute(select(SlaPolicyVersion.id, SlaPolicyVersion.policy_id, SlaPolicyVersion.number))
    return {key: (policy_id, number) for key, policy_id, number in rows}


def open_tickets(session: Session, after_id: int = 0) -> Iterator[Sequence[Any]]:
    """Open tickets with the columns that policies ask for, by id, in blocks of `AT_ONCE`."""
    while True:
        rows = session.execute(
            select(
                Ticket.id,
                Ticket.policy_version_id,
                Ticket.priority,
                Ticket.channel,
                Ticket.request_type_id,
                Ticket.organisation_id,
                Ticket.requester_id,
            )
            .where(Ticket.is_open, Ticket.id > after_id)
            .order_by(Ticket.id)
            .limit(AT_ONCE)
        ).all()
        if not rows:
            return
        yield rows
        if len(rows) < AT_ONCE:
            return
        after_id = rows[-1].id


def moves_of(session: Session, edit: Edit, tickets: Sequence[Any]) -> dict[int, tuple[EventType, int | None]]:
    """How the tickets of a block move, those that do."""
    asked = {fact for offer in edit.offers for fact in offer.policy.conditions}
    tags = _tags(session, tickets) if "tag" in asked else {}
    segments = _segments(session, tickets) if "segment" in asked else {}
    moves = {}
    for one in tickets:
        facts = Facts(
            one.priority,
            one.channel,
            one.request_type_id,
            one.organisation_id,
            segments.get(one.id, ()),
            tags.get(one.id, ()),
        )
        if (move := edit.move(one.policy_version_id, facts)) is not None:
            moves[one.id] = move
    return moves


def _tags(session: Session, tickets: Sequence[Any]) -> Mapping[int, Collection[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    wanted = TicketTag.ticket_id.in_([one.id for one in tickets])
    for ticket_id, tag in session.execute(select(TicketTag.ticket_id, TicketTag.tag).where(wanted)):
        found[ticket_id].add(tag)
    return found


def _segments(session: Session, tickets: Sequence[Any]) -> Mapping[int, Collection[int]]:
    """The requester's segments and her organisation's, by ticket."""
    people = {one.requester_id for one in tickets}
    companies = {one.organisation_id for one in tickets} - {None}
    of_person: dict[int | None, set[int]] = defaultdict(set)
    of_company: dict[int | None, set[int]] = defaultdict(set)
    rows = select(SegmentMember.segment_id, SegmentMember.person_id, SegmentMember.organisation_id).where(
        or_(SegmentMember.person_id.in_(people), SegmentMember.organisation_id.in_(companies))
    )
    for segment_id, person_id, organisation_id in session.execute(rows):
        (of_person[person_id] if person_id is not None else of_company[organisation_id]).add(segment_id)
    return {
        one.id: of_person.get(one.requester_id, set()) | of_company.get(one.organisation_id, set())
        for one in tickets
    }
