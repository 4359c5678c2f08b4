"""The proof: a person in every role, planted through every door with words of her own, is erased; then the bytes of the
whole data directory and a dump of the database hold none of them, and everybody else's are all there."""

from __future__ import annotations

import io
import logging
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.engine import make_url

from app.accounts.models import COLLEAGUE, Membership, Organisation, Person
from app.now import now
from app.privacy import copies
from app.privacy.models import Certificate, PrivacyRequest, RetainedIdentity
from app.tickets.models import Message, Ticket
from tests.factories import PASSWORD
from tests.privacy import conversation as talk
from tests.privacy.copies import opened
from tests.support.mailbox import Mailbox, link_in
from tests.support.pages import Browser

pytestmark = [pytest.mark.both_databases, pytest.mark.settings(PORTAL_RATE_LIMITS="off")]

ADDRESS = "mina.goldammer@example.org"
FIRST, SECOND = "Mina Goldammer", "Mina Goldammer-Pirol"
PHONE = "030 4711 0815"
MARK = "goldwort"  # stands in everything she types
WORDS = (MARK, "goldammer", "pirol", "4711 0815", "47110815")
OTHERS = "amselwort"
AGENT_HEADER = {"User-Agent": f"Mozilla/5.0 (X11; Linux x86_64; {MARK}) Firefox/140.0"}


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


def dump(portal: Any) -> bytes:
    """What the database says of itself: a dump, or the bytes of its file."""
    url = make_url(portal.database.url)
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).read_bytes()
    program = shutil.which("pg_dump")
    if program is None:
        pytest.skip("No pg_dump found: run apt-get install -y postgresql-client")
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return subprocess.run([program, plain], capture_output=True, check=True).stdout


def left(portal: Any, *words: str) -> dict[str, list[str]]:
    """Where one of the words stands still: files of the data directory, and the database's dump."""
    found = talk.holding(portal.data_dir, *words)
    content = dump(portal).lower()
    spelt = {word: (word.encode(), word.encode("unicode_escape")) for word in words}
    in_dump = [word for word, forms in spelt.items() if any(form in content for form in forms)]
    return {**found, **({"dump": in_dump} if in_dump else {})}


class World:
    """Mina, Otto of the same company, Ada of the team; browsers and the numbers of the requests."""

    def __init__(self, app: Flask, sign_in: Any, run_worker: Callable[[], int], mails: Mailbox) -> None:
        self.app, self.portal, self.run_worker, self.mails = app, app.extensions["portal"], run_worker, mails
        self.admin = sign_in("admin", name="Root Admin")
        self.ada = sign_in("agent", name="Ada Agent")
        self.otto = sign_in("customer", name="Otto Other")
        mina = app.test_client()
        assert isinstance(mina, Browser)
        self.mina = mina

    def sign_up(self) -> None:
        """A guest's request first, then an account, another name, a half-typed change of address, a sign-in."""
        mina = self.mina
        form = mina.visit("/tickets/new")
        mina.send(
            form, "Send request", subject=f"{MARK} as a guest", message=f"{MARK} guest text, call {PHONE}",
            name=FIRST, email=ADDRESS, attachments=[(io.BytesIO(f"{MARK} guest file".encode()), f"{MARK}-guest.txt")],
        )  # fmt: skip
        self.run_worker()
        mina.send(mina.visit(self._path("/t/")), "Confirm and view request")
        mina.send(mina.visit("/account/sign-up"), name=FIRST, email=ADDRESS, password=PASSWORD)
        self.run_worker()
        mina.send(mina.visit(self._path("/account/sign-up/")))
        page = mina.visit("/account/sign-in", headers=AGENT_HEADER)
        token = page.form().find(".//input[@name='csrf_token']")
        assert token is not None
        data = {"csrf_token": token.get("value"), "email": ADDRESS, "password": PASSWORD}
        assert mina.post("/account/sign-in", data=data, headers=AGENT_HEADER).status_code == 303
        mina.send(mina.visit("/account/"), "Save", name=SECOND)
        mina.send(mina.visit("/account/address"), email=f"new.{ADDRESS}", current=PASSWORD)
        with self.portal.database.session(write=False) as session:
            self.mina_id = session.scalars(select(Person.id).where(Person.email == ADDRESS)).one()

    def _path(self, part: str) -> str:
        return link_in(self.mails.last(ADDRESS), part).removeprefix("http://localhost")

    def company(self) -> None:
        with self.portal.database.session(write=True) as session:
            company = Organisation(slug="acme", name="Acme", sort_name="acme", created_at=now())
            session.add(company)
            session.flush()
            for person_id in (self.mina_id, self.otto.person_id):
                session.add(
                    Membership(
                        organisation_id=company.id, person_id=person_id, role=COLLEAGUE, created_at=now()
                    )
                )
            session.commit()

    def ask(self, browser: Browser, word: str) -> int:
        """A request with a file by the form; gives its number."""
        browser.send(
            browser.visit("/tickets/new"), "Send request", subject=f"{word} subject", message=f"{word} asks.\nSecond {word} line.",
            attachments=[(io.BytesIO(f"{word} in a file".encode()), f"{word}.txt")],
        )  # fmt: skip
        with self.portal.database.session(write=False) as session:
            return session.scalars(select(Ticket.id).order_by(Ticket.id.desc()).limit(1)).one() + 10_000

    def talk(self) -> None:
        """Ada quotes her, notes about her, begins a draft; Otto quotes her in hers, she writes in his."""
        self.hers, self.his = self.ask(self.mina, MARK), self.ask(self.otto, OTHERS)
        for number, about in ((self.hers, "hers"), (self.his, "his")):
            desk = self.ada.visit(f"/desk/tickets/{number}")
            quote = f"> {MARK} asks.\n> Second {MARK} line.\n\n" if about == "hers" else ""
            self.ada.send(desk, "/replies", message=f"{quote}We look into it, says Ada to {about}.")
            desk = self.ada.visit(f"/desk/tickets/{number}")
            self.ada.send(
                desk, "/notes", **{"note-message": f"{SECOND} ({ADDRESS}) called about this, says Ada."}
            )
        self.mina.send(
            self.mina.visit(f"/tickets/{self.his}"), "/replies", message=f"{MARK} joins in here.",
            attachments=[(io.BytesIO(f"{MARK} joined".encode()), f"{MARK}-joined.txt")],
        )  # fmt: skip
        self.ada.send(
            self.ada.visit(f"/desk/tickets/{self.his}"),
            "/replies",
            message=f"> {MARK} joins in here.\n\nThanks, says Ada.",
        )
        self.otto.send(
            self.otto.visit(f"/tickets/{self.hers}"),
            "/replies",
            message=f"> {MARK} asks.\n\nMe too, {OTHERS}.",
        )
        self._drafts()

    def _drafts(self) -> None:
        for browser, path, fields in (
            (self.mina, "/tickets/new/draft", {"subject": f"{MARK} half"}),
            (self.ada, f"/desk/tickets/{self.hers}/draft", {"message": f"half an answer to {MARK}"}),
            (
                self.ada,
                f"/desk/tickets/{self.his}/draft",
                {"message": f"half an answer, {SECOND} said {OTHERS}"},
            ),
        ):
            page = browser.visit(path.removesuffix("/draft"))
            token = next(field.get("value") for field in page.all("input", name="csrf_token"))
            assert browser.post(path, data={"csrf_token": token, **fields}).status_code in (204, 303), path

    def search(self) -> None:
        """Her name, address and phone typed as searches, by her and by a visitor."""
        visitor = self.app.test_client()
        for typed in (SECOND, ADDRESS, PHONE, FIRST):
            for browser in (self.mina, visitor):
                browser.get("/en/search", query_string={"q": typed})
                browser.get("/en/suggest", query_string={"q": typed})

    def write_article(self) -> None:
        """She is made an editor and writes about coffee, which is the operator's; then a leader takes that back."""
        page = self.admin.visit(f"/admin/people/{self.mina_id}")
        self.admin.send(
            page, "/roles", editor=["everywhere"] if 'value="everywhere"' in page.html else ["all"]
        )
        new = self.mina.visit("/admin/articles/new")
        self.mina.send(
            new, "Publish", button="Publish", title="Coffee", body="How to make kaffeewort.", lang="en"
        )

    def use_rights(self) -> None:
        """She agrees to news, asks for corrections in her words, and the officer puts a note beside a message of hers."""
        mina = self.mina
        mina.send(mina.visit("/privacy/consents"), "/consents/news")
        mina.send(mina.visit("/privacy/ask/rectification"), "Send request", words=f"{MARK} was wrong.")
        mina.send(mina.visit("/privacy/ask/objection"), "Send request", words=f"{MARK} in hiding.")
        with self.portal.database.session(write=False) as session:
            key = session.scalars(
                select(Message.public_id).where(Message.ticket_id == self.hers - 10_000).limit(1)
            ).one()
            asked = session.scalars(
                select(PrivacyRequest.public_id).where(PrivacyRequest.kind == "rectification")
            ).one()
        form = self.admin.visit(f"/admin/privacy/messages/{key}/correction")
        self.admin.send(form, "Add the note", text=f"{MARK} is right now.")
        case = self.admin.visit(f"/admin/privacy/requests/{asked}")
        self.admin.send(case, "/answer", words=f"We put it right, {SECOND}: {MARK}.")

    def settle(self) -> None:
        self.run_worker()


@pytest.fixture
def world(app: Flask, sign_in: Any, run_worker: Callable[[], int], mails: Mailbox) -> World:
    made = World(app, sign_in, run_worker, mails)
    made.sign_up()
    made.company()
    made.talk()
    made.search()
    made.write_article()
    made.settle()
    made.use_rights()
    made.settle()
    return made


def erase(world: World) -> None:
    mina = world.mina
    mina.send(mina.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)
    world.settle()
    from app.outbox import Job

    with world.portal.database.session(write=True) as session:
        request = session.scalars(select(PrivacyRequest).where(PrivacyRequest.kind == "erasure")).one()
        request.run_at = now()
        session.get_one(Job, request.job_id).run_at = now()
        session.commit()
    world.settle()


def copies_of(world: World) -> dict[str, str]:
    """Every word in the archives of Mina's and Otto's copies, by their file names."""
    folder = copies.folder_of(world.portal)
    return {path.name: opened(path.read_bytes()).text.lower() for path in sorted(folder.glob("*.zip"))}


def take_copies(world: World) -> None:
    for browser in (world.mina, world.otto):
        browser.send(browser.visit("/privacy/exports"), "/privacy/exports", current=PASSWORD)
    world.settle()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that any part says to the log, from the first page on. Ask for it before the world."""
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.mark.only_sqlite
def test_no_line_of_the_log_says_who_or_what(logged: pytest.LogCaptureFixture, world: World) -> None:
    """A whole life in the portal and its erasure, all parts told to be as talkative as they can."""
    world.mina.post("/tickets/new", data={"subject": MARK, "csrf_token": "wrong"})
    world.mina.get(f"/en/search?q={ADDRESS}")
    erase(world)
    lines = [record.getMessage() + (record.exc_text or "") for record in logged.records]
    assert len(lines) > 100
    assert [line for line in lines if any(word in line.lower() for word in (*WORDS, ADDRESS, OTHERS))] == []


def test_no_word_of_hers_is_left_and_all_of_others_are(world: World, portal: Any) -> None:
    take_copies(world)
    before = left(portal, *WORDS)
    hers, his = sorted(copies_of(world).values(), key=lambda text: ADDRESS in text, reverse=True)
    assert all(word in hers for word in (MARK, "goldammer", "pirol", "4711 0815"))
    assert MARK in his  # she wrote in his request
    assert "goldammer" not in his  # and is masked there
    assert OTHERS not in hers.replace(f"me too, {OTHERS}.", "")
    assert {"dump", "portal.db-wal"} & set(before)
    assert any(name.startswith("mail/") for name in before)
    assert any(name.startswith("attachments/") for name in before)
    erase(world)
    with portal.database.session(write=False) as session:
        assert session.scalars(
            select(PrivacyRequest.state).where(PrivacyRequest.kind == "erasure")
        ).all() == ["done"]
        assert session.scalars(select(Certificate.leftovers)).all() == [0]
    assert left(portal, *WORDS) == {}
    (kept,) = copies_of(world).values()  # hers is gone, his was made again
    assert OTHERS in kept
    assert not any(word in kept for word in WORDS)
    content = dump(portal).decode(errors="replace")
    for kept in (
        f"{OTHERS} asks.",
        f"Me too, {OTHERS}.",
        "Thanks, says Ada.",
        "We look into it, says Ada to his.",
        "kaffeewort",
    ):
        assert kept in content, kept
    assert re.search(r"\[(entfernt|removed)\] \(\[(entfernt|removed)\]\) called about this", content)
    assert talk.holding(portal.data_dir / "attachments", f"{OTHERS} in a file")
    assert "kaffeewort" in world.app.test_client().get("/en/articles/coffee").text


def test_what_the_law_keeps_is_all_that_is_left(world: World, portal: Any) -> None:
    with portal.database.session(write=True) as session:
        session.get_one(Ticket, world.hers - 10_000).retention = "trade_letter"
        session.commit()
    erase(world)
    with portal.database.session(write=False) as session:
        kept = session.scalars(select(RetainedIdentity)).one()
        assert (kept.name, kept.email) == (SECOND, ADDRESS)
        assert session.scalars(
            select(PrivacyRequest.state).where(PrivacyRequest.kind == "erasure")
        ).all() == ["done"]
    found = left(portal, *WORDS)
    files = {name for name in found if name.startswith("attachments/")}
    assert len(files) == 1
    assert set(found) - files <= {"dump", "portal.db"}
    content = dump(portal).decode(errors="replace").lower()
    assert "guest text" not in content
    assert "joins in here" not in content
    assert f"{MARK} asks." in content
    # what is kept is out of everybody's sight
    world.ada.visit(f"/desk/tickets/{world.hers}", status=404)
    world.otto.visit(f"/tickets/{world.hers}", status=404)


def test_two_in_one_thread(world: World, portal: Any) -> None:
    """Otto's page of his own request reads the same afterwards but for her words and her name."""
    before = world.otto.visit(f"/tickets/{world.his}").text
    erase(world)
    after = world.otto.visit(f"/tickets/{world.his}").text
    assert f"{OTHERS} asks." in before
    assert f"{OTHERS} asks." in after
    assert MARK in before
    assert MARK not in after
    assert "Thanks, says Ada." in after
    assert SECOND not in after
