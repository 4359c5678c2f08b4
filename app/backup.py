"""Backups in one portable form: a ZIP of JSON lines per table, the stored files, the erasure ledger, and a manifest of
hashes; sealed when there is a key. Restoring into either database is also the way from one to the other.

Works while the portal runs: all tables are read from one snapshot. It knows tables only by their names.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlalchemy import Connection, Date, MetaData, Table, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app import schema, sealing
from app.errors import OperatorFault
from app.storage import Storage

FORMAT = 1
BLOCK = 1000  # rows read or written at once
# Sessions would come back to life; tries, heartbeats and the schema's own note are of the moment.
LEFT_OUT = frozenset({"user_session", "throttle", "heartbeat", "alembic_version"})


class BackupFault(OperatorFault):
    """The backup cannot be made, read or restored; the message says why. Nothing was changed."""


@dataclass(frozen=True)
class Part:
    """One entry of a backup: how many rows or bytes, and the SHA-256 of its content."""

    count: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `schema` is the migration its tables stand at; `missing` names files that a row knew and
    that were gone (an erasure ran meanwhile)."""

    format: int
    made_at: int
    schema: str
    tables: dict[str, Part] = field(default_factory=dict)
    files: dict[str, Part] = field(default_factory=dict)
    ledger: Part = Part(0, "")
    missing: int = 0

    @property
    def rows(self) -> int:
        return sum(part.count for part in self.tables.values())


def create(
    target: Path, *, database_url: str, storage: Storage, ledger: Sequence[str], key: str, made_at: int
) -> Manifest:
    """Write a backup and verify it. `ledger` is the erasure ledger's lines; with a `key` the file is sealed.

    The file appears under its name only when it is whole. Raises `BackupFault` when the target exists or cannot be
    written.
    """
    if target.exists():
        raise BackupFault(f"{target} exists already. Choose another name; a backup is never overwritten.")
    partial = target.with_name(f"{target.name}.part")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with _sealed(file, key) as stream:
                manifest = _write(stream, database_url, storage, ledger, made_at)
            file.flush()
            os.fsync(file.fileno())
        if verify(partial, key=key) != manifest:
            raise BackupFault("The backup could not be read back as it was written. Check the disk.")
        partial.replace(target)
    except OSError as fault:
        raise BackupFault(f"The backup cannot be written to {target}: {fault.strerror or fault}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def verify(source: Path, *, key: str) -> Manifest:
    """Read a whole backup and compare every hash with its manifest. Raises `BackupFault`."""
    with _opened(source, key) as archive:
        return _verified(archive)


def restore(
    source: Path,
    *,
    database_url: str,
    storage: Storage,
    search_dir: Path,
    key: str,
    replace: bool,
    merge_ledger: Callable[[list[str]], object],
) -> Manifest:
    """Put a backup in the place of what is there; the portal must not run meanwhile.

    The whole backup is verified first. `merge_ledger` takes in the ledger's lines before any row is written. The
    database changes in one step; the search index is left to be made again. Replaying the ledger is the caller's
    next step. Raises `BackupFault` or `SchemaFault`; then nothing was changed but files added to the storage.
    """
    with _opened(source, key) as archive:
        manifest = _verified(archive)
        if not replace and not schema.is_empty(database_url):
            raise BackupFault("The database is not empty. Add --replace to put the backup in its place.")
        merge_ledger(archive.read("ledger.jsonl").decode().splitlines())
        _restore_files(archive, manifest, storage)
        _restore_database(archive, manifest, database_url)
    _forget_index(search_dir)
    return manifest


# --- writing -------------------------------------------------------------------------------------------------------


def _write(
    stream: BinaryIO, database_url: str, storage: Storage, ledger: Sequence[str], made_at: int
) -> Manifest:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with _snapshot(database_url) as connection:
            revision = schema.revision_of(connection)
            if revision is None:
                raise BackupFault("The database is empty; there is nothing to back up.")
            tables = {table.name: _write_table(archive, connection, table) for table in _tables(connection)}
        files, missing = _write_files(archive, storage)
        text = "".join(f"{line}\n" for line in ledger).encode()
        archive.writestr("ledger.jsonl", text)
        manifest = Manifest(
            FORMAT,
            made_at,
            revision,
            tables,
            files,
            Part(len(ledger), hashlib.sha256(text).hexdigest()),
            missing,
        )
        archive.writestr("manifest.json", json.dumps(asdict(manifest), indent=1))
    return manifest


@contextmanager
def _snapshot(url: str) -> Iterator[Connection]:
    """A connection that sees one moment of the database however long the reading takes."""
    engine = create_engine(url, poolclass=NullPool)
    if make_url(url).get_backend_name() == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


def _tables(connection: Connection) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    return [
        table for table in metadata.sorted_tables if table.name not in LEFT_OUT and "_fts" not in table.name
    ]


def _write_table(archive: zipfile.ZipFile, connection: Connection, table: Table) -> Part:
    rows, digest = 0, hashlib.sha256()
    statement = table.select().order_by(table.c.id).execution_options(yield_per=BLOCK)
    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as entry:
        for block in connection.execute(statement).mappings().partitions(BLOCK):
            text = "".join(json.dumps(dict(row), default=_plain, ensure_ascii=False) + "\n" for row in block)
            content = text.encode()
            digest.update(content)
            entry.write(content)
            rows += len(block)
    return Part(rows, digest.hexdigest())


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a column holds a {type(value).__name__}, which backups do not know")


def _write_files(archive: zipfile.ZipFile, storage: Storage) -> tuple[dict[str, Part], int]:
    parts, missing = {}, 0
    for key in sorted(storage.all_keys()):
        size, digest = 0, hashlib.sha256()
        try:
            source = storage.open(key)
        except FileNotFoundError:
            missing += 1
            continue
        with source, archive.open(f"files/{key}", "w", force_zip64=True) as entry:
            while block := source.read(256 * 1024):
                size += len(block)
                digest.update(block)
                entry.write(block)
        parts[key] = Part(size, digest.hexdigest())
    return parts, missing


@contextmanager
def _sealed(file: BinaryIO, key: str) -> Iterator[BinaryIO]:
    if not key:
        yield file
        return
    with sealing.SealedWriter(file, key) as writer:
        yield cast(BinaryIO, writer)


# --- reading -------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(source: Path, key: str) -> Iterator[zipfile.ZipFile]:
    """The archive of a backup, unsealed into a nameless file if need be."""
    try:
        with open(source, "rb") as file, tempfile.TemporaryFile() as plain:
            archive: BinaryIO = file
            if sealing.is_sealed(file):
                if not key:
                    raise BackupFault("This backup is sealed. Set PORTAL_BACKUP_KEY to its key.")
                for block in sealing.unseal(file, key):
                    plain.write(block)
                archive = cast(BinaryIO, plain)
            with zipfile.ZipFile(archive) as opened:
                yield opened
    except sealing.WrongKey:
        raise BackupFault(
            f"{source} cannot be unsealed: PORTAL_BACKUP_KEY is not its key, or the file is damaged."
        ) from None
    except FileNotFoundError:
        raise BackupFault(f"There is no file {source}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise BackupFault(f"{source} is not a backup, or it is damaged.") from None
    except OSError as fault:
        raise BackupFault(f"{source} cannot be read: {fault.strerror or fault}.") from None


def _verified(archive: zipfile.ZipFile) -> Manifest:
    try:
        manifest = _manifest(json.loads(archive.read("manifest.json")))
    except (KeyError, ValueError, TypeError):
        raise BackupFault("The backup has no readable manifest.") from None
    if manifest.format > FORMAT:
        raise BackupFault("The backup was made by a newer version of the portal.")
    parts = {f"tables/{name}.jsonl": part for name, part in manifest.tables.items()}
    parts |= {f"files/{key}": part for key, part in manifest.files.items()}
    parts["ledger.jsonl"] = manifest.ledger
    for name, part in parts.items():
        if _digest(archive, name) != part.sha256:
            raise BackupFault(f"The backup is damaged: {name} is not what was written.")
    return manifest


def _manifest(values: Mapping[str, Any]) -> Manifest:
    def part(found: Mapping[str, Any]) -> Part:
        return Part(int(found["count"]), str(found["sha256"]))

    return Manifest(
        format=int(values["format"]),
        made_at=int(values["made_at"]),
        schema=str(values["schema"]),
        tables={name: part(found) for name, found in values["tables"].items()},
        files={key: part(found) for key, found in values["files"].items()},
        ledger=part(values["ledger"]),
        missing=int(values["missing"]),
    )


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as entry:
            while block := entry.read(256 * 1024):
                digest.update(block)
    except KeyError:
        raise BackupFault(f"The backup is damaged: {name} is missing.") from None
    return digest.hexdigest()


# --- restoring -----------------------------------------------------------------------------------------------------


def _restore_files(archive: zipfile.ZipFile, manifest: Manifest, storage: Storage) -> None:
    for key in manifest.files:
        with archive.open(f"files/{key}") as entry:
            storage.put(key, cast(BinaryIO, entry))


def _restore_database(archive: zipfile.ZipFile, manifest: Manifest, url: str) -> None:
    def fill(connection: Connection) -> None:
        loading = schema.Loading(connection)
        for table in _tables(connection):
            if table.name in manifest.tables:
                for block in _rows(archive, table):
                    loading.add(table, block)
        loading.finish()

    if make_url(url).get_backend_name() != "sqlite":
        schema.rebuild(url, manifest.schema, fill)
        return
    there = Path(cast(str, make_url(url).database))
    beside = there.with_name(f"{there.name}.restoring")
    _unlink_database(beside)
    try:
        schema.rebuild(f"sqlite:///{beside}", manifest.schema, fill)
        for end in ("-wal", "-shm"):  # they belong to the old file
            there.with_name(there.name + end).unlink(missing_ok=True)
        beside.replace(there)
    finally:
        _unlink_database(beside)


def _unlink_database(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _rows(archive: zipfile.ZipFile, table: Table) -> Iterator[list[dict[str, Any]]]:
    """A table's rows in blocks, days as days again."""
    days = [column.name for column in table.columns if isinstance(column.type, Date)]
    block: list[dict[str, Any]] = []
    with archive.open(f"tables/{table.name}.jsonl") as entry:
        for line in io.TextIOWrapper(entry, encoding="utf-8"):
            row = json.loads(line)
            row.update({name: date.fromisoformat(row[name]) for name in days if row[name] is not None})
            block.append(row)
            if len(block) == BLOCK:
                yield block
                block = []
    yield block


def _forget_index(folder: Path) -> None:
    """The index is a copy of other articles now; the next start makes it again."""
    if not folder.exists():
        return
    gone = folder.with_name(f"{folder.name}.gone")
    folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)
