"""One command runs the house: checks, migrates, loads the demo if asked, then web server and worker from one parent.

`python -m app.serve`. The parent imports everything once and forks; it serves nothing itself and only watches: if one
child dies it stops the other and ends with a status that is not 0.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gunicorn.http.message
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers import gthread  # noqa: F401  (loaded before the fork, shared after it)
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app import versions, worker
from app.accounts.models import Person
from app.articles import indexing
from app.articles.models import ArticleText
from app.errors import OperatorFault, SchemaFault
from app.factory import create_app
from app.privacy import replay
from app.privacy.executor import ledger_of
from config import Settings, SettingsError
from knowledge_base.index import BrokenIndex, Index, IndexBusy
from knowledge_base.search import search

LONGEST_ADDRESS = (
    65_536  # bytes; a search of 5,000 typed umlauts is 30,000 in an address, gunicorn's limit 8,190
)
DEMO_TICKETS = 60  # beside the story: enough to page, quick to make
GRACE_SECONDS = 10  # for requests under way when the server stops
PATIENCE_SECONDS = 40  # for the job in hand: a mail server may take 30 s to answer
PORT_WAIT_SECONDS = 3  # the server of a moment ago may still be closing
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class CannotStart(Exception):
    """Why the house does not open; the message is for the operator."""


def main() -> int:
    """Run until told to stop. Gives the exit status: 0 when asked to stop, 1 when a part died, 2 when it could not
    start."""
    try:
        settings = Settings.from_env(os.environ)
        listener = listen(settings.host, settings.port)
    except (CannotStart, SettingsError) as fault:
        print(fault, file=sys.stderr)  # noqa: T201
        return 2
    app = create_app(settings)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the child, whose end we wait for
    # In a process of its own: what it loads and opens must not be shared by all that are forked later.
    _, ended = os.waitpid(_fork(lambda: _prepare(app, settings), [listener]), 0)
    if ended:
        return os.waitstatus_to_exitcode(ended)
    _warm(app, settings)
    return _run(app, settings, listener)


def listen(host: str, port: int) -> socket.socket:
    """The socket the server will answer on, taken before anything is changed. Raises `CannotStart`."""
    deadline = time.monotonic() + PORT_WAIT_SECONDS
    while True:
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            taken = socket.socket(family, socket.SOCK_STREAM)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
            return taken
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE:
                raise CannotStart(f"HOST and PORT: {host}:{port} cannot be used: {fault.strerror}.") from None
            taken.close()
            if time.monotonic() > deadline:
                other = port + 1 if port < 65_535 else 8000
                raise CannotStart(
                    f"PORT: the port {port} on {host} is in use. "
                    f"Stop the program that uses it, or take another port: PORT={other} make run"
                ) from None
            time.sleep(0.1)


def _prepare(app: Flask, settings: Settings) -> None:
    try:
        _prepare_database(settings)
        _refuse_to_run_behind(app)
        _load_demo(app, settings)
        _prepare_index(app)
    except CannotStart as fault:
        print(fault, file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _prepare_database(settings: Settings) -> None:
    try:
        if not versions.is_current(settings.database_url):
            from app import schema  # the migration engine is large, and rarely needed

            schema.upgrade(settings.database_url)
    except SchemaFault as fault:
        raise CannotStart(str(fault)) from None
    except DBAPIError as fault:
        words = str(fault.orig).strip().splitlines()[0]  # the driver's words; they hold no password
        raise CannotStart(f"PORTAL_DATABASE_URL: the database does not answer: {words}") from None


def _refuse_to_run_behind(app: Flask) -> None:
    """A restored database or data directory that has erased people again in it must not be served."""
    portal = app.extensions["portal"]
    try:
        with portal.database.session(write=False) as session:
            behind = replay.missing(session, ledger_of(portal).entries())
        ledger_of(portal).catch_up()
    except OperatorFault as fault:
        raise CannotStart(f"The ledger of erasures: {fault} Nothing was changed.") from None
    if behind:
        raise CannotStart(
            f"This database has not carried out {len(behind)} erasures that the ledger names; it is an older state. "
            "Run: flask --app wsgi privacy replay"
        )


def _load_demo(app: Flask, settings: Settings) -> None:
    if not settings.demo:
        return
    with app.extensions["portal"].database.session(write=False) as session:
        if session.scalar(select(Person.id).limit(1)) or session.scalar(select(ArticleText.id).limit(1)):
            return
    print("Loading the demo ...", flush=True)  # noqa: T201
    from app import demo  # large, and needed once

    demo.load(app, tickets=DEMO_TICKETS)


def _prepare_index(app: Flask) -> None:
    """Have an index that fits the database. Without one the portal runs all the same, and the worker tries again."""
    portal = app.extensions["portal"]
    try:
        indexing.ensure(portal.database, portal.search_dir)
    except (OSError, IndexBusy) as fault:
        print(f"The search index is not ready: {type(fault).__name__}.", file=sys.stderr)  # noqa: T201


def _warm(app: Flask, settings: Settings) -> None:
    """Make a page and a search in each language, so that what they need is loaded once and shared after the fork. The
    index itself is not: each process maps the newest one."""
    portal = app.extensions["portal"]
    for language in settings.languages:
        for page in ("/imprint", f"/{language}/"):
            app.test_client().get(page, headers={"Accept-Language": language})
        with contextlib.suppress(BrokenIndex, OSError):
            search(Index(portal.search_dir), "question", lang=language, audiences=frozenset({"public"}))
    portal.database.dispose()  # a connection must not be shared by two processes


def _run(app: Flask, settings: Settings, listener: socket.socket) -> int:
    stop, wake = threading.Event(), threading.Event()

    def told(number: int, _: Any) -> None:
        if number in STOPPING:
            stop.set()
        wake.set()

    for number in (*STOPPING, signal.SIGCHLD):
        signal.signal(number, told)
    app.jinja_env.auto_reload = False
    gc.collect()
    gc.freeze()  # what is loaded now stays shared: the collector does not touch its pages
    children = {
        _fork(lambda: worker.run_forever(app), [listener]): "worker",
        _fork(lambda: WebServer(app, settings, listener).run()): "web server",
    }
    listener.close()
    status = _watch(children, stop, wake)
    _end(children)
    return status


def _fork(work: Callable[[], None], unneeded: list[socket.socket] | None = None) -> int:
    """A child that does `work` and ends with it, or with its parent."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for held in unneeded or []:
            held.close()
        end_with_parent(parent)
        work()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def end_with_parent(parent: int) -> None:
    """Get SIGTERM when the parent ends, however it ends."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)
    else:
        threading.Thread(target=_notice_end_of, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked to be told
        os.kill(os.getpid(), signal.SIGTERM)


def _notice_end_of(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _watch(children: dict[int, str], stop: threading.Event, wake: threading.Event) -> int:
    """Wait until we are asked to stop (0) or a child has ended (1)."""
    while not stop.is_set():
        ended = _reap(children)
        if ended:
            if stop.is_set():  # Ctrl-C reaches the children too, and one may be faster
                return 0
            print(f"The {ended} ended unexpectedly; stopping.", file=sys.stderr)  # noqa: T201
            return 1
        wake.wait(1)
        wake.clear()
    return 0


def _reap(children: dict[int, str]) -> str | None:
    for pid in list(children):
        found, _ = os.waitpid(pid, os.WNOHANG)
        if found:
            return children.pop(pid)
    return None


def _end(children: dict[int, str]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while children and time.monotonic() < deadline:
        if _reap(children) is None:
            time.sleep(0.02)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


class WebServer(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our settings: threads in a few processes, all forked from the parent that loaded the portal."""

    def __init__(self, app: Flask, settings: Settings, listener: socket.socket) -> None:
        self.application = app
        self.settings = settings
        self.listener = listener
        super().__init__()

    def load_config(self) -> None:
        gunicorn.http.message.MAX_REQUEST_LINE = LONGEST_ADDRESS
        options: dict[str, Any] = {
            "bind": f"fd://{self.listener.fileno()}",
            "worker_class": "gthread",
            "workers": self.settings.web_workers,
            "threads": self.settings.web_threads,
            "preload_app": True,
            "timeout": 60,
            "graceful_timeout": GRACE_SECONDS,
            "keepalive": 15,
            "limit_request_line": LONGEST_ADDRESS,
            "forwarded_allow_ips": "",  # PORTAL_TRUSTED_PROXIES decides, in the factory
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "auskunft",
            "when_ready": lambda _: announce(self.settings),
            "post_fork": lambda arbiter, _: end_with_parent(arbiter.pid),
        }
        if Path("/dev/shm").is_dir():  # noqa: S108 (heartbeats of the processes; a disk could make them wait)
            options["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.application


def announce(settings: Settings) -> None:
    """Say where the portal is and who can sign in to the demo."""
    print(f"\nThe portal runs at {settings.base_url}/", flush=True)  # noqa: T201
    accounts = settings.data_dir / "demo-accounts.json"
    if settings.demo and accounts.exists():
        print("Demo accounts (also in demo-accounts.json in the data directory):")  # noqa: T201
        for account in json.loads(accounts.read_text()):
            print(f"  {account['role']:<9} {account['email']:<40} {account['password']}")  # noqa: T201
    if settings.demo and settings.mail.kind == "capture":
        print(f"Emails are not sent; read them at {settings.base_url}/mail/ on this computer.")  # noqa: T201
    print("Ctrl-C stops it.\n", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
