"""Sessions and column types, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import bindparam, column, insert, select, table, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import outbox
from app.accounts.models import Person
from app.db import Database, Instant, all_tables, locked, plain_rows, sort_key, write_many
from app.now import now
from app.observe import Heartbeat
from app.preferences import PreferenceRow
from tests import factories

THREADS, TURNS = 8, 15


def in_threads(work: Any) -> list[BaseException]:
    """Run `work(number)` in many threads at once; gives what they raised."""
    faults: list[BaseException] = []
    barrier = threading.Barrier(THREADS)

    def turn(number: int) -> None:
        barrier.wait()
        try:
            for _ in range(TURNS):
                work(number)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=turn, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return faults


def test_many_threads_lose_no_update_and_nobody_finds_the_database_locked(database: Database) -> None:
    with database.session(write=True) as session:
        session.add(PreferenceRow(name="count", value=0, changed_at=now()))
        session.commit()

    def read_then_write(_: int) -> None:
        with database.session(write=True) as session:
            row = session.scalars(locked(select(PreferenceRow).where(PreferenceRow.name == "count"))).one()
            row.value = row.value + 1
            session.commit()

    assert in_threads(read_then_write) == []
    with database.session(write=False) as session:
        assert session.scalars(select(PreferenceRow.value)).one() == THREADS * TURNS


def test_without_the_row_lock_updates_would_be_lost(database: Database) -> None:
    """The test above can fail: the same work in plain transactions loses updates or is refused."""
    with database.session(write=True) as session:
        session.add(PreferenceRow(name="count", value=0, changed_at=now()))
        session.commit()

    def careless(_: int) -> None:
        with Session(database.engine) as session:
            row = session.scalars(select(PreferenceRow).where(PreferenceRow.name == "count")).one()
            row.value = row.value + 1
            session.commit()

    faults = in_threads(careless)
    with database.session(write=False) as session:
        assert faults or session.scalars(select(PreferenceRow.value)).one() < THREADS * TURNS


def test_observations_do_not_disturb_writers(database: Database) -> None:
    from app import observe

    def both(number: int) -> None:
        with database.light_session() as session:
            observe.beat(session, f"process {number % 3}", now=now())
            session.commit()
        with database.session(write=True) as session:
            outbox.put(session, "nothing.much", run_at=now(), thread_id=number)
            session.commit()

    assert in_threads(both) == []
    with database.session(write=False) as session:
        assert len(session.scalars(select(outbox.Job.id)).all()) == THREADS * TURNS
        assert len(session.scalars(select(Heartbeat.id)).all()) == 3


def test_a_read_session_refuses_to_change_anything(database: Database) -> None:
    with database.session(write=True) as session:
        person_id = factories.person(session).id
        session.commit()
    with database.session(write=False) as session:
        session.get_one(Person, person_id).name = "Changed"
        with pytest.raises(RuntimeError, match="read session"):
            session.flush()
    with database.session(write=False) as session:
        session.add(PreferenceRow(name="new", value=1, changed_at=now()))
        with pytest.raises(RuntimeError, match="read session"):
            session.commit()
    with database.session(write=False) as session:
        assert session.get_one(Person, person_id).name != "Changed"


@pytest.mark.only_sqlite
def test_a_read_session_sees_one_moment(database: Database) -> None:
    with database.session(write=False) as reader:
        assert reader.scalars(select(Person.id)).all() == []
        with database.session(write=True) as writer:
            factories.person(writer)
            writer.commit()
        assert reader.scalars(select(Person.id)).all() == []


def test_a_session_that_is_not_committed_leaves_nothing(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session)
    with database.session(write=False) as session:
        assert session.scalars(select(Person.id)).all() == []


def test_ids_are_not_used_again(database: Database) -> None:
    with database.session(write=True) as session:
        first = factories.person(session)
        session.commit()
        session.delete(first)
        session.commit()
        assert factories.person(session).id > first.id


def test_every_table_keeps_its_ids_on_sqlite() -> None:
    for one in all_tables():
        assert one.dialect_options["sqlite"]["autoincrement"], one.name
        assert [column.name for column in one.primary_key] == ["id"], one.name


def test_references_are_checked(database: Database) -> None:
    with database.session(write=True) as session:
        stray = text("INSERT INTO team_member (team_id, person_id) VALUES (987, 654)")
        with pytest.raises(IntegrityError):
            session.execute(stray)


def test_instants_are_aware_and_whole_seconds(database: Database) -> None:
    moment = datetime(2026, 11, 20, 12, 30, 15, 999_999, tzinfo=UTC)
    with database.session(write=True) as session:
        session.add(Heartbeat(name="x", at=moment, detail=""))
        session.commit()
    with database.session(write=False) as session:
        assert session.scalars(select(Heartbeat.at)).one() == moment.replace(microsecond=0)
        assert session.execute(text("SELECT at FROM heartbeat")).scalar() == int(moment.timestamp())
    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001


def test_many_rows_are_written_and_read_as_plain_values(database: Database) -> None:
    beats = table("heartbeat", *(column(name) for name in ("name", "at", "detail")))
    rows = [(1_780_293_600 + number, "", f"worker {number}") for number in range(6000)]
    with database.session(write=True) as session:
        write_many(session, insert(beats), ("at", "detail", "name"), rows)
        moved = update(beats).where(beats.c.name == bindparam("key")).values(at=bindparam("at"))
        write_many(session, moved, ("key", "at"), [("worker 3", 5), ("worker 4", 6)])
        session.commit()
    rows[3:5] = [(5, "", "worker 3"), (6, "", "worker 4")]
    with database.session(write=False) as session:
        wanted = select(Heartbeat.at, Heartbeat.detail, Heartbeat.name).order_by(Heartbeat.id)
        assert list(plain_rows(session, wanted)) == rows


@pytest.mark.parametrize(
    ("names", "sorted_names"),
    [
        (["Zebra", "Äpfel", "apfel", "Straße", "Strasse"], ["apfel", "Äpfel", "Strasse", "Straße", "Zebra"]),
        (["Öl", "Olga", "Ombra"], ["Öl", "Olga", "Ombra"]),
    ],
)
def test_names_sort_as_germans_sort(names: list[str], sorted_names: list[str]) -> None:
    assert sorted(names, key=lambda name: (sort_key(name), name)) == sorted_names


def test_an_answering_database_is_told_from_a_silent_one(database: Database) -> None:
    assert database.answers()
    silent = Database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2")
    assert not silent.answers()
    silent.dispose()
