"""Backups hold everything, notice damage, and restore into either database."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app import backup, schema
from app.accounts.models import Person, UserSession
from app.backup import LEFT_OUT, BackupFault
from app.db import Base, Database
from app.storage import Storage
from tests import factories

KEY = "a backup key of these tests, long enough"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "files")


@pytest.fixture
def filled(database: Database, storage: Storage) -> Database:
    """A database with a row in every table, and two files."""
    with database.session(write=True) as session:
        factories.row_in_every_table(session)
        session.commit()
    for content in (b"first", b"second" * 100_000):
        storage.save(io.BytesIO(content), limit=10_000_000)
    return database


def make(database: Database, storage: Storage, target: Path, key: str = "") -> backup.Manifest:
    return backup.create(
        target,
        database_url=database.url,
        storage=storage,
        ledger=["one line"],
        key=key,
        made_at=1_700_000_000,
    )


def bring_back(source: Path, url: str, folder: Path, *, key: str = "", replace: bool = False) -> list[str]:
    taken: list[str] = []
    backup.restore(
        source,
        database_url=url,
        storage=Storage(folder / "files"),
        search_dir=folder / "search",
        key=key,
        replace=replace,
        merge_ledger=taken.extend,
    )
    return taken


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    with opened(url) as database, database.session(write=False) as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(table.c.id))]
            for table in Base.metadata.sorted_tables
            if table.name not in LEFT_OUT
        }


def contents(storage: Storage) -> dict[str, bytes]:
    return {key: storage.path(key).read_bytes() for key in storage.all_keys()}


@pytest.mark.parametrize("key", ["", KEY])
def test_everything_comes_back(filled: Database, storage: Storage, tmp_path: Path, key: str) -> None:
    manifest = make(filled, storage, tmp_path / "all.backup", key)
    assert manifest.tables["person"].count > 0
    target = f"sqlite:///{tmp_path / 'restored.db'}"
    assert bring_back(tmp_path / "all.backup", target, tmp_path / "new", key=key) == ["one line"]
    assert rows(target) == rows(filled.url)
    assert schema.differences(target) == []
    assert contents(Storage(tmp_path / "new" / "files")) == contents(storage)


def test_a_backup_of_either_database_restores_into_the_other(
    filled: Database, storage: Storage, tmp_path: Path, postgresql: object
) -> None:
    make(filled, storage, tmp_path / "b")
    if filled.dialect == "postgresql":
        target = f"sqlite:///{tmp_path / 'other.db'}"
        bring_back(tmp_path / "b", target, tmp_path / "new")
        assert rows(target) == rows(filled.url)
        return
    target = postgresql.take()  # type: ignore[attr-defined]
    try:
        bring_back(tmp_path / "b", target, tmp_path / "new", replace=True)
        assert rows(target) == rows(filled.url)
        with (
            opened(target) as other,
            other.session(write=True) as session,
        ):  # ids go on behind the restored ones
            highest = session.scalar(select(func.max(Person.id))) or 0
            assert factories.person(session).id > highest
    finally:
        postgresql.give_back(target)  # type: ignore[attr-defined]


def test_sessions_do_not_come_back_to_life(filled: Database, storage: Storage, tmp_path: Path) -> None:
    with filled.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(UserSession))
    make(filled, storage, tmp_path / "b")
    target = f"sqlite:///{tmp_path / 'restored.db'}"
    bring_back(tmp_path / "b", target, tmp_path / "new")
    with opened(target) as other, other.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(UserSession)) == 0


def test_a_full_database_is_replaced_only_when_asked(
    filled: Database, storage: Storage, tmp_path: Path
) -> None:
    make(filled, storage, tmp_path / "b")
    with filled.session(write=True) as session:
        later = factories.person(session, name="Came Later").id
        session.commit()
    filled.dispose()
    with pytest.raises(BackupFault, match="--replace"):
        bring_back(tmp_path / "b", filled.url, tmp_path / "new")
    bring_back(tmp_path / "b", filled.url, tmp_path / "new", replace=True)
    with filled.session(write=False) as session:
        assert session.get(Person, later) is None


def test_writing_goes_on_while_a_backup_is_made(filled: Database, storage: Storage, tmp_path: Path) -> None:
    with filled.session(write=True) as session:  # an open write transaction holds nobody up
        factories.person(session, name="Not Yet Committed")
        manifest = make(filled, storage, tmp_path / "b")
        session.commit()
    with filled.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(Person)) == manifest.tables["person"].count + 1


def test_a_backup_is_never_overwritten(filled: Database, storage: Storage, tmp_path: Path) -> None:
    make(filled, storage, tmp_path / "b")
    with pytest.raises(BackupFault, match="exists already"):
        make(filled, storage, tmp_path / "b")


def test_nothing_half_written_is_left(filled: Database, storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(BackupFault, match="cannot be written"):
        make(filled, storage, tmp_path / "no such folder" / "b")
    shutil.rmtree(tmp_path / "files")
    make(filled, storage, tmp_path / "b")
    assert not list(tmp_path.glob("*.part"))


def test_a_sealed_backup_needs_its_key(filled: Database, storage: Storage, tmp_path: Path) -> None:
    make(filled, storage, tmp_path / "b", KEY)
    content = (tmp_path / "b").read_bytes()
    assert b"person" not in content
    with pytest.raises(BackupFault, match="PORTAL_BACKUP_KEY"):
        backup.verify(tmp_path / "b", key="")
    with pytest.raises(BackupFault, match="not its key"):
        backup.verify(tmp_path / "b", key=KEY + "!")
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["cut", "changed", "row", "nothing like it"])
def test_damage_is_noticed_before_anything_is_changed(
    filled: Database, storage: Storage, tmp_path: Path, damage: str
) -> None:
    source = tmp_path / "b"
    make(filled, storage, source)
    before = rows(filled.url)
    if damage == "cut":
        source.write_bytes(source.read_bytes()[:-200])
    elif damage == "nothing like it":
        source.write_text("not a backup")
    elif damage == "changed":
        content = bytearray(source.read_bytes())
        content[len(content) // 2] ^= 0xFF
        source.write_bytes(bytes(content))
    else:
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(tmp_path / "c", "w") as new:
            for name in old.namelist():
                content_of = old.read(name)
                new.writestr(
                    name, content_of.replace(b"customer", b"staffer1") if "person" in name else content_of
                )
        (tmp_path / "c").replace(source)
    with pytest.raises(BackupFault):
        bring_back(source, filled.url, tmp_path / "new", replace=True)
    assert rows(filled.url) == before


def test_a_backup_of_a_newer_version_is_refused(filled: Database, storage: Storage, tmp_path: Path) -> None:
    make(filled, storage, tmp_path / "b")
    with zipfile.ZipFile(tmp_path / "b") as old, zipfile.ZipFile(tmp_path / "c", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                content = json.dumps(json.loads(content) | {"schema": "9999"}).encode()
            new.writestr(name, content)
    with pytest.raises(schema.SchemaFault, match="newer version"):
        bring_back(tmp_path / "c", filled.url, tmp_path / "new", replace=True)
