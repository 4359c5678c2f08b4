"""A web process that dies by kill -9 at a named point of sending a request: `python -m tests.support.doomed_sending POINT`.

It always sends the same form (the same `send_key`), as a person does whose connection broke and who presses again. With
the point `never` the request arrives.
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

from app.factory import create_app
from app.tickets.models import Ticket
from config import Settings

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


if __name__ == "__main__":
    made = create_app(Settings.from_env(os.environ))
    if sys.argv[1] != "never":
        doom(sys.argv[1], made.extensions["portal"])
    sys.exit(0 if send(made) == 303 else 1)
