"""The reading side of an index: one generation, mapped into memory, and how a newer one is opened."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

from knowledge_base import arrayfile, snapshot, store
from knowledge_base.analysis import stop_words
from knowledge_base.document import LANGUAGES
from knowledge_base.folder import RETRY, BrokenIndex, being_written, read_state, signature, snapshot_path
from knowledge_base.partition import Partition
from knowledge_base.synonyms import built_in

_PATIENCE = 1.0  # seconds a first reader waits for a writer at work


class Behind(Exception):
    """The snapshot is not yet that of Whoosh's newest commit."""


class View:
    """One generation, complete: what a search works on. Stays readable while newer ones are written."""

    def __init__(
        self, mark: tuple[int, int], reader: Any, arrays: arrayfile.Arrays, names: dict[str, Any]
    ) -> None:
        self.signature = mark
        self.partitions = {lang: Partition(lang, arrays, names) for lang in LANGUAGES}
        self._reader = reader
        weakref.finalize(
            self, reader.close
        )  # a thread may still read an older view: nobody else may close it
        self._lock = threading.Lock()
        self.facts = lru_cache(maxsize=256)(self._facts)

    def _facts(self, docnum: int) -> dict[str, Any]:
        """What is stored of an article, by Whoosh's number. Whoosh's readers are not made for threads."""
        with self._lock:
            return dict(self._reader.stored_fields(docnum)["facts"])

    def documents(self) -> Iterator[dict[str, Any]]:
        """What is stored of every living article."""
        for partition in self.partitions.values():
            for docnum in partition["docnum"]:
                yield self._facts(int(docnum))


def open_patiently(folder: Path) -> View:
    """A view where there is none yet: while a writer moves files below us, wait for what it publishes.

    Nobody waits for an index that is not there yet or is of another version: that raises BrokenIndex at once.
    """
    for lang in LANGUAGES:  # read now, so that no reader waits for it
        built_in(lang)
        stop_words(lang)
    end = time.monotonic() + _PATIENCE
    while True:
        waiting = being_written(folder) and time.monotonic() < end
        before = signature(folder)
        read_state(folder)
        try:
            return open_view(folder, draw=not waiting)
        except (BrokenIndex, Behind):
            if not waiting and before == signature(folder):
                raise
        time.sleep(RETRY)


def open_view(folder: Path, *, draw: bool) -> View:
    """Map the valid snapshot. When Whoosh is ahead of it, draw one in memory (a writer was killed) or raise Behind."""
    mark = signature(folder)
    state = read_state(folder)
    directory = folder / state.directory
    try:
        whoosh = store.opened(directory, copied=False)
        reader = whoosh.reader()
        with ExitStack() as undo:
            undo.callback(reader.close)
            try:
                if whoosh.latest_generation() != state.toc:
                    raise arrayfile.BadArrayFile("older than the index")
                arrays, names = arrayfile.read(snapshot_path(directory, state.generation))
            except arrayfile.BadArrayFile as error:
                if not draw:
                    raise Behind from error
                arrays, names = draw_snapshot(reader, directory, keep=False)
            undo.pop_all()
        return View(mark, reader, arrays, names)
    except Behind:
        raise
    except Exception as error:  # Whoosh and pickle raise almost anything on damaged files
        raise BrokenIndex(f"{directory}: {error!r}") from error


def draw_snapshot(
    reader: Any, directory: Path, *, keep: bool, previous: snapshot.Snapshot | None = None
) -> snapshot.Snapshot:
    """The snapshot of what a Whoosh reader sees; `keep`: also keep what was read of each segment."""
    segments = []
    for leaf, offset in reader.leaf_readers() if reader.doc_count_all() else ():
        arrays, facts = store.segment_arrays(leaf, directory, keep)
        deleted = frozenset(n for n in range(leaf.doc_count_all()) if leaf.is_deleted(n))
        segments.append(snapshot.Segment(arrays, facts["documents"], offset, deleted))
    return snapshot.build(segments, previous)
