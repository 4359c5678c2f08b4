"""How many requests came, and how promises were kept: by week, team, type and priority.

Figures are made of rows that erasing keeps (ticket, clock, breach) and of nothing that erasing changes, so they are equal
before and after. Requests that were spam, merged or deleted as such are left out (R13).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, and_, func, select, type_coerce
from sqlalchemy.orm import Session

from app.tickets.models import SlaBreach, SlaClock, Ticket

HOUR = 3600
BY = {"team": Ticket.team_id, "type": Ticket.request_type_id, "priority": Ticket.priority}


@dataclass(frozen=True, slots=True)
class Kept:
    """How one promise was kept: clocks met and missed, those whose miss was excused apart from both, and the medians of
    the business seconds that met and missed ones ran."""

    met: int
    breached: int
    excused: int
    median_met: float | None
    median_all: float | None


def counted(since: datetime, until: datetime) -> ColumnElement[bool]:
    """The condition for requests that count: created in [since, until) and not taken out."""
    return and_(Ticket.created_at >= since, Ticket.created_at < until, Ticket.disposal.is_(None))


def tickets_by_week(session: Session, *, since: datetime, until: datetime, time_zone: str) -> dict[date, int]:
    """Requests by the Monday of the week in which they were created, as the zone counts days.

    The database counts by hours, because it knows no zones.
    """
    hour = (_epoch() - _epoch() % HOUR).label("hour")
    rows = session.execute(select(hour, func.count()).where(counted(since, until)).group_by(hour))
    weeks: Counter[date] = Counter()
    for started, count in rows:
        day = datetime.fromtimestamp(int(started), UTC).astimezone(ZoneInfo(time_zone)).date()
        weeks[day - timedelta(days=day.weekday())] += count
    return dict(sorted(weeks.items()))


def _epoch() -> Any:
    return type_coerce(Ticket.created_at, BigInteger)


def tickets_by(session: Session, by: str, *, since: datetime, until: datetime) -> dict[Any, int]:
    """Requests by `team`, `type` (their ids, None for none) or `priority`."""
    column = BY[by]
    rows = session.execute(select(column, func.count()).where(counted(since, until)).group_by(column))
    return {row[0]: int(row[1]) for row in rows}


def promises_kept(session: Session, *, since: datetime, until: datetime) -> dict[str, Kept]:
    """How promises were kept, by metric.

    A clock counts as missed when it is breached or has a breach that was not superseded, unless somebody excused it; as
    met when it was fulfilled without one. Clocks that still run or were cancelled before they were due do not count.
    """
    breaches = _breaches(session, since, until)
    times: dict[str, list[tuple[bool, int]]] = {}
    excused: Counter[str] = Counter()
    for ticket_id, metric, run_no, state, elapsed in session.execute(_clocks(since, until)):
        blamed = breaches.get((ticket_id, metric, run_no), state == "breached")
        if blamed or state == "met":
            times.setdefault(metric, []).append((blamed, elapsed))
        elif state == "breached":
            excused[metric] += 1
    metrics = sorted(times.keys() | excused.keys())
    return {metric: _kept(times.get(metric, ()), excused[metric]) for metric in metrics}


def _clocks(since: datetime, until: datetime) -> Any:
    return (
        select(SlaClock.ticket_id, SlaClock.metric, SlaClock.run_no, SlaClock.state, SlaClock.elapsed_seconds)
        .join(Ticket, Ticket.id == SlaClock.ticket_id)
        .where(counted(since, until))
        .execution_options(yield_per=5000)
    )


def _breaches(session: Session, since: datetime, until: datetime) -> dict[tuple[int, str, int], bool]:
    """The runs with a breach that still holds, and whether one of them counts: nobody excused it."""
    rows = session.execute(
        select(SlaBreach.ticket_id, SlaBreach.metric, SlaBreach.run_no, SlaBreach.excused_by_id.is_(None))
        .join(Ticket, Ticket.id == SlaBreach.ticket_id)
        .where(counted(since, until), SlaBreach.superseded_at.is_(None))
    )
    found: dict[tuple[int, str, int], bool] = {}
    for ticket_id, metric, run_no, counts in rows:
        key = (ticket_id, metric, run_no)
        found[key] = found.get(key, False) or bool(counts)
    return found


def _kept(times: Iterable[tuple[bool, int]], excused: int) -> Kept:
    listed = list(times)
    met = [elapsed for breached, elapsed in listed if not breached]
    return Kept(
        met=len(met),
        breached=len(listed) - len(met),
        excused=excused,
        median_met=median(met) if met else None,
        median_all=median(elapsed for _, elapsed in listed) if listed else None,
    )
