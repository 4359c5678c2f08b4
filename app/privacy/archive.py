"""Writes the archive of a copy: files, `data.json` with its schema, and a page to be read offline. Everything is streamed; how much there
is costs time and disk, not memory.

Where the archive lies and who may have it is decided by the caller.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Person
from app.i18n import gettext_in
from app.preferences import Preferences
from app.privacy import export_document, information, readable, taking
from app.privacy.export_document import Head
from app.privacy.masking import Directory, Masks, staff_among
from app.privacy.taking import HELD_BACK, Taker
from app.web import Portal

BLOCK = 256 * 1024
Tell = Callable[[int], None]


def taker_for(session: Session, portal: Portal, person_id: int, lang: str) -> Taker:
    """What a person's copy is made with."""
    person = session.scalars(select(Person).where(Person.id == person_id)).one()
    masks = Masks(Directory.read(session, without=person_id), gettext_in(lang), staff_among(session))
    made = Taker(session, portal.storage, person, masks)
    masks.meet(taking.authors(made))
    return made


def write(
    target: Path,
    portal: Portal,
    person_id: int,
    lang: str,
    *,
    actions: Mapping[str, str],
    now: datetime,
    tell: Tell = lambda done: None,
) -> int:
    """Write a person's copy to a file, in one look at the database. Gives how many notes are held back.

    `actions` are the words for entries of the audit log. `tell` hears how many messages and files are done; what it raises ends the work. Raises `OSError` for a full disk.
    """
    with portal.database.snapshot() as session:
        taker = taker_for(session, portal, person_id, lang)
        preferences = Preferences.read(session)
        head = Head(
            company=preferences.localised("company_name", lang),
            address=portal.base_url,
            made_at=now,
            lang=lang,
            told=information.told(session, lang),
        )
        progress = _Progress(tell)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
            page = readable.page(taker, head, portal.timezone, actions)
            _text(archive, "index.html", now, page)
            _files(archive, taker, now, progress)
            _text(archive, "data.json", now, _counted(export_document.document(taker, head), progress))
            _text(archive, "schema.json", now, export_document.pieces(export_document.schema()))
        return sum(1 for note in taking.notes(taker) if note.state == HELD_BACK)


class _Progress:
    def __init__(self, tell: Tell) -> None:
        self.done, self.tell = 0, tell

    def step(self) -> None:
        self.done += 1
        self.tell(self.done)


def _text(archive: zipfile.ZipFile, name: str, now: datetime, pieces: Iterator[str]) -> None:
    with archive.open(_entry(name, now), "w", force_zip64=True) as file:
        kept: list[str] = []
        size = 0
        for piece in pieces:
            kept.append(piece)
            size += len(piece)
            if size > BLOCK:
                file.write("".join(kept).encode())
                kept, size = [], 0
        file.write("".join(kept).encode())


def _entry(name: str, now: datetime, compress: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, now.timetuple()[:6])
    entry.compress_type, entry.external_attr = compress, 0o600 << 16
    return entry


def _files(archive: zipfile.ZipFile, taker: Taker, now: datetime, progress: _Progress) -> None:
    """The files as they are, not packed again: most of them are packed already."""
    for conversation in taking.conversations(taker):
        for message in conversation.messages:
            for file in message.files:
                if file.path is not None:
                    with (
                        taker.storage.open(file.storage_key) as source,
                        archive.open(
                            _entry(file.path, now, zipfile.ZIP_STORED), "w", force_zip64=True
                        ) as entry,
                    ):
                        shutil.copyfileobj(source, entry, BLOCK)
                progress.step()


def _counted(document: dict[str, Any], progress: _Progress) -> Iterator[str]:
    """The document's text; each message of a conversation is a step."""

    def stepping(items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            progress.step()
            yield item

    document["conversations"] = (
        {**one, "messages": stepping(one["messages"])} for one in document["conversations"]
    )
    return export_document.pieces(document)


def holds(path: Path, needles: Sequence[str]) -> bool:
    """Whether the data in an archive hold one of these words, read in blocks that overlap by the longest."""
    wanted = [form for needle in needles for form in {needle.encode(), json.dumps(needle)[1:-1].encode()}]
    longest = max(map(len, wanted), default=0)
    kept = b""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("data.json") as file:
            while block := file.read(BLOCK):
                kept += block
                if any(needle in kept for needle in wanted):
                    return True
                kept = kept[-longest:] if longest else b""
    except (OSError, KeyError, zipfile.BadZipFile):
        return False
    return False
