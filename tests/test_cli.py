"""Commands: status 0 only on success, one sentence on a fault, an audit row for a change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool

from app import cli, outbox, schema
from app.audit import AuditEntry
from app.now import now
from app.outbox import Job
from app.web import Portal
from config import MailTransport
from tests import factories
from tests.support.live import ROOT, free_port
from tests.support.mailbox import Mailbox
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.both_databases


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=list(words))


@pytest.fixture
def portal(app: Flask) -> Portal:
    parts: Portal = app.extensions["portal"]
    return parts


def audited(portal: Portal) -> list[tuple[str, str, int | None]]:
    with portal.database.session(write=False) as session:
        rows = session.execute(select(AuditEntry.action, AuditEntry.through, AuditEntry.actor_id))
        return [tuple(row) for row in rows]  # type: ignore[misc]


def commands() -> list[tuple[str, ...]]:
    found = []
    for group in map(cli.group, cli.NAMES):
        found += [(str(group.name), name) for name in group.commands]
    return found


@pytest.mark.parametrize("names", commands(), ids=" ".join)
@pytest.mark.only_sqlite
def test_every_command_explains_itself(app: Flask, names: tuple[str, ...]) -> None:
    told = run(app, *names, "--help")
    assert told.exit_code == 0
    group: click.Group = cli.group(names[0])
    assert (group.commands[names[1]].help or "").strip()
    assert (group.help or "").strip()


def test_db_tells_and_checks(app: Flask, portal: Portal) -> None:
    assert run(app, "db", "current").output == f"{schema.head()} (the program needs {schema.head()})\n"
    assert run(app, "db", "check").exit_code == 0
    assert run(app, "db", "upgrade").output.startswith("Nothing to do")
    assert audited(portal) == []


@pytest.mark.only_sqlite
def test_db_upgrade_and_downgrade_are_noted(app: Flask, portal: Portal) -> None:
    down = run(app, "db", "downgrade", "-1")
    assert down.exit_code == 0, down.output
    assert run(app, "db", "check").exit_code == 1
    up = run(app, "db", "upgrade", "--backup")
    assert up.exit_code == 0, up.output
    (copy,) = (portal.data_dir / "backups").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert schema.current(f"sqlite:///{copy}") != schema.head()
    wanted = [("database.downgrade", "command line", None), ("database.upgrade", "command line", None)]
    assert audited(portal) == wanted


@pytest.mark.only_sqlite
def test_a_newer_database_is_one_sentence(app: Flask, database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for command in ("upgrade", "check"):
        told = run(app, "db", command)
        assert told.exit_code == 1
        assert told.output.startswith("Error: The database was made by a newer version")
        assert told.output.count("\n") == 1


def test_copy_to(app: Flask, portal: Portal, tmp_path: Path) -> None:
    with portal.database.session(write=True) as session:
        factories.person(session, name="Jörg")
        session.commit()
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    told = run(app, "db", "copy-to", target)
    assert told.exit_code == 0, told.output
    engine = create_engine(target, poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM person")).scalar() == "Jörg"
    assert audited(portal) == [("database.copy", "command line", None)]
    again = run(app, "db", "copy-to", target)
    assert (again.exit_code, "not empty" in again.output) == (1, True)
    assert run(app, "db", "copy-to", portal.database.url).exit_code == 2
    assert run(app, "db", "copy-to", "mysql://x/y").exit_code == 2
    assert run(app, "db", "copy-to", "nonsense").exit_code == 2


@pytest.fixture
def failed(portal: Portal) -> list[int]:
    """Two failed jobs and one that waits."""
    with portal.database.session(write=True) as session:
        jobs = [outbox.put(session, "letter.x", run_at=now(), person_id=n) for n in (1, 2, 3)]
        for job in jobs[:2]:
            job.state, job.error, job.attempts = outbox.FAILED, "Undeliverable 550", 4
        session.commit()
        return [job.id for job in jobs]


def test_worker_status_and_failed(app: Flask, failed: list[int]) -> None:
    told = run(app, "worker", "status").output
    assert "Last sign of life of a worker: never" in told
    assert "Due now: 1" in told
    assert "Failed: 2" in told
    listed = run(app, "worker", "failed").output.splitlines()
    assert listed[0] == f"{failed[0]}  letter.x  person_id=1  tries: 4  Undeliverable 550"
    assert len(listed) == 2


def test_worker_retry(app: Flask, portal: Portal, failed: list[int]) -> None:
    assert run(app, "worker", "retry").exit_code == 2
    assert run(app, "worker", "retry", str(failed[0]), "--all").exit_code == 2
    wrong = run(app, "worker", "retry", str(failed[0]), str(failed[2]))
    assert (wrong.exit_code, "Nothing was changed" in wrong.output) == (1, True)
    assert audited(portal) == []
    assert run(app, "worker", "retry", str(failed[0])).output == "Jobs due again: 1\n"
    assert run(app, "worker", "retry", "--all").output == "Jobs due again: 1\n"
    assert audited(portal) == [("job.retry", "command line", None)] * 2
    with portal.database.session(write=False) as session:
        assert set(session.scalars(select(Job.state))) == {outbox.QUEUED}


def test_worker_once(app: Flask, portal: Portal, failed: list[int]) -> None:
    with portal.database.session(write=True) as session:
        outbox.put(session, "accounts.password_changed", run_at=now(), person_id=999_999)
        session.commit()
    told = run(app, "worker", "once")
    assert told.exit_code == 0
    assert "Jobs tried: 2. Waiting for a later try: 1. Failed: 2." in told.output


def test_mail_test_captured(app: Flask, portal: Portal, mails: Mailbox) -> None:
    told = run(app, "mail", "test", "jane@example.org")
    assert told.exit_code == 0
    (letter,) = mails
    assert letter["To"] == "jane@example.org"
    assert "http://localhost" in letter["Subject"]
    assert "{" not in letter["Subject"]
    refused = run(app, "mail", "test", "not an address")
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)


def test_mail_test_by_smtp(app: Flask, portal: Portal, smtp_server: SmtpServer) -> None:
    from app.mail import SmtpTransport

    object.__setattr__(
        portal, "transport", SmtpTransport(MailTransport("smtp", "127.0.0.1", smtp_server.port))
    )
    assert run(app, "mail", "test", "jane@example.org").exit_code == 0
    assert len(smtp_server.messages) == 1
    for mood, words in (
        ("refuse", "refused for good (code 550)"),
        ("full", "refused: 552"),
        ("later", "451"),
    ):
        smtp_server.mood = mood
        told = run(app, "mail", "test", "jane@example.org")
        assert (told.exit_code, told.output.count("\n")) == (1, 1), told.output
        assert words in told.output
    object.__setattr__(portal, "transport", SmtpTransport(MailTransport("smtp", "127.0.0.1", free_port())))
    told = run(app, "mail", "test", "jane@example.org")
    assert told.exit_code == 1
    assert "cannot be used" in told.output


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"PORTAL_TIMEZONE": "Mars"}, "PORTAL_TIMEZONE"),
        ({"PORTAL_DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/x"}, "The database refused"),
    ],
)
@pytest.mark.only_sqlite
def test_faults_of_the_environment_are_one_message(
    tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    told = _flask("db", "check", PORTAL_DATA_DIR=str(tmp_path / "new"), **environ)
    assert told.returncode != 0
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert "hidden" not in told.stderr


@pytest.mark.only_sqlite
def test_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    told = _flask("worker", "status", PORTAL_DATA_DIR=str(tmp_path / "new"))
    assert told.returncode == 1
    assert "Run: flask --app wsgi db upgrade" in told.stderr
    assert "Traceback" not in told.stderr


def _flask(*words: str, **environ: str) -> Any:
    import os

    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *words],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
