"""Every store of one installation: the one list of sinks, and the files beside them that tell of nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app.accounts.models import Person
from app.articles.indexing import index_in
from app.privacy.consent_sink import ConsentSink
from app.privacy.copies import ExportSink
from app.privacy.sinks import (
    CapturedMailSink,
    DatabaseSink,
    DemoAccountsSink,
    FileSink,
    SearchSink,
    Sink,
    Subject,
    UpgradeCopySink,
    subject_of,
)
from app.web import Portal
from knowledge_base.index import BrokenIndex

# Files in the data directory in which nothing about a person can stand, with the reason. All others are a sink's.
IMPERSONAL = {
    "secret-key": "random key of the portal",
    "ledger-key": "random key of the ledger",
    "workers/*.lock": "empty; held while a worker lives",
    "ledger/*": "names erased persons by random ids only, and must outlive them",
}


def all_sinks(session: Session, portal: Portal) -> list[Sink]:
    """A sink for every store of this installation. The database is looked at in the caller's session."""
    return [
        DatabaseSink(session, _database_file(portal)),
        ConsentSink(session),
        FileSink(portal.storage),
        SearchSink(portal.search_dir, lambda needle: _find_in_index(portal.search_dir, needle)),
        CapturedMailSink(portal.captured_mail_dir),
        DemoAccountsSink(portal.data_dir / "demo-accounts.json"),
        ExportSink(session, portal),
        UpgradeCopySink(portal.data_dir / "backups"),
    ]


def strays(sinks: list[Sink], data_dir: Path) -> list[Path]:
    """Files in the data directory that neither a sink owns nor the list above explains."""
    return [
        path
        for path in sorted(data_dir.rglob("*"))
        if path.is_file() and not is_impersonal(path, data_dir) and not any(sink.owns(path) for sink in sinks)
    ]


def is_impersonal(path: Path, data_dir: Path) -> bool:
    """Whether a file of the data directory is one in which nothing about a person can stand."""
    return any(path.relative_to(data_dir).match(pattern) for pattern in IMPERSONAL)


def subject_for(session: Session, text: str, former: Iterable[str] = ()) -> Subject:
    """Whom a typed text means: the person with this address, else whoever the words may name. `former` are names and
    addresses that the same person had before."""
    person_id = session.scalar(select(Person.id).where(Person.email == text.strip().casefold()))
    found = Subject((text,)) if person_id is None else subject_of(session, person_id)
    return replace(found, needles=(*found.needles, *filter(None, map(str.strip, former))))


def _database_file(portal: Portal) -> Path | None:
    url = make_url(portal.database.url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _find_in_index(folder: Path, needle: str) -> list[int]:
    try:
        return index_in(folder).find_text(needle)
    except BrokenIndex:
        return []  # there is none yet; it is built from the database, which is looked through too
