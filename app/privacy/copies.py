"""Where copies of people's data lie: their rows and files together, removed or made again, and the store as sinks see it.

A file of a copy is always named by its row; a file without one is removed. The caller commits.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import Person
from app.now import now
from app.privacy import archive
from app.privacy.export_models import BUILDING, READY, REMOVED, DataExport
from app.privacy.models import FAILED, RUNNING, PrivacyRequest
from app.privacy.sinks import Finding, Subject
from app.web import Portal

FOLDER = "exports"
CHORE = "privacy.export"
QUIETLY = "quietly"  # a copy that is made again because something in it had to go: no second letter
UNDER_WAY = (RUNNING, FAILED)


def folder_of(portal: Portal) -> Path:
    """Where archives lie."""
    return portal.data_dir / FOLDER


def path_of(portal: Portal, file_key: str) -> Path:
    """Where one archive lies; it may be missing."""
    return folder_of(portal) / f"{file_key}.zip"


def discard(portal: Portal, keys: Iterable[str]) -> int:
    """Delete archives. Gives how many there were."""
    removed = 0
    for key in keys:
        for path in folder_of(portal).glob(f"{key}.*"):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def put_chore(
    session: Session, request: PrivacyRequest, export_id: int, *, now: datetime, **more: str
) -> None:
    """Have the worker build a copy."""
    job = outbox.put(session, CHORE, run_at=now, export_id=export_id, **more)
    session.flush()
    request.job_id = job.id


# --- rows -----------------------------------------------------------------------------------------------------------


def remove(session: Session, which: ColumnElement[bool]) -> list[str]:
    """Mark copies as removed. Gives the names of their files, to be deleted after the commit or before it."""
    rows = session.scalars(select(DataExport).where(which, DataExport.state != REMOVED).with_for_update())
    keys = []
    for row in rows:
        row.state = REMOVED
        keys.append(row.file_key)
    session.flush()
    return keys


def expired(now: datetime) -> ColumnElement[bool]:
    """The condition for copies whose time is over."""
    return DataExport.expires_at <= now


def remake(session: Session, which: ColumnElement[bool], *, now: datetime) -> list[str]:
    """Have copies made again, because something in them had to go; also those that are being made from an older look.
    Those of people whose deletion is under way are only removed. Gives the names of the former files."""
    rows = session.scalars(select(DataExport).where(which, DataExport.state != REMOVED).with_for_update())
    keys = []
    for row in rows.all():
        request = session.get_one(PrivacyRequest, row.request_id, with_for_update=True)
        if row.state == BUILDING and request.state not in UNDER_WAY:
            continue
        keys.append(row.file_key)
        if session.get_one(Person, row.person_id).erasing_at is not None:
            row.state = REMOVED
            continue
        quietly = {"reason": QUIETLY} if row.state == READY else {}
        row.state, row.file_key = BUILDING, secrets.token_hex(16)
        request.state = RUNNING
        put_chore(session, request, row.id, now=now, **quietly)
    session.flush()
    return keys


def files_to_keep(session: Session) -> Collection[str]:
    """The names of files that belong to a copy which is ready or being made."""
    return set(session.scalars(select(DataExport.file_key).where(DataExport.state != REMOVED)))


# --- the store -------------------------------------------------------------------------------------------------------


class ExportSink:
    """Archives of copies. Hers are removed; those of others are made again, for words of hers may stand in any of them."""

    name = "exports"

    def __init__(self, session: Session, portal: Portal) -> None:
        self.session, self.portal = session, portal

    def _hers(self, subject: Subject) -> list[str]:
        """The files of her copies, also of those that are gone from the list of files."""
        if subject.person_id is None:
            return []
        return list(
            self.session.scalars(select(DataExport.file_key).where(DataExport.person_id == subject.person_id))
        )

    def find(self, subject: Subject) -> list[Finding]:
        needles = [needle for needle in subject.needles if needle]
        hers = set(self._hers(subject))
        return [
            Finding(self.name, path.name, own=path.name.partition(".")[0] in hers)
            for path in sorted(folder_of(self.portal).glob("*"))
            if path.name.partition(".")[0] in hers or archive.holds(path, needles)
        ]

    def erase(self, subject: Subject) -> int:
        if subject.person_id is None:
            return 0
        which = DataExport.person_id == subject.person_id
        remove(self.session, which)
        again = remake(self.session, DataExport.person_id != subject.person_id, now=now())
        return discard(self.portal, [*self._hers(subject), *again])

    def verify(self, subject: Subject) -> list[Finding]:
        hers = self._hers(subject)
        left = [path for key in hers for path in folder_of(self.portal).glob(f"{key}.*")]
        return [Finding(self.name, path.name, own=True) for path in left]

    def owns(self, path: Path) -> bool:
        return path.parent == folder_of(self.portal)


def remake_all(portal: Portal) -> None:
    """Make every ready copy again: something that may stand in it had to disappear."""
    with portal.database.session(write=True) as session:
        keys = remake(session, DataExport.id.is_not(None), now=now())
        session.commit()
    discard(portal, keys)
