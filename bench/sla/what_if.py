"""Tries other promises on many tickets and prints how long the worker computes. Nothing is asserted.

python -m bench.sla.what_if [--tickets 100000]
"""

from __future__ import annotations

import argparse
import logging
import resource
import sys
import tempfile
import time
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app import demo_tickets, schema
from app.accounts.models import ADMIN, Grant, Person
from app.db import sort_key
from app.factory import create_app
from app.now import now
from app.preferences import Preferences
from app.reports import trials
from app.reports.models import WhatIfRun
from app.reports.what_if import Draft
from app.sla.models import METRICS, PRIORITIES, SlaPolicyVersion, SlaTarget
from app.sla.service import ensure_defaults
from app.tickets.models import SlaClock, Ticket, TicketEvent
from app.tickets.rules import Rules
from config import Settings

GOAL = 10.0  # seconds for 100,000 tickets
PATTERN = 2000  # tickets made one by one; the others are copies of them
HOURS = {"first_response": 4, "next_response": 8, "periodic_update": 24, "resolution": 40}


def main(arguments: list[str] | None = None) -> int:
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--tickets", type=int, default=100_000)
    given = wanted.parse_args(arguments)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url = f"sqlite:///{folder}/portal.db"
        schema.upgrade(url)
        app = create_app(Settings.from_env({"PORTAL_DATA_DIR": folder, "PORTAL_DATABASE_URL": url}))
        portal = app.extensions["portal"]
        with portal.database.session(write=True) as session:
            author_id, policy_id = _fill(session, given.tickets)
            session.commit()
        targets = {p: {m: HOURS[m] * 30 for m in METRICS} for p in PRIORITIES}
        week = (((480, 1200),),) * 5 + (((540, 720),), ())
        for name, draft in (
            ("half the times", Draft(policy_id, targets)),
            ("longer hours", Draft(policy_id, week=week)),
            ("both", Draft(policy_id, targets, week)),
        ):
            _try(portal, name, draft, author_id)
        portal.database.dispose()
    return 0


def _try(portal: Any, name: str, draft: Draft, author_id: int) -> None:
    with portal.database.session(write=True) as session:
        run = trials.start(session, draft, months=12, author_id=author_id, now=now())
        session.commit()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    with portal.database.session(write=False) as session:
        trials.work(session, [{"run_id": run.id}], portal)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown
    with portal.database.session(write=False) as session:
        done = session.get_one(WhatIfRun, run.id)
    assert done.result is not None
    print(
        f"what if, {name}: {done.total:,} tickets in {seconds:.1f} s, {cpu:.1f} s of them computing"
        f" ({cpu / done.total * 1e6:.0f} us a ticket; goal for 100,000: {GOAL:.0f} s);"
        f" {done.result['worse']['count']:,} worse, {done.result['better']['count']:,} better,"
        f" {done.result['differing']:,} on record otherwise; memory grew by {grown / 1024:.0f} MiB"
    )


def _fill(session: Session, number: int) -> tuple[int, int]:
    """So many tickets of the last 400 days with their events and clocks. Gives an author's and the policy's id."""
    moment = now()
    ensure_defaults(session, time_zone="Europe/Berlin", now=moment)
    version = session.scalars(select(SlaPolicyVersion)).one()
    session.add_all(
        SlaTarget(
            policy_version_id=version.id, priority=p, metric=m, target_minutes=HOURS[m] * 60, warn_minutes=60
        )
        for p in PRIORITIES
        for m in METRICS
        if m != "first_response"
    )
    people = [
        Person(kind=kind, name=f"P{n}", sort_name=sort_key(f"P{n}"), email=f"p{n}@example.org", language="de",
               proved_at=moment, created_at=moment)
        for n, kind in enumerate(("staff", *("customer",) * 9))
    ]  # fmt: skip
    session.add_all(people)
    session.flush()
    session.add(Grant(person_id=people[0].id, role=ADMIN, created_at=moment))
    session.flush()
    rules = Rules.of(
        Preferences.read(session), secret="s" * 32, time_zone="Europe/Berlin", undo_seconds=0, limited=False
    )
    for _ in demo_tickets.mass(session, min(number, PATTERN), 1, rules=rules, now=moment):
        pass
    tickets, events = (session.scalars(select(func.max(model.id))).one() for model in (Ticket, TicketEvent))
    for number_of_copy in range(1, number // PATTERN):
        _copy(session, number_of_copy * tickets, number_of_copy * events, tickets)
    return people[0].id, version.policy_id


def _copy(session: Session, ticket_shift: int, event_shift: int, last: int) -> None:
    """The pattern once more under other ids, table by table inside the database."""
    for model, own_shift in ((Ticket, ticket_shift), (TicketEvent, event_shift), (SlaClock, None)):
        table = model.__table__
        values: dict[str, Any] = {}
        for column in table.columns:
            if column.name == "id" and own_shift is not None:
                values["id"] = column + own_shift
            elif column.name == "ticket_id":
                values["ticket_id"] = column + ticket_shift
            elif column.unique:
                values[column.name] = column.concat(f"-{ticket_shift}")
            elif column.name != "id":
                values[column.name] = column
        of_pattern = (table.c.id if model is Ticket else table.c.ticket_id) <= last
        session.execute(insert(table).from_select(list(values), select(*values.values()).where(of_pattern)))


if __name__ == "__main__":
    sys.exit(main())
