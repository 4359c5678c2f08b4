"""Named numpy arrays and a few facts in one file that several processes map into memory and share.

It knows the file's form and nothing of what the arrays mean.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]

_MAGIC = b"KBARRAY1"
_ALIGN = 16


class BadArrayFile(Exception):
    """The file is not whole, or not one of ours."""


def write(path: Path, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> None:
    """Write all to `path`: complete and on disk before the name exists."""
    layout: dict[str, tuple[str, list[int], int]] = {}
    offset = 0
    for name, array in arrays.items():
        layout[name] = (array.dtype.str, list(array.shape), offset)
        offset += -(-array.nbytes // _ALIGN) * _ALIGN
    head = json.dumps({"layout": layout, "size": offset, "facts": facts}, separators=(",", ":")).encode()
    head += b" " * (-(len(head) + 16) % _ALIGN)
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        file.write(_MAGIC + len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            data = np.ascontiguousarray(array)
            file.write(data.reshape(-1).view(np.uint8).data)
            file.write(b"\0" * (-data.nbytes % _ALIGN))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays (read-only views into the mapped file) and the facts. The mapping lives as long as any array."""
    try:
        with open(path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if mapped[:8] != _MAGIC:
            raise BadArrayFile(f"{path.name}: not an array file")
        begin = 16 + int.from_bytes(mapped[8:16], "little")
        head = json.loads(mapped[16:begin])
        if len(mapped) != begin + head["size"]:
            raise BadArrayFile(f"{path.name}: cut short")
        arrays = {}
        for name, (dtype, shape, offset) in head["layout"].items():
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(mapped, dtype=dtype, count=count, offset=begin + offset).reshape(
                shape
            )
        return arrays, head["facts"]
    except BadArrayFile:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadArrayFile(f"{path.name}: {error}") from error


class Strings:
    """A list of texts as two arrays: UTF-8 bytes one after the other, and where each begins."""

    __slots__ = ("_blob", "_offsets")

    def __init__(self, blob: Array, offsets: Array) -> None:
        self._blob = blob.data if blob.size else memoryview(b"")
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def raw(self, number: int) -> bytes:
        return bytes(self._blob[self._offsets[number] : self._offsets[number + 1]])

    def __getitem__(self, number: int) -> str:
        return self.raw(number).decode()

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))

    @staticmethod
    def pack(texts: Iterable[str]) -> tuple[Array, Array]:
        raw = [text.encode("utf-8", "surrogatepass") for text in texts]
        offsets = np.zeros(len(raw) + 1, np.uint32)
        np.cumsum([len(r) for r in raw], out=offsets[1:])
        return np.frombuffer(b"".join(raw), np.uint8), offsets


def lists(rows: Array, count: int, values: Array) -> tuple[Array, Array]:
    """Group `values` by row number 0..count-1: (starts, values in row order, order within a row kept)."""
    order = np.argsort(rows, kind="stable")
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
    return starts.astype(np.uint32), values[order]


def ranges(starts: Array, lengths: Array) -> Array:
    """The numbers of all ranges `starts[i] .. starts[i]+lengths[i]-1`, one after the other."""
    total = int(lengths.sum())
    if not total:
        return np.zeros(0, np.int64)
    shift = np.repeat(starts.astype(np.int64) - (np.cumsum(lengths) - lengths), lengths)
    numbers: Array = np.arange(total, dtype=np.int64) + shift
    return numbers


def concatenated(parts: Sequence[Array], dtype: type[np.generic]) -> Array:
    """The arrays one after the other, of the given type also when there is none."""
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype, copy=False)


def distinct(values: Array) -> tuple[Array, Array]:
    """The distinct values in order, and where each first stands in the sorted input."""
    ordered = np.sort(values)
    first = (
        np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        if len(ordered)
        else np.zeros(0, np.int64)
    )
    return ordered[first], first
