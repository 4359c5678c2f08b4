"""What a draft of promises would have meant: tickets of the past, replayed under what held and under the draft.

Computes and keeps nothing; `app.reports.trials` has the runs. Every rule and every time is the engine's: both sides are
the same replay of the same events up to the same instant, and only the books differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.db import plain_rows
from app.errors import NotVisible, Refused
from app.now import now
from app.reports.queries import counted
from app.sla import queries as sla
from app.sla.calendar import BusinessCalendar, NeverOpen, OutOfRange
from app.sla.hours import Interval, WeeklyHours
from app.sla.models import METRICS, PRIORITIES, SlaPolicyVersion
from app.sla.policy import PolicyVersion, Target
from app.sla.queries import Offer
from app.sla.replay import Event, Run
from app.tickets import histories
from app.tickets.books import Books
from app.tickets.models import SlaClock as ClockRow
from app.tickets.models import Ticket, TicketEvent
from app.words import N_

AT_ONCE = 1000  # tickets replayed between two looks at the clock
WITHOUT_A_RULE = (
    "assignee",
    "team",
    "request_type",
    "subject",
    "private",
    "split_from",
)  # events no clock heeds
MOST_LISTED = 5000  # tickets that differ are listed up to here, and counted beyond

Targets = Mapping[str, Mapping[str, int]]
"""Business minutes by priority and metric; what is absent is not promised."""
Week = tuple[tuple[Interval, ...], ...]
"""Opening hours of Monday to Sunday."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is tried: other targets for one policy, other hours for its calendar. None leaves them as they were.

    Targets count for every ticket of that policy whatever version it was promised by; hours for every ticket that is
    counted by the calendar.
    """

    policy_id: int
    targets: Targets | None = None
    week: Week | None = None


class Standing(NamedTuple):
    """What a policy promises new tickets now: its newest version and the calendar it counts by."""

    offer: Offer
    calendar: BusinessCalendar

    @property
    def targets(self) -> dict[str, dict[str, int]]:
        """Business minutes by priority and metric."""
        return {
            priority: {metric: target.seconds // 60 for metric, target in promised.items()}
            for priority, promised in self.offer.version.targets.items()
            if promised
        }

    @property
    def week(self) -> Week:
        """The hours that hold for the days to come."""
        weekly = self.calendar.spec.weekly
        return weekly[-1].days if weekly else ((),) * 7


@dataclass(frozen=True, slots=True)
class Sides:
    """The books under what held and under the draft, and for which versions and priorities they differ."""

    held: Books
    draft: Books
    concerned: frozenset[tuple[int, str]]

    def concern(self, events: Sequence[Event]) -> bool:
        """Whether the draft can make a difference to a ticket: by the versions and priorities that it ever had."""
        had = {"normal"}
        for event in events:
            if event.type in ("created", "priority"):
                had.add(event.data.get("priority") or event.data.get("to") or "normal")
        versions = histories.versions_in(events)
        return any((version, priority) in self.concerned for version in versions for priority in had)


def standing(session: Session, policy_id: int) -> Standing:
    """What a policy promises now. Raises `NotVisible`."""
    newest = session.scalar(
        select(SlaPolicyVersion.id)
        .where(SlaPolicyVersion.policy_id == policy_id)
        .order_by(SlaPolicyVersion.number.desc())
        .limit(1)
    )
    offer = sla.book(session, [newest]).get(newest) if newest is not None else None
    if offer is None:
        raise NotVisible
    return Standing(offer, sla.calendar(session, offer.calendar_id, offer.calendar_version))


def sides(session: Session, draft: Draft) -> Sides:
    """The books of both sides, for every version that a ticket may name. Raises `NotVisible`."""
    present = standing(session, draft.policy_id)
    owners = {
        row[0]: row[1] for row in session.execute(select(SlaPolicyVersion.id, SlaPolicyVersion.policy_id))
    }
    own = {version_id for version_id, policy_id in owners.items() if policy_id == draft.policy_id}
    found = sla.book(session, owners.keys())
    offers = {key: replace(offer, version=_bare(offer.version)) for key, offer in found.items()}
    tried, instead = dict(offers), {}
    if draft.targets is not None:
        version = replace(_bare(present.offer.version), targets=_seconds(draft.targets))
        for key in own & offers.keys():
            tried[key] = replace(present.offer, version=replace(version, id=key))
    if draft.week is not None:
        instead[present.offer.calendar_id] = redrawn(present.calendar, draft.week)
    concerned = frozenset(
        (key, priority)
        for key, offer in tried.items()
        for priority in PRIORITIES
        if offer.calendar_id in instead or _differ(offers[key], offer, priority)
    )
    return Sides(Books(session, offers), Books(session, tried, instead=instead), concerned)


def _differ(held: Offer, tried: Offer, priority: str) -> bool:
    """Whether two versions promise something else for a priority."""
    same_targets = held.version.targets.get(priority, {}) == tried.version.targets.get(priority, {})
    plain = (replace(one.version, targets={}) for one in (held, tried))
    return not same_targets or held.calendar_id != tried.calendar_id or next(plain) != next(plain)


def _bare(version: PolicyVersion) -> PolicyVersion:
    """A version without warnings and escalations: they make no difference to what was kept, and cost time."""
    plain = {
        priority: {metric: Target(target.seconds) for metric, target in promised.items()}
        for priority, promised in version.targets.items()
    }
    return replace(version, targets=plain, escalations=())


def _seconds(targets: Targets) -> dict[str, dict[str, Target]]:
    return {
        priority: {metric: Target(minutes * 60) for metric, minutes in promised.items()}
        for priority, promised in targets.items()
    }


def redrawn(calendar: BusinessCalendar, week: Week) -> BusinessCalendar:
    """The calendar with other weekly hours on all its days; holidays and other exceptions stay."""
    spec = replace(calendar.spec, version=calendar.spec.version + 1, weekly=(WeeklyHours(week),))
    today, year = now().date(), timedelta(days=366)
    return BusinessCalendar.compile(spec, today - year, today + year)


def check(session: Session, draft: Draft) -> None:
    """Raises `Refused` for a draft that changes nothing, that is never open or whose targets are never reached."""
    moment = int(now().timestamp())
    present = standing(session, draft.policy_id)
    if draft.targets is None and draft.week is None:
        raise Refused(N_("Change a target or the hours: so far the draft is what holds today."))
    calendar, targets = present.calendar, draft.targets if draft.targets is not None else present.targets
    longest = max((minutes for promised in targets.values() for minutes in promised.values()), default=0)
    if draft.week is not None:
        calendar = redrawn(calendar, draft.week)
    try:
        calendar.next_open(moment)
    except NeverOpen:
        raise Refused(
            N_("With these hours nobody ever works. Enter hours for at least one day."), "monday"
        ) from None
    try:
        calendar.add(moment, longest * 60)
    except (NeverOpen, OutOfRange):
        raise Refused(
            N_("With these hours the longest target is never reached. Enter longer hours."), "monday"
        ) from None


# --- replaying -------------------------------------------------------------------------------------------------------

KEPT, MISSED = "met", "breached"


def replayed(events: Sequence[Event], both: Sides, until: int) -> tuple[dict[Run, str], dict[Run, str]]:
    """The verdicts on one ticket under what held and under the draft. The draft is replayed only where it differs."""
    before = both.held.verdicts(events, until)
    return before, both.draft.verdicts(events, until) if both.concern(events) else before


@dataclass(slots=True)
class Flips:
    """Tickets whose verdict differs in one direction: how many, and of the newest which metrics (as bits)."""

    count: int = 0
    ids: list[int] = field(default_factory=list)
    metrics: list[int] = field(default_factory=list)

    def add(self, ticket_id: int, runs: Iterable[Run]) -> None:
        """Note a ticket."""
        self.count += 1
        if len(self.ids) < MOST_LISTED:
            self.ids.append(ticket_id)
            self.metrics.append(sum({1 << METRICS.index(metric) for metric, _ in runs}))


@dataclass(slots=True)
class Tally:
    """What was counted so far. A cell holds clocks kept and missed under what held, then under the draft.

    `differing` counts clocks whose record is not what a replay finds today: records keep their numbers when a calendar
    is corrected after a clock ended (R11).
    """

    tickets: int = 0
    cells: dict[tuple[str, int | None, str], list[int]] = field(default_factory=dict)
    better: Flips = field(default_factory=Flips)
    worse: Flips = field(default_factory=Flips)
    differing: int = 0

    def add(
        self,
        ticket_id: int,
        team_id: int | None,
        priority: str,
        before: dict[Run, str],
        after: dict[Run, str],
    ) -> None:
        """Count one ticket."""
        self.tickets += 1
        for column, side in ((0, before), (2, after)):
            for (metric, _), verdict in side.items():
                key = (metric, team_id, priority)
                cell = self.cells.get(key) or self.cells.setdefault(key, [0, 0, 0, 0])
                cell[column if verdict == KEPT else column + 1] += 1
        if after is not before and after != before:
            late = {run for run, verdict in before.items() if verdict == MISSED}
            later = {run for run, verdict in after.items() if verdict == MISSED}
            if late - later:
                self.better.add(ticket_id, late - later)
            if later - late:
                self.worse.add(ticket_id, later - late)

    def as_json(self) -> dict[str, Any]:
        """The counts as a run keeps them."""
        return {
            "tickets": self.tickets,
            "cells": [[*key, *cell] for key, cell in self.cells.items()],
            **{
                name: {"count": flips.count, "ids": flips.ids, "metrics": flips.metrics}
                for name, flips in (("better", self.better), ("worse", self.worse))
            },
            "differing": self.differing,
        }


def number_of_tickets(session: Session, since: datetime, until: datetime) -> int:
    """How many tickets a trial of this period replays."""
    return session.scalar(select(func.count()).select_from(Ticket).where(counted(since, until))) or 0


@histories.no_search_for_cycles()
def count_some(
    session: Session, both: Sides, tally: Tally, *, since: datetime, until: datetime, below: int | None
) -> int | None:
    """Replay and count the next tickets of a period, newest first, those with ids below `below`. Gives the id to go on
    below; None after the last one. Three statements."""
    wanted = select(Ticket.id, Ticket.team_id, Ticket.priority).where(counted(since, until))
    if below is not None:
        wanted = wanted.where(Ticket.id < below)
    tickets = session.execute(wanted.order_by(Ticket.id.desc()).limit(AT_ONCE)).all()
    if not tickets:
        return None
    ids = [row[0] for row in tickets]
    told = and_(TicketEvent.ticket_id.in_(ids), TicketEvent.type.not_in(WITHOUT_A_RULE))
    events, records = dict(histories.in_bulk(session, told)), _records(session, ids, until)
    moment = int(until.timestamp())
    for ticket_id, team_id, priority in tickets:
        before, after = replayed(events.get(ticket_id, ()), both, moment)
        tally.add(ticket_id, team_id, priority, before, after)
        tally.differing += len(before.items() ^ records[ticket_id].items())
    return ids[-1] if len(ids) == AT_ONCE else None


def _records(session: Session, ids: list[int], until: datetime) -> dict[int, dict[Run, str]]:
    """The verdicts on record; a clock that is running beyond its due time is missed, whoever has noticed."""
    rows = plain_rows(
        session,
        select(ClockRow.ticket_id, ClockRow.metric, ClockRow.run_no, ClockRow.state, ClockRow.due_at).where(
            ClockRow.ticket_id.in_(ids)
        ),
    )
    moment = int(until.timestamp())
    found: dict[int, dict[Run, str]] = {ticket_id: {} for ticket_id in ids}
    for ticket_id, metric, run_no, state, due_at in rows:
        overdue = state == "running" and due_at is not None and due_at < moment
        if overdue or state in (KEPT, MISSED):
            found[ticket_id][metric, run_no] = MISSED if overdue else state
    return found


def months_before(moment: datetime, months: int) -> datetime:
    """The same day so many months earlier; the last of the month where that day does not exist."""
    number = moment.year * 12 + moment.month - 1 - months
    first = moment.replace(year=number // 12, month=number % 12 + 1, day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first + timedelta(days=min(moment.day, (following - first).days) - 1)


# --- what the counts say ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Clocks kept and missed under what held and under the draft."""

    kept_before: int = 0
    missed_before: int = 0
    kept_after: int = 0
    missed_after: int = 0

    @property
    def share_before(self) -> float | None:
        """The part that was kept; None where nothing was decided."""
        return _share(self.kept_before, self.missed_before)

    @property
    def share_after(self) -> float | None:
        """The part that would have been kept."""
        return _share(self.kept_after, self.missed_after)


def _share(kept: int, missed: int) -> float | None:
    return kept / (kept + missed) if kept + missed else None


BY = ("metric", "team", "priority")


def figures(result: Mapping[str, Any], by: str, *, metric: str | None = None) -> dict[Any, Figures]:
    """The counts of a trial by `metric`, `team` (id or None) or `priority`, of all metrics or one."""
    sums: dict[Any, list[int]] = {}
    for cell in result["cells"]:
        if metric is None or cell[0] == metric:
            found = sums.setdefault(cell[BY.index(by)], [0, 0, 0, 0])
            found[:] = [one + more for one, more in zip(found, cell[3:], strict=True)]
    return {key: Figures(*counts) for key, counts in sums.items()}


def metrics_of(bits: int) -> list[str]:
    """The metrics that a ticket of `Flips` differs in."""
    return [metric for number, metric in enumerate(METRICS) if bits >> number & 1]
