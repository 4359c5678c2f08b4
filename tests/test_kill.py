"""kill -9 at any point loses no letter and no index update; captured mail is not doubled."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import outbox
from app.articles.models import PUBLIC, PUBLISHED, Article, ArticleText, Revision
from app.db import Database
from app.now import now
from app.outbox import DONE, Job
from knowledge_base.index import Index
from tests import factories
from tests.support import doomed
from tests.support.live import ROOT, Live, wait_for
from tests.support.mailbox import Mailbox
from tests.support.smtp import SmtpServer

LETTERS, ARTICLES = 24, 12


def put_work(session: Session) -> tuple[set[str], set[int]]:
    """Letters and index updates as the portal's own doors put them. Gives addresses and ids of texts."""
    addresses, texts = set(), set()
    for _ in range(LETTERS):
        person = factories.person(session)
        outbox.put(session, "accounts.password_changed", run_at=now(), person_id=person.id)
        addresses.add(person.email)
    for number in range(ARTICLES):
        article = Article(audience=PUBLIC, created_at=now())
        session.add(article)
        session.flush()
        title = f"Article {number} on invoices"
        text = ArticleText(
            article_id=article.id,
            lang="en",
            slug=f"article-{number}-{article.id}",
            title=title,
            summary="",
            state=PUBLISHED,
            current_number=1,
            latest_number=1,
            published_at=now(),
            updated_at=now(),
        )
        session.add(text)
        session.flush()
        session.add(
            Revision(
                article_text_id=text.id,
                number=1,
                title=title,
                summary="",
                keywords=[],
                body="Words.",
                created_at=now(),
            )
        )
        outbox.put(session, "articles.index", run_at=now(), article_text_id=text.id)
        texts.add(text.id)
    return addresses, texts


def left(database: Database) -> int:
    """Jobs that are not done."""
    with database.session(write=False) as session:
        return session.scalar(select(func.count()).where(Job.state != DONE)) or 0


def recipients(messages: Any) -> Counter[str]:
    return Counter(message["To"].addresses[0].addr_spec for message in messages)


def test_a_worker_killed_at_every_point_of_its_work(
    database_url: str, tmp_path: Path, smtp_server: SmtpServer, live: Callable[..., Live]
) -> None:
    data_dir = tmp_path / "data"
    environ = live(data_dir, PORTAL_MAIL_URL=smtp_server.url, PORTAL_DATABASE_URL=database_url).environ
    database = Database(database_url)
    with database.session(write=True) as session:
        addresses, texts = put_work(session)
        session.commit()

    def run(*points: str) -> list[str]:
        command = [sys.executable, "-m", "tests.support.doomed", *points]
        ended = subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True, timeout=300)
        return ended.stdout.decode().splitlines()

    assert run(*doomed.POINTS) == [f"{point} -9" for point in doomed.POINTS]
    assert left(database) > 0
    assert run("never") == ["never 0"]
    assert left(database) == 0, "the jobs of the dead were not due at once"
    received = recipients(smtp_server.messages)
    assert set(received) == addresses
    doubled = {address for address, count in received.items() if count > 1}
    assert len(doubled) <= 2, "only a death between the server's yes and our commit may double a letter"
    for address in doubled:
        ids = {m["Message-ID"] for m in smtp_server.messages if m["To"].addresses[0].addr_spec == address}
        assert len(ids) == 1, "a repeat is recognised by its Message-ID"
    assert Index(data_dir / "search").keys() == texts
    with database.session(write=False) as session:
        assert max(session.scalars(select(Job.attempts))) < outbox.MAX_ATTEMPTS
    database.dispose()


@pytest.mark.both_databases
def test_web_server_and_worker_killed_at_random_moments(
    database_url: str, tmp_path: Path, live: Callable[..., Live]
) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir(exist_ok=True)
    server = live(data_dir, PORTAL_DATABASE_URL=database_url)
    database = Database(database_url)
    dice = random.Random()  # a new moment each run; any one must be fine
    addresses: set[str] = set()
    texts: set[int] = set()
    for _ in range(2):
        server.start()
        with database.session(write=True) as session:
            more_addresses, more_texts = put_work(session)
            session.commit()
        addresses |= more_addresses
        texts |= more_texts
        time.sleep(dice.uniform(0, 1.2))  # not waiting for anything: the moment of the kill
        server.kill()
    server.start()
    wait_for(lambda: left(database) == 0, 60, "the end of all jobs")
    assert server.stop() == 0
    assert recipients(Mailbox(data_dir / "mail")) == Counter(addresses)
    assert [path.name for path in (data_dir / "mail").iterdir() if path.suffix != ".eml"] == []
    assert Index(data_dir / "search").keys() == texts
    database.dispose()
