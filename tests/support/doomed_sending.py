"""Processes that die by kill -9 at a named point: `python -m tests.support.doomed_sending send:stored work:claimed ...`.

`send` is a web process that gets a request; it is always the same form (the same `send_key`), as from a person whose
connection broke and who presses again. `work` is a worker (`tests.support.doomed`). At the point `never` they do their
work. Each is a fork of one parent, which prints how it ended.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import worker
from app.factory import create_app
from app.tickets.models import Ticket
from config import Settings
from tests.support import doomed

POINTS = ("arriving", "storing", "stored", "flushed", "committed")
KEY = "the-same-form"


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doom(point: str, portal: Any) -> None:
    """Make the process die the first time it gets to the point."""
    save, commit = type(portal.storage).save, Session.commit

    def dying_save(self: Any, *args: Any, **more: Any) -> Any:
        if point == "arriving":
            die()
        if point == "storing":  # the file is written under its partial name
            os.replace = die
        kept = save(self, *args, **more)
        if point == "stored":
            die()
        return kept

    def dying_commit(self: Session) -> None:
        sending = self.scalar(select(Ticket.id).limit(1)) is not None
        if sending and point == "flushed":
            die()
        commit(self)
        if sending and point == "committed":
            die()

    type(portal.storage).save = dying_save
    Session.commit = dying_commit  # type: ignore[method-assign]


def send(app: Any) -> int:
    browser = app.test_client()
    page = browser.get("/tickets/new").get_data(as_text=True)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None
    answer = browser.post(
        "/tickets/new",
        data={
            "csrf_token": found[1],
            "send_key": KEY,
            "subject": "Coffee machine leaks",
            "message": "Water runs out.",
            "name": "Gusti Gast",
            "email": "gusti@example.org",
            "attachments": (io.BytesIO(b"some words"), "words.txt"),
        },
        content_type="multipart/form-data",
    )
    return int(answer.status_code)


def live(kind: str, point: str) -> int:
    """One process from its beginning to its end, if it gets there. Gives its exit status."""
    made = create_app(Settings.from_env(os.environ))
    if point != "never":
        (doom if kind == "send" else doomed.doom)(point, made.extensions["portal"])
    if kind == "work":
        worker.run_once(made)
        return 0
    return 0 if send(made) == 303 else 1


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        pid = os.fork()
        if pid == 0:
            os._exit(live(*wanted.split(":")))
        print(wanted, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
