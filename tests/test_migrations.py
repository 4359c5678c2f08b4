"""The schema: migrated up and down with rows in every table, no drift, one history, copied between databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, inspect, literal, select, text, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app import schema, versions
from app.db import Base, Database
from app.errors import SchemaFault
from tests import factories
from tests.support.postgresql import Server

pytestmark = pytest.mark.both_databases


def counts(url: str) -> dict[str, int]:
    """Rows by table, of the tables there are."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        present = set(inspect(connection).get_table_names())
        tables = [table for table in Base.metadata.sorted_tables if table.name in present]
        counted = [select(literal(table.name), func.count()).select_from(table) for table in tables]
        return dict(connection.execute(union_all(*counted)).all()) if counted else {}  # type: ignore[arg-type]


def filled(url: str) -> dict[str, int]:
    """Put a row into every table."""
    database = Database(url)
    with database.session(write=True) as session:
        rows = factories.row_in_every_table(session)
        session.commit()
    database.dispose()
    return rows


def test_there_is_one_history_and_both_tellers_agree() -> None:
    assert schema.head() == versions.newest()


def test_the_migrated_database_is_what_the_models_say(database_url: str) -> None:
    assert schema.differences(database_url) == []
    schema.check(database_url)
    assert versions.is_current(database_url)


def test_a_missing_column_is_found(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_entry DROP COLUMN details"))
    with pytest.raises(SchemaFault, match="details"):
        schema.check(database_url)


def test_rows_survive_each_step_down_and_up(database_url: str) -> None:
    rows = filled(database_url)
    assert counts(database_url) == rows
    steps = sorted(path.name[:4] for path in versions.FOLDER.glob("*.py"))
    for name in reversed(steps[:-1]):
        schema.downgrade(database_url, name)
        assert set(counts(database_url).values()) == {1}, f"the step down to {name} lost rows"
    oldest = counts(database_url)
    assert 20 < len(oldest) < len(rows)
    for name in steps[1:]:
        schema.upgrade(database_url, name)
        found = counts(database_url)
        assert {table: found[table] for table in oldest} == oldest, f"the step up to {name} lost rows"
    assert schema.differences(database_url) == []
    schema.downgrade(database_url, "base")
    assert counts(database_url) == {}


@pytest.mark.only_sqlite
def test_a_migration_that_breaks_references_is_not_kept(database_url: str, monkeypatch: Any) -> None:
    filled(database_url)

    def careless(config: Any, target: str) -> None:
        config.attributes["connection"].execute(text("DELETE FROM person"))

    monkeypatch.setattr(schema.command, "upgrade", careless)
    with pytest.raises(SchemaFault, match="break references"):
        schema.upgrade(database_url)
    assert counts(database_url)["person"] == 1


def test_a_checked_upgrade_that_differs_is_not_kept(empty_url: str, monkeypatch: Any) -> None:
    schema.upgrade(empty_url, "0001")
    monkeypatch.setattr(schema, "_differences", lambda _: ["something"])
    with pytest.raises(SchemaFault, match="nothing was kept"):
        schema.upgrade(empty_url, checked=True)
    assert schema.current(empty_url) == "0001"


def test_a_newer_database_is_refused(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    for attempt in (schema.upgrade, schema.check):
        with pytest.raises(SchemaFault, match="newer version of the portal"):
            attempt(database_url)
    with pytest.raises(SchemaFault, match="newer version"):
        schema.downgrade(database_url, "base")
    assert not versions.is_current(database_url)


@pytest.fixture
def database_url(backend: str, migrated_file: Path, tmp_path: Path, request: Any) -> Iterator[str]:
    """A database whose schema the test may change: it is not used again."""
    if backend == "sqlite":
        yield f"sqlite:///{shutil.copy(migrated_file, tmp_path)}"
        return
    server: Server = request.getfixturevalue("postgresql")
    url = server.clone()
    yield url
    server.drop(url)


@pytest.fixture
def other_url(backend: str, tmp_path: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of the other kind."""
    if backend == "postgresql":
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server: Server = request.getfixturevalue("postgresql")
    url = server.empty()
    yield url
    server.drop(url)


@pytest.mark.postgresql
def test_everything_moves_to_the_other_database_and_back(
    database_url: str, other_url: str, tmp_path: Any
) -> None:
    rows = filled(database_url)
    assert schema.copy(database_url, other_url) == rows
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert schema.copy(other_url, back) == rows
    assert _contents(back) == _contents(database_url) == _contents(other_url)
    with pytest.raises(SchemaFault, match="not empty"):
        schema.copy(database_url, other_url)
    assert counts(other_url) == rows
    moved = Database(other_url)
    with moved.session(write=True) as session:
        assert factories.person(session).id > _newest(session), "ids go on where they were"
        session.rollback()
        with pytest.raises(IntegrityError):
            session.execute(text("INSERT INTO team_member (team_id, person_id) VALUES (987, 654)"))
    moved.dispose()


def _newest(session: Session) -> int:
    return session.execute(text("SELECT min(id) FROM person")).scalar() or 0


def _contents(url: str) -> dict[str, Any]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return {
            table.name: [
                dict(row) for row in connection.execute(table.select().order_by(table.c.id)).mappings()
            ]
            for table in Base.metadata.sorted_tables
        }
