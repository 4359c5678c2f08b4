"""A restored database has what was erased since: the ledger is carried out again, by public ids only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Person
from app.now import now
from app.privacy import blackout, service
from app.privacy.executor import carry_out, ledger_of
from app.privacy.ledger import FILE, LedgerFault
from app.privacy.models import Certificate, ErasureRecord, PrivacyRequest, RetainedIdentity
from app.privacy.replay import missing, replay
from app.tickets.models import Attachment, Message, Ticket
from tests import factories
from tests.privacy import conversation as talk
from tests.privacy.test_executor import Case


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


class Snapshot:
    """The database and files as they were, to be put back."""

    def __init__(self, portal: Any, folder: Path) -> None:
        self.portal, self.folder = portal, folder
        self.database = Path(portal.database.url.removeprefix("sqlite:///"))
        with portal.database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        folder.mkdir()
        shutil.copy(self.database, folder / "portal.db")
        for name in ("attachments", "mail"):
            if (portal.data_dir / name).exists():
                shutil.copytree(portal.data_dir / name, folder / name)

    def put_back(self) -> None:
        self.portal.database.dispose()
        for end in ("-wal", "-shm"):
            self.database.with_name(self.database.name + end).unlink(missing_ok=True)
        shutil.copy(self.folder / "portal.db", self.database)
        for name in ("attachments", "mail"):
            shutil.rmtree(self.portal.data_dir / name, ignore_errors=True)
            if (self.folder / name).exists():
                shutil.copytree(self.folder / name, self.portal.data_dir / name)


WORDS = ("zaunword", "zaunk", "wanda.zaun", "WandaBrowser")


def test_what_a_restore_brings_back_goes_again(
    portal: Any, tmp_path: Path, run_worker: Callable[[], int]
) -> None:
    case = Case(portal)
    before = Snapshot(portal, tmp_path / "before")
    case.ask()
    run_worker()
    assert talk.holding(portal.data_dir, *WORDS) == {}
    before.put_back()
    assert talk.holding(portal.data_dir, *WORDS)
    with portal.database.session(write=False) as session:
        assert [entry.number for entry in missing(session, ledger_of(portal).entries())] == [1]
    assert replay(portal) == 1
    assert talk.holding(portal.data_dir, *WORDS) == {}
    assert "Otto writes himself." in case.see(select(Message.body))
    (person,) = case.see(select(Person).where(Person.id == case.wanda.id))
    assert (bool(person.erased_at), bool(person.disabled_at)) == (True, True)
    assert replay(portal) == 0
    with portal.database.session(write=False) as session:
        assert missing(session, ledger_of(portal).entries()) == []


def test_ids_that_are_used_again_harm_nobody(
    portal: Any, tmp_path: Path, run_worker: Callable[[], int]
) -> None:
    """After the restore a new person gets the row number that the erased one had."""
    before = Snapshot(portal, tmp_path / "before")
    case = Case(portal)
    case.ask()
    run_worker()
    before.put_back()
    with portal.database.session(write=True) as session:
        people = [
            factories.person(session, name=f"Newcomer {n}", email=f"new{n}@example.org") for n in range(4)
        ]
        for person in people:
            talk.message(session, talk.ticket(session, person, subject="New"), person, "New words")
        session.commit()
        assert case.wanda.id in [person.id for person in people]
    assert replay(portal) == 1
    assert sorted(set(case.see(select(Message.body)))) == ["New words"]
    assert not [name for name in case.see(select(Person.name)) if name.startswith("P-")]


@pytest.mark.parametrize("scope", ["ticket", "message", "file"])
def test_parts_go_again(portal: Any, tmp_path: Path, scope: str, run_worker: Callable[[], int]) -> None:
    case = Case(portal)
    before = Snapshot(portal, tmp_path / "before")
    key = {
        "ticket": case.see(select(Ticket.public_id).where(Ticket.id == case.hers.id)),
        "message": case.see(select(Message.public_id).where(Message.body.like("I have zaunword%"))),
        "file": case.see(select(Attachment.storage_key).where(Attachment.name == "zaunword.txt")),
    }[scope][0]
    with portal.database.session(write=True) as session:
        service.start_part(session, scope, key, actor_id=None, now=now())
        session.commit()
    run_worker()
    after = sorted(case.see(select(Message.body))), sorted(case.see(select(Attachment.name)))
    before.put_back()
    assert sorted(case.see(select(Message.body))) != after[0] or scope == "file"
    assert replay(portal) == 1
    assert (sorted(case.see(select(Message.body))), sorted(case.see(select(Attachment.name)))) == after
    assert case.see(select(Person.email).where(Person.id == case.wanda.id)) == [case.email]


def test_a_passage_gets_the_same_hole_again(portal: Any, tmp_path: Path) -> None:
    case = Case(portal)
    before = Snapshot(portal, tmp_path / "before")
    with portal.database.session(write=True) as session:
        admin = factories.person(session, "admin")
        found = blackout.places(session, "zaunword machine", "Gerät", lang="de")
        blackout.black_out(
            session, portal, "zaunword machine", [one.key for one in found], "Gerät", actor_id=admin.id, now=now()
        )  # fmt: skip
        session.commit()
    after = case.see(select(Message.body).order_by(Message.id))
    before.put_back()
    assert replay(portal) == 1
    again = case.see(select(Message.body).order_by(Message.id))
    assert [text.replace("[entfernt: Gerät]", "[entfernt]") for text in after] == again


def test_kept_letters_stay_kept(portal: Any, tmp_path: Path, run_worker: Callable[[], int]) -> None:
    case = Case(portal)
    with portal.database.session(write=True) as session:
        kind = talk.request_type(session, "receipt")
        kept = talk.ticket(session, case.wanda, subject="Invoice", request_type_id=kind.id)
        talk.message(session, kept, case.wanda, "keepword")
        session.commit()
    before = Snapshot(portal, tmp_path / "before")
    case.ask()
    run_worker()
    before.put_back()
    replay(portal)
    (ticket,) = case.see(select(Ticket).where(Ticket.id == kept.id))
    assert (ticket.subject, bool(ticket.restricted_at)) == ("Invoice", True)
    assert case.see(select(RetainedIdentity.email)) == [case.email]
    assert talk.holding(portal.data_dir, "zaunword") == {}


def test_an_erasure_between_ledger_and_database_is_left_to_its_worker(
    portal: Any, run_worker: Callable[[], int]
) -> None:
    case = Case(portal)
    request_id = case.ask()
    carry_out(portal, request_id)
    with portal.database.session(write=True) as session:
        session.query(ErasureRecord).delete()
        session.commit()
        assert missing(session, ledger_of(portal).entries()) == []


def test_a_ledger_that_was_taken_back_is_noticed(portal: Any, run_worker: Callable[[], int]) -> None:
    case = Case(portal)
    case.ask()
    run_worker()
    case.ask(person=case.otto)
    run_worker()
    path = portal.ledger_folders[0] / FILE
    lines = path.read_text().splitlines()
    path.write_text(lines[0] + "\n")
    with portal.database.session(write=False) as session, pytest.raises(LedgerFault, match="taken back"):
        missing(session, ledger_of(portal).entries())
    path.unlink()
    with pytest.raises(LedgerFault, match="taken back"):
        replay(portal)


def test_another_ledger_is_noticed(portal: Any, run_worker: Callable[[], int]) -> None:
    case = Case(portal)
    case.ask()
    run_worker()
    (portal.ledger_folders[0] / FILE).unlink()
    ledger_of(portal).append(at=1, action="person", subject="somebody else")
    with pytest.raises(LedgerFault, match="another ledger"):
        replay(portal)


def test_the_commands(app: Flask, portal: Any, tmp_path: Path) -> None:
    case = Case(portal)
    before = Snapshot(portal, tmp_path / "before")
    runner = app.test_cli_runner()
    shown = runner.invoke(args=["privacy", "erase", case.email])
    assert shown.exit_code == 1
    assert "Add --yes" in shown.output
    assert case.see(select(PrivacyRequest.id)) == []
    done = runner.invoke(args=["privacy", "erase", case.email, "--yes"])
    assert done.exit_code == 0, done.output
    assert talk.holding(portal.data_dir, *WORDS) == {}
    key = done.output.strip().rsplit("/", 1)[1]
    holds = runner.invoke(args=["privacy", "verify-certificate", key])
    assert holds.exit_code == 0, holds.output
    assert runner.invoke(args=["privacy", "verify-certificate", "none"]).exit_code == 1
    assert runner.invoke(args=["privacy", "erase", case.email, "--yes"]).exit_code == 1
    before.put_back()
    again = runner.invoke(args=["privacy", "replay"])
    assert (again.exit_code, again.output) == (0, "Erasures carried out again: 1\n")
    assert talk.holding(portal.data_dir, *WORDS) == {}


def test_a_certificate_is_compared_with_ledger_plan_and_rows(
    app: Flask, portal: Any, run_worker: Callable[[], int]
) -> None:
    case = Case(portal)
    case.ask()
    run_worker()
    (certificate,) = case.see(select(Certificate))
    runner = app.test_cli_runner()

    def told() -> str:
        result = runner.invoke(args=["privacy", "verify-certificate", certificate.public_id])
        assert result.exit_code == 1, result.output
        return result.output

    with portal.database.session(write=True) as session:
        session.get_one(Message, case.reply.id - 1).body = "she is back"
        session.get_one(Person, case.wanda.id).name = "Wanda"
        session.commit()
    assert "Deleted messages are there again." in told()
    assert "Rows of the person are there again: 1." in told()
    path = portal.ledger_folders[0] / FILE
    entry = json.loads(path.read_text())
    path.write_text(json.dumps({**entry, "subject": "other"}) + "\n")
    assert "was changed" in told()


def test_ten_thousand_entries_take_a_minute_at_most(portal: Any) -> None:
    """A tenth of it here; the whole figure is printed by `bench/privacy.py`."""
    with portal.database.session(write=True) as session:
        people = [
            factories.person(session, email=f"many{n}@example.org", name=f"Many Person{n}")
            for n in range(100)
        ]
        session.commit()
    ledger = ledger_of(portal)
    for person in people:
        ledger.append(at=1, action="person", subject=person.public_id)
    started = now()
    assert replay(portal) == 100
    assert now() - started < timedelta(seconds=30)
    assert talk.holding(portal.data_dir, "many5") == {}
