"""Figures of promised times with a database: everything counted anew, one ticket's write, a sweep. Printed, never asserted.

python -m bench.sla.running [--tickets 100000]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

import app.tables  # noqa: F401 (all tables are known)
from app import demo_tickets, schema
from app.accounts.models import AGENT, STAFF, Grant, Person
from app.db import Database
from app.now import now
from app.preferences import Preferences
from app.sla.models import SlaPolicyVersion, SlaTarget
from app.sla.service import ensure_defaults
from app.tickets import deadlines, recomputing, sweep
from app.tickets.models import SlaBreach, SlaClock, Ticket, TicketEvent
from app.tickets.rules import Rules

RULES = Rules.of(Preferences({}), secret="s" * 32, time_zone="Europe/Berlin", undo_seconds=10, limited=False)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--url", help="an empty, migrated database instead of a SQLite file of its own")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url = options.url or f"sqlite:///{Path(folder) / 'portal.db'}"
        schema.upgrade(url)
        database = Database(url)
        measure(database, options.tickets)
        database.dispose()
    return 0


def measure(database: Database, tickets: int) -> None:
    """Fill the database and print every figure."""
    print(f"\nPromised times over {tickets} tickets, {database.dialect}", flush=True)
    fill(database, tickets)
    with database.session(write=False) as session:
        events = session.scalar(select(func.count()).select_from(TicketEvent))
        clocks = session.scalar(select(func.count()).select_from(SlaClock))
    print(f"{events} events, {clocks} clocks")
    print(f"all counted anew, nothing differs: {both_times(lambda: again(database))} (goal 10 s)")
    with database.session(write=True) as session:
        session.execute(delete(SlaClock))
        session.execute(delete(SlaBreach))
        session.commit()
    print(f"all counted anew, every clock written: {both_times(lambda: again(database))} (goal 10 s)")
    one_write(database)
    quiet_sweep(database)


def fill(database: Database, tickets: int) -> None:
    """Histories of the demo's kind, with targets for two clocks."""
    with database.session(write=True) as session:
        ensure_defaults(session, time_zone="Europe/Berlin", now=now())
        version = session.scalars(select(SlaPolicyVersion)).one()
        for priority, hours in (("urgent", 8), ("high", 16), ("normal", 24), ("low", 40)):
            for metric, share in (("next_response", 2), ("resolution", 1)):
                session.add(
                    SlaTarget(
                        policy_version_id=version.id,
                        priority=priority,
                        metric=metric,
                        target_minutes=hours * 60 // share,
                        warn_minutes=60,
                    )
                )
        for number in range(40):
            staff = number < 8
            person = Person(
                kind=STAFF if staff else "customer",
                name=f"Person {number}",
                sort_name=f"person {number}",
                email=f"person{number}@example.org",
                created_at=now(),
                proved_at=now(),
            )
            session.add(person)
            session.flush()
            if staff:
                session.add(Grant(person_id=person.id, role=AGENT, created_at=now()))
        session.commit()
    with database.session(write=True) as session:
        for _ in demo_tickets.mass(session, tickets, 7, rules=RULES, now=now()):
            session.commit()


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def both_times(work: Callable[[], object]) -> str:
    """How long it took, and how much of that this process computed: on a busy machine the rest is waiting."""
    began = time.process_time()
    took = timed(work)
    return f"{took:.1f} s, {time.process_time() - began:.1f} s of them computing"


def again(database: Database) -> None:
    for _ in recomputing.all_again(database, everything=True, now=now()):
        pass


def one_write(database: Database, samples: int = 400) -> None:
    """A ticket's deadlines found again after one event, with everything it reads and writes, without the disk's flush."""
    with database.session(write=False) as session:
        ids = list(session.scalars(select(Ticket.id).where(Ticket.is_open).limit(samples)))
    took = []
    with database.session(write=True) as session:
        for ticket_id in ids:
            ticket = session.get_one(Ticket, ticket_id)
            session.flush()
            took.append(1000 * timed(lambda ticket=ticket: refresh(session, ticket)))  # type: ignore[misc]
        session.rollback()
    took.sort()
    print(
        f"one ticket's deadlines, database included: median {statistics.median(took):.2f} ms, "
        f"p95 {took[int(len(took) * 0.95)]:.2f} ms (goal 3 ms)"
    )


def refresh(session: Session, ticket: Ticket) -> None:
    deadlines.refresh(session, ticket, now=now())
    session.flush()


def quiet_sweep(database: Database) -> None:
    """A sweep over so many open tickets of which nothing is due."""
    later = now() + timedelta(days=30)
    with database.session(write=True) as session:
        session.execute(
            update(Ticket).values(
                is_open=True, next_warning_at=later, next_breach_at=later, next_due_at=later
            )
        )
        session.commit()
    took = sorted(
        1000 * timed(lambda: sweep.sweep(database, time_zone="Europe/Berlin", now=now())) for _ in range(20)
    )
    print(f"a sweep, nothing due: median {took[10]:.1f} ms, most {took[-1]:.1f} ms (goal 20 ms)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
