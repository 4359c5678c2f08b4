"""What tests stand on: databases that were migrated once and copied, the app, people's browsers, real servers."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import event

from app import schema
from app.accounts import sessions
from app.accounts.models import ADMIN, AGENT, CUSTOMER, EDITOR
from app.db import Database
from app.factory import create_app
from app.now import now
from app.worker import run_once
from config import Settings
from tests import factories
from tests.support import browser as chromium
from tests.support import demo
from tests.support.live import Live
from tests.support.mailbox import Mailbox
from tests.support.pages import Browser
from tests.support.postgresql import Server, Unavailable
from tests.support.smtp import SmtpServer

SECRET = "a key that only tests use, long enough"


def pytest_configure(config: pytest.Config) -> None:
    for variable in [name for name in os.environ if name.startswith("PORTAL_")]:
        del os.environ[variable]  # the operator's own settings must not reach the tests
    # `make test` tries the same examples each time, so that a change is judged by what it changes; `make test-full` and
    # a single file run by hand look for new ones.
    hypothesis.settings.register_profile("same", derandomize=True)
    if config.getoption("markexpr") == "not full":
        hypothesis.settings.load_profile("same")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `database`, or is marked `both_databases`, runs on SQLite and on PostgreSQL, unless it is
    marked `only_sqlite`."""
    if "backend" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker
        both = marked("both_databases") or "database" in metafunc.fixturenames
        backends = [pytest.param("sqlite")]
        if both and not marked("only_sqlite"):
            backends.append(pytest.param("postgresql", marks=pytest.mark.postgresql))
        metafunc.parametrize("backend", backends, indirect=True)


# --- databases ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database made by the migrations."""

    def make(folder: Path) -> None:
        schema.upgrade(f"sqlite:///{folder / 'portal.db'}")
        with sqlite3.connect(folder / "portal.db") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    return made_once(tmp_path_factory, "migrated", make) / "portal.db"


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first of the test processes fills and all others use."""
    together = "PYTEST_XDIST_TESTRUNUID" in os.environ
    base = factory.getbasetemp().parent if together else factory.getbasetemp()
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = base / f"{name}.done"
        if not done.exists():
            (base / name).mkdir(mode=0o700)
            make(base / name)
            done.touch()
    return base / name


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL whose template was made by the migrations. Skips with the reason where there is none."""
    try:
        server = Server()
    except Unavailable as fault:
        if os.environ.get("REQUIRE_PG"):
            pytest.fail(str(fault))
        pytest.skip(str(fault))
    try:
        schema.upgrade(server.template_url)
        yield server
    finally:
        server.stop()


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`."""
    return str(request.param)


@pytest.fixture
def database_url(
    backend: str, tmp_path: Path, migrated_file: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The address of this test's own migrated database."""
    if backend == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        url = server.take()
        yield url
        server.give_back(url)
    else:
        path = tmp_path / "data" / "portal.db"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(migrated_file, path)
        yield f"sqlite:///{path}"


@pytest.fixture
def empty_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database without any table."""
    if backend == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        url = server.empty()
        yield url
        server.drop(url)
    else:
        yield f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Sessions on this test's database; the test runs once on SQLite and once on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


# --- the portal --------------------------------------------------------------------------------------------------


class CompiledTemplates(BytecodeCache):
    """Templates are compiled once a test process, not once for the app of each test. The key holds the source."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key + bucket.checksum in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key + bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


COMPILED = CompiledTemplates()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Settings:
    """Settings over a temporary data directory. `@pytest.mark.settings(PORTAL_DEMO="1")` changes some."""
    environ = {
        "PORTAL_DATA_DIR": str(tmp_path / "data"),
        "PORTAL_DATABASE_URL": database_url,
        "PORTAL_SECRET_KEY": SECRET,
        "PORTAL_BASE_URL": "http://localhost",
        "PORTAL_UNDO_SECONDS": "0",
        "PORTAL_RATE_LIMITS": "on",
    }
    for marker in reversed(list(request.node.iter_markers("settings"))):
        environ |= marker.kwargs
    return Settings.from_env(environ)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The portal as it really is: real database, real commits, real checks of forms."""
    made = create_app(settings)
    made.test_client_class = Browser
    made.jinja_env.bytecode_cache = COMPILED
    yield made
    made.extensions["portal"].database.dispose()


@pytest.fixture
def run_worker(app: Flask) -> Callable[[], int]:
    """Does everything that is due; gives the number of jobs."""
    return lambda: run_once(app)


@pytest.fixture
def mails(settings: Settings) -> Mailbox:
    """The letters captured so far."""
    return Mailbox(settings.captured_mail_dir)


@pytest.fixture
def statements(app: Flask) -> Callable[[], AbstractContextManager[list[str]]]:
    """Records the statements of a block, without those of observations: `with statements() as sent: ...`."""

    @contextmanager
    def recording() -> Iterator[list[str]]:
        sent: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith(("BEGIN", "PRAGMA")):
                sent.append(statement)

        engine = app.extensions["portal"].database.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return recording


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Path:
    """A data directory with the demo. Copy it (`tests.support.demo.copy`) before anything is changed in it."""
    return (
        made_once(tmp_path_factory, "demo", lambda folder: demo.make(folder / "data", migrated_file)) / "data"
    )


# --- people ------------------------------------------------------------------------------------------------------


@pytest.fixture
def sign_in(app: Flask) -> Callable[..., Browser]:
    """A browser in which a new person of a role is signed in (`sign_in("editor", name="Ada")`)."""

    def signed_in(role: str = CUSTOMER, lang: str = "en", **given: Any) -> Browser:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        with app.extensions["portal"].database.session(write=True) as session:
            person = factories.person(session, role, language=lang, **given)
            token = sessions.begin(session, person.id, device="Test", network="127.0.0.0", now=now())
            session.commit()
            browser.email, browser.person_id, browser.lang = person.email, person.id, lang
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
            cookie.permanent = True
        return browser

    return signed_in


@pytest.fixture
def visitor(app: Flask) -> Browser:
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


@pytest.fixture
def customer(sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(CUSTOMER)


@pytest.fixture
def agent(sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(AGENT)


@pytest.fixture
def editor(sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(EDITOR)


@pytest.fixture
def admin(sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(ADMIN)


# --- real servers ------------------------------------------------------------------------------------------------


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """A mail server that keeps what it accepts; `mood` makes it refuse, stall or hang up."""
    server = SmtpServer()
    yield server
    server.stop()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Makes real servers on free ports (`live(PORTAL_DEMO="1").start()`); they end with the test."""
    made: list[Live] = []

    def make(data_dir: Path | None = None, **environ: str) -> Live:
        made.append(Live(data_dir or tmp_path / f"live{len(made)}", **environ))
        return made[-1]

    yield make
    for server in made:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright. Skips with the reason where there is none."""
    yield from chromium.opened()
