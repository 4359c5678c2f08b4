"""Measures data protection at size: copying and erasing a person with many requests and files, replaying a long ledger.

python -m bench.privacy [--tickets 1000] [--files 200] [--entries 10000]

Time, statements and the growth of memory are printed beside their goals; nothing is asserted.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from app import schema
from app.accounts.models import Person
from app.accounts.tokens import LinkRules
from app.admin.audit_words import ACTIONS
from app.db import sort_key
from app.factory import create_app
from app.now import now
from app.preferences import Preferences
from app.privacy import building, export, service
from app.privacy.executor import carry_out, ledger_of
from app.privacy.export_models import DataExport
from app.privacy.models import JobStep, PrivacyRequest
from app.privacy.replay import replay
from app.tickets.models import Attachment, Message, Ticket
from config import Settings

GOALS = {
    "export": 30.0,
    "erase": 60.0,
    "replay": 60.0,
}  # seconds: 1,000 requests with 200 files; 10,000 entries
MESSAGES = 4  # a request
BYSTANDERS = 5  # times the person's requests, of others
TEXT = "The machine drips since Tuesday and nobody knows why. " * 12


def main(arguments: list[str] | None = None) -> int:
    wanted = argparse.ArgumentParser(description=__doc__)
    for name, default in (("tickets", 1000), ("files", 200), ("entries", 10_000)):
        wanted.add_argument(f"--{name}", type=int, default=default)
    given = wanted.parse_args(arguments)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        portal = _portal(Path(folder))
        person_id = _fill(portal, given.tickets, given.files)
        _export(portal, person_id, given)
        _erase(portal, person_id, given)
    with tempfile.TemporaryDirectory() as folder:
        _replay(_portal(Path(folder)), given.entries)
    return 0


def _portal(folder: Path) -> Any:
    settings = Settings.from_env({"PORTAL_DATA_DIR": str(folder), "PORTAL_SECRET_KEY": "k" * 40})
    schema.upgrade(settings.database_url)
    return create_app(settings).extensions["portal"]


def _person(session: Any, number: int) -> Person:
    name = f"Person Number{number}"
    person = Person(
        kind="customer",
        name=name,
        sort_name=sort_key(name),
        email=f"person{number}@example.org",
        proved_at=now(),
        created_at=now(),
    )
    session.add(person)
    session.flush()
    return person


def _fill(portal: Any, tickets: int, files: int) -> int:
    """One person with so many requests, and five times as many of others."""
    with portal.database.session(write=True) as session:
        hers, other = _person(session, 1), _person(session, 2)
        for number in range(tickets * (1 + BYSTANDERS)):
            mine = number < tickets
            owner = hers if mine else other
            ticket = _ticket(session, owner, number)
            for part in range(MESSAGES):
                body = TEXT if mine else f"{TEXT} {'Person Number1 called.' if number % 50 == 0 else ''}"
                message = Message(
                    ticket_id=ticket.id,
                    author_id=owner.id,
                    author_kind="customer",
                    public=True,
                    body=body,
                    body_kind="markdown",
                    created_at=now(),
                    send_key=f"{number}.{part}",
                )
                session.add(message)
                session.flush()
                if mine and part == 0 and number < files:
                    _file(session, portal, ticket, message)
        session.commit()
        return int(hers.id)


def _ticket(session: Any, owner: Person, number: int) -> Ticket:
    ticket = Ticket(
        subject=f"Request {number}",
        requester_id=owner.id,
        status="closed",
        status_at=now(),
        priority="normal",
        channel="web",
        language="en",
        created_at=now(),
        proved_at=now(),
        last_activity_at=now(),
        closed_at=now(),
        last_author_kind="customer",
        is_open=False,
        queue_key=number,
        send_key=f"t{number}",
    )
    session.add(ticket)
    session.flush()
    return ticket


def _file(session: Any, portal: Any, ticket: Ticket, message: Message) -> None:
    kept = portal.storage.save(io.BytesIO(os.urandom(64 * 1024)), limit=1 << 20)
    session.add(
        Attachment(
            message_id=message.id,
            ticket_id=ticket.id,
            storage_key=kept.key,
            name="scan.pdf",
            content_type="application/pdf",
            size=kept.size,
            sha256=kept.sha256,
            created_at=now(),
        )
    )


def _export(portal: Any, person_id: int, given: argparse.Namespace) -> None:
    with portal.database.session(write=True) as session:
        copy = export.ask(session, person_id, lang="de", now=now())
        session.commit()
    counted = Counter(portal)
    seconds, grown = _measured(lambda: building.build(portal, copy.id, actions=ACTIONS))
    with portal.database.session(write=False) as session:
        made = session.get_one(DataExport, copy.id)
    print(f"Copying the data of a person with {given.tickets} requests, {given.files} files: {made.state}")
    print(
        f"  {seconds:8.1f} s (goal {GOALS['export']:.0f} s)   {counted.count} statements   memory + {grown:.0f} MB"
        f"   archive {made.size / 1024**2:.1f} MB"
    )


def _erase(portal: Any, person_id: int, given: argparse.Namespace) -> None:
    with portal.database.session(write=True) as session:
        rules = LinkRules.of(Preferences({}), "k" * 40)
        request = service.request_deletion(session, person_id, rules=rules, grace=timedelta(0), now=now())
        session.commit()
    counted = Counter(portal)
    seconds, grown = _measured(lambda: _to_the_end(portal, request.id))
    with portal.database.session(write=False) as session:
        state = session.get_one(PrivacyRequest, request.id).state
        steps = session.execute(select(JobStep.name, JobStep.count).order_by(JobStep.position)).all()
    print(
        f"Erasing a person with {given.tickets} requests, {given.tickets * MESSAGES} messages, {given.files} files"
    )
    print(f"  among {given.tickets * (1 + BYSTANDERS) * MESSAGES} messages: {state}")
    print(
        f"  {seconds:8.1f} s (goal {GOALS['erase']:.0f} s)   {counted.count} statements   memory + {grown:.0f} MB"
    )
    print("  " + ", ".join(f"{name} {count}" for name, count in steps if count))


def _to_the_end(portal: Any, request_id: int) -> None:
    """As the worker does it; the letter counts as sent."""
    from app.outbox import DONE, Job

    carry_out(portal, request_id)
    with portal.database.session(write=True) as session:
        session.query(Job).update({"state": DONE})
        session.commit()
    carry_out(portal, request_id)


def _replay(portal: Any, entries: int) -> None:
    with portal.database.session(write=True) as session:
        people = []
        for number in range(entries):
            person = _person(session, number)
            people.append(person.public_id)
            if number % 10 == 0:
                ticket = _ticket(session, person, number)
                session.add(
                    Message(
                        ticket_id=ticket.id,
                        author_id=person.id,
                        author_kind="customer",
                        public=True,
                        body=TEXT,
                        body_kind="markdown",
                        created_at=now(),
                        send_key=f"m{number}",
                    )
                )
        session.commit()
    _write_ledger(portal, people)
    counted = Counter(portal)
    seconds, grown = _measured(lambda: replay(portal))
    print(f"Replaying {entries} erasures into a restored database, a tenth of the people with a request")
    print(
        f"  {seconds:8.1f} s (goal {GOALS['replay']:.0f} s)   {counted.count} statements   memory + {grown:.0f} MB"
    )


def _write_ledger(portal: Any, people: list[str]) -> None:
    """The ledger as it would have grown; written in one go, because each entry by itself is flushed to the disk."""
    from app.privacy.ledger import FILE, NOTHING, Entry, line_of

    ledger = ledger_of(portal)
    before, lines = NOTHING, []
    for number, key in enumerate(people, 1):
        entry = Entry(number=number, at=1, action="person", subject=key, before=before).sealed(
            *ledger.keys.newest
        )
        before = entry.digest
        lines.append(line_of(entry))
    folder = ledger.folders[0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text("\n".join(lines) + "\n")


class Counter:
    """Counts the statements of a portal's database."""

    def __init__(self, portal: Any) -> None:
        self.count = 0
        event.listen(portal.database.engine, "before_cursor_execute", self._note)

    def _note(self, *_: Any) -> None:
        self.count += 1


def _measured(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds, and megabytes by which the most memory ever used grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


if __name__ == "__main__":
    sys.exit(main())
