"""The index on disk: open, replace, remove, rebuild beside and swap. One writer at a time, any number of readers."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from whoosh.index import FileIndex

from knowledge_base import arrayfile, store
from knowledge_base.document import Document
from knowledge_base.folder import (
    NOTHING,
    RETRY,
    BrokenIndex,
    IndexBusy,
    State,
    being_written,
    locked,
    read_state,
    signature,
    snapshot_path,
    sweep,
    write_state,
)
from knowledge_base.snapshot import Snapshot
from knowledge_base.view import Behind, View, draw_snapshot, open_patiently, open_view

__all__ = ["BrokenIndex", "Index", "IndexBusy"]


class Index:
    """A folder with an index. Searching threads share one object; see the module for how processes share the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._view: View | None = None
        self._missed = (NOTHING, 0.0)  # the publication that could not be opened, and when
        self._refreshing = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Index:
        """The index in `folder`, made empty when there is none. Raises BrokenIndex when it cannot be read."""
        index = cls(folder)
        if signature(folder) == NOTHING:
            with locked(folder, 10.0):
                if signature(folder) == NOTHING:
                    _build(folder, ())
        index.view()
        return index

    @classmethod
    def rebuild(cls, folder: Path, documents: Iterable[Document]) -> Index:
        """Build beside and swap: searches see the old index until the new one is complete, and after a crash."""
        with locked(folder, 30.0):
            _build(folder, documents)
        return cls.open(folder)

    @property
    def generation(self) -> int:
        """Grows with every change, whoever made it."""
        return read_state(self.folder).generation

    @property
    def written_at(self) -> float | None:
        """When it last changed, in epoch seconds; None when there is none."""
        moment = signature(self.folder)[1]
        return moment / 1e9 if moment else None

    def replace(self, documents: Iterable[Document], *, timeout: float = 10.0) -> None:
        """Add or replace articles in one step. Raises IndexBusy after `timeout` seconds of waiting for the writer."""

        def put(writer: Any) -> None:
            # Whoosh replaces what was committed, not what is in the same batch.
            for document in {document.key: document for document in documents}.values():
                writer.update_document(**store.fields_of(document))

        self._write(put, timeout)

    def remove(self, keys: Iterable[int], *, timeout: float = 10.0) -> None:
        """Make articles unfindable; unknown keys are fine. Their text leaves the files with `optimise`."""

        def drop(writer: Any) -> None:
            for key in keys:
                writer.delete_by_term("key", str(key))

        self._write(drop, timeout)

    def optimise(self, *, timeout: float = 10.0) -> None:
        """Merge all segments: what was removed or replaced is gone from the files."""
        self._write(lambda writer: None, timeout, optimise=True)

    def keys(self) -> set[int]:
        """The keys of all articles, in all languages."""
        return {int(key) for p in self.view().partitions.values() for key in p["key"]}

    def find_text(self, needle: str) -> list[int]:
        """Keys of the articles whose stored text contains `needle`, whatever the case."""
        wanted = needle.casefold()
        return [
            facts["key"]
            for facts in self.view().documents()
            if any(wanted in text.casefold() for text in store.stored_text(facts))
        ]

    def view(self) -> View:
        """The newest generation; looks for a newer one each time (one `stat`)."""
        newest = signature(self.folder)
        if self._view is not None and (newest == self._view.signature or self._waiting(newest)):
            return self._view
        with self._refreshing:
            if self._view is None:
                self._view = open_patiently(self.folder)
            elif newest != self._view.signature and not self._waiting(newest):
                try:
                    self._view = open_view(self.folder, draw=not being_written(self.folder))
                except (BrokenIndex, Behind):  # the next writer was faster than we; what we have stays good
                    self._missed = (newest, time.monotonic())
            return self._view

    def _waiting(self, newest: tuple[int, int]) -> bool:
        """Whether opening this publication just failed, so that it is too early to try again."""
        missed, at = self._missed
        return newest == missed and time.monotonic() - at < RETRY

    def _write(self, change: Callable[[Any], None], timeout: float, *, optimise: bool = False) -> None:
        with locked(self.folder, timeout):
            state = read_state(self.folder)
            directory = self.folder / state.directory
            sweep(directory)
            whoosh = store.opened(directory)
            with store.writing(whoosh, timeout, optimise=optimise) as writer:
                change(writer)
            _publish(self.folder, whoosh, state.directory, state.generation + 1)


def _build(folder: Path, documents: Iterable[Document]) -> None:
    births = [int(p.name.removeprefix("index-")) for p in folder.glob("index-*") if p.name[6:].isdigit()]
    with suppress(BrokenIndex):
        births.append(read_state(folder).generation)
    generation = max(births, default=0) + 1
    directory = folder / f"index-{generation}"
    directory.mkdir(mode=0o700)
    whoosh = store.created(directory)
    try:
        _add_all(whoosh, documents)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    _publish(folder, whoosh, directory.name, generation)
    for old in folder.glob("index-*"):
        if old != directory:
            shutil.rmtree(old, ignore_errors=True)


def _add_all(whoosh: FileIndex, documents: Iterable[Document]) -> None:
    """Add documents to an empty index, one at a time in memory; of equal keys the last counts."""
    seen: set[int] = set()
    again: dict[int, Document] = {}
    with store.writing(whoosh, 0.0) as writer:
        for document in documents:
            if document.key in seen:
                again[document.key] = document
            else:
                writer.add_document(**store.fields_of(document))
                seen.add(document.key)
    if again:
        with store.writing(whoosh, 0.0) as writer:
            for document in again.values():
                writer.update_document(**store.fields_of(document))


def _publish(folder: Path, whoosh: FileIndex, directory: str, generation: int) -> None:
    """Draw the snapshot of what Whoosh committed and make both valid."""
    home = folder / directory
    arrays, names = draw_snapshot(whoosh.reader(), home, keep=True, previous=_previous(folder))
    arrayfile.write(snapshot_path(home, generation), arrays, names)
    write_state(folder, State(directory, generation, whoosh.latest_generation()))
    for old in home.glob("snapshot-*"):
        if old != snapshot_path(home, generation):
            old.unlink(missing_ok=True)


def _previous(folder: Path) -> Snapshot | None:
    """The snapshot still valid, if it can be read."""
    with suppress(BrokenIndex, arrayfile.BadArrayFile):
        state = read_state(folder)
        return arrayfile.read(snapshot_path(folder / state.directory, state.generation))
    return None
