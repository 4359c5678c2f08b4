"""The database: declarative base, column types, sessions. The only file that knows database dialects.

Two kinds of session: a read session (a consistent look, it refuses to flush) and a write session (`BEGIN IMMEDIATE`
on SQLite, so that two writers queue instead of losing updates or meeting "database is locked"). It must not know
any table.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    Dialect,
    Engine,
    Executable,
    Insert,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    Update,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from app.personal import T, not_personal

BUSY_TIMEOUT_MS = 15_000


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant in Python, whole epoch seconds (BIGINT) in both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return int(value.timestamp())

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


class Localised(TypeDecorator[dict[str, str]]):
    """A text that admins write in each language: `{"de": ..., "en": ...}`."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else JSON())


Json = JSON().with_variant(JSONB(), "postgresql")
Key = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER may be SQLite's own row id


class Base(DeclarativeBase):
    """Parent of all tables; constraint names are fixed so that migrations can drop them by name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Instant(), date: Date(), str: Text(), int: BigInteger()}


def table_args(*args: Any, privacy: T) -> tuple[Any, ...]:
    """`__table_args__` of every table: ids are never reused, and the table says whose rows it holds.

    Without `sqlite_autoincrement` SQLite gives the id of a deleted newest row to the next one, and an old job or
    link would meet another person.
    """
    return (*args, {"sqlite_autoincrement": True, "info": {"privacy_table": privacy}})


def primary_key() -> Any:
    """The integer key of every table."""
    return mapped_column(Key, primary_key=True, autoincrement=True, info=not_personal("row number"))


class ReadSession(Session):
    """A session for looking. Flushing a change in it is a programming error, told at once."""

    def flush(self, objects: Any = None) -> None:
        if self.new or self.deleted or any(self.is_modified(item) for item in self.dirty):
            raise RuntimeError("a read session cannot change anything; open a write session")


class Database:
    """The engine of one process and the sessions on it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.dialect = make_url(url).get_backend_name()
        self._engine = self._make_engine("FULL")
        self._write = self._engine.execution_options(portal_begin="BEGIN IMMEDIATE")
        self._light = self._make_engine("NORMAL", pool_size=1, max_overflow=8)
        self._light_write = self._light.execution_options(portal_begin="BEGIN IMMEDIATE")

    def _make_engine(self, synchronous: str, **options: Any) -> Engine:
        if self.dialect == "sqlite":
            engine = create_engine(self.url, hide_parameters=True, **options)
            event.listen(engine, "connect", lambda raw, _: _prepare_sqlite(raw, synchronous))
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = create_engine(
                self.url, hide_parameters=True, pool_pre_ping=True, pool_recycle=1800, **options
            )
            if synchronous == "NORMAL":
                event.listen(engine, "connect", _relax_postgresql)
        return engine

    @property
    def engine(self) -> Engine:
        return self._engine

    @contextmanager
    def session(self, *, write: bool) -> Iterator[Session]:
        """A session that rolls back unless the caller commits. `write` takes the writer's place at once."""
        bind = self._write if write else self._engine
        opened: Session = (Session if write else ReadSession)(bind, expire_on_commit=False)
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A read session whose statements all see the same state, however long they take."""
        same = {} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        opened = ReadSession(self._engine.execution_options(**same), expire_on_commit=False)
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def light_session(self) -> Iterator[Session]:
        """A write session for observations (last seen, views, throttle): it survives a crash of the process but
        may lose the last moments at a power cut, and costs no disk flush."""
        with Session(self._light_write, expire_on_commit=False) as opened:
            yield opened

    def overwrite_deleted(self, *, patience: float = 60) -> None:
        """See to it that deleted text stands nowhere in the files of a SQLite database.

        `secure_delete` overwrites a row that is deleted, but not the copies that a page kept when its tree was balanced
        earlier (measured: a few in ten thousand rows); VACUUM writes every page anew, and the log is emptied. Raises
        `TimeoutError` when readers keep the log in use. PostgreSQL does not overwrite (`docs/privacy.md`).
        """
        if self.dialect != "sqlite":
            return
        deadline = time.monotonic() + patience
        with closing(self._engine.raw_connection()) as raw:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise TimeoutError("the log of the database is in use")
                time.sleep(0.05)

    def dispose(self) -> None:
        """Close all connections; call it before forking and at the end."""
        self._engine.dispose()
        self._light.dispose()

    def answers(self) -> bool:
        """Whether a trivial statement works now."""
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError:
            return False
        return True


def _prepare_sqlite(raw: sqlite3.Connection, synchronous: str) -> None:
    raw.isolation_level = None  # the driver must not begin transactions of its own; `_begin_sqlite` does
    cursor = raw.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute(f"PRAGMA synchronous = {synchronous}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # deleted text is overwritten, not only unlinked
    cursor.execute("PRAGMA cache_size = -2048")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("portal_begin", "BEGIN"))


def _relax_postgresql(raw: Any, _: Any) -> None:
    with raw.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    raw.commit()


def locked(statement: Select[Any]) -> Select[Any]:
    """The same select, locking its rows until the transaction ends (PostgreSQL; a no-op on SQLite, where the
    write session already is the only writer). Every write on a person, ticket or article begins with it."""
    return statement.with_for_update()


def insert_ignoring(session: Session, table: Any, values: dict[str, Any], unique: list[str]) -> bool:
    """Insert one row unless a row with the same unique columns exists. Says whether it was inserted."""
    return _upsert(session, table, values, unique, None)


def insert_or_add(
    session: Session, table: Any, values: dict[str, Any], unique: list[str], changes: dict[str, Any]
) -> bool:
    """Insert one row or, where the unique columns exist already, apply `changes` (SQL expressions allowed)."""
    return _upsert(session, table, values, unique, changes)


def _upsert(
    session: Session, table: Any, values: dict[str, Any], unique: list[str], changes: dict[str, Any] | None
) -> bool:
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    statement = insert(table).values(**values)
    if changes is None:
        statement = statement.on_conflict_do_nothing(index_elements=unique)
    else:
        statement = statement.on_conflict_do_update(index_elements=unique, set_=changes)
    # RETURNING, because psycopg's count of rows says nothing here
    return session.execute(statement.returning(table.id)).first() is not None


def plain_rows(session: Session, statement: Executable) -> Iterator[tuple[Any, ...]]:
    """The rows of a select as the driver gives them (instants as epoch seconds), read in pieces.

    For a hundred thousand rows and more: there SQLAlchemy's row objects take longer than the database.
    """
    result = session.connection().execute(statement)
    try:
        while rows := result.cursor.fetchmany(5000):
            yield from rows
    finally:
        result.close()


def write_many(
    session: Session, statement: Insert | Update, names: tuple[str, ...], rows: Sequence[Sequence[Any]]
) -> None:
    """An insert or update for many rows of plain values, given in the order of `names`: its columns and bind parameters.

    Below SQLAlchemy's handling of parameters, which for so many rows takes as long as the database.
    """
    compiled, order = _for_driver(statement, names, session.get_bind().dialect)
    wanted = [dict(zip(names, row, strict=True)) for row in rows] if order is None else list(map(order, rows))
    session.connection().exec_driver_sql(compiled, wanted)


@lru_cache(maxsize=64)
def _for_driver(
    statement: Insert | Update, names: tuple[str, ...], dialect: Dialect
) -> tuple[str, Callable[[Sequence[Any]], tuple[Any, ...]] | None]:
    """The statement as text, and what puts a row into the order of its places; None where places have names."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    places = compiled.positiontup
    if places is None:
        return compiled.string, None
    return compiled.string, itemgetter(*(names.index(place) for place in places))


def sort_key(text_value: str) -> str:
    """How names sort where people sort German: case folded, ä as a, ß as ss (neither database has ICU here)."""
    folded = text_value.casefold()
    return folded.translate(_GERMAN_ORDER)


_GERMAN_ORDER = str.maketrans(
    {"ä": "a", "ö": "o", "ü": "u", "é": "e", "è": "e", "á": "a", "à": "a", "ç": "c"}
)


def size_in_bytes(session: Session) -> int:
    """How much room the whole database takes."""
    if session.get_bind().dialect.name == "postgresql":
        statement = "SELECT pg_database_size(current_database())"
    else:
        statement = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    return int(session.execute(text(statement)).scalar_one())


def live_columns(database: Database) -> dict[str, set[str]]:
    """Tables and columns as they are in the database itself (not in the models)."""
    reflected = MetaData()
    reflected.reflect(database.engine)
    return {name: {column.name for column in found.columns} for name, found in reflected.tables.items()}


def all_tables() -> list[Table]:
    """Every table of the models, in an order in which parents come before children."""
    return list(Base.metadata.sorted_tables)
