"""What the team does with a ticket beside writing: who has it, how urgent it is, what it is about, whether it counts.

A change of a field says which value its maker saw; if somebody was faster, she is told who, when and what. Each verb
locks the ticket, writes its event and has the deadlines found again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select
from sqlalchemy.orm import Session

from app import audit, outbox
from app.accounts.models import Person, Team
from app.accounts.permissions import Viewer
from app.errors import Conflict, NotVisible, Refused
from app.tickets import deadlines, record
from app.tickets.events import EventType
from app.tickets.labels import PRIORITY, STATUS
from app.tickets.models import RETENTION_CLASSES, RequestType, StaffAccess, Ticket, TicketTag
from app.tickets.queries import (
    WORK,
    last_change,
    lock_ticket,
    on_desk,
    teams_of,
    works_on_tickets,
)
from app.tickets.record import Acting
from app.tickets.status import Status, after_agent_action
from app.words import N_, Word

SPAM, DELETED = "spam", "deleted"
MOST_TAGS, LONGEST_TAG = 10, 40
ANY = object()  # "whatever it is now": the maker of the change saw no value (a rule, the interface)

FASTER_STATUS = N_(
    "%(name)s has changed the status to “%(value)s” (%(at)s). Look at it before you change it."
)
FASTER_PRIORITY = N_(
    "%(name)s has changed the priority to “%(value)s” (%(at)s). Look at it before you change it."
)
FASTER_ASSIGNEE = N_("%(name)s has given this ticket to %(value)s (%(at)s). Look at it before you change it.")
FASTER_FREED = N_(
    "%(name)s has taken the assignee from this ticket (%(at)s). Look at it before you change it."
)
FASTER_TEAM = N_("%(name)s has moved this ticket to another team (%(at)s). Look at it before you change it.")
FASTER_TYPE = N_("%(name)s has changed the request type (%(at)s). Look at it before you change it.")
FASTER_SUBJECT = N_(
    "%(name)s has changed the subject to “%(value)s” (%(at)s). Look at it before you change it."
)


# --- fields --------------------------------------------------------------------------------------------------------


def change_status(
    session: Session, ticket_id: int, to: str, *, seen: object = ANY, viewer: Viewer, now: datetime
) -> bool:
    """Give a ticket another status; solving sends the customer a letter. False if it has it already."""
    if to not in STATUS:
        raise Refused(N_("Choose a status."), "status")
    ticket, acting = _at_work(session, ticket_id, viewer)
    if ticket.status == to:
        return False
    if _differs(ticket.status, seen):
        raise _faster(session, ticket, EventType.STATUS, FASTER_STATUS, "status", Word(STATUS[ticket.status]))
    record.move(session, ticket, Status(to), acting, now=now)
    if to == Status.SOLVED:
        outbox.put(session, "tickets.solved", run_at=now, ticket_id=ticket.id, person_id=ticket.requester_id)
    _settle(session, ticket, now)
    return True


def change_priority(
    session: Session,
    ticket_id: int,
    to: str,
    *,
    seen: object = ANY,
    viewer: Viewer,
    time_zone: str,
    now: datetime,
) -> bool:
    """Make a ticket more or less urgent; its clocks keep their start and get the new target. False if it is so
    already."""
    if to not in PRIORITY:
        raise Refused(N_("Choose a priority."), "priority")
    ticket, acting = _at_work(session, ticket_id, viewer)
    before = ticket.priority
    if before == to:
        return False
    if _differs(before, seen):
        raise _faster(
            session, ticket, EventType.PRIORITY, FASTER_PRIORITY, "priority", Word(PRIORITY[before])
        )
    ticket.priority = to
    record.note(session, ticket, EventType.PRIORITY, acting, now=now, payload={"from": before, "to": to})
    _begun(session, ticket, acting, now)
    deadlines.rematch(session, ticket, acting, time_zone=time_zone, now=now)
    _settle(session, ticket, now)
    return True


def change_request_type(
    session: Session,
    ticket_id: int,
    to: int | None,
    *,
    seen: object = ANY,
    viewer: Viewer,
    time_zone: str,
    now: datetime,
) -> bool:
    """Say what a ticket is about. Team and priority stay; the promise may change. False if it is so already."""
    ticket, acting = _at_work(session, ticket_id, viewer)
    before = ticket.request_type_id
    if before == to:
        return False
    if to is not None and session.get(RequestType, to) is None:
        raise Refused(N_("Choose a request type."), "request_type")
    if _differs(before, seen):
        raise _faster(session, ticket, EventType.REQUEST_TYPE, FASTER_TYPE, "request_type")
    ticket.request_type_id = to
    payload: dict[str, object] = {"from_id": before, "to_id": to}
    record.note(session, ticket, EventType.REQUEST_TYPE, acting, now=now, payload=payload)
    _begun(session, ticket, acting, now)
    deadlines.rematch(session, ticket, acting, time_zone=time_zone, now=now)
    _settle(session, ticket, now)
    return True


def change_retention(
    session: Session,
    ticket_id: int,
    to: str | None,
    *,
    which: ColumnElement[bool],
    actor_id: int,
    now: datetime,
) -> bool:
    """Say how long a ticket must be kept, other than its request type says (None: as that says). False if it is so.

    Written to the audit log, since it decides what a deletion may take. Raises `Refused`, and `NotVisible` where `which`
    does not hold.
    """
    if to is not None and to not in RETENTION_CLASSES:
        raise Refused(N_("Choose how long it is kept."), "retention")
    ticket = lock_ticket(session, ticket_id, which)
    before = ticket.retention
    if before == to:
        return False
    ticket.retention = to
    details: dict[str, Any] = {"from": before, "to": to}
    audit.record(
        session,
        actor_id=actor_id,
        action="ticket.retention",
        object_kind="ticket",
        object_id=ticket.id,
        at=now,
        **details,
    )
    session.flush()
    return True


def change_subject(
    session: Session, ticket_id: int, to: str, *, seen: object = ANY, viewer: Viewer, now: datetime
) -> bool:
    """Give a ticket a clearer subject. False if it has it already."""
    if not to.strip():
        raise Refused(N_("Enter a subject."), "subject")
    ticket, acting = _at_work(session, ticket_id, viewer)
    if ticket.subject == to:
        return False
    if _differs(ticket.subject, seen):
        raise _faster(session, ticket, EventType.SUBJECT, FASTER_SUBJECT, "subject", ticket.subject)
    ticket.subject = to
    record.note(session, ticket, EventType.SUBJECT, acting, now=now)
    _begun(session, ticket, acting, now)
    _settle(session, ticket, now)
    return True


def change_tags(
    session: Session,
    ticket_id: int,
    to: Collection[str],
    *,
    viewer: Viewer,
    time_zone: str,
    now: datetime,
) -> bool:
    """Give a ticket these words to group it by; the promise may change. False if it has them already.

    Raises `Refused` for too many or too long ones.
    """
    wanted = {tag for tag in (" ".join(word.split()).casefold() for word in to) if tag}
    if len(wanted) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in wanted):
        limits: dict[str, Any] = {"most": MOST_TAGS, "long": LONGEST_TAG}
        raise Refused(
            N_("Enter at most %(most)s tags of at most %(long)s characters each."), "tags", **limits
        )
    ticket, acting = _at_work(session, ticket_id, viewer)
    own = TicketTag.ticket_id == ticket.id
    before = set(session.scalars(select(TicketTag.tag).where(own)))
    if before == wanted:
        return False
    session.execute(delete(TicketTag).where(own, TicketTag.tag.in_(before - wanted)))
    session.add_all(TicketTag(ticket_id=ticket.id, tag=tag) for tag in sorted(wanted - before))
    session.flush()
    record.note(session, ticket, EventType.TAGS, acting, now=now, payload={"count": len(wanted)})
    _begun(session, ticket, acting, now)
    deadlines.rematch(session, ticket, acting, time_zone=time_zone, now=now)
    _settle(session, ticket, now)
    return True


def snooze(
    session: Session, ticket_id: int, until: datetime | None, *, viewer: Viewer, now: datetime
) -> None:
    """Keep an open ticket out of the queue until an instant; None brings it back at once. Its clocks go on."""
    ticket, _ = _at_work(session, ticket_id, viewer)
    if until is not None and until <= now:
        raise Refused(N_("Choose a time in the future."), "until")
    ticket.snoozed_until = until
    session.flush()


# --- who has it ----------------------------------------------------------------------------------------------------


def assign(
    session: Session,
    ticket_id: int,
    to: int | None,
    *,
    seen: object = ANY,
    viewer: Viewer,
    now: datetime,
) -> bool:
    """Give a ticket to a member of the team, or to nobody. Who gets one from somebody else is sent a letter. False if
    she has it already."""
    ticket, acting = _at_work(session, ticket_id, viewer)
    before = ticket.assignee_id
    if before == to:
        return False
    if to is not None and session.scalar(select(Person.id).where(works_on_tickets(to))) is None:
        raise Refused(N_("This person does not work on tickets."), "assignee")
    if _differs(before, seen):
        name = _name(session, before)
        message = FASTER_ASSIGNEE if name else FASTER_FREED
        raise _faster(session, ticket, EventType.ASSIGNEE, message, "assignee", name)
    _give(session, ticket, to, acting, now)
    if to is not None and to != viewer.person_id:
        outbox.put(session, "tickets.assigned", run_at=now, ticket_id=ticket.id, person_id=to)
    _settle(session, ticket, now)
    return True


def assign_team(
    session: Session,
    ticket_id: int,
    to: int | None,
    *,
    seen: object = ANY,
    viewer: Viewer,
    now: datetime,
) -> bool:
    """Move a ticket to another team, or to none. False if it is there already."""
    ticket, acting = _at_work(session, ticket_id, viewer)
    before = ticket.team_id
    if before == to:
        return False
    if to is not None and session.get(Team, to) is None:
        raise Refused(N_("Choose a team."), "team")
    if _differs(before, seen):
        raise _faster(session, ticket, EventType.TEAM, FASTER_TEAM, "team")
    ticket.team_id = to
    payload: dict[str, object] = {"from_id": before, "to_id": to}
    record.note(session, ticket, EventType.TEAM, acting, now=now, payload=payload)
    _begun(session, ticket, acting, now)
    _settle(session, ticket, now)
    return True


def take_next(session: Session, *, viewer: Viewer, now: datetime) -> int | None:
    """Give the viewer the most urgent free ticket of her teams (of all teams if she is in none); None when nothing
    waits. Two who ask at once never get the same one: a row that somebody else is just taking is skipped.
    """
    if not viewer.may(WORK) or viewer.person_id is None:
        raise NotVisible
    team_ids = teams_of(session, viewer.person_id)
    wanted = select(Ticket).where(
        Ticket.assignee_id.is_(None),
        Ticket.is_open,
        Ticket.status.in_([Status.NEW.value, Status.OPEN.value]),
        Ticket.proved_at.is_not(None),
        or_(Ticket.snoozed_until.is_(None), Ticket.snoozed_until <= now),
        Ticket.requester_id != viewer.person_id,
        on_desk(viewer),
    )
    if team_ids:
        wanted = wanted.where(or_(Ticket.team_id.is_(None), Ticket.team_id.in_(team_ids)))
    ticket = session.scalar(
        wanted.order_by(Ticket.queue_key, Ticket.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if ticket is None:
        return None
    _give(session, ticket, viewer.person_id, Acting(viewer.person_id, "agent"), now)
    _settle(session, ticket, now)
    return ticket.id


def _give(session: Session, ticket: Ticket, to: int | None, acting: Acting, now: datetime) -> None:
    payload: dict[str, object] = {"from_id": ticket.assignee_id, "to_id": to}
    record.note(session, ticket, EventType.ASSIGNEE, acting, now=now, payload=payload)
    ticket.assignee_id = to
    _begun(session, ticket, acting, now)


# --- whether it counts -----------------------------------------------------------------------------------------------


def dispose(session: Session, ticket_id: int, as_: str, *, viewer: Viewer, now: datetime) -> None:
    """Take a ticket out of everything as spam or deleted; its clocks are cancelled. Nobody sees it any more, its
    link opens nothing, until `restore`."""
    if as_ not in (SPAM, DELETED):
        raise Refused(N_("Choose what becomes of the ticket."), "disposal")
    ticket, acting = _at_work(session, ticket_id, viewer)
    _set_disposal(session, ticket, as_, acting, now)


def restore(session: Session, ticket_id: int, *, viewer: Viewer, now: datetime) -> None:
    """Bring a ticket back that was taken out as spam or deleted."""
    if not viewer.may(WORK):
        raise NotVisible
    ticket = lock_ticket(session, ticket_id, Ticket.disposal.in_([SPAM, DELETED]))
    _set_disposal(session, ticket, None, Acting(viewer.person_id, "agent"), now)


def _set_disposal(session: Session, ticket: Ticket, to: str | None, acting: Acting, now: datetime) -> None:
    payload: dict[str, object] = {"from": ticket.disposal, "to": to}
    record.note(session, ticket, EventType.DISPOSAL, acting, now=now, payload=payload)
    ticket.disposal = to
    ticket.is_open = to is None and ticket.status not in (Status.SOLVED, Status.CLOSED)
    deadlines.refresh(session, ticket, now=now)
    session.flush()


# --- who looked at it ------------------------------------------------------------------------------------------------


def note_staff_access(
    session: Session, *, viewer: Viewer, ticket_id: int, attachment_id: int | None = None, now: datetime
) -> None:
    """Write down that a member of the team opens a ticket or one of its files. The page commits it before it is
    sent, in a short session of its own (`portal().database.light_session()`)."""
    row = {"at": now, "person_id": viewer.person_id, "ticket_id": ticket_id, "attachment_id": attachment_id}
    session.execute(insert(StaffAccess), row)


# --- what all verbs share ------------------------------------------------------------------------------------------


def _at_work(session: Session, ticket_id: int, viewer: Viewer) -> tuple[Ticket, Acting]:
    return lock_ticket(session, ticket_id, on_desk(viewer)), Acting(viewer.person_id, "agent")


def _begun(session: Session, ticket: Ticket, acting: Acting, now: datetime) -> None:
    """The first thing an agent does with a new ticket makes it open."""
    record.move(session, ticket, after_agent_action(Status(ticket.status)), acting, now=now)


def _settle(session: Session, ticket: Ticket, now: datetime) -> None:
    deadlines.refresh(session, ticket, now=now)
    session.flush()


def _differs(value: object, seen: object) -> bool:
    return seen is not ANY and seen != value


def _name(session: Session, person_id: int | None) -> str:
    return session.scalar(select(Person.name).where(Person.id == person_id)) or ""


def _faster(
    session: Session, ticket: Ticket, kind: EventType, message: str, field: str, value: str = ""
) -> Conflict:
    """The answer to who was slower: who changed the field, when, to what."""
    name, at = last_change(session, ticket.id, kind) or ("", ticket.created_at)
    values: Mapping[str, Any] = {"name": name, "at": at, "value": value}
    return Conflict(message, field, **values)
