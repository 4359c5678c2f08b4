"""Files under random names in a folder: save a stream, open, delete, sweep what no row knows.

The original name is never part of a path; it is a column of whoever stores the key. It must not know who that is.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK = 256 * 1024
KEY = re.compile(r"[0-9a-f]{32}")


class TooLarge(Exception):
    """The stream holds more than the caller allows. Nothing was kept."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was saved: its random 128-bit key, its size in bytes and its content's SHA-256."""

    key: str
    size: int
    sha256: str


class Storage:
    """One folder of files. A file appears whole under its key or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, stream: BinaryIO, *, limit: int) -> StoredFile:
        """Keep a stream of at most `limit` bytes. Raises `TooLarge`, or `OSError` when the disk refuses."""
        key, digest, size = secrets.token_hex(16), hashlib.sha256(), 0
        target = self._path(key)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_suffix(".part")
        try:
            with open(partial, "xb") as file:
                while block := stream.read(BLOCK):
                    size += len(block)
                    if size > limit:
                        raise TooLarge
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return StoredFile(key, size, digest.hexdigest())

    def put(self, key: str, stream: BinaryIO) -> None:
        """Keep a stream under a key it had before (a restored backup)."""
        target = self._path(key)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_suffix(".part")
        with open(partial, "wb") as file:
            while block := stream.read(BLOCK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)

    def open(self, key: str) -> BinaryIO:
        """The content of a file. Raises `FileNotFoundError`."""
        return open(self._path(key), "rb")

    def path(self, key: str) -> Path:
        """Where a file lies, for sending it. It may be missing."""
        return self._path(key)

    def delete(self, key: str) -> bool:
        """Remove a file. False if it was gone already."""
        try:
            self._path(key).unlink()
        except FileNotFoundError:
            return False
        return True

    def all_keys(self) -> Iterator[str]:
        """The keys of all files there are."""
        for path in self.folder.glob("??/*"):
            if KEY.fullmatch(path.name):
                yield path.name

    def sweep(self, known: set[str], *, older_than_seconds: int = 86_400) -> int:
        """Remove files that no row knows and broken-off uploads, once they are old enough that no running request
        can still be about to write its row. Gives how many."""
        limit, removed = time.time() - older_than_seconds, 0
        for path in self.folder.glob("??/*"):
            if path.name not in known and path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise FileNotFoundError(key)
        return self.folder / key[:2] / key
