"""What a plan depends on, read from the database: the requests with something of a person's in them, their classes and
holds, and how many rows of hers each table has. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from app.errors import NotVisible
from app.personal import Kind, Retain, RowFate
from app.privacy.models import FILE, MESSAGE, PERSON, TICKET, LegalHold
from app.privacy.planner import (
    ANONYMISE,
    AUDIT,
    DELETE,
    FIGURES,
    KEEP,
    PROOF,
    Facts,
    Hold,
    RowFact,
    TicketFact,
)
from app.privacy.registry import Held, rows_of, tables
from app.tickets.models import Attachment, Message, RequestType, Ticket

CONVERSATIONS = frozenset(
    {"ticket", "message", "attachment", "message_correction"}
)  # erased by the plan, not by their tables' fate
STORES = ("captured mail", "jobs", "mentions")

IN_FORCE = and_(LegalHold.confirmed_at.is_not(None), LegalHold.released_at.is_(None))


def of_person(session: Session, person_id: int, public_id: str) -> Facts:
    """The facts about a whole person."""
    return Facts(
        scope=PERSON,
        key=public_id,
        tickets=(*_own(session, person_id), *_elsewhere(session, person_id)),
        rows=_rows(session, person_id),
        hold=hold_on(session, person_id),
        stores=STORES,
    )


def of_part(session: Session, scope: str, key: str) -> Facts:
    """The facts about one ticket, message or file. Raises `NotVisible` when there is no such thing."""
    ticket_id, message_id = _place(session, scope, key)
    which = Ticket.id == ticket_id
    if scope == TICKET:
        return Facts(scope, key, tuple(_tickets(session, which, [ticket_id])))
    found = _tickets(session, which, [])[0]
    files = select(func.count()).select_from(Attachment).where(Attachment.message_id == message_id)
    part = TicketFact(
        key=found.key,
        retention=found.retention,
        last_day=found.last_day,
        mine=False,
        texts=1 if scope == MESSAGE else 0,
        files=(session.scalar(files) or 0) if scope == MESSAGE else 1,
        hold=found.hold,
        messages=(key,) if scope == MESSAGE else (),
    )
    return Facts(scope, key, (part,))


def _place(session: Session, scope: str, key: str) -> tuple[int, int]:
    """The ticket and message that a public id means; the message is 0 for a ticket."""
    wanted = {
        TICKET: select(Ticket.id, literal(0)).where(Ticket.public_id == key),
        MESSAGE: select(Message.ticket_id, Message.id).where(Message.public_id == key),
        FILE: select(Attachment.ticket_id, Attachment.message_id).where(Attachment.storage_key == key),
    }.get(scope)
    row = session.execute(wanted).first() if wanted is not None else None
    if row is None:
        raise NotVisible
    return row[0], row[1]


def ticket_of(session: Session, scope: str, key: str) -> int:
    """The ticket that a public id is or belongs to; 0 when it is gone."""
    try:
        return _place(session, scope, key)[0]
    except NotVisible:
        return 0


def requester_of(session: Session, scope: str, key: str) -> int:
    """Whose request a ticket, message or file belongs to. Raises `NotVisible`."""
    ticket_id, _ = _place(session, scope, key)
    return session.scalars(select(Ticket.requester_id).where(Ticket.id == ticket_id)).one()


def hold_on(session: Session, person_id: int) -> Hold | None:
    """The hold in force on a person that is looked at last."""
    row = session.execute(
        select(LegalHold.ground, LegalHold.review_on)
        .where(LegalHold.person_id == person_id, IN_FORCE)
        .order_by(LegalHold.review_on.desc())
        .limit(1)
    ).first()
    return None if row is None else Hold(row[0], row[1])


# --- requests ------------------------------------------------------------------------------------------------------


def said_about_her(person_id: int | None) -> ColumnElement[bool]:
    """The condition for texts in her own request that go with it: hers, the team's and machines'. What another customer
    wrote there is that customer's."""
    return or_(
        Message.author_id.is_(None),
        Message.author_id == person_id,
        Message.author_kind.in_(("agent", "system")),
    )


def wrote_as_customer(person_id: int) -> ColumnElement[bool]:
    """The condition for texts that are hers. What a member of the team answered belongs to the request it stands in;
    there she only becomes a pseudonym."""
    return and_(Message.author_id == person_id, Message.author_kind != "agent")


def _own(session: Session, person_id: int) -> list[TicketFact]:
    ids = list(session.scalars(select(Ticket.id).where(Ticket.requester_id == person_id)))
    return _tickets(session, Ticket.requester_id == person_id, ids)


def _tickets(
    session: Session, which: ColumnElement[bool], counted: Collection[int], *, mine: bool = True
) -> list[TicketFact]:
    """Facts of tickets; texts and files are counted for those in `counted`."""
    rows = session.execute(
        select(
            Ticket.id,
            Ticket.public_id,
            func.coalesce(Ticket.retention, RequestType.retention, "ticket_support"),
            case(
                (Ticket.is_open, func.coalesce(Ticket.closed_at, Ticket.last_activity_at)),
                else_=func.coalesce(Ticket.closed_at, Ticket.status_at),
            ),
            Ticket.is_open,
        )
        .outerjoin(RequestType, RequestType.id == Ticket.request_type_id)
        .where(which)
        .order_by(Ticket.id)
    ).all()
    texts, files = _counts(session, counted)
    holds = _holds(session, which)
    return [
        TicketFact(
            key=public_id,
            retention=retention,
            last_day=_day(last),
            mine=mine,
            is_open=is_open,
            texts=texts.get(ticket_id, 0),
            files=files.get(ticket_id, 0),
            hold=holds.get(ticket_id),
        )
        for ticket_id, public_id, retention, last, is_open in rows
    ]


def _counts(session: Session, ticket_ids: Collection[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Texts to be emptied and files to be deleted by ticket."""
    texts: dict[int, int] = {}
    files: dict[int, int] = {}
    for block in blocks(ticket_ids):
        going = and_(Message.ticket_id.in_(block), _goes_with_ticket())
        texts |= _pairs(
            session.execute(
                select(Message.ticket_id, func.count())
                .join(Ticket, Ticket.id == Message.ticket_id)
                .where(going, or_(Message.body != "", Message.html.is_not(None)))
                .group_by(Message.ticket_id)
            )
        )
        files |= _pairs(
            session.execute(
                select(Attachment.ticket_id, func.count())
                .join(Message, Message.id == Attachment.message_id)
                .join(Ticket, Ticket.id == Message.ticket_id)
                .where(going)
                .group_by(Attachment.ticket_id)
            )
        )
    return texts, files


def _goes_with_ticket() -> ColumnElement[bool]:
    return or_(
        Message.author_id.is_(None),
        Message.author_id == Ticket.requester_id,
        Message.author_kind.in_(("agent", "system")),
    )


def _pairs(rows: Iterable[tuple[int, int]]) -> dict[int, int]:
    return {int(row[0]): int(row[1]) for row in rows}


def _holds(session: Session, which: ColumnElement[bool]) -> dict[int, Hold]:
    """Holds in force on these tickets or on their requesters."""
    rows = session.execute(
        select(Ticket.id, LegalHold.ground, LegalHold.review_on)
        .join(
            LegalHold,
            or_(LegalHold.ticket_id == Ticket.id, LegalHold.person_id == Ticket.requester_id),
        )
        .where(which, IN_FORCE)
        .order_by(LegalHold.review_on)
    )
    return {row[0]: Hold(row[1], row[2]) for row in rows}


def _elsewhere(session: Session, person_id: int) -> list[TicketFact]:
    """Requests of other people in which she wrote as a customer."""
    wrote = and_(wrote_as_customer(person_id), or_(Message.body != "", Message.html.is_not(None)))
    by_ticket: dict[int, list[str]] = {}
    for ticket_id, key in session.execute(
        select(Message.ticket_id, Message.public_id)
        .join(Ticket, Ticket.id == Message.ticket_id)
        .where(wrote, Ticket.requester_id != person_id)
        .order_by(Message.id)
    ):
        by_ticket.setdefault(ticket_id, []).append(key)
    if not by_ticket:
        return []
    files = _pairs(
        session.execute(
            select(Attachment.ticket_id, func.count())
            .join(Message, Message.id == Attachment.message_id)
            .join(Ticket, Ticket.id == Message.ticket_id)
            .where(wrote_as_customer(person_id), Ticket.requester_id != person_id)
            .group_by(Attachment.ticket_id)
        )
    )
    wrote_in = select(Message.ticket_id).where(wrote)
    which = and_(Ticket.id.in_(wrote_in), Ticket.requester_id != person_id)
    found = _tickets(session, which, [], mine=False)
    ids = list(session.scalars(select(Ticket.id).where(which).order_by(Ticket.id)))
    return [
        TicketFact(
            key=fact.key,
            retention=fact.retention,
            last_day=fact.last_day,
            mine=False,
            texts=len(by_ticket[ticket_id]),
            files=files.get(ticket_id, 0),
            hold=fact.hold,
            messages=tuple(by_ticket[ticket_id]),
        )
        for ticket_id, fact in zip(ids, found, strict=True)
    ]


def _day(moment: datetime) -> date:
    """The day as it is in the easternmost zone: terms count by calendar years, and one must never end too early."""
    return (moment + timedelta(hours=14)).date()


def blocks(keys: Collection[int], size: int = 500) -> Iterable[list[int]]:
    """Keys in pieces that fit into one statement."""
    listed = list(keys)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


# --- rows of other tables --------------------------------------------------------------------------------------------


def _rows(session: Session, person_id: int) -> tuple[RowFact, ...]:
    """What the classification says of each table with rows of hers. One statement."""
    mine = [held for held in tables() if held.says.subject and held.table.name not in CONVERSATIONS]
    each = [
        select(literal(held.table.name), func.count())
        .select_from(held.table)
        .where(rows_of(held.table, held.says.subject or "", person_id))
        for held in mine
    ]
    counts = {str(row[0]): int(row[1]) for row in session.execute(union_all(*each))}
    facts = (RowFact(held.table.name, *_fate(held), counts[held.table.name]) for held in mine)
    return tuple(fact for fact in facts if fact.count)


def _fate(held: Held) -> tuple[str, str]:
    """The action and reason for a table's rows, from its columns."""
    if held.says.on_erase is RowFate.DELETE_ROW:
        return DELETE, "asked"
    terms = {term for _, says in held.columns for term in says.retain}
    kinds = {says.kind for _, says in held.columns}
    if terms & {Retain.DSR_LOG, Retain.CONSENT_LOG, Retain.LEGAL_HOLD}:
        return KEEP, PROOF
    if Retain.AUDIT in terms and Kind.AUDIT in kinds:
        return KEEP, AUDIT
    return ANONYMISE, FIGURES
