"""The index on disk: open, replace, remove, rebuild beside and swap. One writer at a time, any number of readers.

folder/current.json      which directory and snapshot are valid, replaced atomically as the last step of a write
folder/index-<n>/        Whoosh's files, what was read of each segment, and snapshot-<generation>.arrays
folder/lock              held by the writer (flock: a killed writer leaves nothing locked)
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from whoosh.filedb.filestore import FileStorage
from whoosh.index import FileIndex

from knowledge_base import arrayfile, snapshot, store
from knowledge_base.analysis import fingerprint
from knowledge_base.document import LANGUAGES, Document
from knowledge_base.partition import Partition

_FORMAT = 1
_CURRENT = "current.json"
_RETRY = 0.02  # seconds
_PATIENCE = 5.0
_WRITER_MEMORY = 48  # MiB Whoosh may fill before it sorts to disk


class BrokenIndex(Exception):
    """The folder holds no index that this version can read; the caller rebuilds it."""


class IndexBusy(Exception):
    """Another process was still writing when the time to wait was over; try again later."""


class _Behind(Exception):
    """The snapshot is not yet that of Whoosh's newest commit."""


class _State(NamedTuple):
    directory: str
    generation: int
    toc: int  # Whoosh's own generation that the snapshot was made of


class View:
    """One generation, complete: what a search works on. Stays readable while newer ones are written."""

    def __init__(
        self, signature: tuple[int, int], reader: Any, arrays: arrayfile.Arrays, names: dict[str, Any]
    ) -> None:
        self.signature = signature
        self.partitions = {lang: Partition(lang, arrays, names) for lang in LANGUAGES}
        self._reader = reader
        self._lock = threading.Lock()
        self.facts = lru_cache(maxsize=256)(self._facts)

    def _facts(self, docnum: int) -> dict[str, Any]:
        """What is stored of an article, by Whoosh's number. Whoosh's readers are not made for threads."""
        with self._lock:
            return dict(self._reader.stored_fields(docnum)["facts"])

    def documents(self) -> Iterator[dict[str, Any]]:
        for partition in self.partitions.values():
            for docnum in partition["docnum"]:
                yield self._facts(int(docnum))


class Index:
    """A folder with an index. Searching threads share one object; see the module for how processes share the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._view: View | None = None
        self._not_before = 0.0
        self._refreshing = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Index:
        """The index in `folder`, made empty when there is none. Raises BrokenIndex when it cannot be read."""
        index = cls(folder)
        if not (folder / _CURRENT).exists():
            with _locked(folder, 10.0):
                if not (folder / _CURRENT).exists():
                    _build(folder, ())
        index.view()
        return index

    @classmethod
    def rebuild(cls, folder: Path, documents: Iterable[Document]) -> Index:
        """Build beside and swap: searches see the old index until the new one is complete, and after a crash."""
        with _locked(folder, 30.0):
            _build(folder, documents)
        return cls.open(folder)

    @property
    def generation(self) -> int:
        """Grows with every change, whoever made it."""
        return _read_state(self.folder).generation

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
        if self._view is not None and self._view.signature == _signature(self.folder):
            return self._view
        with self._refreshing:
            if self._view is None:
                self._view = _open_patiently(self.folder)
            elif self._view.signature != _signature(self.folder) and time.monotonic() > self._not_before:
                try:
                    self._view = _open_view(self.folder, draw=not _being_written(self.folder))
                except (
                    BrokenIndex,
                    _Behind,
                ):  # the next writer was faster than we; the view we have stays good
                    self._not_before = time.monotonic() + _RETRY
            return self._view

    def _write(self, change: Callable[[Any], None], timeout: float, *, optimise: bool = False) -> None:
        with _locked(self.folder, timeout):
            state = _read_state(self.folder)
            directory = self.folder / state.directory
            _sweep(directory)
            whoosh = _whoosh(directory)
            with _writing(whoosh, timeout, optimise=optimise) as writer:
                change(writer)
            _publish(self.folder, whoosh, state.directory, state.generation + 1)


@contextmanager
def _locked(folder: Path, timeout: float) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    with open(folder / "lock", "a") as file:
        end = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise IndexBusy(f"{folder} is being written") from None
                time.sleep(0.02)
        yield


def _read_state(folder: Path) -> _State:
    try:
        found = json.loads((folder / _CURRENT).read_text(encoding="utf-8"))
        if (found["format"], found["analysis"]) != (_FORMAT, fingerprint()):
            raise BrokenIndex(f"{folder} was written by another version")
        return _State(found["directory"], found["generation"], found["toc"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenIndex(f"{folder}: {error}") from error


def _write_state(folder: Path, state: _State) -> None:
    temporary = folder / (_CURRENT + ".part")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump({"format": _FORMAT, "analysis": fingerprint(), **state._asdict()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / _CURRENT)


def _whoosh(directory: Path) -> FileIndex:
    return FileIndex(FileStorage(str(directory)), schema=store.schema(), indexname=store.INDEX_NAME)


def _build(folder: Path, documents: Iterable[Document]) -> None:
    births = [int(p.name.removeprefix("index-")) for p in folder.glob("index-*") if p.name[6:].isdigit()]
    with suppress(BrokenIndex):
        births.append(_read_state(folder).generation)
    generation = max(births, default=0) + 1
    directory = folder / f"index-{generation}"
    directory.mkdir(mode=0o700)
    whoosh = FileIndex.create(FileStorage(str(directory)), store.schema(), store.INDEX_NAME)
    try:
        _add_all(whoosh, documents)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    _publish(folder, whoosh, directory.name, generation)
    for old in folder.glob("index-*"):
        if old != directory:
            shutil.rmtree(old, ignore_errors=True)


def _publish(folder: Path, whoosh: FileIndex, directory: str, generation: int) -> None:
    """Draw the snapshot of what Whoosh committed and make both valid."""
    home = folder / directory
    arrays, names = _draw(whoosh.reader(), home, keep=True, previous=_previous(folder))
    arrayfile.write(_snapshot_path(home, generation), arrays, names)
    _write_state(folder, _State(directory, generation, whoosh.latest_generation()))
    for old in home.glob("snapshot-*"):
        if old != _snapshot_path(home, generation):
            old.unlink(missing_ok=True)


def _snapshot_path(directory: Path, generation: int) -> Path:
    return directory / f"snapshot-{generation}.arrays"


def _add_all(whoosh: FileIndex, documents: Iterable[Document]) -> None:
    """Add documents to an empty index, one at a time in memory; of equal keys the last counts."""
    seen: set[int] = set()
    again: dict[int, Document] = {}
    with _writing(whoosh, 0.0) as writer:
        for document in documents:
            if document.key in seen:
                again[document.key] = document
            else:
                writer.add_document(**store.fields_of(document))
                seen.add(document.key)
    if again:
        with _writing(whoosh, 0.0) as writer:
            for document in again.values():
                writer.update_document(**store.fields_of(document))


@contextmanager
def _writing(whoosh: FileIndex, timeout: float, *, optimise: bool = False) -> Iterator[Any]:
    """A Whoosh writer that commits at the end, or takes everything back."""
    writer = whoosh.writer(timeout=timeout, delay=0.02, limitmb=_WRITER_MEMORY)
    try:
        yield writer
    except BaseException:
        writer.cancel()
        raise
    writer.commit(optimize=optimise)


def _previous(folder: Path) -> arrayfile.Arrays | None:
    """The snapshot still valid, if it can be read."""
    with suppress(BrokenIndex, arrayfile.BadArrayFile):
        state = _read_state(folder)
        return arrayfile.read(_snapshot_path(folder / state.directory, state.generation))[0]
    return None


def _draw(
    reader: Any, directory: Path, *, keep: bool, previous: arrayfile.Arrays | None = None
) -> tuple[arrayfile.Arrays, dict[str, Any]]:
    segments = []
    for leaf, offset in reader.leaf_readers() if reader.doc_count_all() else ():
        arrays, facts = store.segment_arrays(leaf, directory, keep)
        deleted = frozenset(n for n in range(leaf.doc_count_all()) if leaf.is_deleted(n))
        segments.append(snapshot.Segment(arrays, facts["documents"], offset, deleted))
    return snapshot.build(segments, previous)


def _signature(folder: Path) -> tuple[int, int]:
    """Changes with every publication; (0, 0) when there is no index."""
    try:
        found = os.stat(folder / _CURRENT)
    except OSError:
        return (0, 0)
    return (found.st_ino, found.st_mtime_ns)


def _being_written(folder: Path) -> bool:
    """Whether a writer is alive; a killed one holds nothing."""
    with suppress(FileNotFoundError), open(folder / "lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _open_patiently(folder: Path) -> View:
    """A view where there is none yet: while a writer moves files below us, wait for what it publishes."""
    end = time.monotonic() + _PATIENCE
    while True:
        waiting = _being_written(folder) and time.monotonic() < end
        before = _signature(folder)
        try:
            return _open_view(folder, draw=not waiting)
        except (BrokenIndex, _Behind):
            if not waiting and before == _signature(folder):
                raise
        time.sleep(_RETRY)


def _open_view(folder: Path, *, draw: bool) -> View:
    """Map the valid snapshot. When Whoosh is ahead of it, draw one in memory (a writer was killed) or raise _Behind."""
    signature = _signature(folder)
    state = _read_state(folder)
    directory = folder / state.directory
    try:
        whoosh = _whoosh(directory)
        reader = whoosh.reader()
        try:
            if whoosh.latest_generation() != state.toc:
                raise arrayfile.BadArrayFile("older than the index")
            arrays, names = arrayfile.read(_snapshot_path(directory, state.generation))
        except arrayfile.BadArrayFile as error:
            if not draw:
                raise _Behind from error
            arrays, names = _draw(reader, directory, keep=False)
        return View(signature, reader, arrays, names)
    except _Behind:
        raise
    except Exception as error:  # Whoosh and pickle raise almost anything on damaged files
        raise BrokenIndex(f"{directory}: {error!r}") from error


def _sweep(directory: Path) -> None:
    """Remove what a killed writer left half-written; only called with the lock held."""
    for left in [*directory.glob("*.tmp"), *directory.glob("*.part")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
