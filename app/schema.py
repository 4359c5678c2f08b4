"""The schema of the database: migrations up and down, drift between models and database, copying to another one.

Alembic is set up here in Python, without an ini file. Knows no table; it is handed the models' metadata.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, bindparam, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app.db import BUSY_TIMEOUT_MS, Base
from app.errors import SchemaFault
from app.now import now

FOLDER = Path(__file__).parent.parent / "migrations"


def head() -> str:
    """The newest migration this version knows. Raises `SchemaFault` if history forks."""
    heads = ScriptDirectory.from_config(_config()).get_heads()
    if len(heads) != 1:
        raise SchemaFault(
            f"The migrations have {len(heads)} heads: {', '.join(heads)}. History must be one line."
        )
    return heads[0]


def current(url: str) -> str | None:
    """The migration the database stands at; None for an empty database."""
    with _connection(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str, target: str = "head", *, checked: bool = False) -> None:
    """Bring the database to this version. Raises `SchemaFault` for a database of a newer version.

    `checked` compares the result with the models before it is kept, and raises `SchemaFault` where they differ. After
    any fault the database is as it was.
    """
    _refuse_newer(current(url))
    with _migration(url) as (connection, config):
        config.attributes["connection"] = connection
        command.upgrade(config, target)
        drift = _differences(connection) if checked else []
        if drift:
            raise SchemaFault(
                "The migrated database differs from the models; nothing was kept:\n" + "\n".join(drift)
            )


def downgrade(url: str, target: str) -> None:
    """Bring the database back to an earlier version."""
    _refuse_newer(current(url))
    with _migration(url) as (connection, config):
        config.attributes["connection"] = connection
        command.downgrade(config, target)


def differences(url: str) -> list[str]:
    """What differs between the models and the database, as readable lines; empty when they agree."""
    with _connection(url) as connection:
        return _differences(connection)


def _differences(connection: Connection) -> list[str]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_object": _is_ours, "render_as_batch": True}
    )
    return [str(difference) for difference in compare_metadata(context, Base.metadata)]


def check(url: str) -> None:
    """Raises `SchemaFault` unless the database is exactly at this version's schema."""
    newest, found = head(), current(url)
    if found is None:
        raise SchemaFault("The database is empty. Run: flask --app wsgi db upgrade")
    if found != newest:
        _refuse_newer(found)
        raise SchemaFault(
            f"The database is at version {found}, the program needs {newest}. Run: flask --app wsgi db upgrade"
        )
    drift = differences(url)
    if drift:
        raise SchemaFault(
            "The database differs from the models:\n" + "\n".join(f"  {line}" for line in drift)
        )


def copy(source_url: str, target_url: str) -> dict[str, int]:
    """Copy every row into an empty database at the same version. Gives rows per table.

    Raises `SchemaFault` when the target holds rows already. Nothing is kept when it breaks off.
    """
    upgrade(target_url)
    counts: dict[str, int] = {}
    with _migration(target_url) as (target, _), _connection(source_url) as source:
        for table in Base.metadata.sorted_tables:
            if target.execute(table.select().limit(1)).first() is not None:
                raise SchemaFault(f"The target database is not empty: table {table.name} has rows.")
        loading = Loading(target)
        for table in Base.metadata.sorted_tables:
            counts[table.name] = 0
            for block in source.execute(table.select().order_by(table.c.id)).mappings().partitions(1000):
                loading.add(table, [dict(row) for row in block])
                counts[table.name] += len(block)
        loading.finish()
    return counts


def rebuild(url: str, revision: str, fill: Callable[[Connection], None]) -> None:
    """Throw everything away, build the schema of an earlier revision, let `fill` put rows in, and migrate to this
    version: all in one transaction. Raises `SchemaFault` for a revision of a newer version."""
    _refuse_newer(revision)
    with _migration(url) as (connection, config):
        metadata = MetaData()
        metadata.reflect(connection)
        metadata.drop_all(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        fill(connection)
        command.upgrade(config, "head")


def revision_of(connection: Connection) -> str | None:
    """The migration a database stands at, seen through an open connection."""
    return MigrationContext.configure(connection).get_current_revision()


class Loading:
    """Puts rows with their ids into empty tables, parents before children."""

    def __init__(self, target: Connection) -> None:
        self.target = target
        self.tables: list[Table] = []
        self.late: list[tuple[Table, str, list[dict[str, Any]]]] = []

    def add(self, table: Table, rows: list[dict[str, Any]]) -> None:
        """Insert rows. A reference to a row of the same table, which may come later, is filled in at the end."""
        if table not in self.tables:
            self.tables.append(table)
        for name in [key.parent.name for key in table.foreign_keys if key.column.table is table]:
            known = [{"b_id": row["id"], "b_value": row[name]} for row in rows if row[name] is not None]
            if known:
                self.late.append((table, name, known))
            rows = [{**row, name: None} for row in rows]
        if rows:
            self.target.execute(table.insert(), rows)

    def finish(self) -> None:
        """Fill in what waited, and let PostgreSQL count on from the highest ids."""
        for table, name, values in self.late:
            statement = (
                table.update().where(table.c.id == bindparam("b_id")).values({name: bindparam("b_value")})
            )
            self.target.execute(statement, values)
        count_on(self.target, [table.name for table in self.tables])


def count_on(connection: Connection, tables: Iterable[str]) -> None:
    """Let PostgreSQL count on from the highest ids after rows were inserted with theirs; SQLite does by itself."""
    if connection.dialect.name != "postgresql":
        return
    for name in tables:
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('\"{name}\"', 'id'),"  # noqa: S608 (our own names)
                f' GREATEST((SELECT max(id) FROM "{name}"), 1))'
            )
        )


def keep_copy(url: str, folder: Path) -> Path | None:
    """Copy a SQLite database as it stands into a folder, also while it is in use. None for PostgreSQL, which has its
    own tools for this."""
    if make_url(url).get_backend_name() != "sqlite":
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"portal-{current(url) or 'empty'}-{now():%Y%m%dT%H%M%S}.db"
    with closing(sqlite3.connect(str(make_url(url).database))) as source:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(path)) as target:
            source.backup(target)
    return path


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaFault(
            f"The database was made by a newer version of the portal (it stands at {found}). "
            "Install that version again or restore a backup made before the upgrade. Nothing was changed."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _migration(url: str) -> Iterator[tuple[Connection, Config]]:
    """One transaction around all steps. On SQLite foreign keys are off meanwhile (a batch rebuild of a parent would
    silently empty its `ON DELETE CASCADE` children) and checked before the commit."""
    engine = create_engine(url, poolclass=NullPool)
    sqlite = make_url(url).get_backend_name() == "sqlite"
    if sqlite:
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            yield connection, _config()
            if sqlite:
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise SchemaFault(
                        f"The migration would break references: {broken[:5]}. Nothing was changed."
                    )
    finally:
        engine.dispose()


def _prepare(raw: Any, _: Any) -> None:
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA foreign_keys = OFF")


def _is_ours(thing: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Shadow tables of a full-text index are not the models' business."""
    return not (kind == "table" and reflected and compared is None and "_fts" in str(name))


def is_empty(url: str) -> bool:
    """Whether the database has no table at all."""
    with _connection(url) as connection:
        return not inspect(connection).get_table_names()
