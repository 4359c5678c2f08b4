"""The erasure ledger: what was erased, kept outside the database so that a restored backup can be made right again.

An append-only file of JSON lines in the data directory, and in a second place when there is one. Every line carries
the hash of the line before and a keyed MAC; it names subjects by their opaque public ids and holds no name, address
or text. Knows no table.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.errors import OperatorFault

FILE = "erasures.jsonl"
NOTHING = "0" * 64  # what stands before the first line


class LedgerFault(OperatorFault):
    """The ledger was changed by somebody else, is damaged, or its two places contradict each other."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure. `number` counts from 1; `action` is `person`, `ticket`, `message`, `file` or `passage`; the ids
    are public ids; `plan` is the digest of the plan that was carried out."""

    number: int
    at: int
    action: str
    subject: str
    tickets: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    plan: str = ""
    before: str = NOTHING
    key: str = ""
    mac: str = ""

    @property
    def digest(self) -> str:
        """The hash by which the next line refers to this one, and the database to its position."""
        return hashlib.sha256(self._text().encode() + self.mac.encode()).hexdigest()

    def _text(self) -> str:
        content = {name: value for name, value in asdict(self).items() if name != "mac"}
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    def sealed(self, key_id: str, key: bytes) -> Entry:
        """The same entry with the MAC of a key."""
        named = Entry(**{**asdict(self), "key": key_id, "mac": ""})
        mac = hmac.new(key, named._text().encode(), hashlib.sha256).hexdigest()
        return Entry(**{**asdict(named), "mac": mac})

    def fits(self, key: bytes) -> bool:
        expected = hmac.new(key, Entry(**{**asdict(self), "mac": ""})._text().encode(), hashlib.sha256)
        return hmac.compare_digest(expected.hexdigest(), self.mac)


@dataclass(frozen=True, slots=True)
class Keys:
    """The ledger's own keys by id; the first signs, the older ones still verify."""

    keys: tuple[tuple[str, bytes], ...] = field(repr=False)

    @classmethod
    def of(cls, secrets: Sequence[str]) -> Keys:
        """Keys from their texts, newest first. A key's id is a short hash, so it need not be configured."""
        return cls(tuple((hashlib.sha256(text.encode()).hexdigest()[:12], text.encode()) for text in secrets))

    @property
    def newest(self) -> tuple[str, bytes]:
        return self.keys[0]

    def by_id(self, key_id: str) -> bytes | None:
        return dict(self.keys).get(key_id)


class Ledger:
    """The ledger's places (the data directory first) and its keys."""

    def __init__(self, folders: Sequence[Path], keys: Keys) -> None:
        self.folders, self.keys = tuple(folders), keys

    def entries(self) -> list[Entry]:
        """All entries, verified, from the place that has the most; a shorter place is only behind.

        Raises `LedgerFault` when a line does not follow from the one before, its MAC does not fit, or the places
        contradict each other.
        """
        places = [self._read(folder / FILE) for folder in self.folders]
        longest = max(places, key=len, default=[])
        for folder, found in zip(self.folders, places, strict=True):
            if found != longest[: len(found)]:
                raise LedgerFault(f"The ledger in {folder} contradicts the one in the other place.")
        return longest

    def append(
        self,
        *,
        at: int,
        action: str,
        subject: str,
        tickets: Sequence[str] = (),
        messages: Sequence[str] = (),
        files: Sequence[str] = (),
        plan: str = "",
    ) -> Entry:
        """Write one entry to every place, flushed to the disk, and give it.

        An entry for the same plan that is there already is given again, so that a step may be repeated. Raises
        `OSError` when a place cannot be written; then nothing may be erased.
        """
        with self._locked():
            entries = self.entries()
            self._catch_up(entries)
            for entry in entries:
                if plan and entry.plan == plan and entry.subject == subject:
                    return entry
            last = entries[-1] if entries else None
            entry = Entry(
                number=last.number + 1 if last else 1,
                at=at,
                action=action,
                subject=subject,
                tickets=tuple(tickets),
                messages=tuple(messages),
                files=tuple(files),
                plan=plan,
                before=last.digest if last else NOTHING,
            ).sealed(*self.keys.newest)
            for folder in reversed(
                self.folders
            ):  # the second place first: it must never be behind the disk at hand
                self._write(folder / FILE, [entry])
            return entry

    def catch_up(self) -> int:
        """Bring every place to what the longest has. Gives the number of entries."""
        with self._locked():
            entries = self.entries()
            self._catch_up(entries)
            return len(entries)

    def merge(self, others: Sequence[Entry]) -> int:
        """Take in the entries of a backup's copy, where they go on from ours. Gives how many were new."""
        with self._locked():
            ours = self.entries()
            shared = min(len(ours), len(others))
            if list(others[:shared]) != ours[:shared]:
                raise LedgerFault("The ledger in the backup contradicts the one of this installation.")
            self._verify(others)
            self._catch_up([*ours, *others[shared:]])
            return max(0, len(others) - len(ours))

    def _catch_up(self, entries: Sequence[Entry]) -> None:
        for folder in self.folders:
            there = len(self._read(folder / FILE))
            if there < len(entries):
                self._write(folder / FILE, entries[there:])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        folder = self.folders[0]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(folder / ".lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _read(self, path: Path) -> list[Entry]:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        entries = parse(lines[:-1]) if lines and not _whole(lines[-1]) else parse(lines)
        self._verify(entries)
        return entries

    def _verify(self, entries: Sequence[Entry]) -> None:
        before, number = NOTHING, 0
        for entry in entries:
            key = self.keys.by_id(entry.key)
            if entry.before != before or entry.number != number + 1:
                raise LedgerFault(f"Entry {entry.number} of the ledger does not follow from the one before.")
            if key is None:
                raise LedgerFault(f"Entry {entry.number} was signed with a key that is not configured.")
            if not entry.fits(key):
                raise LedgerFault(f"Entry {entry.number} of the ledger was changed.")
            before, number = entry.digest, entry.number

    @staticmethod
    def _write(path: Path, entries: Sequence[Entry]) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            _cut_torn_line(file)
            for entry in entries:
                file.write(line_of(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def line_of(entry: Entry) -> str:
    """An entry as it stands in the file."""
    return json.dumps(asdict(entry), sort_keys=True, separators=(",", ":"))


def parse(lines: Sequence[str]) -> list[Entry]:
    """Entries from lines, unverified. Raises `LedgerFault` for a line that is none."""
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            values: dict[str, Any] = json.loads(line)
            lists = {name: tuple(values[name]) for name in ("tickets", "messages", "files")}
            entries.append(Entry(**{**values, **lists}))
        except (ValueError, TypeError, KeyError):
            raise LedgerFault(f"Line {number} of the ledger cannot be read.") from None
    return entries


def _whole(line: str) -> bool:
    """Whether the last line was written to its end; a crash may have torn it."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _cut_torn_line(file: Any) -> None:
    """Go to the end, behind the last whole line."""
    content = file.read()
    end = content.rfind(b"\n") + 1
    if end < len(content) and _whole(content[end:].decode(errors="replace")):
        file.seek(0, os.SEEK_END)
        file.write(b"\n")
        return
    file.truncate(end)
    file.seek(end)
