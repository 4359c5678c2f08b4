"""A calendar that 20,000 open tickets count by is edited, then a promise for all of them; prints how long the worker takes
until every deadline is right, beside what an edit looks like before it is saved. Nothing is asserted.

python -m bench.sla.calendar_edit [--tickets 20000]
"""

from __future__ import annotations

import argparse
import logging
import random
import resource
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app import lanes, schema, worker
from app.accounts.models import ADMIN, Grant, Person
from app.accounts.queries import viewer_of_person
from app.db import sort_key
from app.factory import create_app
from app.now import now
from app.outbox import put
from app.sla import calendar_keeping, policy_keeping
from app.sla.models import METRICS, PRIORITIES, BusinessCalendar, SlaPolicy
from app.sla.service import ensure_defaults
from app.tickets import policy_edits
from app.tickets.models import WITHOUT_FROM, SlaClock, Ticket, TicketEvent
from config import Settings

GOAL = 4.0  # seconds for 20,000 running tickets
HOURS = {"first_response": 8, "next_response": 16, "periodic_update": 40, "resolution": 400}
BLOCK = 5000


def main(arguments: list[str] | None = None) -> int:
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--tickets", type=int, default=20_000)
    number = wanted.parse_args(arguments).tickets
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url = f"sqlite:///{folder}/portal.db"
        schema.upgrade(url)
        app = create_app(Settings.from_env({"PORTAL_DATA_DIR": folder, "PORTAL_DATABASE_URL": url}))
        portal = app.extensions["portal"]
        with portal.database.session(write=True) as session:
            person_id, calendar_id, policy_id = _fill(session, number)
            session.commit()
        _work_off(portal)  # their first clocks
        for name, edit in (
            ("an edited calendar", lambda session: _close_a_day(session, calendar_id)),
            ("an edited promise", lambda session: _shorten(session, policy_id)),
        ):
            with portal.database.session(write=True) as session:
                edit(session)
                session.commit()
            _time(f"{name}, {number:,} running tickets", lambda: _work_off(portal), number)
        with portal.database.session(write=False) as session:
            viewer = viewer_of_person(session, person_id)
            version = policy_keeping.newest_version(session, policy_id)
            terms = replace(
                policy_keeping.terms_of(session, version), on_reopen="restart", targets=_targets(0.1)
            )
            assert viewer is not None
            found = _time(
                f"what an edited promise would mean for {number:,} running tickets",
                lambda: policy_edits.foresee(session, policy_id, terms, viewer=viewer, now=now()),
                number,
            )
            print(f"  {found.changed:,} would change, {found.breached:,} would be overdue at once")
        portal.database.dispose()
    return 0


def _work_off(portal: Any) -> None:
    """Do the chores, as a worker's lane does; its timetable and its letters are measured elsewhere."""
    hands = lanes.Worker(portal, worker.TABLES)
    while hands.labour():
        pass


def _time(name: str, work: Any, number: int) -> Any:
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown) // 1024
    print(
        f"{name}: {seconds:.2f} s, {cpu:.2f} s of them computing ({cpu / number * 1e6:.0f} us a ticket; goal for"
        f" 20,000: {GOAL:.0f} s), {grown} MB more memory"
    )
    return result


def _close_a_day(session: Session, calendar_id: int) -> None:
    day = now().date() + timedelta(days=3)
    calendar_keeping.close(session, calendar_id, day, day, "Stocktaking", actor_id=None, now=now())
    put(session, "tickets.recount", run_at=now(), calendar_id=calendar_id)


def _shorten(session: Session, policy_id: int) -> None:
    version = policy_keeping.newest_version(session, policy_id)
    terms = replace(policy_keeping.terms_of(session, version), targets=_targets(0.5))
    policy_edits.save(session, policy_id, terms, apply=True, actor_id=None, now=now())


def _targets(share: float) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (metric, priority): (int(HOURS[metric] * 60 * share), int(HOURS[metric] * 15 * share))
        for metric in METRICS
        for priority in PRIORITIES
    }


def _fill(session: Session, number: int) -> tuple[int, int, int]:
    """Open tickets with four clocks' promises: answered ones, ones that wait, ones that are new."""
    ensure_defaults(session, time_zone="Europe/Berlin", now=now())
    calendar_id = session.scalars(select(BusinessCalendar.id)).one()
    policy_id = session.scalars(select(SlaPolicy.id)).one()
    standing = policy_keeping.terms_of(session, policy_keeping.newest_version(session, policy_id))
    terms = replace(standing, targets=_targets(1))
    version = policy_keeping.save(session, policy_id, terms, actor_id=None, now=now())
    assert version is not None
    person = Person(
        name="Ada",
        sort_name=sort_key("Ada"),
        email="ada@example.org",
        kind="staff",
        language="en",
        created_at=now(),
    )
    session.add(person)
    session.flush()
    session.add(Grant(person_id=person.id, role=ADMIN, created_at=now()))
    chance, rows, events = random.Random(7), [], []
    for key in range(1, number + 1):
        at = now() - timedelta(hours=chance.uniform(1, 400))
        rows.append(_ticket(key, at, person.id, version.id, calendar_id, chance.choice(PRIORITIES)))
        events += _history(key, at, rows[-1]["priority"], version.id, chance)
        if len(rows) == BLOCK or key == number:
            session.execute(insert(Ticket), rows)
            session.execute(insert(TicketEvent), events)
            rows, events = [], []
    put(session, "tickets.recount", run_at=now(), calendar_id=calendar_id)
    session.flush()
    count = session.scalar(select(func.count()).select_from(SlaClock))
    assert count == 0, "the clocks are made by the first count"
    return person.id, calendar_id, policy_id


def _ticket(
    key: int, at: datetime, person_id: int, version_id: int, calendar_id: int, priority: str
) -> dict[str, Any]:
    return {
        "id": key,
        "public_id": f"ticket-{key}",
        "subject": "Machine leaks",
        "requester_id": person_id,
        "status": "open",
        "status_at": at,
        "priority": priority,
        "channel": "web",
        "language": "en",
        "created_at": at,
        "proved_at": at,
        "last_activity_at": at,
        "last_author_kind": "customer",
        "is_open": True,
        "queue_key": WITHOUT_FROM,
        "policy_version_id": version_id,
        "calendar_id": calendar_id,
        "send_key": f"key-{key}",
    }


def _history(
    key: int, at: datetime, priority: str, version_id: int, chance: random.Random
) -> list[dict[str, Any]]:
    created = {"by": "customer", "first_message": "customer", "status": "new", "priority": priority}
    happened: list[tuple[str, str, dict[str, Any]]] = [
        ("created", "customer", {**created, "proved": True, "policy_version_id": version_id})
    ]
    if chance.random() < 0.8:
        happened += [("status", "agent", {"from": "new", "to": "open"}), ("message", "agent", {})]
        happened += [("message", "customer", {}), ("status", "agent", {"from": "open", "to": "on_hold"})]
        if chance.random() < 0.5:
            happened += [("message", "agent", {}), ("status", "agent", {"from": "on_hold", "to": "open"})]
    step = (now() - at) / (len(happened) + 1)
    return [
        {
            "ticket_id": key,
            "occurred_at": at + step * place,
            "recorded_at": at + step * place,
            "type": kind,
            "actor_id": None,
            "author_kind": author,
            "is_requester": author == "customer",
            "public": kind in ("created", "message"),
            "auto": False,
            "payload": payload,
        }
        for place, (kind, author, payload) in enumerate(happened)
    ]


if __name__ == "__main__":
    raise SystemExit(main())
