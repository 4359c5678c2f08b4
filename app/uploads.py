"""Uploads as they arrive: read to their end, kept only as far as there is room.

A form that comes with too many bytes must come back with its words; so what is too much is counted and dropped instead
of refusing the whole request. What a file may be is decided by whoever takes it.
"""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Any

ROOM = 60 * 1024 * 1024  # bytes of all files of one request that are kept
IN_MEMORY = 512 * 1024


class Upload(SpooledTemporaryFile[bytes]):
    """One file. `arrived` counts its bytes, also those that were dropped: for want of room, or of space on the disk."""

    def __init__(self, room: list[int]) -> None:
        super().__init__(max_size=IN_MEMORY)
        self.arrived = 0
        self._room = room

    def write(self, data: Any) -> int:
        size = len(data)
        self.arrived += size
        kept = min(size, self._room[0])
        self._room[0] -= kept
        try:
            super().write(data[:kept])
        except OSError:
            self._room[0] = 0
        return size
