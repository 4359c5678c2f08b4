"""Which policy a ticket falls under: its facts, and those of a request that is not sent yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.accounts.models import SegmentMember
from app.sla import queries as sla
from app.sla import service as sla_service
from app.sla.models import SlaPolicyVersion
from app.sla.policy import match_policy
from app.sla.queries import Offer
from app.tickets.models import Ticket, TicketTag


@dataclass(frozen=True, slots=True)
class Facts:
    """What policies ask of a ticket, by the names of their conditions; rows are named by their ids."""

    priority: str = "normal"
    channel: str = "web"
    request_type: int | None = None
    organisation: int | None = None
    segment: Collection[int] = field(default=())
    tag: Collection[str] = field(default=())

    def as_mapping(self) -> dict[str, Any]:
        """As the engine takes them."""
        return {name: getattr(self, name) for name in self.__slots__}


def facts_of(session: Session, ticket: Ticket) -> Facts:
    """The facts of a ticket. Segments are the requester's and her organisation's. Two statements at most."""
    hers = SegmentMember.person_id == ticket.requester_id
    if ticket.organisation_id is not None:
        hers = or_(hers, SegmentMember.organisation_id == ticket.organisation_id)
    tags = select(TicketTag.tag).where(TicketTag.ticket_id == ticket.id)
    return Facts(
        priority=ticket.priority,
        channel=ticket.channel,
        request_type=ticket.request_type_id,
        organisation=ticket.organisation_id,
        segment=set(session.scalars(select(SegmentMember.segment_id).where(hers))),
        tag=set(session.scalars(tags)) if ticket.id is not None else (),
    )


def chosen(offers: Collection[Offer], facts: Facts) -> Offer | None:
    """The first policy whose conditions fit."""
    version_id, _ = match_policy(facts.as_mapping(), [offer.policy for offer in offers])
    return next((offer for offer in offers if offer.version.id == version_id), None)


def offer_for(session: Session, ticket: Ticket, *, time_zone: str, now: datetime) -> Offer | None:
    """The policy a ticket falls under now. The first ticket of an installation without any makes the first one."""
    found = sla.offers(session)
    if not found and sla_service.ensure_defaults(session, time_zone=time_zone, now=now):
        found = sla.offers(session)
    asked = {fact for offer in found for fact in offer.policy.conditions}
    if asked.isdisjoint({"segment", "tag"}):  # nobody asks for them: nothing is looked up
        facts = Facts(ticket.priority, ticket.channel, ticket.request_type_id, ticket.organisation_id)
    else:
        facts = facts_of(session, ticket)
    return chosen(found, facts)


def of_one_policy(session: Session, one: int | None, other: int | None) -> bool:
    """Whether two versions are of the same policy. One statement, none where there is no version."""
    if one is None or other is None:
        return False
    owners = select(SlaPolicyVersion.policy_id).where(SlaPolicyVersion.id.in_([one, other])).distinct()
    return len(session.scalars(owners).all()) == 1
