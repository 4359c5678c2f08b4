"""The worker's side of copies: builds an archive in a file of its own and puts it in place whole, removes what is over.

A build that was broken off begins anew; its remains go with the next build, with the sweep, or with the person. The last
step looks once more whether the copy is still wanted, so that a deletion meanwhile leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import Person
from app.db import insert_ignoring
from app.lanes import named
from app.now import now
from app.preferences import Preferences
from app.privacy import archive, copies, export, officers, taking
from app.privacy.copies import folder_of, path_of
from app.privacy.export_models import BUILDING, READY, DataExport, NoteDecision
from app.privacy.models import DONE, FAILED, OPEN, RUNNING, JobStep, PrivacyRequest
from app.privacy.service import locked_request
from app.tickets.models import Message
from app.web import Portal

log = logging.getLogger(__name__)

LOOK_AGAIN = 1.0  # seconds between looks whether the copy is still wanted
STEP = "archive"


class CalledOff(Exception):
    """The copy is not wanted any more."""


# --- building --------------------------------------------------------------------------------------------------------


@dataclass
class Build:
    """One copy under way."""

    portal: Portal
    export_id: int
    request_id: int
    person_id: int
    file_key: str
    lang: str
    quietly: bool
    again: bool
    looked: float = field(default_factory=time.monotonic)

    def tell(self, done: int) -> None:
        """Note the progress now and then. Raises `CalledOff`."""
        if time.monotonic() - self.looked < LOOK_AGAIN:
            return
        self.looked = time.monotonic()
        self.note(done)

    def note(self, done: int, total: int | None = None) -> None:
        """Write how far it is, and look whether it is still wanted. Raises `CalledOff`."""
        values = {"progress_done": done} | ({} if total is None else {"progress_total": total})
        which = (PrivacyRequest.id == self.request_id, PrivacyRequest.state == RUNNING)
        with self.portal.database.light_session() as light:
            found = light.execute(update(PrivacyRequest).where(*which).values(values))
            light.commit()
        if not getattr(found, "rowcount", 0):
            raise CalledOff


def chore(actions: Mapping[str, str]) -> Callable[[Session, list[dict[str, Any]], Portal], None]:
    """The worker's door. `actions` are the words for entries of the audit log; the session given is not used."""

    def build_each(_: Session, jobs: list[dict[str, Any]], portal: Portal) -> None:
        for ids in jobs:
            build(portal, int(ids["export_id"]), actions=actions, quietly=ids.get("reason") == copies.QUIETLY)

    return build_each


def build(portal: Portal, export_id: int, *, actions: Mapping[str, str], quietly: bool = False) -> bool:
    """Build one copy; False when it is not wanted (any more). A fault is noted and raised again."""
    one = _begin(portal, export_id, quietly)
    if one is None:
        return False
    _clear_remains(portal, one.file_key)
    try:
        with _part(portal, one.file_key) as part:
            _write(one, part, actions)
    except CalledOff:
        log.info("copy %d is not wanted any more", export_id)
        return False
    except Exception as fault:
        _note_fault(one, fault)
        raise
    return True


def _begin(portal: Portal, export_id: int, quietly: bool) -> Build | None:
    with portal.database.session(write=True) as session:
        row = session.get(DataExport, export_id)
        if row is None or row.state != BUILDING:
            return None
        request = locked_request(session, row.request_id)
        person = session.get(Person, row.person_id)
        if request.state not in (RUNNING, FAILED) or person is None or person.erased_at is not None:
            return None
        request.state = RUNNING
        step = {"request_id": request.id, "name": STEP, "position": 0, "state": "running"}
        insert_ignoring(
            session, JobStep, step | {"count": 0, "tries": 0, "error": ""}, ["request_id", "name"]
        )
        session.execute(
            update(JobStep)
            .where(JobStep.request_id == request.id, JobStep.name == STEP)
            .values(state="running", tries=JobStep.tries + 1)
        )
        earlier = select(DataExport.id).where(DataExport.request_id == request.id, DataExport.id < export_id)
        again = session.scalar(earlier.limit(1)) is not None
        session.commit()
        return Build(portal, export_id, request.id, row.person_id, row.file_key, row.lang, quietly, again)


@contextmanager
def _part(portal: Portal, file_key: str) -> Iterator[Path]:
    """A file to write to, locked while this process lives, so that nobody takes it for remains."""
    folder_of(portal).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder_of(portal) / f"{file_key}.{secrets.token_hex(4)}.part"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _clear_remains(portal: Portal, file_key: str = "*") -> int:
    """Remove files of builds whose process is dead. Gives how many."""
    removed = 0
    for path in folder_of(portal).glob(f"{file_key}.*.part"):
        with suppress(OSError), open(path) as file:  # locked: its process lives
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _write(one: Build, part: Path, actions: Mapping[str, str]) -> None:
    portal = one.portal
    with portal.database.session(write=False) as session:
        total = taking.count(session, one.person_id)
    one.note(0, total)
    held_back = archive.write(
        part, portal, one.person_id, one.lang, actions=actions, now=now(), tell=one.tell
    )
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    _finish(one, part, held_back)


def _finish(one: Build, part: Path, held_back: int) -> None:
    """The archive gets its name in the transaction that says it is there."""
    portal, moment = one.portal, now()
    with portal.database.session(write=True) as session:
        request = locked_request(session, one.request_id)
        row = session.scalars(
            select(DataExport).where(DataExport.id == one.export_id).with_for_update()
        ).one()
        if request.state != RUNNING or row.state != BUILDING or row.file_key != one.file_key:
            raise CalledOff
        older = copies.remove(session, (DataExport.person_id == one.person_id) & (DataExport.state == READY))
        row.state, row.held_back, row.size = READY, held_back, part.stat().st_size
        row.made_at = moment
        keep = Preferences.read(session).period("period_export_hours")
        if row.expires_at is None:  # one that is made again keeps its day
            row.expires_at = moment + keep
        request.state, request.done_at = (OPEN, None) if held_back else (DONE, moment)
        request.progress_done = request.progress_total
        if not held_back:
            export.settled(session, one.person_id, now=moment)
        done = update(JobStep).where(JobStep.request_id == one.request_id, JobStep.name == STEP)
        session.execute(done.values(state="done", error="", done_at=moment, count=request.progress_total))
        if not one.quietly:
            letter = export.NOTES_LETTER if one.again else export.LETTER
            outbox.put(session, letter, run_at=moment, export_id=row.id)
        if held_back and not one.again:
            officers.tell(session, request, now=moment)
        session.flush()
        os.replace(part, path_of(portal, one.file_key))
        session.commit()
    copies.discard(portal, older)


def _note_fault(one: Build, fault: Exception) -> None:
    """Show that it stopped and why; the job's own back-off tries again."""
    with one.portal.database.session(write=True) as session:
        request = locked_request(session, one.request_id)
        if request.state == RUNNING:
            request.state = FAILED
            noted = update(JobStep).where(JobStep.request_id == request.id, JobStep.name == STEP)
            session.execute(noted.values(state="failed", error=named(fault)))
            session.commit()


# --- removing --------------------------------------------------------------------------------------------------------


def sweep(_: Session, moment: datetime, portal: Portal) -> None:
    """The worker's timetable: archives whose time is over go, and files that no copy names; decisions about notes go
    with the notes' texts. The session given is not used."""
    with portal.database.session(write=True) as session:
        over = copies.remove(session, (DataExport.state == READY) & copies.expired(moment))
        emptied = select(Message.id).where(Message.body == "")
        session.execute(delete(NoteDecision).where(NoteDecision.message_id.in_(emptied)))
        session.commit()
    copies.discard(portal, over)
    _clear_remains(portal)
    with portal.database.session(write=False) as session:
        known = copies.files_to_keep(session)
    for path in folder_of(portal).glob("*.zip"):
        if path.stem not in known:
            path.unlink(missing_ok=True)
