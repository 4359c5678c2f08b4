"""kill -9 between any two steps of submit, commit, worker and mail loses nothing and doubles nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.db import Database
from app.storage import Storage
from app.tickets import upkeep
from app.tickets.models import Attachment, Message, SlaClock, Ticket, TicketEvent, TicketLink
from tests.support import doomed_sending
from tests.support.live import ROOT, Live
from tests.support.mailbox import Mailbox

WORKER_POINTS = ("claimed", "composed", "sent", "finishing")  # after "finished" nothing would be left


@pytest.mark.both_databases
def test_a_request_survives_death_at_every_step(
    database_url: str, tmp_path: Path, live: Callable[..., Live]
) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir(exist_ok=True)
    environ = live(data_dir, PORTAL_DATABASE_URL=database_url, PORTAL_RATE_LIMITS="off").environ

    steps = [
        *(f"send:{point}" for point in doomed_sending.POINTS),
        "send:never",
        *(f"work:{point}" for point in WORKER_POINTS),
        "work:never",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.doomed_sending", *steps],
        cwd=ROOT,
        env=environ,
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    expected = [f"{step} {0 if 'never' in step else -9}" for step in steps]
    assert ended.stdout.split("\n")[:-1] == expected, ended.stderr

    database = Database(database_url)
    with database.session(write=False) as session:
        for table in (Ticket, Message, Attachment, TicketEvent, TicketLink):
            assert session.query(table).count() == 1, table
        assert session.query(SlaClock).count() == 0  # nothing is promised before the proof
        named = upkeep.known_files(session)
    letters = Mailbox(data_dir / "mail").to("gusti@example.org")
    assert len(letters) == 1

    storage = Storage(data_dir / "attachments")
    assert storage.path(named.pop()).read_bytes() == b"some words"
    lost = len(list(storage.folder.glob("??/*"))) - 1
    assert lost > 0, "a death between file and row leaves a file"
    with database.session(write=False) as session:
        assert storage.sweep(upkeep.known_files(session)) == 0  # it may still be about to be named
        assert storage.sweep(upkeep.known_files(session), older_than_seconds=-1) == lost
    assert len(list(storage.folder.glob("??/*"))) == 1
    database.dispose()
