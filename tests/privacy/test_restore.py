"""What was erased stays erased: a restored backup is made right again, and an older state is not served."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app import backup, schema, serve
from app.accounts.models import Person
from app.privacy.ledger import FILE
from config import Settings
from tests import factories

NAME, ADDRESS = "Zelda Quittenbaum", "zelda@quittenbaum.example"


@pytest.fixture
def erased(app: Flask, tmp_path: Path) -> Path:
    """A backup made before a person was erased."""
    with app.extensions["portal"].database.session(write=True) as session:
        factories.person(session, name=NAME, email=ADDRESS)
        session.commit()
    run(app, "backup", "create", str(tmp_path / "before"))
    run(app, "privacy", "erase", ADDRESS, "--yes")
    assert names(app) == []
    return tmp_path / "before"


def run(app: Flask, *words: str, status: int = 0) -> Result:
    result = app.test_cli_runner().invoke(args=list(words))
    assert result.exit_code == status, result.output
    return result


def names(app: Flask) -> list[str]:
    with app.extensions["portal"].database.session(write=False) as session:
        return list(session.scalars(select(Person.name).where(Person.name == NAME)))


@pytest.mark.both_databases
def test_restoring_an_older_backup_erases_again(app: Flask, erased: Path) -> None:
    result = run(app, "backup", "restore", str(erased), "--replace")
    assert "Erased again from the ledger: 1" in result.output
    assert names(app) == []
    assert "Places found: 0" in run(app, "privacy", "find", ADDRESS).output
    serve._refuse_to_run_behind(app)


def test_a_backup_from_before_the_ledger_existed_is_made_right_too(
    app: Flask, settings: Settings, tmp_path: Path
) -> None:
    """Its tables know neither requests nor a ledger; it is migrated, then the ledger is carried out on it."""
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        factories.person(session, name=NAME, email=ADDRESS)
        session.commit()
    portal.database.dispose()
    shutil.copy(settings.data_dir / "portal.db", tmp_path / "old.db")
    old = f"sqlite:///{tmp_path / 'old.db'}"
    schema.downgrade(old, "0002")
    made = backup.create(
        tmp_path / "old", database_url=old, storage=portal.storage, ledger=[], key="", made_at=1
    )
    assert (made.schema, made.ledger.count) == ("0002", 0)
    assert "erasure_record" not in made.tables
    run(app, "privacy", "erase", ADDRESS, "--yes")
    result = run(app, "backup", "restore", str(tmp_path / "old"), "--replace")
    assert "Erased again from the ledger: 1" in result.output
    assert names(app) == []
    serve._refuse_to_run_behind(app)


def test_an_older_database_is_not_served_until_it_was_made_right(
    app: Flask, settings: Settings, tmp_path: Path
) -> None:
    portal = app.extensions["portal"]
    with portal.database.session(write=True) as session:
        factories.person(session, name=NAME, email=ADDRESS)
        session.commit()
    portal.database.dispose()
    shutil.copy(settings.data_dir / "portal.db", tmp_path / "snapshot.db")
    run(app, "privacy", "erase", ADDRESS, "--yes")
    serve._refuse_to_run_behind(app)
    portal.database.dispose()
    for end in ("-wal", "-shm"):
        (settings.data_dir / f"portal.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "snapshot.db", settings.data_dir / "portal.db")
    with pytest.raises(serve.CannotStart, match="privacy replay"):
        serve._refuse_to_run_behind(app)
    run(app, "privacy", "replay")
    serve._refuse_to_run_behind(app)
    assert names(app) == []


def test_a_ledger_that_was_taken_back_is_noticed(app: Flask, settings: Settings, erased: Path) -> None:
    (settings.data_dir / "ledger" / FILE).unlink()
    with pytest.raises(serve.CannotStart, match="taken back"):
        serve._refuse_to_run_behind(app)
