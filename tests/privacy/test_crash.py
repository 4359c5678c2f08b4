"""kill -9 at any moment of an erasure: the next start ends it complete, and nothing is ever half done afterwards."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.factory import create_app
from app.now import now
from app.outbox import Job
from app.privacy.executor import carry_out, ledger_of
from app.privacy.models import Certificate, JobStep, PrivacyRequest
from app.privacy.replay import missing
from app.tickets.models import Message
from config import Settings
from tests.privacy import conversation as talk
from tests.privacy.test_executor import STEPS, Case, run_worker_letters
from tests.support import doomed_erasing

WORDS = ("zaunword", "zaunk", "wanda.zaun", "WandaBrowser")


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


def dies(settings: Settings, portal: Any, erase: Callable[[Any], None], after: float | None = None) -> None:
    """A process of its own erases and is killed: by itself, or after so many seconds."""
    portal.database.dispose()  # a connection must not be shared with the child
    child = os.fork()
    if child == 0:
        try:
            erase(create_app(settings).extensions["portal"])
        finally:
            os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert after is not None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL), status


def is_complete(case: Case, portal: Any) -> None:
    assert case.see(select(PrivacyRequest.state)) == ["done"]
    assert case.see(select(JobStep.state).distinct()) == ["done"]
    assert len(case.see(select(Certificate.id))) == 1
    assert len(ledger_of(portal).entries()) == 1
    assert talk.holding(portal.data_dir, *WORDS) == {}
    assert "Otto writes himself." in case.see(select(Message.body))
    with portal.database.session(write=False) as session:
        assert missing(session, ledger_of(portal).entries()) == []


@pytest.mark.parametrize(
    ("when", "step"),
    [
        ("before", "ledger"),
        *(
            ("within", step)
            for step in ("ledger", "texts", "files", "requests", "account", "letter", "copies")
        ),
        *(("after", step) for step in STEPS),
    ],
)
def test_the_next_start_ends_what_a_crash_broke_off(
    settings: Settings, portal: Any, when: str, step: str, run_worker: Callable[[], int]
) -> None:
    case = Case(portal)
    request_id = case.ask()
    if step in ("verification", "copies"):
        carry_out(portal, request_id)
        run_worker_letters(portal)
    dies(settings, portal, lambda own: doomed_erasing.erase(own, request_id, when, step))
    with portal.database.session(write=False) as session:  # a start is not refused meanwhile
        assert missing(session, ledger_of(portal).entries()) == []
    run_worker()
    is_complete(case, portal)


def test_killed_again_and_again_at_random_moments(
    settings: Settings, portal: Any, run_worker: Callable[[], int]
) -> None:
    case = Case(portal)
    with portal.database.session(write=True) as session:
        for number in range(120):
            ticket = talk.ticket(session, case.wanda, subject=f"zaunword {number}", is_open=number % 3 == 0)
            for _ in range(4):
                message = talk.message(session, ticket, case.wanda, "zaunword " * 40)
                talk.file(session, portal.storage, message, "zaunword")
        session.commit()
    request_id = case.ask()
    dice = random.Random(11)
    for _ in range(8):
        dies(settings, portal, lambda own: carry_out(own, request_id), after=dice.uniform(0.05, 0.6))
    run_worker_letters(portal)
    with portal.database.session(
        write=True
    ) as session:  # it may wait a while before it looks for its letter again
        session.execute(update(Job).where(Job.state == "queued").values(run_at=now()))
        session.commit()
    run_worker()
    is_complete(case, portal)
