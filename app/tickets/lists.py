"""Lists of requests, paged by key: a customer's own, her organisation's, and the views of the desk.

Columns only, never entities; every view walks an index in order. Nothing here changes anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from app.accounts.models import COLLEAGUE, MANAGER, Organisation, Person, Team
from app.accounts.permissions import Viewer
from app.paging import Key, Page, page
from app.tickets.models import FIRST_NUMBER, PAUSED_FROM, Ticket
from app.tickets.queries import on_desk, on_own_side

OPEN_TAB, SOLVED_TAB, ORGANISATION_TAB = "open", "solved", "organisation"
TABS = (OPEN_TAB, SOLVED_TAB, ORGANISATION_TAB)

# The views of the desk; the page of each is its name.
INBOX, MINE, UNASSIGNED, TEAM, AT_RISK, SNOOZED, SOLVED, ALL = (
    *("inbox", "mine", "unassigned", "team"),
    *("at_risk", "snoozed", "solved", "all"),
)
VIEWS = (INBOX, MINE, UNASSIGNED, TEAM, AT_RISK, SNOOZED, SOLVED, ALL)
COUNTED_UP_TO = 500  # "500+": counting further would read the whole queue


def has_colleagues(viewer: Viewer) -> bool:
    """Whether there is an organisation whose requests she may read."""
    return any(place[2] in (COLLEAGUE, MANAGER) for place in viewer.organisations)


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
    wanted = wanted.where(on_own_side(viewer))
    if tab == ORGANISATION_TAB:
        shared = [place[0] for place in viewer.organisations if place[2] in (COLLEAGUE, MANAGER)]
        wanted = wanted.where(Ticket.organisation_id.in_(shared))
    else:
        done = tab == SOLVED_TAB
        wanted = wanted.where(Ticket.requester_id == viewer.person_id, Ticket.is_open.is_(not done))
    return page(
        session,
        _narrowed(wanted, words),
        (Ticket.last_activity_at, Ticket.id),
        descending=True,
        after=after,
        before=before,
    )


def _narrowed(wanted: Any, words: str) -> Any:
    words = words.strip()
    if not words:
        return wanted
    digits = words.lstrip("#")
    if digits.isascii() and digits.isdigit() and len(digits) < 15:
        named = Ticket.subject.icontains(words, autoescape=True)
        return wanted.where(or_(Ticket.id == int(digits) - FIRST_NUMBER, named))
    return wanted.where(
        and_(*(Ticket.subject.icontains(word, autoescape=True) for word in words.split()[:8]))
    )


# --- the desk ----------------------------------------------------------------------------------------------------


def in_view(viewer: Viewer, view: str, *, now: datetime, team_ids: list[int]) -> ColumnElement[bool]:
    """The condition for the tickets of a view of the desk.

    `team_ids` are the viewer's teams; someone in no team has the tickets of all. Unproved requests are in the inbox
    (marked), never among those waiting for somebody to take them.
    """
    awake = or_(Ticket.snoozed_until.is_(None), Ticket.snoozed_until <= now)
    waiting = and_(Ticket.is_open, awake)
    own_teams = or_(Ticket.team_id.is_(None), Ticket.team_id.in_(team_ids)) if team_ids else literal(True)
    conditions: dict[str, ColumnElement[bool]] = {
        INBOX: waiting,
        MINE: and_(waiting, Ticket.assignee_id == viewer.person_id),
        UNASSIGNED: and_(waiting, Ticket.assignee_id.is_(None), Ticket.proved_at.is_not(None)),
        TEAM: and_(waiting, own_teams),
        AT_RISK: and_(waiting, Ticket.queue_key < PAUSED_FROM, _at_risk(now)),
        SNOOZED: and_(Ticket.is_open, Ticket.snoozed_until > now),
        SOLVED: Ticket.is_open.is_(False),
        ALL: literal(True),
    }
    return and_(on_desk(viewer), conditions[view])


def _at_risk(now: datetime) -> ColumnElement[bool]:
    """Overdue, or past the instant of its warning."""
    return or_(Ticket.next_due_at <= now, Ticket.at_risk_at <= now)


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
    requester, assignee = aliased(Person), aliased(Person)
    wanted: Any = (
        select(
            Ticket.id,
            Ticket.subject,
            Ticket.status,
            Ticket.priority,
            Ticket.proved_at,
            Ticket.created_at,
            Ticket.last_activity_at,
            Ticket.last_author_kind,
            Ticket.snoozed_until,
            Ticket.next_due_at,
            Ticket.at_risk_at,
            Ticket.next_metric,
            Ticket.sla_state,
            Ticket.queue_key,
            requester.name.label("requester_name"),
            assignee.name.label("assignee_name"),
            Organisation.name.label("organisation_name"),
            Team.name.label("team_name"),
        )
        .join(requester, requester.id == Ticket.requester_id)
        .outerjoin(assignee, assignee.id == Ticket.assignee_id)
        .outerjoin(Organisation, Organisation.id == Ticket.organisation_id)
        .outerjoin(Team, Team.id == Ticket.team_id)
        .where(in_view(viewer, view, now=now, team_ids=team_ids))
    )
    falling = newest_first or view in (SOLVED, ALL)
    keys: tuple[Key, ...] = (Ticket.last_activity_at if falling else Ticket.queue_key, Ticket.id)
    if view == ALL:
        keys = (Ticket.id,)
    elif view == SNOOZED and not newest_first:
        keys = (Ticket.snoozed_until, Ticket.id)
    return page(session, wanted, keys, descending=falling, after=after, before=before)


def counts(
    session: Session, viewer: Viewer, views: tuple[str, ...], *, now: datetime, team_ids: list[int]
) -> dict[str, int]:
    """How many tickets are in some views, counted up to `COUNTED_UP_TO` + 1. One statement."""
    bounded = [
        select(func.count())
        .select_from(
            select(Ticket.id)
            .where(in_view(viewer, view, now=now, team_ids=team_ids))
            .limit(COUNTED_UP_TO + 1)
            .subquery()
        )
        .scalar_subquery()
        .label(view)
        for view in views
    ]
    row = session.execute(select(*bounded)).one()
    return dict(zip(views, row, strict=True))
