"""The rows that follow from replays: clocks, missed promises, and what is to be told of them.

Compares with what is stored and writes the difference, for one ticket or a thousand; so writing twice changes nothing.
A missed promise is never deleted: one that is true no more is superseded (R8). Instants are epoch seconds here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    TableClause,
    Update,
    bindparam,
    column,
    delete,
    insert,
    select,
    table,
    update,
)
from sqlalchemy.orm import Session

from app.accounts.models import Person, Team
from app.db import Base, Instant, write_many
from app.sla.replay import Breach, ClockRun, Event, TicketSla
from app.tickets.events import EventType
from app.tickets.histories import holder_at
from app.tickets.models import SlaBreach, SlaClock, SlaFired

WARNING, BREACH, STEP = "warning", "breach", "step:"
LATE_FACT = "late_fact"  # why a miss is superseded that the history does not know any more


def raw(model: type[Base]) -> TableClause:
    """A model's table with its instants as numbers."""
    return table(
        model.__tablename__,
        *(
            column(one.name, BigInteger() if isinstance(one.type, Instant) else one.type)
            for one in model.__table__.columns
        ),
    )


CLOCK, MISSED, FIRED = raw(SlaClock), raw(SlaBreach), raw(SlaFired)
_KEPT_OF_MISS = ("breached_at", "fulfilled_at", "overdue_seconds", "superseded_at", "superseded_reason")


class Judged(NamedTuple):
    """A ticket as a replay found it, with who has it now."""

    ticket_id: int
    assignee_id: int | None
    team_id: int | None
    history: Sequence[Event]
    sla: TicketSla


class Notice(NamedTuple):
    """Something to be told or done about a clock: `step` is `warning`, `breach` or `step:` with the id of an escalation
    step. It happens once for (ticket, metric, run, step, due time), at `at` or as soon after it as somebody looks."""

    metric: str
    run_no: int
    step: str
    at: int
    due_at: int

    @property
    def key(self) -> tuple[str, int, str, int]:
        """What it is once for, within a ticket."""
        return self.metric, self.run_no, self.step, self.due_at


def notices(sla: TicketSla) -> list[Notice]:
    """What there is to tell of the clocks that run, past and future, in order; a paused clock tells nothing (R14).

    A missed promise is told instead of its warning.
    """
    found = []
    for run in sla.runs:
        if not run.open or run.waiting or run.target is None or run.due_at is None:
            continue
        if run.breached_at is not None:
            found.append(Notice(run.metric, run.run_no, BREACH, run.breached_at, run.due_at))
        elif run.warn_at is not None:
            found.append(Notice(run.metric, run.run_no, WARNING, run.warn_at, run.due_at))
        for step in run.escalations:
            found.append(Notice(run.metric, run.run_no, f"{STEP}{step.step}", step.at, run.due_at))
    return sorted(found, key=lambda notice: (notice.at, notice.key))


# --- columns -------------------------------------------------------------------------------------------------------


CLOCK_COLUMNS = (
    *("ticket_id", "metric", "run_no", "state", "started_at", "due_at", "warn_at", "fulfilled_at"),
    *("fulfilled_by_event_id", "breached_at", "target_minutes", "elapsed_seconds", "paused_seconds"),
    *("remaining_seconds", "policy_version_id"),
)


def clock_values(ticket_id: int, run: ClockRun) -> tuple[Any, ...]:
    """A clock as it is stored, in the order of `CLOCK_COLUMNS`; the first three are its key."""
    return (
        ticket_id,
        run.metric,
        run.run_no,
        run.state,
        run.started_at,
        run.due_at,
        run.warn_at if run.open else None,
        run.fulfilled_at,
        run.fulfilled_by,
        run.breached_at,
        None if run.target is None else run.target // 60,
        run.elapsed,
        run.paused,
        run.remaining,
        run.policy,
    )


def clocks_of(ticket_id: int, sla: TicketSla) -> list[dict[str, Any]]:
    """The clocks of a ticket that promise something."""
    return [
        dict(zip(CLOCK_COLUMNS, clock_values(ticket_id, run), strict=True))
        for run in sla.runs
        if run.target is not None
    ]


def misses_of(judged: Judged, now: int) -> list[dict[str, Any]]:
    """The missed promises of a ticket, with who had it then."""
    return [
        {
            "ticket_id": judged.ticket_id,
            "metric": breach.metric,
            "run_no": breach.run_no,
            "due_at": breach.due_at,
            "breached_at": breach.breached_at,
            "detected_at": now,
            "fulfilled_at": breach.fulfilled_at,
            "overdue_seconds": breach.overdue if breach.fulfilled_at is not None else None,
            "assignee_id": holder_at(
                judged.history, EventType.ASSIGNEE, breach.breached_at, judged.assignee_id
            ),
            "team_id": holder_at(judged.history, EventType.TEAM, breach.breached_at, judged.team_id),
            "policy_version_id": breach.policy,
            "calendar_version": breach.calendar_version,
            "superseded_at": breach.superseded_at,
            "superseded_reason": _reason(breach, judged.history),
            "excused_by_id": None,
            "excused_reason": None,
        }
        for breach in judged.sla.breaches
    ]


def _reason(breach: Breach, history: Sequence[Event]) -> str | None:
    if breach.superseded_at is None:
        return None
    found = next((event.type for event in history if event.id == breach.superseded_by), None)
    return str(found or EventType.CALENDAR_EDIT)


def fired_columns(ticket_id: int, notice: Notice, sent_at: int | None = None) -> dict[str, Any]:
    """The row that says that something was told or done; without `sent_at` at its own time."""
    return {
        "ticket_id": ticket_id,
        "metric": notice.metric,
        "run_no": notice.run_no,
        "step": notice.step,
        "due_at": notice.due_at,
        "sent_at": notice.at if sent_at is None else sent_at,
    }


# --- what differs is written -----------------------------------------------------------------------------------------


def write(session: Session, found: Sequence[Judged], *, now: int) -> dict[int, list[Notice]]:
    """Store what replays of these tickets found. Gives what is still to be told of each, the earliest first.

    A ticket without a history (brought in from elsewhere) keeps what it has. At most three statements for looking, and
    one for each kind of change, however many tickets they are.
    """
    known = [one for one in found if one.history]
    once_missed = _write_clocks(session, known)
    _write_misses(session, [one for one in known if one.sla.breaches or one.ticket_id in once_missed], now)
    return _untold(session, known, now)


def _write_clocks(session: Session, found: Sequence[Judged]) -> set[int]:
    """Gives the tickets whose stored clocks knew of a miss."""
    stored: dict[tuple[Any, ...], Any] = {}
    once_missed = set()
    for row in session.execute(_STORED_CLOCKS, {"ids": [one.ticket_id for one in found]}).all():
        stored[row[1:4]] = row
        if row.breached_at is not None:
            once_missed.add(row[1])
    added, changed = [], []
    for one in found:
        for run in one.sla.runs:
            if run.target is None:
                continue
            values = clock_values(one.ticket_id, run)
            before = stored.pop(values[:3], None)
            if before is None:
                added.append(values)
            elif before[1:] != values:
                changed.append((*values[3:], before[0]))
    if stored:
        session.execute(delete(CLOCK).where(CLOCK.c.id.in_([row[0] for row in stored.values()])))
    if added:
        write_many(session, _ADD_CLOCKS, CLOCK_COLUMNS, added)
    if changed:
        write_many(session, _CHANGE_CLOCKS, (*CLOCK_COLUMNS[3:], "key"), changed)
    return once_missed


_STORED_CLOCKS = select(CLOCK.c.id, *(CLOCK.c[name] for name in CLOCK_COLUMNS)).where(
    CLOCK.c.ticket_id.in_(bindparam("ids", expanding=True))
)
_ADD_CLOCKS = insert(CLOCK)


@cache
def changing(rows: TableClause, names: tuple[str, ...]) -> Update:
    """The update of some columns of one row by its id, the bind parameter `key`."""
    return update(rows).where(rows.c.id == bindparam("key")).values({name: bindparam(name) for name in names})


_CHANGE_CLOCKS = changing(CLOCK, CLOCK_COLUMNS[3:])


def _write_misses(session: Session, found: Sequence[Judged], now: int) -> None:
    if not found:
        return
    of = MISSED.c.ticket_id.in_([one.ticket_id for one in found])
    stored = {
        (row["ticket_id"], row["metric"], row["run_no"], row["due_at"]): row
        for row in session.execute(select(MISSED).where(of)).mappings()
    }
    added, changed = [], []
    for one in found:
        for columns in misses_of(one, now):
            key = (one.ticket_id, columns["metric"], columns["run_no"], columns["due_at"])
            before = stored.pop(key, None)
            if before is None:
                added.append(columns)
            elif any(before[name] != columns[name] for name in _KEPT_OF_MISS):
                changed.append({"key": before["id"], **{name: columns[name] for name in _KEPT_OF_MISS}})
    for row in stored.values():
        if row["superseded_at"] is None:
            gone = {"superseded_at": now, "superseded_reason": LATE_FACT}
            changed.append({"key": row["id"], **{name: row[name] for name in _KEPT_OF_MISS}, **gone})
    if added:
        _without_strangers(session, added)
        session.execute(insert(MISSED), added)
    if changed:
        session.execute(changing(MISSED, _KEPT_OF_MISS), changed)


def _without_strangers(session: Session, misses: list[dict[str, Any]]) -> None:
    """Events may name people and teams who are gone; a row may not."""
    for name, model in (("assignee_id", Person), ("team_id", Team)):
        named = {miss[name] for miss in misses} - {None}
        there = set(session.scalars(select(model.id).where(model.id.in_(named)))) if named else set()
        for miss in misses:
            miss[name] = miss[name] if miss[name] in there else None


def _untold(session: Session, found: Sequence[Judged], now: int) -> dict[int, list[Notice]]:
    listed = {one.ticket_id: notices(one.sla) for one in found}
    overdue = [key for key, told in listed.items() if any(notice.at <= now for notice in told)]
    done = told_already(session, overdue)
    return {
        key: [notice for notice in told if notice.key not in done.get(key, ())]
        for key, told in listed.items()
    }


def told_already(session: Session, ticket_ids: Collection[int]) -> dict[int, set[tuple[str, int, str, int]]]:
    """What happened already for each of these tickets. One statement, none for no tickets."""
    done: dict[int, set[tuple[str, int, str, int]]] = defaultdict(set)
    if ticket_ids:
        rows = session.execute(
            select(FIRED.c.ticket_id, FIRED.c.metric, FIRED.c.run_no, FIRED.c.step, FIRED.c.due_at).where(
                FIRED.c.ticket_id.in_(ticket_ids)
            )
        )
        for row in rows:
            done[row[0]].add((row[1], row[2], row[3], row[4]))
    return done
