"""Every column and table says what it holds on a person, by the rules, in the models and in the database itself."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Column, ForeignKey, Integer, MetaData, Table, Text, select

import app.tables  # noqa: F401  (loads every model)
from app.db import Base, Database, live_columns
from app.personal import Export, Kind, P, Purpose, Retain, RowFate, T, not_personal, personal
from app.privacy.registry import classification, faults, row_classification

OURS = {"alembic_version"}  # the migration engine's own table


def unclassified(database: Database) -> list[str]:
    """Tables and columns of the database that no model classifies."""
    known = {table.name: {column.name for column in table.columns} for table in Base.metadata.sorted_tables}
    return [
        f"{name}.{column}"
        for name, columns in live_columns(database).items()
        if name not in OURS and "_fts" not in name
        for column in columns
        if column not in known.get(name, set())
    ]


def test_every_column_and_table_of_the_models_is_classified():
    assert faults(Base.metadata) == []


def test_there_is_something_to_classify():
    personal_columns = [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if (says := classification(column)) is not None and says.kind is not Kind.NONE
    ]
    assert len(personal_columns) > 50
    assert row_classification(Base.metadata.tables["person"]).subject == "self"


def test_every_column_of_the_database_is_in_the_models(database):
    assert unclassified(database) == []


@pytest.mark.parametrize(
    ("statement", "undone"),
    [
        ("CREATE TABLE stray (id INTEGER PRIMARY KEY, name TEXT)", "DROP TABLE stray"),
        ("ALTER TABLE team ADD COLUMN motto TEXT", "ALTER TABLE team DROP COLUMN motto"),
    ],
)
def test_a_column_that_only_the_database_knows_is_found(database, statement, undone):
    with database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    found = unclassified(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(undone)  # the next test may have this database
    assert found


def test_json_columns_name_their_keys():
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, JSON) or "JSON" in str(column.type):
                says = classification(column)
                assert says is not None
                assert says.keys, f"{table.name}.{column.name} does not say which keys it may hold"


def strangers(value: Any, allowed: tuple[str, ...]) -> set[str]:
    """Keys of a value (or of the objects in its list) that its column does not name."""
    objects = value if isinstance(value, list) else [value]
    keys = {key for one in objects if isinstance(one, dict) for key in one}
    return {key for key in keys if not any(fnmatchcase(key, pattern) for pattern in allowed)}


def test_json_columns_hold_no_other_keys_than_they_name(demo_data: Path):
    """In a whole company's data, after years at the desk."""
    database = Database(f"sqlite:///{demo_data / 'portal.db'}")
    looked_at, wrong = 0, []
    with database.session(write=False) as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                says = classification(column)
                if says is not None and says.keys and "*" not in says.keys:
                    for (value,) in session.execute(select(column).where(column.is_not(None)).limit(5_000)):
                        looked_at += 1
                        wrong += [f"{table.name}.{column.name}: {key}" for key in strangers(value, says.keys)]
    database.dispose()
    assert looked_at > 100
    assert sorted(set(wrong)) == []
    assert strangers([{"name": 1, "note": 2}], ("name", "*_id")) == {"note"}


# --- each rule can fail ------------------------------------------------------------------------------------------

SUPPORT, ACCOUNT = Purpose.SUPPORT, Retain.ACCOUNT


def said(kind: Kind = Kind.IDENTIFIER, **more: object) -> dict[str, object]:
    return personal(kind, "Words", purpose=SUPPORT, retain=ACCOUNT, **more)  # type: ignore[arg-type]


HERS = T("person_id")


def table(*columns: Column[Any], says: T | None = HERS, key: str = "person.id") -> MetaData:
    """A small schema of one table beside people."""
    metadata = MetaData()
    rows = {"person": T("self", RowFate.KEEP_ROW), "ship": T(None, why="no person")}
    for name, about in rows.items():
        Table(name, metadata, _number(), info={"privacy_table": about})
    whose = Column("person_id", Integer, ForeignKey(key), info=not_personal("whose"))
    Table("extra", metadata, _number(), whose, *columns, info={"privacy_table": says} if says else {})
    return metadata


def _number() -> Column[Any]:
    return Column("id", Integer, primary_key=True, info=not_personal("row"))


GOOD = table(Column("note", Text, info=said(Kind.CONTENT)))
KEPT = T("person_id", RowFate.KEEP_ROW)

BAD = {
    "bare column": table(Column("note", Text)),
    "bare table": table(says=None),
    "nobody's without a reason": table(says=T(None)),
    "table path ends at no person": table(says=T("person_id"), key="ship.id"),
    "table path does not exist": table(says=T("captain_id")),
    "table path names no reference": table(
        Column("captain", Text, info=not_personal("x")), says=T("captain")
    ),
    "column path ends at no person": table(Column("note", Text, info=said(subject="id"))),
    "not personal without a reason": table(Column("note", Text, info=not_personal(""))),
    "no purpose": table(Column("note", Text, info={"privacy": P(Kind.CONTENT, retain=(ACCOUNT,))})),
    "no term": table(Column("note", Text, info={"privacy": P(Kind.CONTENT, purpose=SUPPORT)})),
    "exported without words": table(
        Column(
            "note", Text, info=personal(Kind.CONTENT, purpose=SUPPORT, retain=ACCOUNT, export=Export.ART15)
        )
    ),
    "unknown fate": table(Column("note", Text, info=said(on_erase="burn"))),
    "unknown pseudonym": table(Column("note", Text, info=said(on_erase="replace:nickname")), says=KEPT),
    "kept row without a fate": table(Column("note", Text, info=said()), says=KEPT),
    "content replaced": table(
        Column("note", Text, info=said(Kind.CONTENT, on_erase="replace:pseudonym_name")), says=KEPT
    ),
    "content kept": table(Column("note", Text, info=said(Kind.CONTENT, on_erase="keep")), says=KEPT),
    "contact kept": table(Column("note", Text, info=said(Kind.CONTACT, on_erase="keep")), says=KEPT),
    "credential kept": table(Column("note", Text, info=said(Kind.CREDENTIAL, on_erase="keep")), says=KEPT),
    "network kept": table(Column("note", Text, info=said(Kind.NETWORK, on_erase="keep")), says=KEPT),
    "cleared where it may be neither null nor empty": table(
        Column("note", Integer, nullable=False, info=said(on_erase="clear")), says=KEPT
    ),
}


def test_a_right_classification_has_no_faults():
    assert faults(GOOD) == []


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_classification_is_found(name):
    assert len(faults(BAD[name])) == 1
