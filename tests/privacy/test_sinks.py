"""A word planted through every door is found by the sink that owns the store it came to rest in; and after erasing
a person, her words are gone from every file except where the classification keeps them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image, PngImagePlugin
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Person
from app.privacy.sinks import Finding, Sink, Subject, subject_of
from app.privacy.stores import IMPERSONAL, all_sinks, is_impersonal, strays
from tests.factories import PASSWORD
from tests.support.mailbox import Mailbox, link_in
from tests.support.pages import Browser

HERS, OTHERS = "zaunkoenig", "rotkehlchen"  # what she typed, and what others did
ADDRESS = f"{HERS}@example.org"
AGENT = {"User-Agent": f"Mozilla/5.0 (X11; Linux x86_64; {HERS}) Firefox/140.0"}

pytestmark = pytest.mark.settings(PORTAL_RATE_LIMITS="off")


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


@pytest.fixture
def sinks(portal: Any) -> Callable[..., Any]:
    """Runs a function with all sinks in one session and commits."""

    def run(work: Callable[[Session, list[Sink]], Any]) -> Any:
        with portal.database.session(write=True) as session:
            done = work(session, all_sinks(session, portal))
            session.commit()
        return done

    return run


def files(portal: Any) -> Iterator[tuple[Path, bytes]]:
    """Every file below the data directory, after all that the database still holds in its log was written back."""
    with portal.database.engine.connect() as connection:
        # The write-ahead log keeps earlier states of pages until it is cut; deleted text itself is overwritten at
        # once (PRAGMA secure_delete), so no VACUUM is needed.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in sorted(portal.data_dir.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def holding(portal: Any, *words: str) -> list[Path]:
    """The files in which one of these words stands, whatever the case."""
    return [path for path, content in files(portal) if any(w.encode() in content.lower() for w in words)]


# --- every door ----------------------------------------------------------------------------------------------------


def came_in(app: Flask, run_worker: Callable[[], int], mails: Mailbox) -> Browser:
    """A person who came through the doors for people, typing her word wherever one can."""
    browser = app.test_client()
    assert isinstance(browser, Browser)
    browser.send(browser.visit("/account/sign-up"), name=f"{HERS} first", email=ADDRESS, password=PASSWORD)
    run_worker()
    link = link_in(mails.last(ADDRESS), "/account/")
    browser.send(browser.visit(link.removeprefix("http://localhost")))
    sign_in(browser, ADDRESS, f"{HERS} wrong password", status=422)
    sign_in(browser, ADDRESS, PASSWORD)
    browser.email = ADDRESS
    browser.send(browser.visit("/account/"), "Save", name=f"{HERS} second")
    browser.send(browser.visit("/account/address"), email=f"new.{ADDRESS}", current=PASSWORD)
    run_worker()
    return browser


def sign_in(browser: Browser, address: str, password: str, status: int = 200) -> None:
    """With a browser whose name is the person's word."""
    page = browser.visit("/account/sign-in", headers=AGENT)
    held = {field.get("name"): field.get("value") or "" for field in page.form().iter("input")}
    data = {**held, "email": address, "password": password}
    answer = browser.post("/account/sign-in", data=data, headers=AGENT)
    assert answer.status_code == (303 if status == 200 else status), answer.text[-3000:]


def plant_as_editor(
    app: Flask, browser: Browser, admin: Browser, word: str, run_worker: Callable[[], int]
) -> str:
    """An article with an image and an unsent draft by this person, who is made an editor. Gives the article's page."""
    with app.extensions["portal"].database.session(write=False) as session:
        person_id = session.scalars(select(Person.id).where(Person.email == browser.email)).one()
    page = admin.visit(f"/admin/people/{person_id}")
    admin.send(page, "/roles", editor=["everywhere"] if 'value="everywhere"' in page.html else ["all"])
    new = browser.visit("/admin/articles/new")
    article = browser.send(
        new, "Publish", button="Publish", title=f"{word} title", body=f"{word} body", lang="en"
    )
    picture, chunk = io.BytesIO(), PngImagePlugin.PngInfo()
    chunk.add_text("Comment", f"{word} camera")
    Image.new("RGB", (3, 2), "red").save(picture, "PNG", pnginfo=chunk)
    browser.send(
        article,
        "Add the image",
        button="Add the image",
        image=(io.BytesIO(picture.getvalue()), f"{word} photo.png"),
        image_alt=f"{word} shown",
    )
    token = next(f.get("value") for f in new.form("Publish").iter("input") if f.get("name") == "csrf_token")
    draft = browser.post("/admin/articles/new/draft", data={"csrf_token": token, "title": f"{word} half"})
    assert draft.status_code == 204
    run_worker()
    return article.path


@pytest.fixture(scope="module")
def kept_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the planted data directory is kept, so that walking through the doors is done once."""
    return tmp_path_factory.mktemp("planted") / "data"


@pytest.fixture
def planted(
    app: Flask, portal: Any, request: pytest.FixtureRequest, kept_data: Path, run_worker: Any, mails: Mailbox
) -> None:
    """The data directory after everybody went through every door."""
    if not kept_data.exists():
        admin, sign_in = request.getfixturevalue("admin"), request.getfixturevalue("sign_in")
        mina = came_in(app, run_worker, mails)
        plant_others(app, mina, admin, sign_in, run_worker)
        portal.database.dispose()
        shutil.copytree(portal.data_dir, kept_data)
    else:
        portal.database.dispose()
        shutil.rmtree(portal.data_dir)
        shutil.copytree(kept_data, portal.data_dir)


def plant_others(
    app: Flask, mina: Browser, admin: Browser, sign_in: Any, run_worker: Callable[[], int]
) -> None:
    """Others' words through every other door, and hers through those for editors."""
    other = app.test_client()
    assert isinstance(other, Browser)
    other.send(other.visit("/account/sign-up"), name=OTHERS, email=f"{OTHERS}@example.org", password=PASSWORD)
    other.send(other.visit("/account/reset"), email=f"{OTHERS}.reset@example.org")
    other.visit(f"/en/search?q={OTHERS}")
    other.visit(f"/en/suggest?q={OTHERS}")
    editor = sign_in("editor", name=f"{OTHERS} editor")
    plant_as_editor(app, editor, admin, OTHERS, run_worker)
    plant_as_editor(app, mina, admin, HERS, run_worker)
    found = other.visit(f"/en/search?q={OTHERS}")
    article = other.visit(
        next(a.get("href") for a in found.all("a") if "/en/articles/" in (a.get("href") or ""))
    )
    other.send(article, "vote", button="Send feedback", reason="unclear", comment=f"{OTHERS} comment")
    admin.send(admin.visit("/admin/organisations/new"), name=f"{OTHERS} company")
    admin.send(admin.visit("/admin/teams/new"), name=f"{OTHERS} team")
    company = admin.follow(admin.visit("/admin/organisations"), f"{OTHERS} company")
    admin.send(company, "/members", email=f"{OTHERS}.invited@example.org")
    admin.send(admin.visit("/admin/legal/contact/en"), button="Publish", body=f"{OTHERS} contact")
    admin.send(admin.visit("/admin/settings"), **{"company_name-en": f"{OTHERS} help"})
    admin.send(
        admin.visit("/admin/mail-templates/accounts.invitation_to_organisation"),
        **{"subject-en": f"{OTHERS} invitation"},
    )
    names = {"name-de": f"{OTHERS} Kategorie", "name-en": f"{OTHERS} category"}
    admin.send(admin.visit("/admin/categories/new"), **names)
    admin.send(admin.visit("/admin/glossary/new"), term=f"{OTHERS} term", definition=f"{OTHERS} meaning")
    run_worker()


def test_every_word_is_found_where_it_rests(planted, portal, sinks):
    """The byte scan knows nothing of the sinks; each file it finds must be some sink's, and be found by that."""
    for word in (HERS, OTHERS):
        found: list[Finding] = sinks(
            lambda _, every, word=word: [one for sink in every for one in sink.find(Subject((word,)))]
        )
        by_sink = {one.sink for one in found}
        for path in holding(portal, word):
            owners = sinks(lambda _, every, path=path: [sink.name for sink in every if sink.owns(path)])
            assert owners, f"{path} holds {word!r} and belongs to no sink"
            assert by_sink & set(owners), f"{path} holds {word!r}, and {owners} do not find it"
    # the doors were real: the word came to rest in tables, letters and the index
    places = {one.place.split("/")[0] for one in found if one.sink == "database"}
    assert {
        "person", "token", "article_text", "revision", "media", "draft", "article_vote", "legal_text",
        "organisation", "team", "preference", "letter_text", "category", "glossary_term",
    } <= places  # fmt: skip
    assert {"captured mail", "search index"} <= by_sink


def test_no_file_is_a_stranger(planted, portal, sinks):
    assert sinks(lambda _, every: strays(every, portal.data_dir)) == []
    stray = portal.data_dir / "stray.txt"
    stray.write_text(f"{HERS} was here")
    assert sinks(lambda _, every: strays(every, portal.data_dir)) == [stray]
    assert stray in holding(portal, HERS)


def test_impersonal_files_hold_no_word(planted, portal):
    named = [path for path, _ in files(portal) if is_impersonal(path, portal.data_dir)]
    assert {path.name for path in named} >= {"ledger-key"}
    assert not set(named) & set(holding(portal, HERS, OTHERS))
    assert all(IMPERSONAL.values())


def test_the_camera_of_an_image_is_nowhere(planted, portal):
    assert holding(portal, f"{HERS} camera", f"{OTHERS} camera") == []


def test_files_are_looked_through(portal, sinks):
    stored = portal.storage.save(io.BytesIO(b"a note about " + HERS.encode()), limit=1000)
    found = sinks(lambda _, every: [one for sink in every for one in sink.find(Subject((HERS,)))])
    assert [(one.sink, one.place) for one in found] == [("files", stored.key)]


# --- erasing -------------------------------------------------------------------------------------------------------

KEPT = {"article_text", "revision"}  # published knowledge of the operator; she is named there by nobody


def test_erasing_leaves_only_what_is_kept(planted, portal, sinks, run_worker):
    def erase(session: Session, every: list[Sink]) -> Subject:
        person_id = session.scalars(select(Person.id).where(Person.email == ADDRESS)).one()
        subject = subject_of(session, person_id)
        for sink in every:
            sink.erase(subject)
        return subject

    subject = sinks(erase)
    assert sinks(lambda _, every: [one for sink in every for one in sink.verify(subject)]) == []
    assert holding(portal, ADDRESS, f"{HERS} first", f"{HERS} second", f"{HERS} half", f"{HERS} photo") == []
    found = sinks(lambda _, every: [one for sink in every for one in sink.find(Subject((HERS,)))])
    assert {one.place.split("/")[0] for one in found if one.sink == "database"} == KEPT
    assert {one.sink for one in found} == {"database", "search index"}
    database = Path(portal.database.url.removeprefix("sqlite:///"))
    kept = holding(portal, HERS)
    assert all(path == database or portal.search_dir in path.parents for path in kept), kept
    # others lost nothing
    others = sinks(lambda _, every: [one for sink in every for one in sink.find(Subject((OTHERS,)))])
    assert {"person", "token", "draft", "media"} <= {one.place.split("/")[0] for one in others}


def test_verify_notices_what_is_left(planted, portal, sinks):
    subject = sinks(lambda session, _: subject_of(session, planted_id(session)))
    left = sinks(lambda _, every: {one.sink for sink in every for one in sink.verify(subject)})
    assert {"database", "captured mail"} <= left


def planted_id(session: Session) -> int:
    return session.scalars(select(Person.id).where(Person.email == ADDRESS)).one()


def test_the_command_finds_it_too(app, planted):
    result = app.test_cli_runner().invoke(args=["privacy", "find", ADDRESS])
    assert result.exit_code == 0, result.output
    assert "person/" in result.output
    assert "captured mail" in result.output
    nothing = app.test_cli_runner().invoke(args=["privacy", "find", "nobody-was-ever-called-this"])
    assert (nothing.exit_code, nothing.output) == (0, "Places found: 0\n")
    assert app.test_cli_runner().invoke(args=["privacy", "find", " "]).exit_code == 2
