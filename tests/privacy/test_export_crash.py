"""kill -9 at any moment of building a copy: the next worker makes it whole, and nothing of the broken one is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.admin.audit_words import ACTIONS
from app.factory import create_app
from app.now import now
from app.outbox import Job
from app.privacy import building, copies, export
from app.privacy.export_models import READY, DataExport
from app.privacy.models import DONE, PrivacyRequest
from config import Settings
from tests import factories
from tests.privacy import conversation as talk
from tests.privacy.copies import ready
from tests.support import doomed_copying
from tests.support.doomed_copying import MOMENTS
from tests.support.mailbox import Mailbox

MESSAGES = 30


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


@pytest.fixture
def asked(portal: Any) -> tuple[int, int]:
    """A person with requests and files who asked for her copy: row numbers of person and copy."""
    with portal.database.session(write=True) as session:
        wanda = factories.person(session, name="Wanda Zaunkönig", email="wanda@example.org")
        for number in range(MESSAGES):
            ticket = talk.ticket(session, wanda, subject=f"Request {number}")
            message = talk.message(session, ticket, wanda, "zaunword " * 50)
            talk.file(session, portal.storage, message, f"file {number}")
        made = export.ask(session, wanda.id, lang="en", now=now())
        session.commit()
        return wanda.id, made.id


def dies(settings: Settings, portal: Any, build: Callable[[Any], object], after: float | None = None) -> None:
    """A process of its own builds and is killed: by itself, or after so many seconds."""
    portal.database.dispose()  # a connection must not be shared with the child
    child = os.fork()
    if child == 0:
        try:
            build(create_app(settings).extensions["portal"])
        finally:
            os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert after is not None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL), status


def is_complete(portal: Any, person_id: int, mails: Mailbox) -> None:
    with portal.database.session(write=False) as session:
        (row,) = session.scalars(select(DataExport)).all()
        assert row.state == READY
        assert session.scalars(select(PrivacyRequest.state)).all() == [DONE]
    copy = ready(portal, person_id)
    assert len(copy.document["conversations"]) == len(copy.files) == MESSAGES
    assert [path.name for path in copies.folder_of(portal).iterdir()] == [f"{row.file_key}.zip"]
    assert len(mails.to("wanda@example.org")) == 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_next_worker_makes_it_whole(
    settings: Settings,
    portal: Any,
    asked: tuple[int, int],
    run_worker: Callable[[], int],
    mails: Mailbox,
    moment: str,
) -> None:
    person_id, export_id = asked
    dies(settings, portal, lambda own: doomed_copying.build(own, export_id, moment))
    run_worker()
    is_complete(portal, person_id, mails)


def test_killed_again_and_again(
    settings: Settings, portal: Any, asked: tuple[int, int], run_worker: Callable[[], int], mails: Mailbox
) -> None:
    person_id, export_id = asked
    for pause in (0.05, 0.2, 0.35, 0.5):
        dies(settings, portal, lambda own: building.build(own, export_id, actions=ACTIONS), after=pause)
    with portal.database.session(write=True) as session:
        session.execute(update(Job).where(Job.state == "queued").values(run_at=now()))
        session.commit()
    run_worker()
    is_complete(portal, person_id, mails)


def test_remains_of_a_dead_build_go_with_the_sweep(
    settings: Settings, portal: Any, asked: tuple[int, int]
) -> None:
    dies(settings, portal, lambda own: doomed_copying.build(own, asked[1], "written"))
    assert [path.suffix for path in copies.folder_of(portal).iterdir()] == [".part"]
    with portal.database.session(write=False) as session:
        building.sweep(session, now(), portal)
    assert list(copies.folder_of(portal).iterdir()) == []
