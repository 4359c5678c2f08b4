"""The folder of an index: which files are valid, who may write, what a killed writer left.

folder/current.json      which directory and snapshot are valid, replaced atomically as the last step of a write
folder/index-<n>/        Whoosh's files, what was read of each segment, and snapshot-<generation>.arrays
folder/lock              held by the writer (flock: a killed writer leaves nothing locked)
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from knowledge_base.analysis import fingerprint

RETRY = 0.02  # seconds between two looks at what another process does
_FORMAT = 1
_CURRENT = "current.json"
NOTHING = (0, 0)


class BrokenIndex(Exception):
    """The folder holds no index that this version can read; the caller rebuilds it."""


class IndexBusy(Exception):
    """Another process was still writing when the time to wait was over; try again later."""


class State(NamedTuple):
    """What is valid: a directory, the number of its state, and the Whoosh commit its snapshot was drawn from."""

    directory: str
    generation: int
    toc: int


@contextmanager
def locked(folder: Path, timeout: float) -> Iterator[None]:
    """Be the one writer; raises IndexBusy after `timeout` seconds of waiting."""
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
                time.sleep(RETRY)
        yield


def read_state(folder: Path) -> State:
    """What is valid now; raises BrokenIndex when there is nothing, or nothing that this version reads."""
    try:
        found = json.loads((folder / _CURRENT).read_text(encoding="utf-8"))
        if (found["format"], found["analysis"]) != (_FORMAT, fingerprint()):
            raise BrokenIndex(f"{folder} was written by another version")
        return State(found["directory"], found["generation"], found["toc"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenIndex(f"{folder}: {error}") from error


def write_state(folder: Path, state: State) -> None:
    """Make `state` valid, all at once."""
    temporary = folder / (_CURRENT + ".part")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump({"format": _FORMAT, "analysis": fingerprint(), **state._asdict()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / _CURRENT)


def signature(folder: Path) -> tuple[int, int]:
    """Changes with every publication; NOTHING when there is no index."""
    try:
        found = os.stat(folder / _CURRENT)
    except OSError:
        return NOTHING
    return (found.st_ino, found.st_mtime_ns)


def being_written(folder: Path) -> bool:
    """Whether a writer is alive; a killed one holds nothing."""
    with suppress(FileNotFoundError), open(folder / "lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def snapshot_path(directory: Path, generation: int) -> Path:
    """Where the snapshot of a generation lies."""
    return directory / f"snapshot-{generation}.arrays"


def sweep(directory: Path) -> None:
    """Remove what a killed writer left half-written; only called with the lock held."""
    for left in [path for pattern in ("*.tmp", "*.part", "*.toc.*") for path in directory.glob(pattern)]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
