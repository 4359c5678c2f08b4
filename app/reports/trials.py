"""Trials of drafts from their start to their end: kept as rows, computed by the worker, stopped, swept after a week.

A person has one trial; a newer one takes its place. Computing leaves nothing behind but its counts, so a trial whose
worker died is simply begun again. What is computed is `app.reports.what_if`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import Person
from app.db import locked
from app.errors import NotVisible, Refused
from app.reports import what_if
from app.reports.models import CANCELLED, DONE, FAILED, QUEUED, RUNNING, UNDER_WAY, WhatIfRun
from app.reports.what_if import Draft, Tally, Week
from app.sla.models import METRICS
from app.web import Portal
from app.words import N_

CHORE = "reports.what_if"
KEPT = timedelta(days=7)
MOST_MONTHS = 12
PRIORITIES = ("urgent", "high", "normal", "low")  # as people read them, the most pressing first
BETWEEN_WORDS = 1.0  # seconds between two words on how far it is


def start(session: Session, draft: Draft, *, months: int, author_id: int, now: datetime) -> WhatIfRun:
    """Begin a trial over the tickets of the last months, in place of the author's earlier one.

    Raises `NotVisible` for a policy that is gone, `Refused` for a period without tickets and a draft that cannot be tried.
    """
    if not 1 <= months <= MOST_MONTHS:
        raise Refused(N_("Choose 1 to %(months)s months."), "months", months=MOST_MONTHS)
    what_if.check(session, draft)
    since = what_if.months_before(now, months)
    total = what_if.number_of_tickets(session, since, now)
    if not total:
        raise Refused(N_("No tickets were created in this period. Choose a longer one."), "months")
    session.execute(locked(select(Person.id).where(Person.id == author_id)))  # a double click takes its turn
    session.execute(delete(WhatIfRun).where(WhatIfRun.author_id == author_id))
    run = WhatIfRun(
        author_id=author_id,
        policy_id=draft.policy_id,
        created_at=now,
        since=since,
        draft=_written(draft, what_if.standing(session, draft.policy_id)),
        state=QUEUED,
        done=0,
        total=total,
    )
    session.add(run)
    session.flush()
    outbox.put(session, CHORE, run_at=now, run_id=run.id)
    return run


def _written(draft: Draft, present: what_if.Standing) -> dict[str, Any]:
    """The draft as it is kept: for targets and week what holds and what is tried, or nothing where it stays."""
    return {
        "targets": None if draft.targets is None else [present.targets, draft.targets],
        "week": None if draft.week is None else [present.week, draft.week],
    }


def draft_of(run: WhatIfRun) -> Draft:
    """What a trial tries."""
    targets, week = run.draft["targets"], run.draft["week"]
    return Draft(run.policy_id, targets[1] if targets else None, as_week(week[1]) if week else None)


def months_of(run: WhatIfRun) -> int:
    """How many months back a trial looks."""
    reach = range(1, MOST_MONTHS + 1)
    return next((n for n in reach if what_if.months_before(run.created_at, n) <= run.since), MOST_MONTHS)


class Change(NamedTuple):
    """One thing that a trial tries: a target by priority and metric (minutes), or the hours of a weekday (0 is Monday)."""

    key: tuple[str, str] | int
    before: Any
    after: Any


def changes(run: WhatIfRun) -> list[Change]:
    """What a trial tries, target by target and day by day."""
    found: list[Change] = []
    if run.draft["targets"]:
        was, tried = run.draft["targets"]
        for priority in PRIORITIES:
            for metric in METRICS:
                before, after = was.get(priority, {}).get(metric), tried.get(priority, {}).get(metric)
                if before != after:
                    found.append(Change((priority, metric), before, after))
    if run.draft["week"]:
        weeks = [as_week(week) for week in run.draft["week"]]
        days = enumerate(zip(*weeks, strict=True))
        found += [Change(day, before, after) for day, (before, after) in days if before != after]
    return found


def as_week(listed: list[list[list[int]]]) -> Week:
    """Hours as they are kept, read again."""
    return tuple(tuple((opens, closes) for opens, closes in day) for day in listed)


def read(session: Session, run_id: int) -> WhatIfRun:
    """A trial. Raises `NotVisible` where it was replaced, swept or never was."""
    run = session.get(WhatIfRun, run_id)
    if run is None:
        raise NotVisible
    return run


def latest_of(session: Session, author_id: int) -> WhatIfRun | None:
    """A person's trial."""
    return session.scalar(select(WhatIfRun).where(WhatIfRun.author_id == author_id))


def cancel(session: Session, run_id: int, *, author_id: int) -> None:
    """Stop a trial of one's own; one that has ended stays as it is. Raises `NotVisible`."""
    run = read(session, run_id)
    if run.author_id != author_id:
        raise NotVisible
    session.execute(
        update(WhatIfRun)
        .where(WhatIfRun.id == run_id, WhatIfRun.state.in_(UNDER_WAY))
        .values(state=CANCELLED)
        .execution_options(synchronize_session=False)
    )


def sweep(session: Session, *, before: datetime) -> int:
    """Remove trials started before an instant. Gives how many."""
    return int(
        getattr(session.execute(delete(WhatIfRun).where(WhatIfRun.created_at < before)), "rowcount", 0)
    )


# --- the worker's side -----------------------------------------------------------------------------------------------


def work(session: Session, jobs: list[dict[str, Any]], portal: Portal) -> None:
    """The chore: compute trials from a read session. Safe to repeat; a trial that is gone or ended is left alone."""
    for job in jobs:
        run = session.get(WhatIfRun, int(job["run_id"]))
        if run is None or run.state not in UNDER_WAY:
            continue
        note = partial(_note, portal, run.id)
        try:
            _carry_out(session, draft_of(run), run.since, run.created_at, note)
        except Exception:
            note(state=FAILED, done=0)
            raise


def _carry_out(
    session: Session, draft: Draft, since: datetime, until: datetime, note: Callable[..., bool]
) -> None:
    """Replay piece by piece, saying every second how far it is. Ends early once the trial was stopped or replaced."""
    both = what_if.sides(session, draft)
    if not note(state=RUNNING, done=0):
        return
    tally, below, said = Tally(), None, time.monotonic()
    while True:
        below = what_if.count_some(session, both, tally, since=since, until=until, below=below)
        session.rollback()  # lets go of what it was looking at, so that the database's log need not keep it
        if below is None:
            break
        if time.monotonic() - said >= BETWEEN_WORDS:
            said = time.monotonic()
            if not note(done=tally.tickets):
                return
    note(state=DONE, done=tally.tickets, total=tally.tickets, result=tally.as_json())


def _note(portal: Portal, run_id: int, **values: Any) -> bool:
    """Write down how a trial stands, in a transaction of its own. False once it was stopped or replaced."""
    with portal.database.light_session() as light:
        found = light.execute(
            update(WhatIfRun)
            .where(WhatIfRun.id == run_id, WhatIfRun.state.in_(UNDER_WAY))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        light.commit()
        return bool(getattr(found, "rowcount", 0))
