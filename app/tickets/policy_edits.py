"""What a change of the promises means for open tickets: who would move, what would be missed, and carrying it out.

A ticket moves by an event, and the engine's replay says what follows, before saving just as after it (R8 to R10).
Whatever is not asked to move keeps the version it has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import Organisation, Segment
from app.accounts.permissions import Viewer
from app.errors import Refused
from app.sla import policy_keeping, queries
from app.sla.models import SlaPolicy, SlaPolicyVersion
from app.sla.queries import Offer
from app.sla.replay import ClockRun, Event, TicketSla
from app.sla.terms import Terms, step_field
from app.tickets import histories, record
from app.tickets.books import Books
from app.tickets.deadlines import epoch, instant
from app.tickets.events import EventType
from app.tickets.labels import CHANNEL, PRIORITY
from app.tickets.models import RequestType, SlaBreach, SlaClock, Ticket, TicketEvent
from app.tickets.policy_moves import DRAFT, LAST, Edit, known_versions, moves_of, open_tickets
from app.tickets.queries import number, on_desk, works_on_tickets
from app.tickets.recounting import AT_ONCE, recount
from app.words import N_

CHORE = "tickets.policy_edit"
SHOWN = 25  # tickets that a preview names; its counts are exact


# --- saving --------------------------------------------------------------------------------------------------------


def save(
    session: Session,
    policy_id: int | None,
    terms: Terms,
    *,
    apply: bool,
    actor_id: int | None,
    now: datetime,
    gap: bool = False,
    based_on: int | None = None,
) -> SlaPolicyVersion | None:
    """Save a policy's terms as its next version; with `apply` open tickets follow by a chore. None if nothing differs.

    Raises `NotVisible`, `Refused`.
    """
    check_names(session, terms)
    version = policy_keeping.save(
        session, policy_id, terms, actor_id=actor_id, now=now, gap=gap, based_on=based_on
    )
    if version is not None and apply:
        _follow(session, version.policy_id, version.id, now)
    return version


def switch(
    session: Session,
    policy_id: int,
    enabled: bool,
    *,
    apply: bool,
    actor_id: int | None,
    now: datetime,
    gap: bool = False,
) -> bool:
    """Switch a policy on or off; with `apply` open tickets fall under it, or under others. False if it is so already."""
    changed = policy_keeping.switch(session, policy_id, enabled, actor_id=actor_id, now=now, gap=gap)
    if changed and apply:
        _follow(
            session, policy_id, policy_keeping.newest_version(session, policy_id).id if enabled else 0, now
        )
    return changed


def remove(
    session: Session, policy_id: int, *, actor_id: int | None, now: datetime, gap: bool = False
) -> None:
    """Delete a policy that no ticket ever had. Raises `Refused` for one in use: it can be switched off instead."""
    if in_use(session, policy_id):
        raise Refused(
            N_("Tickets count by this promise, and reports need it. Switch it off instead of deleting it.")
        )
    policy_keeping.delete(session, policy_id, actor_id=actor_id, now=now, gap=gap)


def in_use(session: Session, policy_id: int) -> bool:
    """Whether a ticket, one of its clocks or a missed promise names a version of the policy."""
    versions = select(SlaPolicyVersion.id).where(SlaPolicyVersion.policy_id == policy_id)
    used = [
        exists().where(column.in_(versions))
        for column in (Ticket.policy_version_id, SlaClock.policy_version_id, SlaBreach.policy_version_id)
    ]
    return bool(session.scalar(select(or_(*used))))


def _follow(session: Session, policy_id: int, version_id: int, now: datetime) -> None:
    outbox.put(session, CHORE, run_at=now, policy_id=policy_id, version_id=version_id, after_id=0)


def check_names(session: Session, terms: Terms) -> None:
    """Raises `Refused` naming the field where terms name a group, a topic or a person that is not there."""
    for fact, column, name, message in (
        (
            "organisation",
            Organisation.id,
            "organisations",
            N_("One of these organisations is not there any more."),
        ),
        ("segment", Segment.id, "segments", N_("One of these customer groups is not there any more.")),
        ("request_type", RequestType.id, "request_types", N_("One of these topics is not there any more.")),
    ):
        wanted = set(terms.conditions.get(fact, ()))
        if wanted and set(session.scalars(select(column).where(column.in_(wanted)))) != wanted:
            raise Refused(message, name)
    for fact, known, name in (("channel", CHANNEL, "channels"), ("priority", PRIORITY, "priorities")):
        if set(terms.conditions.get(fact, ())) - set(known):
            raise Refused(N_("Choose from the list."), name)
    for place, step in enumerate(terms.steps):
        person_id = step.person_id
        if person_id is not None and not session.scalar(select(exists().where(works_on_tickets(person_id)))):
            raise Refused(N_("This person does not work on tickets."), step_field(place) + "_person")


# --- looking ahead -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """What an edit does to one ticket's nearest promise (None: it has none). `breached` names the promises that it would
    break at once."""

    number: int
    subject: str
    due_before: datetime | None
    due_after: datetime | None
    breached: tuple[str, ...]


@dataclass(slots=True)
class Effects:
    """How many open tickets were looked at, would move, would have other due times, would be breached at once; and
    the first of them, breached ones before others."""

    open: int = 0
    moved: int = 0
    changed: int = 0
    breached: int = 0
    shown: list[Effect] = field(default_factory=list)

    def add(self, effect: Effect, *, visible: bool) -> None:
        """Count one, and keep it if it is among the first."""
        self.changed += 1
        self.breached += bool(effect.breached)
        if visible:
            late = sum(bool(one.breached) for one in self.shown)
            self.shown.insert(late if effect.breached else len(self.shown), effect)
            del self.shown[SHOWN:]


def foresee(
    session: Session, policy_id: int | None, terms: Terms | None, *, viewer: Viewer, now: datetime
) -> Effects:
    """What saving these terms for open tickets too would do; without terms: what switching the policy off would do.

    By replaying each ticket concerned with the event that saving would write. Reads only.
    """
    edit = _drafted(session, policy_id, terms)
    effects, moment = Effects(), epoch(now)
    offers = {int(offer.version.id): offer for offer in edit.offers}  # type: ignore[arg-type]
    for tickets in open_tickets(session):
        effects.open += len(tickets)
        if not (moves := moves_of(session, edit, tickets)):
            continue
        effects.moved += len(moves)
        visible = _visible(session, moves, viewer)
        found = dict(histories.in_bulk(session, TicketEvent.ticket_id.in_(moves)))
        named = histories.versions_in(chain.from_iterable(found.values()))
        books = Books(session, {**queries.book(session, named), **offers})
        for ticket_id, history in found.items():
            kind, to = moves[ticket_id]
            event = Event(LAST, moment, kind, data={"to": to, "apply_to_open": True})
            before, after = books.replay(history, moment), books.replay([*history, event], moment)
            if effect := _effect(ticket_id, visible.get(ticket_id, ""), before, after):
                effects.add(effect, visible=ticket_id in visible)
    return effects


def _effect(ticket_id: int, subject: str, before: TicketSla, after: TicketSla) -> Effect | None:
    """None where every open promise stays as it is."""
    earlier, later = _promises(before), _promises(after)
    if earlier == later:
        return None
    late = {run.metric for run in before.runs if run.open and run.breached_at is not None}
    newly = {run.metric for run in after.runs if run.open and run.breached_at is not None} - late
    due = instant(before.next_due_at), instant(after.next_due_at)
    return Effect(number(ticket_id), subject, *due, tuple(sorted(newly)))


def _promises(found: TicketSla) -> dict[tuple[str, int], Any]:
    return {(run.metric, run.run_no): _terms_of(run) for run in found.runs if run.open and run.target}


def _terms_of(run: ClockRun) -> tuple[Any, ...]:
    return run.target, run.due_at, run.remaining, run.waiting, run.state


def _drafted(session: Session, policy_id: int | None, terms: Terms | None) -> Edit:
    known = known_versions(session)
    others = [offer for offer in queries.offers(session) if known[int(offer.version.id)][0] != policy_id]  # type: ignore[arg-type]
    version_id, key = None, policy_id or 0
    if terms is not None:
        draft = policy_keeping.draft(session, DRAFT, terms)
        order = [policy.id for policy in policy_keeping.in_order(session)]
        others.insert(_place(order, policy_id, terms, others, known), draft)
        version_id = DRAFT
    return Edit(key, tuple(others), version_id, known)


def _place(
    order: Sequence[int],
    policy_id: int | None,
    terms: Terms,
    others: Sequence[Offer],
    known: Mapping[int, tuple[int, int]],
) -> int:
    """Where among the other offers a policy is tried: where it stands, or where a new one would be put."""
    if policy_id is None:
        general = (place for place, offer in enumerate(others) if not offer.policy.conditions)
        return next(general, len(others)) if terms.conditions else len(others)
    mine = order.index(policy_id)
    return sum(order.index(known[int(offer.version.id)][0]) < mine for offer in others)  # type: ignore[arg-type]


# --- carrying out --------------------------------------------------------------------------------------------------


def carry_out(
    session: Session, policy_id: int, version_id: int, after_id: int, *, now: datetime
) -> tuple[int, int | None]:
    """Move the next open tickets to a version of a policy (0: away from it, it was switched off) and find their
    deadlines again. Gives how many moved, and the id after which to go on, None at the end.

    Safe to repeat: a ticket that has moved stays. Nothing happens where the policy was switched meanwhile.
    """
    enabled = session.scalar(select(SlaPolicy.enabled).where(SlaPolicy.id == policy_id))
    if enabled is None or enabled != bool(version_id):
        return 0, None
    offers, known = tuple(queries.offers(session)), known_versions(session)
    if version_id and version_id not in known:
        return 0, None
    edit = Edit(policy_id, offers, version_id or None, known)
    tickets = next(open_tickets(session, after_id), [])
    moves = moves_of(session, edit, tickets)
    locked = select(Ticket.id, Ticket.policy_version_id).where(Ticket.id.in_(moves), Ticket.is_open)
    rows = session.execute(locked.order_by(Ticket.id).with_for_update()).all() if moves else ()
    present = {row.id: row.policy_version_id for row in rows}
    _move(session, {key: (*moves[key], before) for key, before in present.items()}, now)
    recount(session, present, now=now)
    return len(present), tickets[-1].id if len(tickets) == AT_ONCE else None


def _move(
    session: Session, moves: Mapping[int, tuple[EventType, int | None, int | None]], now: datetime
) -> None:
    """Write the events of locked tickets, by id: how, to which version, from which; and the versions they have then."""
    happened: dict[int, tuple[EventType, dict[str, object]]] = {}
    places: dict[int | None, list[int]] = defaultdict(list)
    for ticket_id, (kind, to, before) in moves.items():
        payload: dict[str, object] = {"to_id": to}
        if kind is EventType.POLICY:
            payload["from_id"] = before
        happened[ticket_id] = (kind, payload)
        places[to].append(ticket_id)
    record.note_many(session, happened, now=now)
    for to, ids in places.items():
        session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(policy_version_id=to))


# --- who may be named ----------------------------------------------------------------------------------------------


def _visible(session: Session, ticket_ids: Collection[int], viewer: Viewer) -> dict[int, str]:
    """The subjects of those among these tickets that the viewer may see."""
    rows = select(Ticket.id, Ticket.subject).where(Ticket.id.in_(ticket_ids), on_desk(viewer))
    return {row.id: row.subject for row in session.execute(rows)}
