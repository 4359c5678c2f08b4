"""Lists of requests, paged by key: a customer's own, her organisation's, and the views of the desk.

Columns only, never entities; every view walks an index in order. Nothing here changes anything.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from app.accounts.models import Organisation, Person
from app.accounts.permissions import Viewer
from app.paging import Key, Listing, Page
from app.tickets.models import FIRST_NUMBER, Ticket
from app.tickets.queries import AT_DESK, READER, SHARED, WORK, of_customer, shared_with

OPEN_TAB, SOLVED_TAB, ORGANISATION_TAB = "open", "solved", "organisation"
TABS = (OPEN_TAB, SOLVED_TAB, ORGANISATION_TAB)

# The views of the desk; the page of each is its name.
INBOX, MINE, UNASSIGNED, TEAM, OVERDUE, AT_RISK, SNOOZED, SOLVED, ALL = (
    *("inbox", "mine", "unassigned", "team"),
    *("overdue", "at_risk", "snoozed", "solved", "all"),
)
VIEWS = (INBOX, MINE, UNASSIGNED, TEAM, OVERDUE, AT_RISK, SNOOZED, SOLVED, ALL)
COUNTED_UP_TO = 500  # "500+": counting further would read the whole queue


def has_colleagues(viewer: Viewer) -> bool:
    """Whether there is an organisation whose requests she may read."""
    return bool(shared_with(viewer))


def own_requests(
    session: Session,
    viewer: Viewer,
    tab: str,
    *,
    words: str = "",
    after: str | None = None,
    before: str | None = None,
) -> Page:
    """A customer's requests, the newest activity first. One statement.

    `words` narrows them to a number ("#10482") or to words of the subject.
    """
    shared = shared_with(viewer)
    listing = _own(tab, bool(shared))
    if words.strip():
        listing = listing.narrowed(_named(words.strip()))
    values = {"reader": viewer.person_id, "shared": shared}
    return listing.page(session, values, after=after, before=before)


@cache
def _own(tab: str, shares: bool) -> Listing:
    wanted: Any = select(
        Ticket.id,
        Ticket.subject,
        Ticket.status,
        Ticket.last_activity_at,
        Ticket.last_author_kind,
        Ticket.next_due_at,
        Ticket.next_metric,
        Ticket.sla_state,
        Person.name.label("requester_name"),
    ).join(Person, Person.id == Ticket.requester_id)
    if tab == ORGANISATION_TAB:
        there = Ticket.organisation_id.in_(SHARED) if shares else false()
        wanted = wanted.where(of_customer(READER, SHARED if shares else None), there)
    else:
        wanted = wanted.where(of_customer(READER, None), Ticket.is_open.is_(tab != SOLVED_TAB))
    return Listing(wanted, (Ticket.last_activity_at, Ticket.id), descending=True)


def _named(words: str) -> ColumnElement[bool]:
    digits = words.lstrip("#")
    if digits.isascii() and digits.isdigit() and len(digits) < 15:
        named = Ticket.subject.icontains(words, autoescape=True)
        return or_(Ticket.id == int(digits) - FIRST_NUMBER, named)
    return and_(*(Ticket.subject.icontains(word, autoescape=True) for word in words.split()[:8]))


# --- the desk ----------------------------------------------------------------------------------------------------


NOW: BindParameter[Any] = bindparam("now")
EPOCH: BindParameter[Any] = bindparam("epoch", type_=BigInteger)  # the same as the queue counts
ME: BindParameter[Any] = bindparam("me")
TEAMS: BindParameter[Any] = bindparam("teams", expanding=True)


def _in_view(view: str, in_teams: bool) -> ColumnElement[bool]:
    """The condition for the tickets of a view of the desk, on `NOW` (`EPOCH`), `ME` (the viewer) and `TEAMS` (hers).

    Someone in no team has the tickets of all. Unproved requests are in the inbox (marked), never among those waiting
    for somebody to take them.
    """
    awake = or_(Ticket.snoozed_until.is_(None), Ticket.snoozed_until <= NOW)
    waiting = and_(Ticket.is_open, awake)
    own_teams = or_(Ticket.team_id.is_(None), Ticket.team_id.in_(TEAMS)) if in_teams else true()
    conditions: dict[str, ColumnElement[bool]] = {
        INBOX: waiting,
        MINE: and_(waiting, Ticket.assignee_id == ME),
        UNASSIGNED: and_(waiting, Ticket.assignee_id.is_(None), Ticket.proved_at.is_not(None)),
        TEAM: and_(waiting, own_teams),
        OVERDUE: and_(waiting, Ticket.queue_key < EPOCH),
        AT_RISK: and_(waiting, Ticket.at_risk_at <= NOW, Ticket.next_due_at >= NOW),
        SNOOZED: and_(Ticket.is_open, Ticket.snoozed_until > NOW),
        SOLVED: Ticket.is_open.is_(False),
        ALL: true(),
    }
    return and_(AT_DESK, conditions[view])


def queue(
    session: Session,
    viewer: Viewer,
    view: str,
    *,
    now: datetime,
    team_ids: list[int],
    newest_first: bool = False,
    after: str | None = None,
    before: str | None = None,
) -> Page:
    """One page of a view, nearest deadline first. One statement.

    `newest_first` and the solved ones go by last activity, the view of all by number, snoozed ones by when they return.
    """
    if not viewer.may(WORK):
        return Page([], None, None)
    values = {"now": now, "epoch": int(now.timestamp()), "me": viewer.person_id, "teams": team_ids}
    listing = _listing(view, newest_first, bool(team_ids))
    return listing.page(session, values, after=after, before=before)


@cache
def _listing(view: str, newest_first: bool, in_teams: bool) -> Listing:
    requester, assignee = aliased(Person), aliased(Person)
    wanted: Any = (
        select(
            Ticket.id,
            Ticket.subject,
            Ticket.status,
            Ticket.priority,
            Ticket.proved_at,
            Ticket.last_activity_at,
            Ticket.last_author_kind,
            Ticket.next_due_at,
            Ticket.at_risk_at,
            Ticket.next_metric,
            Ticket.sla_state,
            requester.name.label("requester_name"),
            assignee.name.label("assignee_name"),
            Organisation.name.label("organisation_name"),
        )
        .join(requester, requester.id == Ticket.requester_id)
        .outerjoin(assignee, assignee.id == Ticket.assignee_id)
        .outerjoin(Organisation, Organisation.id == Ticket.organisation_id)
        .where(_in_view(view, in_teams))
    )
    falling = newest_first or view in (SOLVED, ALL)
    keys: tuple[Key, ...] = (Ticket.last_activity_at if falling else Ticket.queue_key, Ticket.id)
    if view == ALL:
        keys = (Ticket.id,)
    elif view == SNOOZED and not newest_first:
        keys = (Ticket.snoozed_until, Ticket.id)
    return Listing(wanted, keys, descending=falling)


def counts(
    session: Session, viewer: Viewer, views: tuple[str, ...], *, now: datetime, team_ids: list[int]
) -> dict[str, int]:
    """How many tickets are in some views, counted up to `COUNTED_UP_TO` + 1. One statement."""
    if not viewer.may(WORK):
        return dict.fromkeys(views, 0)
    values = {"now": now, "epoch": int(now.timestamp()), "me": viewer.person_id, "teams": team_ids}
    row = session.execute(_counting(views, bool(team_ids)), values).one()
    return dict(zip(views, row, strict=True))


@cache
def _counting(views: tuple[str, ...], in_teams: bool) -> Select[Any]:
    bounded = [
        select(func.count())
        .select_from(select(Ticket.id).where(_in_view(view, in_teams)).limit(COUNTED_UP_TO + 1).subquery())
        .scalar_subquery()
        .label(view)
        for view in views
    ]
    return select(*bounded)
